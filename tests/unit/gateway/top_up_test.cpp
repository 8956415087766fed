#include "tests/unit/gateway/rig.hpp"

#include <gtest/gtest.h>

/// Streams of APIs that grow beyond the money set aside for them. The API of these rigs takes
/// 20,000 nano-dollars for an output token; 256 tokens are set aside while nothing is known.
namespace evenkeel::inference::test {
namespace {

constexpr std::int64_t token = 20'000;

void learned(config::Config& config) {
    config.safety.reserve = config::Reserve::learned;
}

TEST(GatewayTopUp, AnAnswerWhoseCeilingIsPaidForIsNeverCut) {
    FakeEngine api{talkative(300)};
    for (const bool learns : {false, true}) {
        Rig::Setup setup;
        setup.budget_nanos = 301 * token;  // the answer's and the prompt's
        setup.change = learns ? learned : std::function<void(config::Config&)>{};
        Rig rig{setup};
        rig.api(api.port());
        const Reply reply = rig.caller().chat(chat_body(true, R"(,"max_tokens":300)", "paid"));
        EXPECT_NE(reply.body.find("[DONE]"), std::string::npos) << learns;
        EXPECT_EQ(rig.books.wait_records(1).at(0).outcome, Outcome::answered);
        EXPECT_LE(rig.books.holds().at(0).amount_report + rig.books.topped_up(), 301 * token);
    }
}

TEST(GatewayTopUp, MoreIsSetAsideBeforeTheStreamPassesIt) {
    FakeEngine api{talkative(600)};
    Rig::Setup setup;
    setup.budget_nanos = 100'000 * token;
    setup.change = learned;
    Rig rig{setup};
    rig.api(api.port());
    const Reply reply = rig.caller().chat(chat_body(true, "", "paid"));
    EXPECT_TRUE(reply.whole);
    EXPECT_NE(reply.body.find("[DONE]"), std::string::npos);
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::answered);
    const std::int64_t held = rig.books.holds().at(0).amount_report;
    EXPECT_LT(held, 300 * token) << "not the ceiling";
    EXPECT_GE(held + rig.books.topped_up(), 600 * token);
    const auto budget = rig.gateway->counters().gate.budgets.at(0);
    EXPECT_EQ(budget.held, 0);
    EXPECT_EQ(budget.settled, records.at(0).charged_report);
}

TEST(GatewayTopUp, F94AStreamEndsTypedWhenTheBudgetHasNoMore) {
    FakeEngine api{talkative(5'000)};
    Rig::Setup setup;
    setup.budget_nanos = 600 * token;
    setup.change = learned;
    Rig rig{setup};
    rig.api(api.port());
    const Reply reply = rig.caller().chat(chat_body(true, "", "paid"));
    EXPECT_TRUE(reply.whole) << "the framing ends as it should";
    EXPECT_EQ(reply.body.find("[DONE]"), std::string::npos);
    EXPECT_NE(reply.body.find("insufficient_quota"), std::string::npos);
    const auto records = rig.books.wait_records(1);
    EXPECT_EQ(records.at(0).outcome, Outcome::cut);
    EXPECT_EQ(records.at(0).reason.code, ReasonCode::budget_spent);
    EXPECT_GT(records.at(0).charged_report, 200 * token);
    EXPECT_LE(records.at(0).charged_report, 600 * token) << "no budget is ever passed";
    EXPECT_EQ(rig.gateway->counters().gate.budgets.at(0).held, 0);
}

TEST(GatewayTopUp, CeilingModeAndPlainAnswersSetAsideAllAtOnce) {
    FakeEngine api{good_engine};
    Rig::Setup setup;
    setup.budget_nanos = 100'000 * token;
    for (const bool streams : {true, false}) {
        Rig::Setup one = setup;
        one.change = streams ? std::function<void(config::Config&)>{} : learned;
        Rig rig{one};
        rig.api(api.port());
        EXPECT_EQ(
            rig.caller().chat(chat_body(streams, R"(,"max_tokens":5000)", "paid")).status, 200);
        static_cast<void>(rig.books.wait_records(1));
        EXPECT_GE(rig.books.holds().at(0).amount_report, 5'000 * token);
        EXPECT_EQ(rig.books.topped_up(), 0);
    }
}

}  // namespace
}  // namespace evenkeel::inference::test
