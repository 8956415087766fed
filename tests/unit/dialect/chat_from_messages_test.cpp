#include "inference/dialect/translate_request.hpp"
#include "tests/unit/dialect/translated.hpp"

namespace evenkeel::inference::dialect {
namespace {

const MessagesToChat how{.model = "up"};

std::string request(std::string_view members) {
    return std::string{
        R"({"model":"m","max_tokens":70,"messages":[{"role":"user","content":"hi"}])"}
        .append(members.empty() ? "" : ",")
        .append(members)
        .append("}");
}

struct Said {
    const char* name;
    std::string messages{};  ///< members beside model, max_tokens and messages
    std::string chat{};      ///< members beside model, max_tokens and messages
    std::vector<std::string> dropped{};
};
std::ostream& operator<<(std::ostream& out, const Said& c) {
    return out << c.name;
}
class MessagesField : public testing::TestWithParam<Said> {};

TEST_P(MessagesField, IsSaidAsChat) {
    const auto out = chat_from_messages(request(GetParam().messages), how);
    ASSERT_TRUE(out) << out.error().message;
    auto got = json_of(out->body).as_object();
    EXPECT_EQ(got.at("model"), "up");
    EXPECT_EQ(got.at("max_tokens"), 70);
    EXPECT_EQ(got.at("messages"), json_of(R"([{"role":"user","content":"hi"}])"));
    for (const char* name : {"model", "max_tokens", "messages"}) {
        got.erase(name);
    }
    EXPECT_EQ(got, json_of("{" + GetParam().chat + "}"));
    EXPECT_EQ(out->dropped, GetParam().dropped);
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    MessagesField,
    testing::Values(
        Said{"Bare"},
        Said{
            "Stream",
            R"("stream":true)",
            R"("stream":true,"stream_options":{"include_usage":true})"},
        Said{"Stop", R"("stop_sequences":["a"])", R"("stop":["a"])"},
        Said{"NoStop", R"("stop_sequences":[])"},
        Said{
            "Sampling",
            R"("temperature":1,"top_p":0.5,"top_k":40)",
            R"("temperature":1,"top_p":0.5,"top_k":40)"},
        Said{"User", R"("metadata":{"user_id":"u","x":1})", R"("user":"u")", {"metadata.x"}},
        Said{"Effort", R"("output_config":{"effort":"xhigh"})", R"("reasoning_effort":"xhigh")"},
        Said{
            "NoThinking",
            R"("thinking":{"type":"disabled"},"output_config":{"effort":"low"})",
            R"("reasoning_effort":"none")"},
        Said{
            "ThinkingBudget",
            R"("thinking":{"type":"enabled","budget_tokens":2000})",
            "",
            {"thinking.budget_tokens"}},
        Said{
            "Schema",
            R"("output_config":{"format":{"type":"json_schema",)"
            R"("schema":{"type":"object","m":1e2}}})",
            R"("response_format":{"type":"json_schema","json_schema":{"name":"answer",)"
            R"("schema":{"type":"object","m":1e2},"strict":true}})"},
        Said{
            "Tools",
            R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object"},)"
            R"("strict":true,"cache_control":{"type":"ephemeral"}},)"
            R"({"type":"custom","name":"g","input_schema":{}},)"
            R"({"type":"web_search_20250305","name":"web_search"}])",
            R"("tools":[{"type":"function","function":{"name":"f","description":"d",)"
            R"("parameters":{"type":"object"},"strict":true}},)"
            R"({"type":"function","function":{"name":"g","parameters":{}}}])",
            {"cache_control", "tools[].web_search_20250305"}},
        Said{
            "NoCounterpart",
            R"("service_tier":"auto","speed":"fast","container":null,"mcp_servers":[])",
            "",
            {"service_tier", "speed", "mcp_servers"}}));

struct Choice {
    const char* messages;
    const char* chat;
};
class MessagesToolChoice : public testing::TestWithParam<Choice> {};

TEST_P(MessagesToolChoice, IsSaidAsChat) {
    const auto out = chat_from_messages(
        request(
            std::string{R"("tools":[{"name":"f","input_schema":{}}],"tool_choice":)"} +
            GetParam().messages),
        how);
    ASSERT_TRUE(out) << out.error().message;
    auto got = json_of(out->body).as_object();
    for (const char* name : {"model", "max_tokens", "messages", "tools"}) {
        got.erase(name);
    }
    EXPECT_EQ(got, json_of(GetParam().chat));
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    MessagesToolChoice,
    testing::Values(
        Choice{R"({"type":"none"})", R"({"tool_choice":"none"})"},
        Choice{R"({"type":"auto"})", R"({"tool_choice":"auto"})"},
        Choice{R"({"type":"any"})", R"({"tool_choice":"required"})"},
        Choice{
            R"({"type":"tool","name":"f","disable_parallel_tool_use":true})",
            R"({"tool_choice":{"type":"function","function":{"name":"f"}},)"
            R"("parallel_tool_calls":false})"}));

struct Talk {
    const char* name;
    std::string messages;  ///< the messages
    std::string chat;      ///< the messages
    std::string system{};  ///< as JSON
    std::vector<std::string> dropped{};
};
std::ostream& operator<<(std::ostream& out, const Talk& c) {
    return out << c.name;
}
class MessagesTalk : public testing::TestWithParam<Talk> {};

TEST_P(MessagesTalk, IsSaidAsChat) {
    const std::string system =
        GetParam().system.empty() ? "" : R"("system":)" + GetParam().system + ",";
    const auto out = chat_from_messages(
        "{" + system + R"("max_tokens":7,"messages":[)" + GetParam().messages + "]}", how);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(json_of(out->body).at("messages"), json_of("[" + GetParam().chat + "]"));
    EXPECT_EQ(out->dropped, GetParam().dropped);
}

INSTANTIATE_TEST_SUITE_P(
    LossTable,
    MessagesTalk,
    testing::Values(
        Talk{
            "SystemText",
            R"({"role":"user","content":"a"})",
            R"({"role":"system","content":"s"},{"role":"user","content":"a"})",
            R"("s")"},
        Talk{
            "SystemBlocks",
            R"({"role":"user","content":[{"type":"text","text":"a"}]},)"
            R"({"role":"system","content":"later"},{"role":"user","content":"b"})",
            R"({"role":"system","content":"s\n\nt"},{"role":"user","content":"a"},)"
            R"({"role":"system","content":"later"},{"role":"user","content":"b"})",
            R"([{"type":"text","text":"s"},{"type":"text","text":"t",)"
            R"("cache_control":{"type":"ephemeral"}}])",
            {"cache_control"}},
        Talk{
            "SameRolesMerge",
            R"({"role":"user","content":"a"},{"role":"user","content":"b"},)"
            R"({"role":"assistant","content":"c"},{"role":"assistant","content":)"
            R"([{"type":"text","text":"d"},{"type":"text","text":"e"}]})",
            R"({"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
            R"({"role":"assistant","content":"c\nde"})"},
        Talk{
            "ToolLoop",
            R"({"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},)"
            R"({"type":"redacted_thinking","data":"x"},{"type":"text","text":"so"},)"
            R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"a": 9007199254740993}},)"
            R"({"type":"tool_use","id":"toolu_2","name":"g"}]},)"
            R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1",)"
            R"("content":"one"},{"type":"tool_result","tool_use_id":"toolu_2","is_error":true,)"
            R"("content":[{"type":"text","text":"x"},{"type":"text","text":"y"},{"type":"image",)"
            R"("source":{"type":"url","url":"https://i"}}]},{"type":"text","text":"go on"}]})",
            R"({"role":"assistant","content":"so","tool_calls":[{"id":"toolu_1",)"
            R"("type":"function","function":{"name":"f","arguments":"{\"a\": 9007199254740993}"}},)"
            R"({"id":"toolu_2","type":"function","function":{"name":"g","arguments":"{}"}}]},)"
            R"({"role":"tool","tool_call_id":"toolu_1","content":"one"},)"
            R"({"role":"tool","tool_call_id":"toolu_2","content":"ERROR: x\ny"},)"
            R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"https://i"}},)"
            R"({"type":"text","text":"go on"}]})",
            "",
            {"messages[].content[].thinking", "messages[].content[].redacted_thinking"}},
        Talk{
            "OnlyTools",
            R"({"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f",)"
            R"("input":{}}]},)"
            R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]})",
            R"({"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function",)"
            R"("function":{"name":"f","arguments":"{}"}}]},)"
            R"({"role":"tool","tool_call_id":"t","content":""})"},
        Talk{
            "ServerToolsAreLost",
            R"({"role":"assistant","content":[{"type":"server_tool_use","id":"s"},)"
            R"({"type":"text","text":"a","citations":[1]}]})",
            R"({"role":"assistant","content":"a"})",
            "",
            {"messages[].content[].server_tool_use", "messages[].content[].citations"}},
        Talk{
            "ImagesAndDocuments",
            R"({"role":"user","content":[{"type":"image","source":{"type":"base64",)"
            R"("media_type":"image/png","data":"QUJD"}},{"type":"document","title":"t","source":)"
            R"({"type":"text","media_type":"text/plain","data":"all of it"}},{"type":"document",)"
            R"("source":{"type":"content","content":[{"type":"text","text":"p"}]}}]})",
            R"({"role":"user","content":[{"type":"image_url","image_url":{"url":)"
            R"("data:image/png;base64,QUJD"}},{"type":"text","text":"all of it"},)"
            R"({"type":"text","text":"p"}]})",
            "",
            {"messages[].content[].title"}}));

TEST(ChatFromMessagesRequest, FollowsTheTarget) {
    const auto out = chat_from_messages(
        request(R"("stream":true,"temperature":1,"top_k":2)"),
        {.model = "up",
         .sampling = false,
         .top_k = false,
         .stream_usage = false,
         .max_completion_tokens = true});
    const auto got = json_of(out->body).as_object();
    EXPECT_EQ(got.at("max_completion_tokens"), 70);
    EXPECT_FALSE(got.contains("max_tokens") || got.contains("stream_options"));
    EXPECT_EQ(out->dropped, (std::vector<std::string>{"temperature", "top_k"}));
}

TEST(ChatFromMessagesRequest, NumbersKeepTheirText) {
    const auto out = chat_from_messages(
        request(R"("top_p":0.10000000000000001,"tools":[{"name":"f","input_schema":)"
                R"({"m":18446744073709551615,"e":1.0E+5}}])"),
        how);
    EXPECT_NE(out->body.find(R"("top_p":0.10000000000000001)"), std::string::npos);
    EXPECT_NE(out->body.find(R"("m":18446744073709551615,"e":1.0E+5)"), std::string::npos);
}

TEST(ChatFromMessagesRequest, RefusesAConversationKeptElsewhereByTheCodeSdksKnow) {
    const auto out = chat_from_messages(request(R"("thread":{"type":"create"})"), how);
    ASSERT_FALSE(out) << out->body;
    EXPECT_EQ(out.error().code, "thread_unsupported_request");
    EXPECT_EQ(out.error().param, "thread");
    EXPECT_TRUE(chat_from_messages(request(R"("thread":null)"), how));
}

using Bad = BadRequest;
class ChatFromMessagesRefuses : public testing::TestWithParam<Bad> {};

TEST_P(ChatFromMessagesRefuses, WithTheFieldToMend) {
    expect_refused(chat_from_messages(GetParam().body, how), GetParam());
}

std::string say(std::string_view message) {
    return std::string{R"({"max_tokens":1,"messages":[)"}.append(message).append("]}");
}
std::string block(std::string_view block) {
    return say(std::string{R"({"role":"user","content":[)"}.append(block).append("]}"));
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ChatFromMessagesRefuses,
    testing::Values(
        Bad{"Broken", "{", ""},
        Bad{"NoObject", "7", ""},
        Bad{"TooDeep", request("\"x\":" + std::string(127, '[') + std::string(127, ']')), ""},
        Bad{"NoCeiling", R"({"messages":[]})", "max_tokens"},
        Bad{"NoMessages", R"({"max_tokens":1})", "messages"},
        Bad{"Twice", request(R"("max_tokens":1)"), "max_tokens"},
        Bad{"System", request(R"("system":[{"type":"image"}])"), "system"},
        Bad{"Tools", request(R"("tools":{})"), "tools"},
        Bad{"ToolName", request(R"("tools":[{}])"), "tools"},
        Bad{"ToolChoice",
            request(R"("tools":[{"name":"f"}],"tool_choice":{"type":"x"})"),
            "tool_choice"},
        Bad{"TopK", request(R"("top_k":"x")"), "top_k"},
        Bad{"Stop", request(R"("stop_sequences":"x")"), "stop_sequences"},
        Bad{"Effort", request(R"("output_config":{"effort":1})"), "output_config"},
        Bad{"Format", request(R"("output_config":{"format":{"type":"x"}})"), "output_config"},
        Bad{"Message", say("1"), "messages"},
        Bad{"Role", say(R"({"role":"tool","content":"x"})"), "messages"},
        Bad{"NoContent", say(R"({"role":"user"})"), "messages"},
        Bad{"Block", block("1"), "messages"},
        Bad{"UnknownBlock", block(R"({"type":"search_result"})"), "messages"},
        Bad{"File", block(R"({"type":"image","source":{"type":"file"}})"), "messages"},
        Bad{"Pdf", block(R"({"type":"document","source":{"type":"base64"}})"), "messages"},
        Bad{"ResultBlock", block(R"({"type":"tool_result","content":[{"type":"x"}]})"), "messages"},
        Bad{"UseName",
            say(R"({"role":"assistant","content":[{"type":"tool_use"}]})"),
            "messages"}));

}  // namespace
}  // namespace evenkeel::inference::dialect
