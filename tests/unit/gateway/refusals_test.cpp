#include "tests/unit/gateway/rig.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

/// Every refusal has the dialect's shape, and its one record.
namespace evenkeel::inference::test {
namespace {

std::string code_of(const Reply& reply) {
    const auto body = boost::json::parse(reply.body);
    const auto& code = body.at("error").at("code");
    return code.is_null() ? "" : std::string{code.as_string()};
}

std::string type_of(const Reply& reply) {
    return std::string{boost::json::parse(reply.body).at("error").at("type").as_string()};
}

TEST(GatewayRefuses, WithoutAKey) {
    Rig rig;
    Caller caller = rig.caller();
    const Reply none = caller.request("POST", "/v1/chat/completions", chat_body(false), "");
    EXPECT_EQ(none.status, 401);
    EXPECT_EQ(code_of(none), "invalid_api_key");
    const Reply wrong = caller.chat(chat_body(false), "sk-very-secret-guess");
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.body.find("guess"), std::string::npos);
    EXPECT_EQ(rig.gateway->counters().totals.unauthorized, 2);
    EXPECT_EQ(rig.gateway->counters().totals.total, 0);
    EXPECT_TRUE(rig.books.records().empty());
}

TEST(GatewayRefuses, F73KeyGuessingIsThrottledButAGoodKeyIsNot) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    int throttled = 0;
    for (int i = 0; i < 200; ++i) {
        const Reply reply = caller.chat("{}", "guess" + std::to_string(i));
        throttled += reply.status == 429 ? 1 : 0;
        ASSERT_TRUE(reply.status == 401 || reply.status == 429);
    }
    EXPECT_GT(throttled, 150);
    EXPECT_EQ(caller.chat(chat_body(false)).status, 200);
    EXPECT_EQ(rig.gateway->counters().totals.unauthorized, 200);
}

TEST(GatewayRefuses, WrongPathsAndMethods) {
    Rig rig;
    Caller caller = rig.caller();
    const std::string key = "Authorization: Bearer good\r\n";
    EXPECT_EQ(caller.request("POST", "/v1/audio/speech", "{}", key).status, 404);
    EXPECT_EQ(caller.request("GET", "/", "", key).status, 404);
    EXPECT_EQ(caller.request("GET", "/v1/chat/completions", "", key).status, 405);
    EXPECT_EQ(caller.request("POST", "/v1/models", "{}", key).status, 405);
    EXPECT_TRUE(rig.books.records().empty());
}

TEST(GatewayRefuses, BadBodiesWithOneRecordEach) {
    Rig rig;
    Caller caller = rig.caller();
    const Reply broken = caller.chat("{\"model\":");
    EXPECT_EQ(broken.status, 400);
    EXPECT_EQ(type_of(broken), "invalid_request_error");
    const Reply twice =
        caller.chat(R"({"model":"m","messages":[],"max_tokens":1,"max_tokens":900000})");
    EXPECT_EQ(twice.status, 400) << "F68";
    EXPECT_EQ(caller.chat("").status, 400);
    const auto records = rig.books.wait_records(3);
    ASSERT_EQ(records.size(), 3u);
    for (const RequestRecord& record : records) {
        EXPECT_EQ(record.outcome, Outcome::invalid);
        EXPECT_EQ(record.key, NameIx{900});
    }
}

TEST(GatewayRefuses, F62LargeBodyByItsHeader) {
    Rig::Setup setup;
    setup.options.limits.body_bytes = 1'000;
    Rig rig{setup};
    Line line = Line::connect(rig.gateway->port());
    line.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        "Content-Length: 1000000000\r\n\r\n");
    EXPECT_TRUE(line.receive_until("}}").starts_with("HTTP/1.1 413 "));
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::invalid);
}

TEST(GatewayRefuses, UnknownModelNamesNearOnes) {
    Rig rig;
    const Reply reply = rig.caller().chat(chat_body(false, "", "piad"));
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(code_of(reply), "model_not_found");
    EXPECT_NE(reply.body.find("paid"), std::string::npos);
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::invalid);
}

TEST(GatewayRefuses, F72ModelNamesCannotBreakOut) {
    Rig rig;
    Caller caller = rig.caller();
    const Reply lines = caller.chat(chat_body(false, "", R"(a\r\nx-evil: 1)"));
    EXPECT_EQ(lines.status, 400);
    EXPECT_FALSE(lines.headers.contains("x-evil"));
    const Reply html = caller.chat(chat_body(false, "", R"(<b>\"x\"</b>\u2028)"));
    EXPECT_EQ(html.status, 404);
    EXPECT_NO_THROW((void)code_of(html));
}

TEST(GatewayRefuses, F71UpstreamAddressesInTheBodyAreOnlyBytes) {
    FakeEngine engine{good_engine};
    FakeEngine elsewhere{good_engine};
    Rig rig;
    rig.worker("w", engine.port());
    const std::string url = "http://127.0.0.1:" + std::to_string(elsewhere.port());
    const Reply reply = rig.caller().chat(chat_body(
        false,
        ",\"api_base\":\"" + url + "\",\"base_url\":\"" + url + "\",\"x\":{\"api_base\":\"" + url +
            "\"}"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(GatewayRefuses, WithoutAWorkerInTime) {
    Rig::Setup setup;
    setup.max_wait = 30ms;
    Rig rig{setup};
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(code_of(reply), "engine_starting");
    const int wait = std::stoi(reply.headers.at("retry-after"));
    EXPECT_GE(wait, 1);
    EXPECT_LE(wait, 30);
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::refused);
    EXPECT_EQ(reply.headers.at("x-request-id"), request_id_text(records.at(0).id));
}

TEST(GatewayRefuses, BusyWorkerInTimeIsOverloaded) {
    FakeEngine engine{[](auto& turn) { (void)turn.line->closed_by_peer(3s); }};
    Rig::Setup setup;
    setup.max_wait = 50ms;
    Rig rig{setup};
    rig.worker("w", engine.port(), 1);
    Caller first = rig.caller();
    first.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] { return !engine.requests().empty(); }));
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(code_of(reply), "overloaded");
    EXPECT_EQ(rig.books.wait_records(1).at(0).reason.code, ReasonCode::wait_over);
}

TEST(GatewayRefuses, FullQueue) {
    Rig::Setup setup;
    setup.queue_limit = 1;
    Rig rig{setup};
    Caller waits = rig.caller();
    waits.start(chat_body(false));
    ASSERT_TRUE(rig.wait_until([&] {
        return rig.gateway->counters().gate.models.size() > 0 &&
               rig.gateway->counters().gate.models[0].queued == 1;
    }));
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(type_of(reply), "rate_limit_error");
    EXPECT_TRUE(reply.headers.contains("retry-after"));
}

TEST(GatewayRefuses, F94SpentBudgetTellsSdksNotToRetry) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.budget_nanos = 1'000;
    setup.max_wait = 30ms;
    Rig rig{setup};
    rig.api(engine.port());
    const Reply reply = rig.caller().chat(chat_body(false, R"(,"max_tokens":100)", "paid"));
    EXPECT_EQ(reply.status, 429);
    EXPECT_EQ(code_of(reply), "insufficient_quota");
    EXPECT_EQ(reply.headers.at("x-should-retry"), "false");
    EXPECT_EQ(engine.connections(), 0);
    EXPECT_TRUE(rig.books.holds().empty());
}

TEST(GatewayRefuses, PaidWorkWhenTheLedgerIsClosed) {
    FakeEngine engine{good_engine};
    Rig rig;
    rig.api(engine.port());
    rig.books.accepts = false;
    EXPECT_EQ(rig.caller().chat(chat_body(false, "", "paid")).status, 503);
    rig.worker("w", engine.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false)).status, 200) << "I8: own work goes on";
    rig.books.accepts = true;
    rig.books.manual = true;
    Caller caller = rig.caller();
    caller.start(chat_body(false, "", "paid"));
    rig.books.acknowledge(fail(Errc::io_failed, "disk full"));
    EXPECT_EQ(caller.finish().status, 503);
    EXPECT_EQ(engine.requests().size(), 1u) << "no paid request may have gone out";
    EXPECT_EQ(rig.books.wait_records(3).size(), 3u);
}

TEST(GatewayRefuses, F80LedgerThatNeverAnswers) {
    FakeEngine engine{good_engine};
    Rig::Setup setup;
    setup.options.ledger_limit = 60ms;
    Rig rig{setup};
    rig.api(engine.port());
    rig.books.manual = true;
    EXPECT_EQ(rig.caller().chat(chat_body(false, "", "paid")).status, 503);
    rig.books.acknowledge();
    EXPECT_TRUE(rig.wait_until([&] { return rig.books.released().size() == 1; }))
        << "a late acknowledgement must give the money back";
    EXPECT_TRUE(engine.requests().empty());
}

TEST(GatewayRefuses, UpstreamErrorsAreRebuilt) {
    FakeEngine engine{[](auto& turn) {
        const std::string body =
            R"({"error":{"code":400,"message":"the request exceeds the available context size",)"
            R"("type":"exceed_context_size_error"}})";
        turn.line->send(
            "HTTP/1.1 400 Bad Request\r\nServer: llama.cpp\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body);
    }};
    Rig rig;
    rig.worker("w", engine.port());
    Caller caller = rig.caller();
    const Reply reply = caller.chat(chat_body(true));
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(code_of(reply), "context_length_exceeded");
    EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::invalid);
    EXPECT_EQ(caller.chat(chat_body(false)).status, 400);
    EXPECT_EQ(engine.connections(), 1) << "the connection was fine";
}

TEST(GatewayRefuses, BeforeTheFirstPolicy) {
    FakeBooks books;
    FakeKeys keys;
    SystemClock clock;
    auto gateway = Gateway::start({.listen = "127.0.0.1:0"}, books, keys, clock);
    ASSERT_TRUE(gateway);
    EXPECT_EQ(Caller{(*gateway)->port()}.chat(chat_body(false)).status, 503);
    const auto taken = Gateway::start({.listen = (*gateway)->address()}, books, keys, clock);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::conflict);
}

TEST(GatewaySources, BadOnesAreRefusedWithoutTheirKey) {
    Rig rig;
    const auto up = rig.gateway->source_up(
        {.source = NameIx{5},
         .name = "x",
         .host = "127.0.0.1",
         .port = 1,
         .key = Secret{"sk-secret\n"},
         .seller_model = "m"});
    ASSERT_FALSE(up);
    EXPECT_EQ(up.error().code, Errc::invalid_argument);
    EXPECT_EQ(up.error().message.find("sk-secret"), std::string::npos);
    EXPECT_FALSE(rig.gateway->source_up({.source = NameIx{5}, .name = "x", .host = "h"}));
    EXPECT_FALSE(rig.gateway->source_up(
        {.source = NameIx{5},
         .name = "x",
         .host = "h",
         .port = 1,
         .tls = true,
         .ca_file = "/nonexistent.pem"}));
    EXPECT_FALSE(rig.gateway->source_up(
        {.source = NameIx{5}, .name = "x", .host = "h", .port = 1, .pin = "ABC"}));
}

}  // namespace
}  // namespace evenkeel::inference::test
