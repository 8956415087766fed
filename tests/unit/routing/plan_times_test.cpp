#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

#include <map>

/// When a plan lets a request go where: what it waits, and who answers soonest.
namespace evenkeel::routing {
namespace {

using namespace house;

TEST(Plan, FastestAsksWhoLatelyAnsweredSooner) {
    config::Config config = make_config();
    config.routes = {{.name = "r", .use = {"qwq"}, .prefer = config::Prefer::fastest}};
    House house{config};
    std::map<NameIx, std::chrono::nanoseconds> seen;
    Ask ask = house.ask();
    ask.api_first_token = [](const void* context, NameIx api) {
        const auto& known =
            *static_cast<const std::map<NameIx, std::chrono::nanoseconds>*>(context);
        const auto found = known.find(api);
        return found == known.end() ? std::chrono::nanoseconds{0} : found->second;
    };
    ask.api_first_token_context = &seen;
    const NameIx micro = house.names.find(NameKind::source, "micro");
    const NameIx nano = house.names.find(NameKind::source, "nano");
    seen = {{micro, 3s}, {nano, 400ms}};
    auto plan = house.plan(ask);
    ASSERT_TRUE(plan);
    EXPECT_EQ(house.apis(*plan), "nano micro");
    EXPECT_EQ(plan->arrival.api_first_token, 400ms);
    seen = {{micro, 300ms}, {nano, 400ms}};
    EXPECT_EQ(house.apis(*house.plan(ask)), "micro nano");
    seen = {{micro, 9s}, {nano, 9s}};  // late in any case: no reason to ask them at once
    EXPECT_EQ(house.plan(ask)->arrival.overflow_at, ask.now + 4'800ms);
    seen = {{micro, 4s}, {nano, 4s}};
    EXPECT_EQ(house.plan(ask)->arrival.overflow_at, ask.now + 1'600ms);
    seen = {{nano, 2s}};  // what was never asked may be as fast as most
    plan = house.plan(ask);
    EXPECT_EQ(house.apis(*plan), "micro nano");
    EXPECT_EQ(plan->arrival.api_first_token, 1'500ms);
}

struct Times {
    const char* name;
    std::int64_t tokens_in;
    std::optional<config::Milliseconds> max_wait;
    std::vector<std::string> use;
    std::int64_t speed;
    std::optional<std::chrono::milliseconds> overflow;  ///< after now; nothing = never
    std::chrono::milliseconds give_up;
};

class PlanTimes : public testing::TestWithParam<Times> {};

TEST_P(PlanTimes, FollowTheRouteElseTheFirstTokenBudget) {
    config::Config config = make_config();
    config.routes = {{.name = "r", .use = GetParam().use, .max_wait = GetParam().max_wait}};
    config.models.push_back({.name = "house", .offers = {{.name = "d2", .on = "desk"}}});
    config.speed = GetParam().speed;
    House house{config};
    Ask ask = house.ask();
    ask.tokens_in = GetParam().tokens_in;
    const auto plan = house.plan(ask);
    ASSERT_TRUE(plan);
    EXPECT_EQ(
        plan->arrival.overflow_at,
        GetParam().overflow ? ask.now + *GetParam().overflow : BootTime::max());
    EXPECT_EQ(plan->arrival.give_up_at, ask.now + GetParam().give_up);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    PlanTimes,
    testing::Values(
        // 5 s + 1 s per 1,000 tokens; less 1.5 s for the API 0.8 is patience; 2 s grace with an
        // API.
        Times{"Patience", 3'000, {}, {"qwq", "opus"}, 1, 5'200ms, 18'000ms},
        Times{"MaxWait", 3'000, 20s, {"qwq", "opus"}, 1, 20'000ms, 22'000ms},
        Times{"FasterDemoHasLessGrace", 3'000, 1s, {"qwq"}, 20, 1'000ms, 1'100ms},
        Times{"NoApiWaitsInFull", 3'000, 20s, {"house"}, 1, {}, 20'000ms},
        Times{"NoApiNoMaxWait", 500, {}, {"house"}, 1, {}, 11'000ms},
        Times{"ApisOnlyGoAtOnce", 0, {}, {"opus"}, 1, 0ms, 12'000ms}),
    [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
}  // namespace evenkeel::routing
