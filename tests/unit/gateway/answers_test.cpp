#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// The good paths, and what clients see in them.
namespace evenkeel::inference::test {
namespace {

TEST(GatewayPlain, AnswersWithSourceCostAndReason) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("own-5090", engine.port());
    Caller caller = rig.caller();
    const Reply reply = caller.chat(chat_body(false));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, chat_json());
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "own-5090");
    EXPECT_EQ(reply.headers.at("x-evenkeel-cost"), "0.00 USD");
    EXPECT_EQ(reply.headers.at("x-evenkeel-reason"), "own_free");
    EXPECT_EQ(reply.headers.at("x-evenkeel-synthetic"), "true");
    EXPECT_TRUE(reply.headers.at("x-request-id").starts_with("req_"));
    EXPECT_FALSE(reply.headers.contains("server"));

    const auto records = rig.books.wait_records(1);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(request_id_text(records[0].id), reply.headers.at("x-request-id"));
    EXPECT_EQ(records[0].outcome, Outcome::answered);
    EXPECT_EQ(records[0].usage, (Usage{.prompt = 10, .completion = 5}));
    EXPECT_EQ(records[0].policy, 7);
    EXPECT_EQ(records[0].key, NameIx{900});
    EXPECT_TRUE(records[0].paid.is_zero());
    EXPECT_FALSE(records[0].hold);

    const std::string sent = engine.requests().at(0);
    EXPECT_NE(sent.find("Authorization: Bearer engine-key\r\n"), std::string::npos);
    EXPECT_EQ(sent.find("good"), std::string::npos) << "I10: the client's key went upstream";
    EXPECT_NE(sent.find(R"("model":"served/m")"), std::string::npos);
    EXPECT_EQ(sent.find("stream_options"), std::string::npos);
}

TEST(GatewayPlain, ReusesConnectionsOnBothSides) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(caller.chat(chat_body(i % 2 == 0)).status, 200);
    }
    EXPECT_EQ(engine.connections(), 1);
    EXPECT_EQ(rig.books.wait_records(20).size(), 20u);
}

TEST(GatewayPlain, UsageMissingIsEstimated) {
    FakeEngine engine{[](auto& turn) { turn.line->send(plain_answer(R"({"choices":[1]})")); }};
    Rig rig;
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200);
    const auto records = rig.books.wait_records(1);
    EXPECT_TRUE(records.at(0).usage.estimated);
    EXPECT_EQ(records.at(0).usage.prompt, 3);
    EXPECT_EQ(records.at(0).usage.completion, 3);
}

TEST(GatewayPlain, LongAnswersAreStreamedThrough) {
    const std::string json = R"({"choices":[")" + std::string(300'000, 'x') +
                             R"("],"usage":{"prompt_tokens":4,"completion_tokens":9}})";
    FakeEngine engine{[&json](auto& turn) { turn.line->send(plain_answer(json)); }};
    Rig::Setup setup;
    setup.options.plain_buffer_bytes = 50'000;
    Rig rig{setup};
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    const Reply reply = caller.chat(chat_body(false));
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(reply.body, json);
    EXPECT_EQ(rig.books.wait_records(1).at(0).usage, (Usage{.prompt = 4, .completion = 9}));
    EXPECT_EQ(caller.chat(chat_body(false)).body.size(), json.size());
    EXPECT_EQ(engine.connections(), 1);
}

TEST(GatewayPlain, EngineBodyWithoutLengthEndsWithTheConnection) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + chat_json());
        turn.keep = false;
    }};
    Rig rig;
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).body, chat_json());
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::answered);
}

TEST(GatewayStream, PassesEventsAndSaysWhatItCost) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.whole);
    EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream");
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "w");
    EXPECT_EQ(
        reply.body,
        event("one") + event("two") + event("three") + ": x-evenkeel-cost: 0.00 USD\n\n" +
            std::string{done_event});
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).usage, (Usage{.prompt = 10, .completion = 5}));
    EXPECT_NE(
        engine.requests().at(0).find(R"("stream_options":{"include_usage":true})"),
        std::string::npos);
}

TEST(GatewayStream, UsageEventStaysWhenTheClientAsked) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    const Reply reply =
        rig.caller().chat(chat_body(true, R"(,"stream_options":{"include_usage":true})"));
    EXPECT_NE(reply.body.find(usage_event()), std::string::npos);
}

TEST(GatewayStream, Http10ClientGetsBareEventsAndAClose) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Line line = Line::connect(rig.gateway->port());
    const std::string body = chat_body(true);
    line.send(
        "POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body);
    const std::string all = line.receive_all();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(all.find("Transfer-Encoding"), std::string::npos);
    EXPECT_TRUE(all.ends_with(done_event));
    EXPECT_NE(all.find("\r\n\r\n" + event("one")), std::string::npos);
}

TEST(GatewayStream, F55OddBytesPassUnchanged) {
    const std::string odd =
        ": ping\n\ndata: {\"x\":\"caf\xC3\xA9\"}\r\n\r\nid: 7\nretry: 5\ndata: not json\n\n"
        "data: {\"a\":\ndata: 1}\n\n" +
        std::string("data: \0nul\n\n", 12) + "event: x\n\n";
    for (const std::size_t step : {1u, 2u, 3u, 7u, 1000u}) {
        FakeEngine engine{[&odd, step](auto& turn) {
            turn.line->send(stream_head());
            for (std::size_t at = 0; at < odd.size(); at += step) {
                turn.line->send(chunked(odd.substr(at, step)));
            }
            turn.line->send(chunked(done_event) + std::string{last_chunk});
        }};
        Rig rig;
        rig.worker("w", engine.port());
        const Reply reply = rig.caller().chat(chat_body(true));
        EXPECT_TRUE(reply.whole);
        EXPECT_EQ(reply.body, odd + ": x-evenkeel-cost: 0.00 USD\n\n" + std::string{done_event});
    }
}

TEST(GatewayStream, F56UsageMissingIsCounted) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(
            stream_head() + chunked(event("a")) + chunked(event("b")) + chunked(done_event) +
            std::string{last_chunk});
    }};
    Rig rig;
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(true)).status, 200);
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).usage, (Usage{.prompt = 3, .completion = 2, .estimated = true}));
}

TEST(GatewayStream, ConnectionWhoseFramingEndsLaterIsKept) {
    FakeEngine engine{[](auto& turn) {
        turn.line->send(stream_head() + chunked(event("a")) + chunked(done_event));
        std::this_thread::sleep_for(20ms);
        turn.line->send(last_chunk);
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    EXPECT_EQ(caller.chat(chat_body(true)).status, 200);
    std::this_thread::sleep_for(40ms);
    EXPECT_EQ(caller.chat(chat_body(true)).status, 200);
    EXPECT_EQ(engine.connections(), 1);
}

TEST(GatewayApi, HoldIsOnDiskBeforeTheFirstByte) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.books.manual = true;
    rig.api(engine.port());
    Caller caller = rig.caller();
    caller.start(chat_body(false, R"(,"max_tokens":100)", "paid"));
    ASSERT_TRUE(rig.wait_until([&] { return engine.connections() == 1; }));
    std::this_thread::sleep_for(30ms);
    EXPECT_TRUE(engine.requests().empty()) << "a byte went out before the hold was on disk";
    ASSERT_EQ(rig.books.holds().size(), 1u);
    // 3 tokens in, at most 100 out: 12 + 2000 micro-dollars.
    EXPECT_EQ(rig.books.holds()[0].amount, (Money{2'012'000, usd}));
    rig.books.acknowledge();
    const Reply reply = caller.finish();
    EXPECT_EQ(reply.status, 200);
    // 10 in, 5 out: 40 + 100 micro-dollars.
    EXPECT_EQ(reply.headers.at("x-evenkeel-cost"), "0.00014 USD");
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "seller-paid");
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).paid, (Money{140'000, usd}));
    EXPECT_EQ(records.at(0).charged_report, 140'000);
    EXPECT_EQ(records.at(0).hold, HoldId{100});
    EXPECT_EQ(records.at(0).kind, SourceKind::api);
    EXPECT_TRUE(rig.books.released().empty());
    EXPECT_NE(engine.requests().at(0).find(R"("model":"big/paid")"), std::string::npos);
}

TEST(GatewayApi, StreamSaysEstimateThenSettledCost) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.api(engine.port());
    const Reply reply = rig.caller().chat(chat_body(true, R"(,"max_tokens":50)", "paid"));
    EXPECT_EQ(reply.headers.at("x-evenkeel-cost"), "0.001012 USD");
    EXPECT_NE(reply.body.find(": x-evenkeel-cost: 0.00014 USD\n"), std::string::npos);
}

TEST(GatewayApi, WhatItWouldChargeMoreForWaitsForAWorker) {
    FakeEngine api{good_engine};
    FakeEngine own{[](auto& turn) {
        std::this_thread::sleep_for(1s);
        good_engine(turn);
    }};
    Rig::Setup setup;
    setup.overflow = true;
    setup.max_wait = 50ms;
    Rig rig{setup};
    rig.api(api.port());
    rig.worker("w", own.port(), 1);
    Caller first = rig.caller();
    first.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return own.requests().size() == 1; }));
    const Reply reply = rig.caller().chat(chat_body(false, R"(,"service_tier":"priority")"));
    EXPECT_EQ(reply.status, 503) << "a worker could answer it, later: " << reply.body;
    EXPECT_TRUE(api.requests().empty());
}

TEST(GatewayApi, OverflowsWhenNoWorkerIsFree) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.overflow = true;
    setup.max_wait = 50ms;
    Rig rig{setup};
    rig.api(engine.port());
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-source"), "seller-m");
    EXPECT_EQ(reply.headers.at("x-evenkeel-reason"), "api_overflow");
    EXPECT_EQ(rig.books.wait_records(1).at(0).kind, SourceKind::api);
    EXPECT_EQ(rig.gateway->counters().totals.api, 1);
}

TEST(GatewayRoutes, ByTheTextOfTheMessages) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.change = [](config::Config& config) {
        config.routes.insert(
            config.routes.begin(),
            {.name = "hard", .match = {.text = "(?i)prove that"}, .use = {"paid"}});
    };
    Rig rig{setup};
    rig.api(engine.port());
    rig.worker("desk", engine.port());
    const auto source = [&](const std::string& content) {
        const Reply reply = rig.caller().chat(
            R"({"model":"m","messages":[{"role":"user","content":")" + content + "\"}]}");
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.headers.at("x-evenkeel-source");
    };
    EXPECT_EQ(source("say hi"), "desk");
    EXPECT_EQ(source("Please\\nprove\\u0020THAT 1 = 1"), "seller-paid");
}

/// 3 tokens by estimate, 10 in truth: held at the tier it may reach, settled at the one it reached.
TEST(GatewayApi, TiersAreHeldAndSettled) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.change = [](config::Config& config) {
        config.models[1].offers[0].token_price->tiers = {
            {.over = 9, .in = *parse_price("8 USD/Mtok"), .out = *parse_price("40 USD/Mtok")},
            {.over = 11, .in = *parse_price("16 USD/Mtok"), .out = *parse_price("80 USD/Mtok")}};
    };
    Rig rig{setup};
    rig.api(engine.port());
    const Reply reply = rig.caller().chat(chat_body(false, R"(,"max_tokens":100)", "paid"));
    EXPECT_EQ(reply.headers.at("x-evenkeel-cost"), "0.00028 USD");
    // It may be 12 tokens, and so over 11: 3 x 16 + 100 x 80 micro-dollars.
    EXPECT_EQ(rig.books.holds().at(0).amount, (Money{8'048'000, usd}));
    EXPECT_EQ(rig.books.wait_records(1).at(0).paid, (Money{280'000, usd}));
}

TEST(GatewayModels, ListsRoutesWithState) {
    FakeEngine engine{good_engine};
    Rig rig;
    Caller caller = rig.caller();
    const std::string key = "Authorization: Bearer good\r\n";
    const Reply cold = caller.request("GET", "/v1/models", "", key);
    EXPECT_EQ(cold.status, 200);
    EXPECT_NE(cold.body.find(R"("id":"m","object":"model")"), std::string::npos);
    EXPECT_NE(cold.body.find(R"("state":"cold")"), std::string::npos);
    rig.worker("w", engine.port());
    const Reply one = caller.request("GET", "/v1/models/alias", "", key);
    EXPECT_EQ(one.status, 200);
    EXPECT_NE(one.body.find(R"("id":"m")"), std::string::npos);
    EXPECT_NE(one.body.find(R"("state":"ready")"), std::string::npos);
    EXPECT_EQ(caller.request("GET", "/v1/models/none", "", key).status, 404);
    EXPECT_EQ(caller.request("GET", "/v1/models", "", "").status, 401);
}

TEST(GatewayLoops, FourLoopsShareOneGate) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.options.threads = 4;
    Rig rig{setup};
    rig.worker("w", engine.port(), 2);
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&rig, &good, i] {
            Caller caller = rig.caller();
            for (int n = 0; n < 10; ++n) {
                good += caller.chat(chat_body((n + i) % 2 == 0)).status == 200 ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(good.load(), 80);
    EXPECT_EQ(rig.books.wait_records(80).size(), 80u);
    const auto counters = rig.gateway->counters();
    EXPECT_EQ(counters.totals.answered, 80);
    EXPECT_EQ(counters.totals.in_flight, 0);
    EXPECT_EQ(counters.gate.sources.at(0).finished, 80);
    EXPECT_EQ(counters.gate.sources.at(0).in_flight, 0);
}

}  // namespace
}  // namespace evenkeel::inference::test
