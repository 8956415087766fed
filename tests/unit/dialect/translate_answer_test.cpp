#include "inference/dialect/translate_answer.hpp"

#include "inference/dialect/scan.hpp"
#include "tests/unit/dialect/translated.hpp"

namespace evenkeel::inference::dialect {
namespace {

const AnswerHead head{.id = "a-1", .model = "mine", .created = 99};

const std::string message =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[)"
    R"({"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"so "},)"
    R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"x":9007199254740993}},)"
    R"({"type":"text","text":"then"},{"type":"server_tool_use","id":"z"}],)"
    R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,)"
    R"("cache_read_input_tokens":70,"cache_creation_input_tokens":20,"output_tokens":9,)"
    R"("output_tokens_details":{"thinking_tokens":4}}})";

TEST(ChatAnswer, SaysAMessage) {
    EXPECT_EQ(
        json_of(*chat_answer(message, head)),
        json_of(R"({"id":"a-1","object":"chat.completion","created":99,"model":"mine","choices":[{)"
                R"("index":0,"message":{"role":"assistant","content":"so then","refusal":null,)"
                R"("reasoning_content":"hm","tool_calls":[{"id":"toolu_1","type":"function",)"
                R"("function":{"name":"f","arguments":"{\"x\":9007199254740993}"}}]},)"
                R"("logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":95,)"
                R"("completion_tokens":9,"total_tokens":104,"prompt_tokens_details":)"
                R"({"cached_tokens":70,"cache_write_tokens":20},"completion_tokens_details":)"
                R"({"reasoning_tokens":4}}})"));
}

TEST(ChatAnswer, OfToolsAloneHasNoContent) {
    const auto said = json_of(*chat_answer(
        R"({"content":[{"type":"tool_use","id":"t","name":"f"}],"stop_reason":"tool_use"})", head));
    const auto& out = said.at("choices").at(0).at("message");
    EXPECT_TRUE(out.at("content").is_null());
    EXPECT_EQ(out.at("tool_calls").at(0).at("function").at("arguments"), "{}");
    EXPECT_EQ(
        json_of(*chat_answer(R"({"content":[]})", head))
            .at("choices")
            .at(0)
            .at("message")
            .at("content"),
        "");
}

TEST(ChatAnswer, IsNoneOfAnythingElse) {
    EXPECT_FALSE(chat_answer("<html>", head));
    EXPECT_FALSE(chat_answer("[]", head));
    EXPECT_FALSE(chat_answer(R"({"type":"error","error":{"type":"api_error"}})", head));
}

const std::string completion =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"q",)"
    R"("choices":[{"index":0,)"
    R"("finish_reason":"tool_calls","message":{"role":"assistant","content":"so",)"
    R"("reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":)"
    R"({"name":"f","arguments":"{\"x\" : 9007199254740993}"}}]}}],"usage":{"prompt_tokens":95,)"
    R"("completion_tokens":9,"prompt_tokens_details":{"cached_tokens":70,"cache_write_tokens":20},)"
    R"("completion_tokens_details":{"reasoning_tokens":4}}})";

TEST(MessagesAnswer, SaysACompletion) {
    EXPECT_EQ(
        json_of(*messages_answer(completion, head)),
        json_of(
            R"({"id":"a-1","type":"message","role":"assistant","model":"mine","content":[)"
            R"({"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"so"},)"
            R"({"type":"tool_use","id":"call_1","name":"f","input":{"x":9007199254740993}}],)"
            R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,)"
            R"("cache_creation_input_tokens":20,"cache_read_input_tokens":70,"output_tokens":9,)"
            R"("output_tokens_details":{"thinking_tokens":4}}})"));
}

boost::json::value said(std::string_view message_members) {
    return json_of(*messages_answer(
        std::string{R"({"choices":[{"message":{)"}.append(message_members).append("}}]}"), head));
}

TEST(MessagesAnswer, TakesWhatServersSayOtherwise) {
    EXPECT_EQ(said(R"("reasoning":"r")").at("content").at(0).at("thinking"), "r");
    EXPECT_EQ(
        said(R"("content":[{"type":"text","text":"a"},{"type":"text","text":"b"}])")
            .at("content")
            .at(0)
            .at("text"),
        "ab");
    const auto refusal = said(R"("content":null,"refusal":"no")");
    EXPECT_EQ(refusal.at("content").at(0).at("text"), "no");
    EXPECT_EQ(refusal.at("stop_reason"), "refusal");
    const auto broken =
        said(R"("tool_calls":[{"id":"a b","function":{"name":"f","arguments":"{"}}])");
    EXPECT_EQ(broken.at("content").at(0).at("text"), "{");
    EXPECT_EQ(broken.at("content").at(1).at("input"), json_of("{}"));
    EXPECT_EQ(broken.at("stop_reason"), "tool_use");
    EXPECT_EQ(broken.at("usage").at("output_tokens"), 0);
    EXPECT_EQ(said("").at("content"), json_of("[]"));
}

TEST(MessagesAnswer, IsNoneOfAnythingElse) {
    EXPECT_FALSE(messages_answer("", head));
    EXPECT_FALSE(messages_answer(R"({"choices":[]})", head));
    EXPECT_FALSE(messages_answer(R"({"error":{"message":"x"}})", head));
}

TEST(StopReasons, HaveTheirCounterparts) {
    EXPECT_EQ(finish_reason_of("end_turn"), "stop");
    EXPECT_EQ(finish_reason_of("stop_sequence"), "stop");
    EXPECT_EQ(finish_reason_of("pause_turn"), "stop");
    EXPECT_EQ(finish_reason_of("max_tokens"), "length");
    EXPECT_EQ(finish_reason_of("model_context_window_exceeded"), "length");
    EXPECT_EQ(finish_reason_of("tool_use"), "tool_calls");
    EXPECT_EQ(finish_reason_of("refusal"), "content_filter");
    EXPECT_EQ(stop_reason_of("stop", false), "end_turn");
    EXPECT_EQ(stop_reason_of("stop", true), "tool_use");
    EXPECT_EQ(stop_reason_of("length", true), "max_tokens");
    EXPECT_EQ(stop_reason_of("tool_calls", false), "tool_use");
    EXPECT_EQ(stop_reason_of("content_filter", false), "refusal");
    EXPECT_EQ(stop_reason_of("", false), "end_turn");
}

TEST(MessagesUsage, CountsTheCacheAsPrompt) {
    const Usage expected{
        .prompt = 95, .cached = 70, .cache_write = 20, .completion = 9, .estimated = false};
    EXPECT_EQ(messages_usage(message), expected);
    EXPECT_FALSE(messages_usage(R"({"usage":{"input_tokens":5}})"));
    EXPECT_FALSE(messages_usage(R"({"usage":{"input_tokens":-5,"output_tokens":1}})"));
    EXPECT_FALSE(messages_usage("x"));
    // The same money whichever way the answer was said.
    EXPECT_EQ(scan_answer(*chat_answer(message, head))->usage, expected);
    EXPECT_EQ(scan_answer(completion)->usage, expected);
    EXPECT_EQ(messages_usage(*messages_answer(completion, head)), expected);
}

TEST(ChatCounts, NeverCountMoreCacheThanPrompt) {
    const auto text =
        JsonText::read(R"({"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":)"
                       R"({"cached_tokens":4,"cache_write_tokens":4}})");
    const auto counts = ChatCounts::of(text->root());
    EXPECT_EQ(counts->usage.cached, 4);
    EXPECT_EQ(counts->usage.cache_write, 1);
}

}  // namespace
}  // namespace evenkeel::inference::dialect
