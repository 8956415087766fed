#include "inference/dialect/translate_stream.hpp"
#include "tests/unit/dialect/translated.hpp"

#include <map>

namespace evenkeel::inference::dialect {
namespace {

namespace json = boost::json;

const AnswerHead head{.id = "chatcmpl-1", .model = "mine", .created = 99};

constexpr auto event = messages_event;
std::string start_block(int index, std::string_view block) {
    return event(
        "content_block_start",
        ",\"index\":" + std::to_string(index) + ",\"content_block\":" + std::string{block});
}
std::string delta(int index, std::string_view delta) {
    return event(
        "content_block_delta",
        ",\"index\":" + std::to_string(index) + ",\"delta\":" + std::string{delta});
}
std::string stop_block(int index) {
    return event("content_block_stop", ",\"index\":" + std::to_string(index));
}

const std::string start = event(
    "message_start",
    R"(,"message":{"id":"msg_1","content":[],"usage":{"input_tokens":5,)"
    R"("cache_read_input_tokens":70,"cache_creation_input_tokens":20,"output_tokens":1}})");
const std::string stop = event(
                             "message_delta",
                             R"(,"delta":{"stop_reason":"tool_use","stop_sequence":null},)"
                             R"("usage":{"output_tokens":9}})") +
                         event("message_stop", "");

/// As llama-server writes it: blocks open before the one before is closed, no `input`.
const std::string overlapping =
    ": ping\n\n" + start + start_block(0, R"({"type":"thinking","thinking":""})") +
    delta(0, R"({"type":"thinking_delta","thinking":"\n h\u00e9"})") + event("ping", "") +
    start_block(1, R"({"type":"text","text":""})") +
    delta(1, R"({"type":"text_delta","text":"so \ud83d\ude00"})") +
    start_block(2, R"({"type":"tool_use","id":"T1","name":"f"})") +
    delta(2, R"({"type":"input_json_delta","partial_json":"{ \"x\""})") +
    start_block(3, R"({"type":"tool_use","id":"T2","name":"g"})") +
    delta(2, R"({"type":"input_json_delta","partial_json":": 1}"})") +
    delta(0, R"({"type":"signature_delta","signature":"abc"})") + event("brand_new", "") +
    stop_block(0) + stop_block(1) + stop_block(2) + stop_block(3) +
    event(
        "message_delta",
        R"(,"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9})") +
    event("message_stop", "");

/// The same answer not streamed.
const std::string whole =
    R"({"content":[{"type":"thinking","thinking":"\n hé","signature":""},)"
    R"({"type":"text","text":"so 😀"},{"type":"tool_use","id":"T1","name":"f","input":{"x":1}},)"
    R"({"type":"tool_use","id":"T2","name":"g","input":{}}],"stop_reason":"tool_use","usage":)"
    R"({"input_tokens":5,"cache_read_input_tokens":70,"cache_creation_input_tokens":20,)"
    R"("output_tokens":9}})";

/// What a client that collects the chunks ends up with, in the form of a message.
json::object collected(const std::string& text) {
    std::string content;
    std::string reasoning;
    std::map<std::int64_t, json::object> calls;
    json::object out;
    for (const json::value& chunk : data_of(text)) {
        if (!chunk.is_object()) {
            continue;
        }
        EXPECT_EQ(chunk.at("id"), "chatcmpl-1");
        EXPECT_EQ(chunk.at("object"), "chat.completion.chunk");
        EXPECT_EQ(chunk.at("model"), "mine");
        if (const auto* usage = chunk.as_object().if_contains("usage")) {
            out["usage"] = *usage;
        }
        for (const json::value& choice : chunk.at("choices").as_array()) {
            const json::object& delta = choice.at("delta").as_object();
            if (const auto* more = delta.if_contains("content")) {
                content += more->as_string();
            }
            if (const auto* more = delta.if_contains("reasoning_content")) {
                reasoning += more->as_string();
            }
            if (const auto* more = delta.if_contains("tool_calls")) {
                const json::object& call = more->at(0).as_object();
                const std::int64_t index = call.at("index").as_int64();
                const auto& function = call.at("function").as_object();
                if (!calls.contains(index)) {
                    calls[index] = {
                        {"id", call.at("id")}, {"name", function.at("name")}, {"arguments", ""}};
                }
                calls[index]["arguments"].as_string() += function.at("arguments").as_string();
            }
            if (!choice.at("finish_reason").is_null()) {
                EXPECT_FALSE(out.contains("finish_reason"));
                out["finish_reason"] = choice.at("finish_reason");
            }
        }
    }
    out["content"] = content;
    out["reasoning"] = reasoning;
    json::array list;
    for (auto& [index, call] : calls) {
        call["arguments"] = json_of(call["arguments"].as_string());
        list.push_back(call);
    }
    out["calls"] = list;
    return out;
}

TEST(ChatFromMessages, EverySplitSaysTheSame) {
    ChatFromMessages whole_stream{head, true};
    const std::string expected = fed(whole_stream, overlapping, 100'000);
    EXPECT_TRUE(expected.ends_with("\n\n|data: [DONE]\n\n")) << expected;
    const auto make = [] { return ChatFromMessages{head, true}; };
    expect_at_every_split(make, overlapping, start, expected, 5);
}

TEST(ChatFromMessages, AddsUpToTheTranslatedAnswer) {
    ChatFromMessages stream{head, true};
    const json::object got = collected(fed(stream, overlapping, 11));
    const json::value answer = json_of(*chat_answer(whole, head));
    const json::object& message = answer.at("choices").at(0).at("message").as_object();
    EXPECT_EQ(got.at("content"), message.at("content"));
    EXPECT_EQ(got.at("reasoning"), message.at("reasoning_content"));
    EXPECT_EQ(got.at("finish_reason"), answer.at("choices").at(0).at("finish_reason"));
    EXPECT_EQ(got.at("usage"), answer.at("usage"));
    const json::array& calls = message.at("tool_calls").as_array();
    ASSERT_EQ(got.at("calls").as_array().size(), calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        const json::object& call = got.at("calls").at(i).as_object();
        EXPECT_EQ(call.at("id"), calls[i].at("id"));
        EXPECT_EQ(call.at("name"), calls[i].at("function").at("name"));
        EXPECT_EQ(
            call.at("arguments"), json_of(calls[i].at("function").at("arguments").as_string()));
    }
}

TEST(ChatFromMessages, BeginsWithTheRoleAndTellsUsageOnlyWhenAsked) {
    ChatFromMessages stream{head, false};
    const std::string text = fed(stream, overlapping, 100'000);
    EXPECT_EQ(text.find("usage"), std::string::npos);
    const auto chunks = data_of(text);
    EXPECT_EQ(
        chunks.front(),
        json_of(
            R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":99,"model":"mine",)"
            R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,)"
            R"("finish_reason":null}]})"));
    EXPECT_EQ(chunks.back(), "[DONE]");
    EXPECT_EQ(
        chunks[chunks.size() - 2].at("choices").at(0),
        json_of(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"})"));
}

TEST(ChatFromMessages, InputOfTheStartIsTaken) {
    ChatFromMessages stream{head, false};
    const auto got = collected(
        fed(stream,
            start + start_block(0, R"({"type":"text","text":"a"})") + stop_block(0) +
                start_block(1, R"({"type":"tool_use","id":"t","name":"f","input":{"y":2}})") +
                stop_block(1) +
                start_block(2, R"({"type":"tool_use","id":"u","name":"g","input":{}})") +
                event("message_stop", ""),
            5));
    EXPECT_EQ(got.at("content"), "a");
    EXPECT_EQ(got.at("calls").at(0).at("arguments"), json_of(R"({"y":2})"));
    EXPECT_EQ(got.at("calls").at(1).at("arguments"), json_of("{}"));
    EXPECT_EQ(got.at("finish_reason"), "stop");
}

TEST(ChatFromMessages, BeforeTheBillTheAnswerIsCounted) {
    ChatFromMessages stream{head, false};
    fed(stream, start, 1'000);
    EXPECT_EQ(stream.events(), 0);
    for (int i = 0; i < 3; ++i) {
        fed(stream, delta(0, R"({"type":"text_delta","text":"x"})"), 1'000);
    }
    EXPECT_EQ(stream.usage()->completion, 3);
    EXPECT_TRUE(stream.usage()->estimated);
}

TEST(ChatFromMessages, ErrorsBecomeErrorChunks) {
    ChatFromMessages stream{head, false};
    const auto chunks = data_of(fed(
        stream,
        start + event("error", R"(,"error":{"type":"overloaded_error","message":"Overloaded"})") +
            stop,
        13));
    ASSERT_EQ(chunks.size(), 2u);
    EXPECT_EQ(chunks[1].at("error").at("code"), "overloaded");
    EXPECT_TRUE(stream.error_seen());
    EXPECT_FALSE(stream.done());
}

TEST(ChatFromMessages, WhatCannotBeReadEndsInAnErrorOnce) {
    const std::string large =
        "data: {\"x\":\"" + std::string(EventReader::event_bytes_max, 'y') + "\"}\n\n";
    for (const std::string& bad :
         {std::string{"data: {\"type\":\n\n"}, std::string{"data: 7\n\n"}, large}) {
        std::string first;
        for (const std::size_t step : {std::size_t{4'000}, std::size_t{8 << 20}}) {
            ChatFromMessages stream{head, false};
            const std::string out = fed(stream, start + bad + stop, step);
            EXPECT_EQ(data_of(out).size(), 2u);
            EXPECT_EQ(data_of(out).back().at("error").at("code"), "source_cut");
            EXPECT_TRUE(first.empty() || out == first);
            first = out;
            EXPECT_TRUE(stream.error_seen());
            EXPECT_FALSE(stream.done());
        }
    }
}

TEST(ChatFromMessages, OpenCallsAreBounded) {
    ChatFromMessages stream{head, false};
    std::string text = start;
    for (int i = 0; i < 1'100; ++i) {
        text += start_block(i, R"({"type":"tool_use","id":"t","name":"f"})");
    }
    fed(stream, text, 10'000);
    EXPECT_TRUE(stream.error_seen());
}

}  // namespace
}  // namespace evenkeel::inference::dialect
