#include "inference/dialect/translate_stream.hpp"
#include "tests/unit/dialect/translated.hpp"

#include <boost/json/serialize.hpp>

namespace evenkeel::inference::dialect {
namespace {

namespace json = boost::json;

const AnswerHead head{.id = "msg_1", .model = "mine"};

std::string chunk(std::string_view delta, std::string_view finish = "null") {
    return std::string{R"(data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,)"}
        .append(R"("delta":)")
        .append(delta)
        .append(R"(,"finish_reason":)")
        .append(finish)
        .append("}]}\n\n");
}
std::string call(int index, std::string_view id, std::string_view name, std::string_view text) {
    json::object function{{"arguments", json::string{text}}};
    json::object out{{"index", index}};
    if (!name.empty()) {
        function["name"] = json::string{name};
    }
    if (!id.empty()) {
        out["id"] = json::string{id};
        out["type"] = "function";
    }
    out["function"] = function;
    return chunk(json::serialize(json::object{{"tool_calls", json::array{out}}}));
}

const std::string usage =
    R"(data: {"choices":[],"usage":{"prompt_tokens":95,"completion_tokens":9,)"
    R"("prompt_tokens_details":{"cached_tokens":70,"cache_write_tokens":20}}})"
    "\n\n";
const std::string done = "data: [DONE]\n\n";

const std::string fixture = ": ping\n\n" + chunk(R"({"role":"assistant","content":null})") +
                            chunk(R"({"reasoning_content":"\n h\u00e9"})") +
                            chunk(R"({"reasoning_content":"m"})") + chunk(R"({"content":"so "})") +
                            chunk(R"({"content":"\ud83d\ude00"})") + call(0, "call:1", "f", "") +
                            call(0, "", "", "{ \"x\"") + call(0, "", "", ": 1}") +
                            call(1, "call_2", "g", "{}") + chunk("{}", R"("tool_calls")") + usage;

const std::string whole =
    R"({"choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant",)"
    R"("content":"so 😀","reasoning_content":"\n hém","tool_calls":[{"id":"call:1","function":)"
    R"({"name":"f","arguments":"{ \"x\": 1}"}},{"id":"call_2","function":{"name":"g",)"
    R"("arguments":"{}"}}]}}],"usage":{"prompt_tokens":95,"completion_tokens":9,)"
    R"("prompt_tokens_details":{"cached_tokens":70,"cache_write_tokens":20}}})";

MessagesFromChat make() {
    return MessagesFromChat{head, 40, "req_1"};
}

/// Collects the events as an SDK does, and holds them to the order that Anthropic keeps: one block
/// at a time, indexes that count up, one start, one end.
json::object collected(const std::string& text) {
    json::object out;
    json::array content;
    json::object open;
    std::string input;
    for (const json::value& data : data_of(text)) {
        const json::object& event = data.as_object();
        const auto& type = event.at("type").as_string();
        if (type == "message_start") {
            EXPECT_TRUE(out.empty());
            out = event.at("message").as_object();
        } else if (type == "content_block_start") {
            EXPECT_TRUE(open.empty());
            EXPECT_EQ(event.at("index").as_int64(), static_cast<int>(content.size()));
            open = event.at("content_block").as_object();
        } else if (type == "content_block_delta") {
            EXPECT_EQ(event.at("index").as_int64(), static_cast<int>(content.size()));
            const json::object& delta = event.at("delta").as_object();
            if (delta.at("type") == "text_delta") {
                open.at("text").as_string() += delta.at("text").as_string();
            } else if (delta.at("type") == "thinking_delta") {
                open.at("thinking").as_string() += delta.at("thinking").as_string();
            } else {
                EXPECT_EQ(delta.at("type"), "input_json_delta");
                EXPECT_EQ(open.at("type"), "tool_use");
                input += delta.at("partial_json").as_string();
            }
        } else if (type == "content_block_stop") {
            EXPECT_EQ(event.at("index").as_int64(), static_cast<int>(content.size()));
            if (!input.empty()) {
                open["input"] = json_of(input);
                input.clear();
            }
            content.push_back(open);
            open.clear();
        } else if (type == "message_delta") {
            EXPECT_TRUE(open.empty());
            out["stop_reason"] = event.at("delta").at("stop_reason");
            out["usage"] = event.at("usage");
        } else {
            EXPECT_EQ(type, "message_stop");
        }
    }
    out["content"] = content;
    return out;
}

TEST(MessagesFromChat, EverySplitSaysTheSame) {
    MessagesFromChat once = make();
    const std::string expected = fed(once, fixture + done, 100'000);
    EXPECT_TRUE(
        expected.ends_with("\n\n|event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))
        << expected;
    expect_at_every_split(make, fixture + done, fixture, expected, 7);
}

TEST(MessagesFromChat, AddsUpToTheTranslatedAnswer) {
    MessagesFromChat stream = make();
    EXPECT_EQ(collected(fed(stream, fixture + done, 17)), json_of(*messages_answer(whole, head)));
}

TEST(MessagesFromChat, TheFirstEventTellsTheEstimateAndTheLastCorrectsIt) {
    MessagesFromChat stream = make();
    const auto events = data_of(fed(stream, fixture + done, 100'000));
    EXPECT_EQ(
        events.front(),
        json_of(
            R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":)"
            R"("assistant","model":"mine","content":[],"stop_reason":null,"stop_sequence":null,)"
            R"("usage":{"input_tokens":40,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":0,"output_tokens":0}}})"));
    EXPECT_EQ(
        events[events.size() - 2],
        json_of(
            R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},)"
            R"("usage":{"input_tokens":5,"cache_creation_input_tokens":20,)"
            R"("cache_read_input_tokens":70,"output_tokens":9}})"));
}

TEST(MessagesFromChat, WithoutUsageTheEstimatesStand) {
    MessagesFromChat stream = make();
    const auto got = collected(fed(
        stream, chunk(R"({"content":"a"})") + chunk(R"({"content":"b"})", "\"length\"") + done, 9));
    EXPECT_EQ(got.at("usage").at("input_tokens"), 40);
    EXPECT_EQ(got.at("usage").at("output_tokens"), 2);
    EXPECT_EQ(got.at("stop_reason"), "max_tokens");
    EXPECT_FALSE(stream.usage());
}

TEST(MessagesFromChat, TakesWhatServersSayOtherwise) {
    MessagesFromChat stream = make();
    const auto got = collected(
        fed(stream,
            chunk(R"({"reasoning":"r"})") +
                chunk(R"({"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})") +
                call(0, "one", "f", R"({"x":1})") + call(0, "two", "g", R"({"x":2})") +
                call(0, "two", "", "") + chunk("{}", "\"stop\"") + done,
            50));
    EXPECT_EQ(
        got.at("content"),
        json_of(R"([{"type":"thinking","thinking":"r","signature":""},{"type":"text","text":"ab"},)"
                R"({"type":"tool_use","id":"one","name":"f","input":{"x":1}},)"
                R"({"type":"tool_use","id":"two","name":"g","input":{"x":2}}])"));
    EXPECT_EQ(got.at("stop_reason"), "tool_use");
}

TEST(MessagesFromChat, RefusalIsSaid) {
    MessagesFromChat stream = make();
    const auto got =
        collected(fed(stream, chunk(R"({"refusal":"no"})") + chunk("{}", "\"stop\"") + done, 50));
    EXPECT_EQ(got.at("content").at(0).at("text"), "no");
    EXPECT_EQ(got.at("stop_reason"), "refusal");
}

TEST(MessagesFromChat, OtherChoicesAreNotMixedIn) {
    MessagesFromChat stream = make();
    const auto got = collected(
        fed(stream,
            R"(data: {"choices":[{"index":1,"delta":{"content":"x"}},{"index":0,"delta":)"
            R"({"content":"a"}}]})"
            "\n\n" +
                done,
            50));
    EXPECT_EQ(got.at("content").at(0).at("text"), "a");
}

TEST(MessagesFromChat, AnEmptyAnswerIsAWholeMessage) {
    MessagesFromChat stream = make();
    const auto got = collected(fed(stream, done, 3));
    EXPECT_EQ(got.at("content"), json::array{});
    EXPECT_EQ(got.at("stop_reason"), "end_turn");
    EXPECT_TRUE(stream.done());
}

TEST(MessagesFromChat, ErrorsBecomeErrorEvents) {
    MessagesFromChat stream = make();
    const std::string text =
        fed(stream,
            chunk(R"({"content":"a"})") +
                R"(data: {"error":{"code":503,"message":"Loading model","type":"x"}})"
                "\n\n" +
                done,
            13);
    EXPECT_TRUE(text.contains("\n\nevent: error\ndata: {\"type\":\"error\"")) << text;
    const auto last = data_of(text).back();
    EXPECT_EQ(last.at("error").at("type"), "overloaded_error");
    EXPECT_EQ(last.at("request_id"), "req_1");
    EXPECT_TRUE(stream.error_seen());
    EXPECT_FALSE(stream.done());
}

TEST(MessagesFromChat, MixedToolCallsEndInAnError) {
    MessagesFromChat stream = make();
    const std::string text = fed(
        stream, call(0, "a", "f", "{") + call(1, "b", "g", "{") + call(0, "", "", "}") + done, 100);
    EXPECT_TRUE(stream.error_seen());
    EXPECT_FALSE(stream.done());
    EXPECT_TRUE(text.contains("event: error"));
    EXPECT_FALSE(text.contains("message_stop"));
}

TEST(MessagesFromChat, LargeEventEndsInAnErrorAtEverySplit) {
    const std::string large =
        "data: {\"x\":\"" + std::string(EventReader::event_bytes_max, 'y') + "\"}\n\n" + done;
    for (const std::size_t step : {std::size_t{5'000}, std::size_t{8 << 20}}) {
        MessagesFromChat stream = make();
        EXPECT_TRUE(fed(stream, large, step).starts_with("event: error\n"));
        EXPECT_TRUE(stream.error_seen());
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
