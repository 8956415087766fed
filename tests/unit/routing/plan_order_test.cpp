#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>

/// In which order a plan asks models and APIs.
namespace evenkeel::routing {
namespace {

using namespace house;

struct Order {
    const char* name;
    std::vector<std::string> use;
    config::Prefer prefer;
    const char* asked;
    const char* queue;  ///< "" = APIs only
    const char* apis;
    int apis_first;
};

class PlanOrders : public testing::TestWithParam<Order> {};

TEST_P(PlanOrders, EarlierModelsBeforeLaterOnes) {
    config::Config config = make_config();
    config.routes = {{.name = "r", .use = GetParam().use, .prefer = GetParam().prefer}};
    House house{config};
    const auto plan = house.plan(house.ask(GetParam().asked));
    ASSERT_TRUE(plan);
    EXPECT_EQ(house.apis(*plan), GetParam().apis);
    EXPECT_EQ(plan->arrival.apis_first, GetParam().apis_first);
    const NameIx queue = plan->arrival.model;
    EXPECT_EQ(queue == NameIx{} ? "" : house.names.text(queue), GetParam().queue);
}

constexpr auto cheapest = config::Prefer::cheapest;
constexpr auto listed = config::Prefer::listed;
constexpr auto fastest = config::Prefer::fastest;

INSTANTIATE_TEST_SUITE_P(
    Table,
    PlanOrders,
    testing::Values(
        Order{
            "AsTheRouteSays", {"qwq", "opus"}, cheapest, "qwq", "qwq-32b", "micro nano claude", 0},
        Order{"Listed", {"qwq", "opus"}, listed, "qwq", "qwq-32b", "nano micro claude", 0},
        Order{
            "FastestIsListedUntilMeasured",
            {"qwq", "opus"},
            fastest,
            "qwq",
            "qwq-32b",
            "nano micro claude",
            0},
        Order{
            "AskedModelFirst",
            {"qwq", "opus"},
            cheapest,
            "opus",
            "qwq-32b",
            "claude micro nano",
            1},
        Order{
            "AskedByAlias",
            {"opus", "qwq"},
            cheapest,
            "reasoning-small",
            "qwq-32b",
            "micro nano claude",
            0},
        Order{"NoUseMeansTheModelAsked", {}, cheapest, "opus", "", "claude", 0},
        Order{"AnotherModelAnswers", {"qwq"}, cheapest, "opus", "qwq-32b", "micro nano", 0},
        Order{"NamedTwiceCountsOnce", {"opus", "claude-opus-4"}, cheapest, "qwq", "", "claude", 0}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(Plan, TakesTheCheapestWhenThereAreTooMany) {
    config::Config config = make_config();
    config.models[0].offers.clear();
    for (int i = 0; i < 7; ++i) {
        const std::string cents = std::to_string(9 - i) + " USD/Mtok";
        config.models[0].offers.push_back(
            api_offer("a" + std::to_string(i), "nano", prices(cents.c_str(), cents.c_str())));
    }
    config.routes[0].use = {"opus", "qwq"};
    House house{config};
    EXPECT_EQ(house.apis(*house.plan(house.ask("qwq"))), "a6 a5 a4 a3") << "no room for claude";
    config.routes[0].match = {};
    config.routes[0].prefer = config::Prefer::listed;
    House as_listed{config};
    EXPECT_EQ(as_listed.apis(*as_listed.plan(as_listed.ask("qwq"))), "a0 a1 a2 a3");
    EXPECT_EQ(as_listed.apis(*as_listed.plan(as_listed.ask("opus"))), "claude a0 a1 a2");
}

}  // namespace
}  // namespace evenkeel::routing
