#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

/// What a client key brings with it: the routes it may use, and its team.
namespace evenkeel::routing {
namespace {

using namespace house;

config::Config two_routes() {
    config::Config config = make_config();
    config.routes = {
        {.name = "hard", .match = {.models = {"opus"}}, .use = {"opus"}},
        {.name = "default", .use = {"qwq-32b", "opus"}}};
    return config;
}

TEST(PlanKeys, ARouteTheKeyMayNotUseIsPassedOver) {
    House house{two_routes()};
    Ask ask = house.ask("opus");
    EXPECT_EQ(house.plan(ask)->route->name, "hard");
    const std::vector<std::string> only_default{"default"};
    ask.key_routes = only_default;
    EXPECT_EQ(house.plan(ask)->route->name, "default");
    const std::vector<std::string> only_hard{"hard"};
    ask = house.ask("qwq-32b");
    ask.key_routes = only_hard;
    const auto none = house.plan(ask);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::refused);
    const std::vector<std::string> gone{"a-route-that-was-removed"};
    ask.key_routes = gone;
    EXPECT_FALSE(house.plan(ask)) << "a route that is gone opens no other";
}

TEST(PlanKeys, ATeamsBudgetCountsAllItsKeys) {
    config::Config config = make_config();
    config.budgets = {
        {.name = "all", .limit = Money{1'000, aud}},
        {.name = "research", .scope = {.team = "research"}, .limit = Money{1'000, aud}},
        {.name = "sales", .scope = {.team = "sales"}, .limit = Money{1'000, aud}}};
    House house{std::move(config)};
    Ask ask = house.ask();
    EXPECT_EQ(house.plan(ask)->arrival.budgets, 0b001u) << "a key without a team";
    ask.team = "research";
    EXPECT_EQ(house.plan(ask)->arrival.budgets, 0b011u);
    ask.key_name = "ben";
    EXPECT_EQ(house.plan(ask)->arrival.budgets, 0b011u);
}

TEST(PlanKeys, LimitsOfRoutesGoToTheGate) {
    config::Config config = two_routes();
    config.routes[1].limit = {.requests_min = 60, .tokens_min = 200'000, .in_flight = 8};
    House house{std::move(config)};
    const gate::Policy policy = gate_policy(*house.catalogue);
    ASSERT_EQ(policy.limits.size(), 1u) << "only those that have one";
    EXPECT_EQ(
        policy.limits[0],
        (gate::RateLimit{
            .name = house.catalogue->routes[1],
            .requests_min = 60,
            .tokens_min = 200'000,
            .in_flight = 8}));
}

}  // namespace
}  // namespace evenkeel::routing
