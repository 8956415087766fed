#include "inference/dialect/continuation.hpp"

#include <gtest/gtest.h>

/// The parts of going on with a begun answer; the whole: tests/unit/gateway/continue_test.cpp.
namespace evenkeel::inference::dialect {
namespace {

BegunChat begun_with(std::string text) {
    BegunChat begun;
    begun.text = std::move(text);
    return begun;
}

std::optional<std::string> rest(
    std::string_view extra, GoesOn how = GoesOn::by_switch, const std::string& text = "one") {
    const std::string body =
        R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true)" +
        std::string{extra} + "}";
    return rest_of_chat(
        body, begun_with(text), {.quoted_model = "\"served\"", .how = how, .tokens_done = 10});
}

TEST(Continuation, AsksForTheRestAndKeepsWhatTheClientAsked) {
    EXPECT_EQ(
        rest(R"(,"seed":7,"max_tokens":50,"min_tokens":4,"stream_options":{"x":1}})").has_value(),
        false)
        << "a body that is no JSON";
    EXPECT_EQ(
        *rest(R"(,"seed":7,"max_tokens":50,"min_tokens":4,"stream_options":{"x":1})"),
        R"({"model":"served","messages":[{"role":"user","content":"hi"},)"
        R"({"role":"assistant","content":"one"}],"stream":true,"seed":7,"max_tokens":40,)"
        R"("min_tokens":0,"stream_options":{"x":1,"include_usage":true},)"
        R"("continue_final_message":true,"add_generation_prompt":false})");
    EXPECT_EQ(
        *rest("", GoesOn::by_itself, "a \"b\"\n"),
        R"({"model":"served","messages":[{"role":"user","content":"hi"},)"
        R"({"role":"assistant","content":"a \"b\"\u000a"}],"stream":true,)"
        R"("stream_options":{"include_usage":true}})");
    EXPECT_EQ(
        *rest("", GoesOn::no, ""),
        R"({"model":"served","messages":[{"role":"user","content":"hi"}],"stream":true,)"
        R"("stream_options":{"include_usage":true}})")
        << "nothing was said yet: any engine can begin";
    EXPECT_FALSE(rest("", GoesOn::no));
}

TEST(Continuation, DoesNotDivideWhatIsPrescribed) {
    for (const char* extra : {
             R"(,"max_tokens":10)",
             R"(,"max_completion_tokens":3)",
             R"(,"n":2)",
             R"(,"logprobs":true)",
             R"(,"echo":true)",
             R"(,"response_format":{"type":"json_schema","json_schema":{}})",
             R"(,"guided_json":{"type":"object"})",
             R"(,"structured_outputs":{"regex":"a"})",
             R"(,"tool_choice":{"type":"function","function":{"name":"f"}})",
             R"(,"continue_final_message":true)",
             R"(,"add_generation_prompt":false)",
         }) {
        EXPECT_FALSE(rest(extra)) << extra;
    }
    for (const char* extra : {
             R"(,"max_tokens":11)",
             R"(,"n":1)",
             R"(,"logprobs":false)",
             R"(,"response_format":{"type":"text"})",
             R"(,"guided_json":null)",
             R"(,"tools":[{"type":"function"}],"tool_choice":"auto")",
             R"(,"add_generation_prompt":true)",
         }) {
        EXPECT_TRUE(rest(extra)) << extra;
    }
    EXPECT_FALSE(rest_of_chat(
        R"({"model":"m","messages":[{"role":"assistant","content":"I"}]})",
        begun_with("one"),
        {.quoted_model = "\"m\"", .how = GoesOn::by_switch, .tokens_done = 1}))
        << "the client has begun the answer itself";
}

TEST(Continuation, KeepsTextUntilItIsTooMuch) {
    BegunChat begun;
    const std::string delta = std::string(1'000, 'x');
    const std::string chunk =
        R"({"id":"a","choices":[{"index":0,"delta":{"content":")" + delta + R"("}}]})";
    for (std::size_t i = 0; i < BegunChat::text_bytes_max / delta.size(); ++i) {
        begun.take(chunk);
    }
    EXPECT_TRUE(begun.can_go_on);
    EXPECT_EQ(begun.id, "\"a\"");
    begun.take(chunk);
    EXPECT_FALSE(begun.can_go_on);
    EXPECT_TRUE(begun.text.empty()) << "and no memory is kept for it";
}

TEST(Continuation, TextIsAllThatMayHaveCome) {
    for (const char* chunk : {
             "no JSON",
             R"({"choices":[{"index":1,"delta":{"content":"x"}}]})",
             R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
             R"({"choices":[{"delta":{"content":"x"},"logprobs":{"content":[]}}]})",
             R"({"choices":[{"delta":{"refusal":"no"}}]})",
         }) {
        BegunChat begun;
        begun.take(chunk);
        EXPECT_FALSE(begun.can_go_on) << chunk;
    }
    BegunChat begun;
    begun.take(
        R"({"choices":[{"delta":{"role":"assistant","content":"","refusal":null,)"
        R"("reasoning_content":"","tool_calls":[]},"logprobs":null,"finish_reason":null}]})");
    begun.take(R"({"choices":[{"delta":{"content":"h\u00e9"}}]})");
    EXPECT_TRUE(begun.can_go_on);
    EXPECT_EQ(begun.text, "h\u00e9");
}

TEST(Continuation, UsageIsThatOfBothParts) {
    const Usage first{.prompt = 99, .completion = 10, .estimated = true};
    EXPECT_EQ(
        whole_usage(first, {.prompt = 30, .cached = 25, .completion = 5}),
        (Usage{.prompt = 20, .cached = 20, .completion = 15, .estimated = true}));
    EXPECT_EQ(
        whole_usage(first, {.prompt = 30, .completion = 5, .estimated = true}),
        (Usage{.prompt = 30, .completion = 15, .estimated = true}))
        << "our own estimate is of what the client asked";
}

}  // namespace
}  // namespace evenkeel::inference::dialect
