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
        *rest("", GoesOn::by_itself, "a\n\"b\" \n"),
        R"({"model":"served","messages":[{"role":"user","content":"hi"},)"
        R"({"role":"assistant","content":"a\u000a\"b\""}],"stream":true,)"
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
             R"({"id":"a","error":{"message":"out of memory"}})",
             R"({"id":"a","choices":[{"delta":{"content":"x"}}],"error":"out of memory"})",
             R"({"id":"a","object":"chat.completion.chunk"})",
             R"({"choices":"none"})",
         }) {
        BegunChat begun;
        begun.take(chunk);
        EXPECT_FALSE(begun.can_go_on) << chunk;
    }
    BegunChat begun;
    begun.take(
        R"({"choices":[{"delta":{"role":"assistant","content":"","refusal":null,)"
        R"("reasoning_content":"","tool_calls":[]},"logprobs":null,"finish_reason":null}]})");
    begun.take(R"({"choices":[{"delta":{"content":"h\u00e9"}}],"error":null})");
    begun.take(R"({"usage":{"prompt_tokens":1,"completion_tokens":2}})");
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

/// Larger than what is kept of an unfinished event: it is passed on unseen.
TEST(Continuation, AnEventThatWasTornIsMissing) {
    const std::string torn = R"(data: {"choices":[{"delta":{"content":")" +
                             std::string(PassStream::held_bytes_max, 'x') + "\"}}]}\n\n";
    const std::string more = "data: {\"choices\":[{\"delta\":{\"content\":\"more\"}}]}\n\n";
    BegunChat begun;
    KeptStream stream{true, begun};
    stream.feed(more);
    EXPECT_TRUE(begun.can_go_on);
    stream.feed(std::string_view{torn}.substr(0, torn.size() - 10));
    EXPECT_TRUE(stream.torn());
    stream.feed(std::string_view{torn}.substr(torn.size() - 10));
    stream.feed(more);
    EXPECT_FALSE(stream.torn());
    EXPECT_FALSE(begun.can_go_on);
    EXPECT_TRUE(begun.text.empty());
}

std::string feed(AnswerStream& stream, std::string_view bytes) {
    std::string all;
    for (const std::string_view piece : stream.feed(bytes).pieces) {
        all += piece;
    }
    return all;
}

/// A line end in mid-event, of either kind, would end the line for the client too.
TEST(Continuation, AnEventOfSeveralLinesIsSaidInOne) {
    const BegunChat begun = begun_with("one");
    const Usage first{};
    ContinuedStream stream{begun, first, true};
    EXPECT_EQ(
        feed(
            stream,
            "data: {\"id\":\"b\",\ndata: \"choices\":[{\"index\":0,\r\ndata: "
            "\"delta\":{\"content\":"
            "\" two\",\ndata: \"extra\":[1,\ndata:2,\r3]}}],\ndata: \"more\":{\ndata:}}\n\n"),
        R"(data: {"choices":[{"index":0,"delta":{"content":" two","extra":[1, 2, 3]}}],)"
        R"("more":{ }})"
        "\n\n");
    EXPECT_EQ(
        feed(stream, "data: {\"error\":\ndata: {\"message\":\r\"no\"}}\n\n"),
        "data: {\"error\": {\"message\": \"no\"}}\n\n");
}

std::string content(std::string_view text) {
    return R"({"choices":[{"delta":{"content":")" + std::string{text} + "\"}}]}";
}

/// What the client gets when `begun` is followed by `pieces`, joined by `|`.
std::string rest_after(std::string_view begun, std::initializer_list<std::string_view> pieces) {
    BegunChat chat;
    chat.take(content(begun));
    const Usage first{};
    ContinuedStream stream{chat, first, true};
    std::string all;
    for (const std::string_view piece : pieces) {
        const std::string said = feed(stream, "data: " + content(piece) + "\n\n");
        const auto json = JsonText::read(said.empty() ? "{}" : std::string_view{said}.substr(6));
        json->root()["choices"].elements([&](JsonView choice) {
            all += choice["delta"]["content"].text() + "|";
            return true;
        });
    }
    return all;
}

/// Templates that trim messages drop it, and the engine says it again.
TEST(Continuation, WhiteSpaceAtTheEndIsNotAskedWith) {
    const auto asked = [](std::string_view text) {
        const auto body = rest("", GoesOn::by_switch, std::string{text});
        const auto json = JsonText::read(*body);
        std::string last;
        json->root()["messages"].elements([&](JsonView message) {
            last = message["role"].text() + ":" + message["content"].text();
            return true;
        });
        return last;
    };
    EXPECT_EQ(asked("one \n\t"), "assistant:one");
    EXPECT_EQ(asked("  one two"), "assistant:  one two");
    EXPECT_EQ(asked("one\u00a0\u3000 "), "assistant:one") << "trimmed likewise";
    EXPECT_EQ(asked("one\u3001"), "assistant:one\u3001");
    EXPECT_EQ(asked(" \n"), "user:hi") << "as good as not begun";
    EXPECT_TRUE(rest("", GoesOn::no, " \n"));
}

TEST(Continuation, WhiteSpaceThatComesAgainIsSaidOnce) {
    EXPECT_EQ(rest_after("one", {" two"}), " two|");
    EXPECT_EQ(rest_after("one ", {" two"}), "two|");
    EXPECT_EQ(rest_after(R"(one \n)", {R"( \ntwo)", R"( \nthree)"}), "two| \nthree|");
    EXPECT_EQ(rest_after(R"(one \n)", {" ", R"(\n)", "", "two"}), "two|") << "in pieces";
    EXPECT_EQ(rest_after(R"(one\n  )", {R"(\n    two)"}), "  two|") << "more of it is said";
    EXPECT_EQ(rest_after(R"(one\u3000)", {"\u3000two"}), "two|");
}

TEST(Continuation, WhatFollowsOtherWhiteSpaceIsLostNowhere) {
    EXPECT_EQ(rest_after("one ", {"two", " three"}), "two| three|") << "it does not come again";
    EXPECT_EQ(rest_after(R"(one\n)", {" two"}), " two|") << "other white space comes";
    EXPECT_EQ(rest_after(R"(one \n)", {" two", R"( \nthree)"}), "two| \nthree|") << "less of it";
    EXPECT_EQ(rest_after(R"(one \n)", {" ", "two", R"(\nthree)"}), "two|\nthree|");
    EXPECT_EQ(rest_after(R"(one\u3000)", {"\u3001two"}), "\u3001two|")
        << "half of a character is none";
    EXPECT_EQ(rest_after("one ", {R"( \")"}), "\"|");
}

/// The end of the stream stands, even where all that it says was said already.
TEST(Continuation, TheEndIsSaidWithoutWhatWasSaidBefore) {
    BegunChat begun;
    begun.take(content("one "));
    const Usage first{};
    ContinuedStream stream{begun, first, true};
    EXPECT_EQ(
        feed(
            stream,
            "data: {\"choices\":[{\"delta\":{\"content\":\" \"},\"finish_reason\":\"stop\"}]}\n\n"),
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n");
    EXPECT_EQ(stream.events(), 1) << "a token was written";
}

}  // namespace
}  // namespace evenkeel::inference::dialect
