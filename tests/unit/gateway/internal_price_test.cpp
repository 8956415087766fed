#include "tests/unit/gateway/priced.hpp"

#include <gtest/gtest.h>

#include <set>

/// Own work that has an internal price: 4,000 nano-dollars a prompt token, 20,000 an answer token.
namespace evenkeel::inference::test {
namespace {

constexpr std::int64_t in = price_in;
constexpr std::int64_t out = price_out;
constexpr std::int64_t answer = 10 * in + 5 * out;  ///< of good_engine's plain answers
const NameIx tester{900};

TEST(GatewayInternalPrice, OwnWorkIsChargedAndPaysNothing) {
    FakeEngine engine{good_engine};
    Rig rig{priced(1'000 * answer)};
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(false, R"(,"max_tokens":50)"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.at("x-evenkeel-cost"), "0.00 USD") << "no external money";
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).kind, SourceKind::own);
    EXPECT_EQ(records.at(0).charged, (Money{answer, usd}));
    EXPECT_EQ(records.at(0).charged_report, answer);
    EXPECT_TRUE(records.at(0).paid.is_zero());
    EXPECT_EQ(records.at(0).budgets, 1u);
    EXPECT_FALSE(records.at(0).hold) << "nothing is put on disk";
    EXPECT_TRUE(rig.books.holds().empty());
    ASSERT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
    EXPECT_EQ(budget_of(rig).settled, answer);
}

TEST(GatewayInternalPrice, F94TheSecondOfTwoRequestsOfAKeyIsRefusedWhenTheMoneyIsGone) {
    FakeEngine engine{good_engine};
    Rig rig{priced(1'000 * answer)};
    rig.worker("w", engine.port());
    // Enough for one answer, and for what is set aside for it; the window ends soon.
    rig.gateway->key_changed(
        {.rate = {.name = tester},
         .money = 10 * out + 20 * in,
         .resets = rig.clock.read().utc + 20s});
    EXPECT_EQ(rig.caller().chat(chat_body(false, R"(,"max_tokens":10)")).status, 200);
    const Reply reply = rig.caller().chat(chat_body(false, R"(,"max_tokens":10)"));
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_NE(reply.body.find("insufficient_quota"), std::string::npos);
    EXPECT_NE(reply.body.find("The limit of key 'tester'"), std::string::npos) << reply.body;
    ASSERT_TRUE(reply.headers.contains("retry-after"));
    const int wait = std::stoi(reply.headers.at("retry-after"));
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 20);
    EXPECT_EQ(engine.requests().size(), 1u) << "no worker saw it";
    EXPECT_EQ(rig.books.wait_records(2).at(1).reason.code, ReasonCode::key_budget_spent);
}

TEST(GatewayInternalPrice, ABudgetSaysWhenItsNextWindowBegins) {
    FakeEngine engine{good_engine};
    Rig rig{priced(1'000 * answer)};
    rig.worker("w", engine.port());
    gate::Policy limits = routing::gate_policy(*rig.catalogue);
    limits.budgets.at(0).resets = rig.clock.read().utc + std::chrono::days{3};
    rig.gateway->apply(rig.catalogue, limits);
    rig.gateway->budget_booked(rig.catalogue->budgets.at(0), 1'000 * answer, {});
    const Reply reply = rig.caller().chat(chat_body(false));
    EXPECT_EQ(reply.status, 429);
    EXPECT_NE(reply.body.find("The next window begins on 20"), std::string::npos) << reply.body;
    EXPECT_EQ(reply.headers.at("x-should-retry"), "false");
    EXPECT_FALSE(reply.headers.contains("retry-after")) << "three days would be obeyed";
    EXPECT_EQ(rig.books.wait_records(1).at(0).reason.code, ReasonCode::budget_spent);
    EXPECT_TRUE(engine.requests().empty());
}

TEST(GatewayInternalPrice, F94AThousandAtOnceNeverPassTheLimitOfTheirKey) {
    FakeEngine engine{good_engine};
    constexpr std::int64_t limit = 100 * answer;
    Rig::Setup setup = priced(limit);
    setup.queue_limit = 2'000;
    setup.max_wait = 3s;
    Rig rig{setup};
    rig.worker("w", engine.port(), 64);
    std::vector<Caller> callers;
    for (int i = 0; i < 1'000; ++i) {
        callers.push_back(rig.caller());
        callers.back().start(chat_body(false, R"(,"max_tokens":10)"));
    }
    int answered = 0;
    for (Caller& caller : callers) {
        const Reply reply = caller.finish(10s);
        answered += reply.status == 200 ? 1 : 0;
        EXPECT_TRUE(reply.status == 200 || reply.status == 429) << reply.status;
    }
    std::int64_t charged = 0;
    for (const RequestRecord& record : rig.books.wait_records(1'000)) {
        charged += record.charged_report;
    }
    EXPECT_EQ(charged, answered * answer);
    EXPECT_LE(charged, limit) << "overshoot";
    EXPECT_GE(answered, 95) << "nearly all of it is used";
    ASSERT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
    EXPECT_EQ(budget_of(rig).settled, charged);
}

TEST(GatewayInternalPrice, WhatFailsBeforeItsAnswerGivesBack) {
    FakeEngine broken{[](FakeEngine::Turn& turn) { turn.line->reset(); }};
    Rig rig{priced(1'000 * answer)};
    rig.worker("w", broken.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false, R"(,"max_tokens":50)")).status, 502);
    EXPECT_EQ(rig.books.wait_records(1).at(0).charged_report, 0);
    ASSERT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
    EXPECT_EQ(budget_of(rig).settled, 0);
}

TEST(GatewayInternalPrice, AWorkerThatFailsAndTheApiAfterItCountOnce) {
    FakeEngine broken{[](FakeEngine::Turn& turn) { turn.line->reset(); }};
    FakeEngine seller{good_engine};
    Rig::Setup setup = priced(1'000 * answer);
    setup.overflow = true;
    Rig rig{setup};
    rig.worker("w", broken.port());
    rig.api(seller.port());
    EXPECT_EQ(rig.caller().chat(chat_body(false, R"(,"max_tokens":50)")).status, 200);
    const RequestRecord record = rig.books.wait_records(1).at(0);
    EXPECT_EQ(record.kind, SourceKind::api);
    EXPECT_EQ(record.charged, record.paid);
    EXPECT_EQ(record.charged_report, answer);
    ASSERT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
    EXPECT_EQ(budget_of(rig).settled, answer);
}

TEST(GatewayInternalPrice, ALearnedReserveGrowsWithTheStreamAndEndsItTyped) {
    FakeEngine engine{talkative(5'000)};
    Rig rig{priced(600 * out, /*learns=*/true)};
    rig.worker("w", engine.port());
    const Reply reply = rig.caller().chat(chat_body(true));
    EXPECT_TRUE(reply.whole) << "the framing ends as it should";
    EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos);
    EXPECT_NE(reply.body.find("insufficient_quota"), std::string::npos);
    const RequestRecord record = rig.books.wait_records(1).at(0);
    EXPECT_EQ(record.outcome, Outcome::cut);
    EXPECT_GT(record.charged_report, 200 * out);
    EXPECT_LE(record.charged_report, 600 * out) << "no budget is ever passed";
    EXPECT_EQ(rig.books.topped_up(), 0) << "nothing of it is on disk";
    ASSERT_TRUE(rig.wait_until([&] { return budget_of(rig).held == 0; }));
}

}  // namespace
}  // namespace evenkeel::inference::test
