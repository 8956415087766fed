#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// Both dialects on both sides.
namespace evenkeel::inference::test {
namespace {

const std::string client_head = "x-api-key: good\r\nanthropic-version: 2023-06-01\r\n";

Rig::Setup at_anthropic() {
    Rig::Setup setup;
    setup.change = [](config::Config& config) {
        config.providers.back().kind = config::ProviderKind::anthropic;
    };
    return setup;
}

const std::string message =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"big/paid",)"
    R"("content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,)"
    R"("usage":{"input_tokens":7,"cache_read_input_tokens":3,"cache_creation_input_tokens":0,)"
    R"("output_tokens":5}})";

std::string named(const std::string& name, const std::string& data) {
    return chunked("event: " + name + "\ndata: " + data + "\n\n");
}

/// Answers as Anthropic's API does.
void good_anthropic(FakeEngine::Turn& turn) {
    if (turn.body.find(R"("stream":true)") == std::string::npos) {
        turn.line->send(plain_answer(message));
        return;
    }
    turn.line->send(
        stream_head() +
        named(
            "message_start",
            R"({"type":"message_start","message":{"id":"msg_1","type":"message",)"
            R"("role":"assistant","model":"big/paid","content":[],"stop_reason":null,)"
            R"("usage":{"input_tokens":7,"cache_read_input_tokens":3,"output_tokens":1}}})") +
        named(
            "content_block_start",
            R"({"type":"content_block_start","index":0,)"
            R"("content_block":{"type":"text","text":""}})") +
        named(
            "content_block_delta",
            R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
            R"("text":"hello"}})") +
        named("content_block_stop", R"({"type":"content_block_stop","index":0})") +
        named(
            "message_delta",
            R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},)"
            R"("usage":{"output_tokens":5}})") +
        named("message_stop", R"({"type":"message_stop"})") + std::string{last_chunk});
}

std::string messages_body(bool streams, const std::string& model = "m") {
    return R"({"model":")" + model + R"(","max_tokens":50,"messages":[{"role":"user",)" +
           R"("content":"hi"}])" + (streams ? R"(,"stream":true})" : "}");
}

TEST(GatewayDialects, AnAnthropicClientIsAnsweredByAnEngine) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply plain =
        rig.caller().request("POST", "/v1/messages", messages_body(false), client_head);
    EXPECT_EQ(plain.status, 200);
    EXPECT_NE(plain.body.find(R"("type":"message")"), std::string::npos) << plain.body;
    EXPECT_NE(plain.body.find(R"("model":"m")"), std::string::npos);
    EXPECT_NE(plain.body.find(R"("input_tokens":10)"), std::string::npos);
    const std::string id = plain.headers.at("request-id");
    EXPECT_TRUE(id.starts_with("req_")) << id;
    EXPECT_NE(plain.body.find(R"("id":"msg_)" + id.substr(4) + '"'), std::string::npos)
        << "an answer's own id leads to its request, too";
    EXPECT_EQ(plain.headers.at("x-evenkeel-source"), "w");
    EXPECT_TRUE(engine.requests().at(0).starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
    EXPECT_NE(engine.requests().at(0).find(R"("model":"served/m")"), std::string::npos);

    const Reply stream =
        rig.caller().request("POST", "/v1/messages", messages_body(true), client_head);
    EXPECT_EQ(stream.status, 200);
    EXPECT_TRUE(stream.whole);
    EXPECT_NE(stream.body.find("event: message_start\n"), std::string::npos);
    EXPECT_NE(stream.body.find("event: message_stop\n"), std::string::npos);
    EXPECT_EQ(stream.body.find("[DONE]"), std::string::npos);
    EXPECT_LT(stream.body.find(": x-evenkeel-cost:"), stream.body.find("event: message_stop\n"));
    const auto records = rig.books.wait_records(2);
    EXPECT_EQ(request_id_text(records.at(0).id), id);
    EXPECT_EQ(records.at(0).usage, (Usage{.prompt = 10, .completion = 5}));
    EXPECT_EQ(records.at(1).usage, (Usage{.prompt = 10, .completion = 5}));
}

TEST(GatewayDialects, AnOpenAiClientIsAnsweredByAnthropic) {
    FakeEngine api{good_anthropic};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    Caller caller = rig.caller();
    const Reply plain = caller.chat(chat_body(false, R"(,"seed":7)", "paid"));
    EXPECT_EQ(plain.status, 200);
    EXPECT_NE(plain.body.find(R"("object":"chat.completion")"), std::string::npos) << plain.body;
    EXPECT_NE(plain.body.find(R"("prompt_tokens":10)"), std::string::npos);
    EXPECT_EQ(plain.headers.at("x-evenkeel-dropped"), "seed");
    const std::string sent = api.requests().at(0);
    EXPECT_TRUE(sent.starts_with("POST /v1/messages HTTP/1.1\r\n"));
    EXPECT_NE(sent.find("x-api-key: api-key\r\n"), std::string::npos);
    EXPECT_NE(sent.find("anthropic-version: 2023-06-01\r\n"), std::string::npos);
    EXPECT_NE(sent.find(R"("max_tokens":8192)"), std::string::npos);
    EXPECT_EQ(sent.find("Bearer"), std::string::npos);

    const Reply stream = caller.chat(chat_body(true, "", "paid"));
    EXPECT_TRUE(stream.whole);
    EXPECT_NE(stream.body.find(R"("content":"hello")"), std::string::npos) << stream.body;
    EXPECT_TRUE(stream.body.ends_with("data: [DONE]\n\n"));
    const auto records = rig.books.wait_records(2);
    for (const RequestRecord& record : records) {
        EXPECT_EQ(record.usage, (Usage{.prompt = 10, .cached = 3, .completion = 5}));
        EXPECT_EQ(record.paid.nanos(), 10 * 4'000 + 5 * 20'000);
    }
}

TEST(GatewayDialects, BytesPassBetweenThoseThatSpeakTheSame) {
    FakeEngine api{good_anthropic};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    const std::string head =
        "x-api-key: good\r\nanthropic-version: 2026-10-21\r\nanthropic-beta: a,b\r\n";
    const std::string unknown =
        R"({"model":"paid","max_tokens":9,"messages":[],"new_field":{"x":[1.50]}})";
    const Reply plain = rig.caller().request("POST", "/v1/messages", unknown, head);
    EXPECT_EQ(plain.body, message);
    const std::string sent = api.requests().at(0);
    EXPECT_NE(
        sent.find("anthropic-version: 2026-10-21\r\nanthropic-beta: a,b\r\n"), std::string::npos);
    EXPECT_TRUE(sent.ends_with(
        R"({"model":"big/paid","max_tokens":9,"messages":[],"new_field":{"x":[1.50]}})"));
    const Reply stream =
        rig.caller().request("POST", "/v1/messages", messages_body(true, "paid"), head);
    EXPECT_TRUE(stream.whole);
    EXPECT_NE(stream.body.find(R"("text":"hello")"), std::string::npos);
    EXPECT_EQ(rig.books.wait_records(2).at(1).usage.completion, 5);
}

TEST(GatewayDialects, WhatWeRefuseIsSaidInTheClientsShape) {
    Rig rig;
    Caller caller = rig.caller();
    const Reply unknown =
        caller.request("POST", "/v1/messages", messages_body(false, "gpt-9"), client_head);
    EXPECT_EQ(unknown.status, 404);
    EXPECT_NE(
        unknown.body.find(R"({"type":"error","error":{"type":"not_found_error")"),
        std::string::npos)
        << unknown.body;
    const Reply stranger =
        caller.request("POST", "/v1/messages", messages_body(false), "x-api-key: bad\r\n");
    EXPECT_EQ(stranger.status, 401);
    EXPECT_NE(stranger.body.find("authentication_error"), std::string::npos);
    const Reply models = caller.request("GET", "/v1/models", "", client_head);
    EXPECT_NE(models.body.find(R"("has_more":false)"), std::string::npos) << models.body;
}

TEST(GatewayDialects, WhatCannotBeTranslatedIsRefusedBeforeAnybodyIsAsked) {
    FakeEngine api{good_anthropic};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.chat(chat_body(false, R"(,"n":2)", "paid")).status, 400);
    const Reply embedding = caller.request(
        "POST",
        "/v1/embeddings",
        R"({"model":"paid","input":"a"})",
        "Authorization: Bearer good\r\n");
    EXPECT_EQ(embedding.status, 400) << embedding.body;
    EXPECT_TRUE(api.requests().empty());
    const auto records = rig.books.wait_records(2);
    EXPECT_EQ(records.at(0).outcome, Outcome::invalid);
    EXPECT_FALSE(records.at(0).hold);
    EXPECT_EQ(caller.chat(chat_body(false, "", "paid")).status, 200) << "its place is free again";
}

TEST(GatewayDialects, AStreamOfAnthropicThatBreaksOffEndsTyped) {
    FakeEngine api{[](FakeEngine::Turn& turn) {
        turn.line->send(
            stream_head() +
            named(
                "message_start",
                R"({"type":"message_start","message":{"usage":{"input_tokens":7,)"
                R"("output_tokens":1}}})") +
            named(
                "content_block_delta",
                R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
                R"("text":"he"}})"));
        turn.keep = false;
    }};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    const Reply native =
        rig.caller().request("POST", "/v1/messages", messages_body(true, "paid"), client_head);
    EXPECT_TRUE(native.whole);
    EXPECT_NE(native.body.find("event: error\ndata: {\"type\":\"error\""), std::string::npos)
        << native.body;
    const Reply translated = rig.caller().chat(chat_body(true, "", "paid"));
    EXPECT_TRUE(translated.whole);
    EXPECT_NE(translated.body.find(R"(data: {"error":)"), std::string::npos) << translated.body;
    EXPECT_EQ(translated.body.find("[DONE]"), std::string::npos);
    for (const RequestRecord& record : rig.books.wait_records(2)) {
        EXPECT_EQ(record.outcome, Outcome::cut);
    }
}

TEST(GatewayDialects, ThoughtsOfAnEngineAreNotSaidToAnthropic) {
    FakeEngine api{good_anthropic};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    const Reply reply = rig.caller().request(
        "POST",
        "/v1/messages",
        R"({"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"a",)"
        R"("signature":""},{"type":"text","text":"b"}]}],"max_tokens":9,"model":"paid"})",
        client_head);
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(api.requests().at(0).ends_with(
        R"({"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}],)"
        R"("max_tokens":9,"model":"big/paid"})"));
}

TEST(GatewayDialects, WhatHasNoStatedPriceIsNotBought) {
    FakeEngine api{good_anthropic};
    Rig rig{at_anthropic()};
    rig.api(api.port());
    const Reply fast = rig.caller().request(
        "POST",
        "/v1/messages",
        R"({"messages":[],"max_tokens":9,"model":"paid","speed":"fast"})",
        client_head);
    EXPECT_EQ(fast.status, 400);
    EXPECT_NE(fast.body.find("changes the price"), std::string::npos) << fast.body;
    EXPECT_TRUE(api.requests().empty());
    FakeEngine engine{good_engine};
    Rig own;
    own.worker("w", engine.port());
    EXPECT_EQ(own.caller().chat(chat_body(false, R"(,"service_tier":"priority")")).status, 200)
        << "a worker has no such prices";
}

TEST(GatewayDialects, ThreeRequestsForWhatASourceLacksDoNotCloseIt) {
    FakeEngine engine{[](FakeEngine::Turn& turn) {
        if (turn.request.starts_with("POST /v1/embeddings")) {
            turn.line->send("HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        good_engine(turn);
    }};
    Rig::Setup setup;
    setup.options.breaker_time = 60s;
    setup.max_wait = 100ms;
    Rig rig{setup};
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    for (int i = 0; i < 5; ++i) {
        EXPECT_GE(
            caller
                .request(
                    "POST",
                    "/v1/embeddings",
                    R"({"model":"m","input":"a"})",
                    "Authorization: Bearer good\r\n")
                .status,
            500);
    }
    EXPECT_EQ(caller.chat(chat_body(false)).status, 200);
}

}  // namespace
}  // namespace evenkeel::inference::test
