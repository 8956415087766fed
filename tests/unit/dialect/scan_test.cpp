#include "inference/dialect/scan.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace evenkeel::inference::dialect {
namespace {

std::string joined(const Splice& splice) {
    std::string out;
    for (std::size_t i = 0; i < splice.count; ++i) {
        out += splice.pieces[i];
    }
    return out;
}

TEST(ScanChat, ReadsWhatRoutingAndPricingNeed) {
    const std::string body =
        R"({"user":"u", "messages":[{"role":"system","content":"12345678"},)"
        R"({"role":"user","content":[{"type":"text","text":"1234"},)"
        R"({"type":"image_url","image_url":{"url":"data:long-and-not-counted"}}]}],)"
        R"("model":"qwq-32b","stream":true,"stream_options":{"include_usage":true},)"
        R"("max_tokens":500,"max_completion_tokens":300,"n":2,"temperature":0.5e-1})";
    const auto scan = scan_request(Endpoint::chat, body);
    ASSERT_TRUE(scan) << scan.error().message;
    EXPECT_EQ(scan->model, "qwq-32b");
    EXPECT_EQ(body.substr(scan->model_value.begin, 9), R"("qwq-32b")");
    EXPECT_TRUE(scan->stream);
    EXPECT_TRUE(scan->include_usage);
    EXPECT_EQ(scan->max_tokens, 300);
    EXPECT_EQ(scan->n, 2);
    EXPECT_EQ(scan->prompt_tokens, 3);
    EXPECT_TRUE(scan->images);
    EXPECT_FALSE(scan->tools);
}

TEST(ScanChat, SaysWhetherThereAreToolsAndImages) {
    const auto scan = [](const std::string& rest) {
        return *scan_request(Endpoint::chat, R"({"model":"m","messages":)" + rest + "}");
    };
    EXPECT_FALSE(scan(R"([{"content":"image_url"}])").images) << "only a key makes an image";
    EXPECT_FALSE(scan("[]").images);
    EXPECT_TRUE(scan(R"([{"content":[{"type":"image_url","image_url":"http://x"}]}])").images);
    EXPECT_TRUE(scan(R"([],"tools": [{"type":"function"}])").tools);
    EXPECT_FALSE(scan(R"([],"tools":[ ])").tools);
    EXPECT_FALSE(scan(R"([],"tools":[])").tools);
    EXPECT_FALSE(scan(R"([],"tools":null)").tools);
    EXPECT_FALSE(scan("[]").tools);
}

TEST(ScanChat, CountsDecodedBytesAndTools) {
    const auto tokens = [](const std::string& rest) {
        const auto scan = scan_request(Endpoint::chat, R"({"model":"m",)" + rest + "}");
        return scan ? scan->prompt_tokens : -1;
    };
    EXPECT_EQ(tokens(R"("messages":[])"), 0);
    EXPECT_EQ(tokens(R"("messages":[{"content":"\n\n\n\n"}])"), 1);
    EXPECT_EQ(tokens(R"("messages":[{"content":"\u00e9\u00e9"}])"), 1);
    EXPECT_EQ(tokens(R"("messages":[{"content":"\ud83d\ude00"}])"), 1);
    EXPECT_EQ(tokens(R"("messages":[{"content":"12345"}])"), 2);
    EXPECT_EQ(tokens(R"("messages":[],"tools":[{"type":"x"}])"), 4);
}

/// Strings are read eight bytes at a time: whatever is special may stand anywhere among them.
TEST(ScanChat, CountsTheSameWhereverAnEscapeStands) {
    const std::vector<std::string> pieces{
        R"(\n)",
        R"(\")",
        R"(\\)",
        R"(\/)",
        R"(\u00e9)",
        R"(\ud83d\ude00)",
        "\xC3\xA9",
        " ",
        "!",
        "#",
        "\x7F",
        "[",
        "]"};
    for (const std::string& piece : pieces) {
        for (std::size_t before = 0; before < 20; ++before) {
            for (std::size_t after = 0; after < 20; ++after) {
                const std::string text =
                    std::string(before, 'a') + piece + std::string(after, 'b') + piece;
                const std::string body =
                    R"({"model":"m","messages":[{"content":")" + text + R"("}]})";
                const auto scan = scan_request(Endpoint::chat, body);
                ASSERT_TRUE(scan) << text << ": " << scan.error().message;
                const auto size = boost::json::parse("\"" + text + "\"").as_string().size();
                ASSERT_EQ(scan->prompt_tokens, static_cast<std::int64_t>(size + 3) / 4) << text;
            }
        }
    }
    for (std::size_t before = 0; before < 20; ++before) {
        for (const char* bad : {"\x1F", "\n", "\\x", "\xC3", "\xFF"}) {
            const std::string text = std::string(before, 'a') + bad + std::string(20, 'b');
            const std::string body = R"({"model":"m","messages":[{"content":")" + text + R"("}]})";
            EXPECT_FALSE(scan_request(Endpoint::chat, body)) << before << ' ' << text;
        }
    }
}

struct RefusedBody {
    const char* name;
    std::string body;
    const char* param;
};
std::ostream& operator<<(std::ostream& out, const RefusedBody& c) {
    return out << c.name;
}
class ScanChatRefuses : public testing::TestWithParam<RefusedBody> {};

TEST_P(ScanChatRefuses, WithTheFieldToMend) {
    const auto scan = scan_request(Endpoint::chat, GetParam().body);
    ASSERT_FALSE(scan);
    EXPECT_EQ(scan.error().param, GetParam().param);
    EXPECT_FALSE(scan.error().message.empty());
    EXPECT_LT(scan.error().message.size(), 200u);
}

std::string chat(const std::string& rest) {
    return R"({"model":"m","messages":[])" + (rest.empty() ? rest : "," + rest) + "}";
}

INSTANTIATE_TEST_SUITE_P(
    F68,
    ScanChatRefuses,
    testing::Values(
        RefusedBody{"Empty", "", ""},
        RefusedBody{"Array", "[]", ""},
        RefusedBody{"Text", "hello", ""},
        RefusedBody{"CutOff", R"({"model":"m","messages":[)", ""},
        RefusedBody{"NoModel", R"({"messages":[]})", "model"},
        RefusedBody{"NoMessages", R"({"model":"m"})", "messages"},
        RefusedBody{"ModelTwice", chat(R"("model":"dear")"), "model"},
        RefusedBody{"ModelTwiceEscaped", chat(R"("mod\u0065l":"dear")"), "model"},
        RefusedBody{"ModelInCapitals", chat(R"("Model":"dear")"), "model"},
        RefusedBody{"MaxTokensTwice", chat(R"("max_tokens":1,"max_tokens":100000)"), "max_tokens"},
        RefusedBody{"StreamTwice", chat(R"("stream":true,"stream":false)"), "stream"},
        RefusedBody{"NTwice", chat(R"("n":1,"n":64)"), "n"},
        RefusedBody{
            "IncludeUsageTwice",
            chat(R"("stream_options":{"include_usage":true,"include_usage":false})"),
            "stream_options"},
        RefusedBody{"UserTwice", chat(R"("user":"a","user":"b")"), "user"},
        RefusedBody{"ModelNumber", R"({"model":5,"messages":[]})", "model"},
        RefusedBody{"ModelEmpty", R"({"model":"","messages":[]})", "model"},
        RefusedBody{"ModelWithCrLf", R"({"model":"a\r\nx-evil: 1","messages":[]})", "model"},
        RefusedBody{"ModelWithEscape", R"({"model":"a\u001b[31m","messages":[]})", "model"},
        RefusedBody{"ModelLoneSurrogate", R"({"model":"a\ud800","messages":[]})", "model"},
        RefusedBody{
            "ModelLong", R"({"model":")" + std::string(257, 'm') + R"(","messages":[]})", "model"},
        RefusedBody{"MessagesText", R"({"model":"m","messages":"hi"})", "messages"},
        RefusedBody{"StreamText", chat(R"("stream":"true")"), "stream"},
        RefusedBody{"MaxTokensText", chat(R"("max_tokens":"5")"), "max_tokens"},
        RefusedBody{"MaxTokensZero", chat(R"("max_tokens":0)"), "max_tokens"},
        RefusedBody{"MaxTokensNegative", chat(R"("max_tokens":-1)"), "max_tokens"},
        RefusedBody{"MaxTokensFraction", chat(R"("max_tokens":1.5)"), "max_tokens"},
        RefusedBody{"MaxTokensExponent", chat(R"("max_tokens":1e9)"), "max_tokens"},
        RefusedBody{"MaxTokensHuge", chat(R"("max_tokens":99999999999999999999)"), "max_tokens"},
        RefusedBody{"NHuge", chat(R"("n":129)"), "n"},
        RefusedBody{"StreamOptionsList", chat(R"("stream_options":[])"), "stream_options"},
        RefusedBody{"Deep129", chat(R"("x":)" + std::string(129, '[') + std::string(129, ']')), ""},
        RefusedBody{"Deep100000", chat(R"("x":)" + std::string(100'000, '[')), ""},
        RefusedBody{"NumberOf1MB", chat(R"("x":)" + std::string(1 << 20, '1')), ""},
        RefusedBody{"LeadingZero", chat(R"("x":01)"), ""},
        RefusedBody{"BadUtf8", chat("\"x\":\"\xC3\x28\""), ""},
        RefusedBody{"OverlongUtf8", chat("\"x\":\"\xC0\xAF\""), ""},
        RefusedBody{"SurrogateInUtf8", chat("\"x\":\"\xED\xA0\x80\""), ""},
        RefusedBody{"CutUtf8", chat("\"x\":\"\xE2\x82\""), ""},
        RefusedBody{"RawNewline", chat("\"x\":\"a\nb\""), ""},
        RefusedBody{"BadEscape", chat(R"("x":"\q")"), ""},
        RefusedBody{"BadHex", chat(R"("x":"\u12g4")"), ""},
        RefusedBody{"NaN", chat(R"("x":NaN)"), ""},
        RefusedBody{"TrailingComma", R"({"model":"m","messages":[],})", ""},
        RefusedBody{"TwoObjects", chat("") + "{}", ""},
        RefusedBody{"NulBehind", chat("") + std::string(1, '\0'), ""}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(ScanChat, F68OddButHarmlessIsForwardedUnchanged) {
    for (const std::string& rest :
         {std::string{R"("x":"\ud800 lone")"},
          std::string{R"("x":1,"x":2)"},
          R"("x":)" + std::string(127, '[') + std::string(127, ']'),
          R"("x":)" + std::string(1'000, '1'),
          std::string{R"("api_base":"http://192.0.2.1/","base_url":"x")"},
          std::string{R"("max_tokens":null,"n":null,"stream":null,"stream_options":null)"}}) {
        const std::string body = chat(rest);
        const auto scan = scan_request(Endpoint::chat, body);
        ASSERT_TRUE(scan) << rest.substr(0, 60) << ": " << scan.error().message;
        EXPECT_EQ(joined(splice(body, *scan, "\"m\"", scan->stream)), body);
    }
    std::string many = chat("");
    many.pop_back();
    for (int i = 0; i < 20'000; ++i) {
        many += ",\"k" + std::to_string(i) + "\":0";
    }
    many += "}";
    EXPECT_TRUE(scan_request(Endpoint::chat, many));
}

struct SpliceCase {
    const char* name;
    std::string body;
    std::string expected;
};
std::ostream& operator<<(std::ostream& out, const SpliceCase& c) {
    return out << c.name;
}
class SpliceBody : public testing::TestWithParam<SpliceCase> {};

TEST_P(SpliceBody, ChangesOnlyModelAndUsage) {
    const auto scan = scan_request(Endpoint::chat, GetParam().body);
    ASSERT_TRUE(scan) << scan.error().message;
    const Splice result = splice(GetParam().body, *scan, R"("seller/x")", scan->stream);
    EXPECT_EQ(joined(result), GetParam().expected);
    EXPECT_EQ(result.bytes, GetParam().expected.size());
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    SpliceBody,
    testing::Values(
        SpliceCase{
            "Plain",
            R"({ "model" : "a" , "messages":[], "z" : 1 })",
            R"({ "model" : "seller/x" , "messages":[], "z" : 1 })"},
        SpliceCase{
            "PlainKeepsStreamOptions",
            R"({"model":"a","messages":[],"stream_options":{"include_usage":false}})",
            R"({"model":"seller/x","messages":[],"stream_options":{"include_usage":false}})"},
        SpliceCase{
            "StreamGetsOptions",
            R"({"messages":[],"stream":true,"model":"a"})",
            R"({"stream_options":{"include_usage":true},"messages":[],"stream":true)"
            R"(,"model":"seller/x"})"},
        SpliceCase{
            "OptionsNull",
            R"({"model":"a","stream_options": null,"messages":[],"stream":true})",
            R"({"model":"seller/x","stream_options": {"include_usage":true},"messages":[])"
            R"(,"stream":true})"},
        SpliceCase{
            "OptionsEmpty",
            R"({"stream_options":{ },"model":"a","messages":[],"stream":true})",
            R"({"stream_options":{"include_usage":true },"model":"seller/x","messages":[])"
            R"(,"stream":true})"},
        SpliceCase{
            "OptionsOther",
            R"({"model":"a","stream_options":{"include_obfuscation":false},"messages":[])"
            R"(,"stream":true})",
            R"({"model":"seller/x","stream_options":{"include_usage":true)"
            R"(,"include_obfuscation":false},)"
            R"("messages":[],"stream":true})"},
        SpliceCase{
            "OptionsFalse",
            R"({"model":"a","stream":true,"stream_options":{"include_usage": false})"
            R"(,"messages":[]})",
            R"({"model":"seller/x","stream":true,"stream_options":{"include_usage": true})"
            R"(,"messages":[]})"},
        SpliceCase{
            "OptionsTrue",
            R"({"model":"a","stream":true,"stream_options":{"include_usage":true},"messages":[]})",
            R"({"model":"seller/x","stream":true,"stream_options":{"include_usage":true})"
            R"(,"messages":[]})"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(ScanChat, AgreesWithAFullParserOnWhatIsSent) {
    const bool agrees = rc::check("the priced value is the sent value", [] {
        const auto text = [] {
            return "\"" +
                   *rc::gen::container<std::string>(
                       rc::gen::elementOf(std::string{"abc xyz09,:{}[]"})) +
                   "\"";
        };
        const auto budget = *rc::gen::inRange(1, 100'000);
        const bool stream = *rc::gen::arbitrary<bool>();
        std::vector<std::string> members{
            R"("model":"m)" + std::to_string(budget) + "\"",
            R"("messages":[{"role":"user","content":)" + text() + "}]",
            R"("max_tokens" : )" + std::to_string(budget),
            std::string{R"("stream":)"} + (stream ? "true" : "false"),
            R"("x":{"model":)" + text() + R"(,"max_tokens":7,"y":[1,2.5,{"n":)" + text() + "}]}"};
        std::shuffle(
            members.begin(), members.end(), std::mt19937{*rc::gen::arbitrary<std::uint32_t>()});
        std::string body = "{";
        for (const std::string& member : members) {
            body += (body.size() > 1 ? "," : "") + member;
        }
        body += "}";
        const auto scan = scan_request(Endpoint::chat, body);
        RC_ASSERT(scan.has_value());
        const auto sent = boost::json::parse(joined(splice(body, *scan, "\"up\"", scan->stream)));
        RC_ASSERT(sent.at("model").as_string() == "up");
        RC_ASSERT(sent.at("max_tokens").as_int64() == scan->max_tokens);
        RC_ASSERT(sent.at("stream").as_bool() == scan->stream);
        if (stream) {
            RC_ASSERT(sent.at("stream_options").at("include_usage").as_bool());
        }
        const auto original = boost::json::parse(body);
        RC_ASSERT(original.at("model").as_string() == scan->model);
        RC_ASSERT(sent.at("messages") == original.at("messages"));
        RC_ASSERT(sent.at("x") == original.at("x"));
    });
    EXPECT_TRUE(agrees);
}

TEST(ScanAnswer, FindsUsageAtTheTopOnly) {
    const auto full =
        scan_answer(R"({"choices":[],"id":"x","usage":{"completion_tokens":6,"prompt_tokens":22,)"
                    R"("total_tokens":28,"prompt_tokens_details":{"cached_tokens":20,"x":[1]}})"
                    R"(,"timings":{"a":1.5}})");
    ASSERT_TRUE(full && full->usage);
    EXPECT_TRUE(full->choices_empty);
    EXPECT_EQ(*full->usage, (Usage{.prompt = 22, .cached = 20, .completion = 6}));

    const auto nested =
        scan_answer(R"({"choices":[{"usage":{"prompt_tokens":1,"completion_tokens":2}}]})");
    ASSERT_TRUE(nested);
    EXPECT_FALSE(nested->usage);
    EXPECT_FALSE(nested->choices_empty);

    EXPECT_FALSE(scan_answer(R"({"usage":null})")->usage);
    EXPECT_FALSE(scan_answer(R"({"usage":{"prompt_tokens":-1,"completion_tokens":2}})")->usage);
    EXPECT_FALSE(scan_answer(R"({"usage":{"prompt_tokens":1}})")->usage);
    EXPECT_FALSE(scan_answer(R"({"usage":)"));
    EXPECT_FALSE(scan_answer("[DONE]"));
}

TEST(ScanAnswer, CachedNeverExceedsPrompt) {
    const auto scan =
        scan_answer(R"({"usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":)"
                    R"({"cached_tokens":9}}})");
    ASSERT_TRUE(scan && scan->usage);
    EXPECT_EQ(scan->usage->cached, 5);
}

TEST(JsonString, F72NothingBreaksOut) {
    EXPECT_EQ(json_string("a\"b\\c\r\n\x1B\x7F"), R"("a\"b\\c\u000d\u000a\u001b\u007f")");
    EXPECT_EQ(json_string("\xC3\xA9\xFF"), "\"\xC3\xA9\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace evenkeel::inference::dialect
