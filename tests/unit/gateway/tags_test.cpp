#include "inference/gateway/tags.hpp"

#include "tests/unit/gateway/rig.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

/// `x-evenkeel-tag`: what a request may be counted under.
namespace evenkeel::inference::test {
namespace {

const std::string path = "/v1/chat/completions";
const std::string bearer = "Authorization: Bearer good\r\n";

std::string tagged(const std::string& value) {
    return bearer + "x-evenkeel-tag: " + value + "\r\n";
}

Result<std::string> read(const std::vector<std::string>& values) {
    std::vector<http::Field> fields{{"host", "x"}};
    for (const std::string& value : values) {
        fields.push_back({"X-Evenkeel-Tag", value});
    }
    return read_tags(fields);
}

TEST(ReadTags, TakesThemFromLinesAndLists) {
    EXPECT_EQ(read({}), "");
    EXPECT_EQ(read({})->capacity(), std::string{}.capacity()) << "nothing is allocated for none";
    EXPECT_EQ(read({"team=search"}), "team=search");
    EXPECT_EQ(read({"team=search", "job=7"}), "team=search,job=7");
    EXPECT_EQ(read({" a=1 ,\tb=2", "c=3"}), "a=1,b=2,c=3");
    EXPECT_EQ(read({"a=1,,b=2,", ""}), "a=1,b=2") << "empty elements of a list say nothing";
    EXPECT_EQ(read({"a=1", "a=1,a=2"}), "a=1,a=2") << "each once";
    EXPECT_EQ(read({"q=x=y z;\"1\""}), "q=x=y z;\"1\"");
    const std::string longest = std::string(64, 'n') + "=" + std::string(64, 'v');
    EXPECT_EQ(read({longest}), longest);
}

TEST(ReadTags, RefusesWhatIsNone) {
    const std::string secret = "sk-0123456789";
    for (const std::string& value : std::vector<std::string>{
             secret,
             "=" + secret,
             "team=",
             "te am=" + secret,
             "-team=" + secret,
             "team=a\x1b[2J" + secret,
             "team=\x7f" + secret,
             "team=gr\xc3\xbcn" + secret,
             "team=a\tb" + secret,
             std::string(65, 'n') + "=" + secret,
             "team=" + std::string(65, 'v') + secret}) {
        const auto tags = read({"first=1", value});
        ASSERT_FALSE(tags) << value;
        EXPECT_EQ(tags.error().code, Errc::invalid_argument);
        EXPECT_TRUE(tags.error().message.starts_with("Tag 2 of x-evenkeel-tag is none: "))
            << tags.error().message;
        EXPECT_EQ(tags.error().message.find("0123"), std::string::npos)
            << "what was sent is not repeated";
    }
}

TEST(ReadTags, TakesEightAndNotNine) {
    std::vector<std::string> values;
    for (int i = 0; i < 8; ++i) {
        values.push_back(fmt::format("n{}=v", i));
    }
    EXPECT_TRUE(read(values));
    values.push_back("n0=v");
    EXPECT_TRUE(read(values)) << "the same again is none more";
    values.push_back("n8=v");
    const auto tags = read(values);
    ASSERT_FALSE(tags);
    EXPECT_EQ(tags.error().message, "A request takes at most 8 x-evenkeel-tag: leave some out.");
}

TEST(GatewayTags, AreRecordedAndStayHere) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(
        caller
            .request(
                "POST",
                path,
                chat_body(false),
                tagged("team=search") + "X-EVENKEEL-TAG: job=7, run=a\r\n")
            .status,
        200);
    EXPECT_EQ(caller.request("POST", path, chat_body(true), tagged("team=ads")).status, 200);
    EXPECT_EQ(caller.request("POST", path, chat_body(false), bearer).status, 200);
    EXPECT_EQ(
        caller.request("POST", path, chat_body(false, "", "none"), tagged("team=ads")).status, 404);
    const auto records = rig.books.wait_records(4);
    ASSERT_EQ(records.size(), 4u);
    EXPECT_EQ(records[0].tags, "team=search,job=7,run=a");
    EXPECT_EQ(records[1].tags, "team=ads");
    EXPECT_EQ(records[2].tags, "");
    EXPECT_EQ(records[3].tags, "team=ads") << "a refused one, too";
    for (const std::string& sent : engine.requests()) {
        EXPECT_EQ(lower(sent).find("tag"), std::string::npos) << sent;
        EXPECT_EQ(sent.find("search"), std::string::npos);
    }
}

TEST(GatewayTags, BadOnesAreRefusedInTheClientsShape) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    const Reply openai = caller.request("POST", path, chat_body(false), tagged("search"));
    EXPECT_EQ(openai.status, 400);
    EXPECT_NE(openai.body.find(R"("param":"x-evenkeel-tag")"), std::string::npos) << openai.body;
    EXPECT_NE(openai.body.find("write name=value"), std::string::npos) << openai.body;
    const Reply anthropic = caller.request(
        "POST",
        "/v1/messages",
        R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})",
        tagged("a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9"));
    EXPECT_EQ(anthropic.status, 400);
    EXPECT_NE(anthropic.body.find(R"("type":"invalid_request_error")"), std::string::npos);
    EXPECT_NE(anthropic.body.find("at most 8"), std::string::npos) << anthropic.body;
    const auto records = rig.books.wait_records(2);
    for (const RequestRecord& record : records) {
        EXPECT_EQ(record.outcome, Outcome::invalid);
        EXPECT_EQ(record.tags, "");
    }
    EXPECT_TRUE(engine.requests().empty());
    EXPECT_EQ(caller.chat(chat_body(false)).status, 200) << "the connection goes on";
}

}  // namespace
}  // namespace evenkeel::inference::test
