#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

/// What own and rented work is charged, and in which budgets.
namespace evenkeel::routing {
namespace {

using namespace house;

/// In AUD it is 0.30 a million in and 1.20 out.
config::Config priced() {
    config::Config config = make_config();
    config.models[0].internal_price = prices("0.20 USD/Mtok", "0.80 USD/Mtok");
    config.budgets = {
        {.name = "all", .limit = Money{1'000, aud}},
        {.name = "own", .scope = {.kind = "own"}, .limit = Money{1'000, aud}},
        {.name = "apis", .scope = {.kind = "api"}, .limit = Money{1'000, aud}},
        {.name = "desk", .scope = {.provider = "desk"}, .limit = Money{1'000, aud}},
        {.name = "ann", .scope = {.key = "ann"}, .limit = Money{1'000, aud}},
        {.name = "team", .scope = {.team = "research"}, .limit = Money{1'000, aud}},
        {.name = "qwq", .scope = {.model = "qwq-32b"}, .limit = Money{1'000, aud}},
        {.name = "opus", .scope = {.model = "opus"}, .limit = Money{1'000, aud}},
        {.name = "route", .scope = {.route = "default"}, .limit = Money{1'000, aud}}};
    return config;
}

TEST(PlanInternal, TheCeilingIsHeldInBudgetsOfWhoAsks) {
    House house{priced()};
    Ask ask = house.ask();
    ask.team = "research";
    const auto plan = house.plan(ask);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->arrival.internal_hold, 1'000 * 300 + 500 * 1'200);
    EXPECT_EQ(plan->internal_tokens_out, 500);
    EXPECT_EQ(plan->arrival.internal_budgets, 0b1'0111'0000u);
    EXPECT_EQ(plan->arrival.budgets, 0b1'0011'0101u) << "as ever: a model's come with its APIs";
}

TEST(PlanInternal, WithoutACeilingTheContextIsHeldAndUnderLearnedTheReserve) {
    House house{priced()};
    Ask ask = house.ask();
    ask.max_tokens = 0;
    EXPECT_EQ(house.plan(ask)->arrival.internal_hold, 1'000 * 300 + 31'000 * 1'200);
    ask.reserve_tokens = 200;
    EXPECT_EQ(house.plan(ask)->arrival.internal_hold, 1'000 * 300 + 200 * 1'200);
    EXPECT_EQ(house.plan(ask)->internal_tokens_out, 200);
}

TEST(PlanInternal, WithoutAPriceNothingIsHeld) {
    House house;
    EXPECT_EQ(house.plan(house.ask())->arrival.internal_hold, -1);
    EXPECT_EQ(house.plan(house.ask("opus"))->arrival.internal_hold, -1);
}

TEST(PlanInternal, MaxCostIsAboutExternalMoney) {
    config::Config config = priced();
    config.routes[0].max_cost = Money{1, aud};
    House house{std::move(config)};
    const auto plan = house.plan(house.ask());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->arrival.api_count, 0);
    EXPECT_GT(plan->arrival.internal_hold, 1);
}

TEST(PlanInternal, APriceThatCannotBeCountedIsLeftOutAndSaidSo) {
    config::Config config = priced();
    config.models[0].internal_price = prices("0.20 EUR/Mtok", "0.80 EUR/Mtok");
    House house{std::move(config)};
    EXPECT_EQ(house.plan(house.ask())->arrival.internal_hold, -1);
    ASSERT_EQ(house.catalogue->notes.size(), 1u);
    EXPECT_NE(house.catalogue->notes[0].find("internal price of qwq-32b"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::routing
