#include "inference/dialect/translate_request.hpp"
#include "tests/unit/dialect/translated.hpp"

#include <algorithm>

namespace evenkeel::inference::dialect {
namespace {

const ChatToMessages how{.model = "up", .max_tokens_default = 500};

std::string chat(std::string_view members) {
    return std::string{R"({"model":"m","messages":[{"role":"user","content":"hi"}])"}
        .append(members.empty() ? "" : ",")
        .append(members)
        .append("}");
}

struct Said {
    const char* name;
    std::string chat{};      ///< members beside model and messages
    std::string messages{};  ///< members beside model, max_tokens and messages
    std::vector<std::string> dropped{};
};
std::ostream& operator<<(std::ostream& out, const Said& c) {
    return out << c.name;
}
class ChatField : public testing::TestWithParam<Said> {};

TEST_P(ChatField, IsSaidAsMessages) {
    const auto out = messages_from_chat(chat(GetParam().chat), how);
    ASSERT_TRUE(out) << out.error().message;
    auto got = json_of(out->body).as_object();
    EXPECT_EQ(got.at("model"), "up");
    EXPECT_EQ(
        got.at("messages"),
        json_of(R"([{"role":"user","content":[{"type":"text","text":"hi"}]}])"));
    got.erase("model");
    got.erase("messages");
    const bool ceiling = GetParam().messages.find("max_tokens") != std::string::npos;
    if (!ceiling) {
        EXPECT_EQ(got.at("max_tokens"), 500);
        got.erase("max_tokens");
    }
    EXPECT_EQ(got, json_of("{" + GetParam().messages + "}"));
    EXPECT_EQ(out->dropped, GetParam().dropped);
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    ChatField,
    testing::Values(
        Said{"Bare"},
        Said{"Ceiling", R"("max_tokens":70)", R"("max_tokens":70)"},
        Said{
            "LowerCeilingCounts",
            R"("max_tokens":70,"max_completion_tokens":60)",
            R"("max_tokens":60)"},
        Said{
            "Stream",
            R"("stream":true,"stream_options":{"include_usage":true})",
            R"("stream":true)"},
        Said{"NoStream", R"("stream":false,"n":1,"seed":null)"},
        Said{"StopText", R"("stop":"\n")", R"("stop_sequences":["\n"])"},
        Said{"StopList", R"("stop":["a","b"])", R"("stop_sequences":["a","b"])"},
        Said{
            "Sampling",
            R"("temperature":0.30,"top_p":1,"top_k":40)",
            R"("temperature":0.3,"top_p":1,"top_k":40)"},
        Said{"TemperatureIsCut", R"("temperature":1.5)", R"("temperature":1)", {"temperature"}},
        Said{
            "NoCounterpart",
            R"("logprobs":true,"top_logprobs":3,"logit_bias":{"1":2},"seed":7,)"
            R"("presence_penalty":1,"frequency_penalty":0.5,"metadata":{"a":"b"},"x y":1)",
            "",
            {"top_logprobs",
             "logit_bias",
             "seed",
             "presence_penalty",
             "frequency_penalty",
             "metadata",
             "other",
             "logprobs"}},
        Said{"User", R"("user":"u-1")", R"("metadata":{"user_id":"u-1"})"},
        Said{"Effort", R"("reasoning_effort":"high")", R"("output_config":{"effort":"high"})"},
        Said{
            "EffortMinimal",
            R"("reasoning_effort":"minimal")",
            R"("output_config":{"effort":"low"})"},
        Said{"EffortNone", R"("reasoning_effort":"none")", R"("thinking":{"type":"disabled"})"},
        Said{
            "Schema",
            R"("response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,)"
            R"("schema":{"type":"object","properties":{"n":{"const":12345678901234567890}}}}})",
            R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object",)"
            R"("properties":{"n":{"const":12345678901234567890}}}}})"},
        Said{"FormatText", R"("response_format":{"type":"text"})"},
        Said{
            "FormatObject",
            R"("response_format":{"type":"json_object"})",
            R"("system":"Answer with one JSON object and nothing else: no explanation, no code )"
            R"(fence.")"},
        Said{
            "Tools",
            R"("tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,)"
            R"("parameters":{"type":"object","x":1e2}}},)"
            R"({"type":"function","function":{"name":"g"}},)"
            R"({"type":"function","function":{"name":"h","parameters":{}}},)"
            R"({"type":"function","function":{"name":"i","parameters":{"a":{}}}},)"
            R"({"type":"web_search"}])",
            R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object","x":1e2},)"
            R"("strict":true},{"name":"g","input_schema":{"type":"object"}},)"
            R"({"name":"h","input_schema":{"type":"object"}},)"
            R"({"name":"i","input_schema":{"type":"object","a":{}}}])",
            {"tools[].web_search"}},
        Said{"ChoiceWithoutTools", R"("tool_choice":"auto","parallel_tool_calls":false)"}));

struct Choice {
    const char* chat;
    const char* messages;
};
class ChatToolChoice : public testing::TestWithParam<Choice> {};

TEST_P(ChatToolChoice, IsSaidAsMessages) {
    const auto out = messages_from_chat(
        chat(
            std::string{R"("tools":[{"type":"function","function":{"name":"f"}}],)"} +
            GetParam().chat),
        how);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(json_of(out->body).at("tool_choice"), json_of(GetParam().messages));
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    ChatToolChoice,
    testing::Values(
        Choice{R"("tool_choice":"none","parallel_tool_calls":false)", R"({"type":"none"})"},
        Choice{R"("tool_choice":"auto")", R"({"type":"auto"})"},
        Choice{R"("tool_choice":"required")", R"({"type":"any"})"},
        Choice{
            R"("tool_choice":{"type":"function","function":{"name":"f"}})",
            R"({"type":"tool","name":"f"})"},
        Choice{
            R"("parallel_tool_calls":false)",
            R"({"type":"auto","disable_parallel_tool_use":true})"},
        Choice{
            R"("tool_choice":"required","parallel_tool_calls":false)",
            R"({"type":"any","disable_parallel_tool_use":true})"}));

struct Talk {
    const char* name;
    std::string chat;      ///< the messages
    std::string messages;  ///< the messages
    std::string system{};
    std::vector<std::string> dropped{};
};
std::ostream& operator<<(std::ostream& out, const Talk& c) {
    return out << c.name;
}
class ChatTalk : public testing::TestWithParam<Talk> {};

TEST_P(ChatTalk, IsSaidAsMessages) {
    const auto out =
        messages_from_chat(R"({"model":"m","messages":[)" + GetParam().chat + "]}", how);
    ASSERT_TRUE(out) << out.error().message;
    const auto got = json_of(out->body).as_object();
    EXPECT_EQ(got.at("messages"), json_of("[" + GetParam().messages + "]"));
    EXPECT_EQ(got.contains("system"), !GetParam().system.empty());
    if (!GetParam().system.empty()) {
        EXPECT_EQ(got.at("system"), boost::json::string_view{GetParam().system});
    }
    EXPECT_EQ(out->dropped, GetParam().dropped);
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    ChatTalk,
    testing::Values(
        Talk{
            "LeadingSystem",
            R"({"role":"system","content":"a"},{"role":"developer","content":)"
            R"([{"type":"text","text":"b"},{"type":"text","text":"c"}]},)"
            R"({"role":"user","content":"hi"})",
            R"({"role":"user","content":[{"type":"text","text":"hi"}]})",
            "a\n\nb\nc"},
        Talk{
            "LaterSystemJoinsTheUsersTurn",
            R"({"role":"user","content":"hi"},{"role":"assistant","content":"yes"},)"
            R"({"role":"system","content":"be brief"},{"role":"user","content":"go"})",
            R"({"role":"user","content":[{"type":"text","text":"hi"}]},)"
            R"({"role":"assistant","content":[{"type":"text","text":"yes"}]},)"
            R"({"role":"user","content":[{"type":"text","text":"be brief"},)"
            R"({"type":"text","text":"go"}]})"},
        Talk{
            "SameRolesMerge",
            R"({"role":"user","content":"a"},{"role":"assistant","content":""},)"
            R"({"role":"user","content":[{"type":"text","text":"b"}],"name":"bob"})",
            R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})",
            "",
            {"messages[].name"}},
        Talk{
            "ToolLoop",
            R"({"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[)"
            R"({"id":"call_1","type":"function","function":{"name":"f",)"
            R"("arguments":" {\"x\": 1.50, \"y\": 9007199254740993} "}},)"
            R"({"id":"call:2","type":"function","function":{"name":"g","arguments":""}}]},)"
            R"({"role":"tool","tool_call_id":"call_1","content":"one"},)"
            R"({"role":"user","content":"so?"},)"
            R"({"role":"tool","tool_call_id":"call:2","content":[{"type":"text","text":"2"}]})",
            R"({"role":"user","content":[{"type":"text","text":"a"}]},)"
            R"({"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f",)"
            R"("input":{"x":1.5,"y":9007199254740993}},)"
            R"({"type":"tool_use","id":")" +
                tool_id("call:2") +
                R"(","name":"g","input":{}}]},)"
                R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1",)"
                R"("content":[{"type":"text","text":"one"}]},{"type":"tool_result",)"
                R"("tool_use_id":")" +
                tool_id("call:2") +
                R"(","content":[{"type":"text","text":"2"}]},)"
                R"({"type":"text","text":"so?"}]})"},
        Talk{
            "BrokenArguments",
            R"({"role":"assistant","tool_calls":[{"id":"c","type":"function",)"
            R"("function":{"name":"f","arguments":"{\"x\":"}}]})",
            R"({"role":"assistant","content":[{"type":"text","text":"{\"x\":"},)"
            R"({"type":"tool_use","id":"c","name":"f","input":{}}]})"},
        Talk{
            "ReasoningIsDropped",
            R"({"role":"assistant","content":"a","reasoning_content":"hm","refusal":"no"})",
            R"({"role":"assistant","content":[{"type":"text","text":"a"},)"
            R"({"type":"text","text":"no"}]})",
            "",
            {"messages[].reasoning_content"}},
        Talk{
            "Images",
            R"({"role":"user","content":[{"type":"image_url","image_url":{"url":)"
            R"("data:image/png;base64,QUJD","detail":"low"}},{"type":"image_url",)"
            R"("image_url":{"url":"https://x/y.png","detail":"auto"}}]})",
            R"({"role":"user","content":[{"type":"image","source":{"type":"base64",)"
            R"("media_type":"image/png","data":"QUJD"}},{"type":"image","source":{"type":"url",)"
            R"("url":"https://x/y.png"}}]})",
            "",
            {"image_url.detail"}},
        Talk{
            "LoneSurrogate",
            R"({"role":"user","content":"a\ud800b\ud83d\ude00\\ud800"})",
            R"({"role":"user","content":[{"type":"text",)"
            R"("text":"a\ufffdb\ud83d\ude00\\ud800"}]})"}));

TEST(MessagesFromChat, KeepsSystemTurnsWhereTheyAreKnown) {
    const auto out = messages_from_chat(
        R"({"messages":[{"role":"user","content":"a"},{"role":"system","content":"s"},)"
        R"({"role":"user","content":"b"}]})",
        {.model = "up", .system_turns = true});
    EXPECT_EQ(
        json_of(out->body).at("messages"),
        json_of(R"([{"role":"user","content":[{"type":"text","text":"a"}]},)"
                R"({"role":"system","content":[{"type":"text","text":"s"}]},)"
                R"({"role":"user","content":[{"type":"text","text":"b"}]}])"));
}

TEST(MessagesFromChat, DropsSamplingWhereItIsRefused) {
    const auto out = messages_from_chat(
        chat(R"("temperature":0.5,"top_p":0.9,"top_k":1)"), {.model = "up", .sampling = false});
    EXPECT_FALSE(json_of(out->body).as_object().contains("temperature"));
    EXPECT_EQ(out->dropped, (std::vector<std::string>{"temperature", "top_p", "top_k"}));
}

TEST(MessagesFromChat, NumbersKeepTheirText) {
    const auto out = messages_from_chat(
        chat(R"("top_p":0.10000000000000001,"tools":[{"type":"function","function":{"name":"f",)"
             R"("parameters":{"type":"object","m":18446744073709551615,"e":1.0E+5}}}])"),
        how);
    EXPECT_NE(out->body.find(R"("top_p":0.10000000000000001)"), std::string::npos);
    EXPECT_NE(out->body.find(R"("m":18446744073709551615,"e":1.0E+5)"), std::string::npos);
}

using Bad = BadRequest;
class MessagesFromChatRefuses : public testing::TestWithParam<Bad> {};

TEST_P(MessagesFromChatRefuses, WithTheFieldToMend) {
    expect_refused(messages_from_chat(GetParam().body, how), GetParam());
}

std::string say(std::string_view message) {
    return std::string{R"({"messages":[)"}.append(message).append("]}");
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    MessagesFromChatRefuses,
    testing::Values(
        Bad{"Broken", "{", ""},
        Bad{"NoObject", "[]", ""},
        Bad{"NotUtf8", chat("\"x\":\"\xFF\""), ""},
        Bad{"TooDeep", chat("\"x\":" + std::string(128, '[') + std::string(128, ']')), ""},
        Bad{"NoMessages", R"({"model":"m"})", "messages"},
        Bad{"Twice", chat(R"("n":1,"n":2)"), "n"},
        Bad{"N", chat(R"("n":2)"), "n"},
        Bad{"Ceiling", chat(R"("max_tokens":0)"), "max_tokens"},
        Bad{"Functions", chat(R"("functions":[])"), "functions"},
        Bad{"FunctionCall", chat(R"("function_call":"auto")"), "function_call"},
        Bad{"Temperature", chat(R"("temperature":"hot")"), "temperature"},
        Bad{"Stop", chat(R"("stop":1)"), "stop"},
        Bad{"Tools", chat(R"("tools":{})"), "tools"},
        Bad{"ToolName", chat(R"("tools":[{"type":"function"}])"), "tools"},
        Bad{"ToolChoice", chat(R"("tool_choice":{"type":"allowed_tools"})"), "tool_choice"},
        Bad{"Format", chat(R"("response_format":{"type":"grammar"})"), "response_format"},
        Bad{"Schema", chat(R"("response_format":{"type":"json_schema"})"), "response_format"},
        Bad{"Effort", chat(R"("reasoning_effort":3)"), "reasoning_effort"},
        Bad{"Message", say("1"), "messages"},
        Bad{"Role", say(R"({"role":"function","content":"x"})"), "messages"},
        Bad{"NoContent", say(R"({"role":"user"})"), "messages"},
        Bad{"Audio",
            say(R"({"role":"user","content":[{"type":"input_audio","input_audio":{}}]})"),
            "messages"},
        Bad{"File", say(R"({"role":"user","content":[{"type":"file"}]})"), "messages"},
        Bad{"ImageAddress",
            say(R"({"role":"user","content":[{"type":"image_url",)"
                R"("image_url":{"url":"ftp://x"}}]})"),
            "messages"},
        Bad{"SystemPart", say(R"({"role":"system","content":[{"type":"x"}]})"), "messages"},
        Bad{"OldCall", say(R"({"role":"assistant","function_call":{"name":"f"}})"), "messages"},
        Bad{"CallName", say(R"({"role":"assistant","tool_calls":[{"id":"x"}]})"), "messages"}));

TEST(ToolId, IsKeptOrReplacedAlike) {
    EXPECT_EQ(tool_id("toolu_01-A"), "toolu_01-A");
    EXPECT_EQ(tool_id("a b"), tool_id("a b"));
    EXPECT_NE(tool_id("a b"), tool_id("a c"));
    for (const std::string_view id : {"", "a b", "\xC3\xA9", "x/y"}) {
        EXPECT_EQ(
            tool_id(id).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
            std::string::npos);
    }
}

TEST(Dropped, IsSafeAndBounded) {
    std::string members;
    for (int i = 0; i < 100; ++i) {
        members += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    }
    EXPECT_EQ(messages_from_chat(chat(members), how)->dropped.size(), dropped_max);
    const auto odd =
        messages_from_chat(chat("\"a\\r\\nb\":1,\"" + std::string(5'000, 'x') + "\":2"), how);
    EXPECT_EQ(odd->dropped.front(), "other");
    for (const std::string& path : odd->dropped) {
        EXPECT_LE(path.size(), 64u);
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
