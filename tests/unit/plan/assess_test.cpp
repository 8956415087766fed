#include "policies/plan/assess.hpp"

#include "tests/unit/plan/worlds.hpp"

namespace evenkeel::plan::test {
namespace {

Assessment assessed(
    std::string_view before, std::string_view after, const std::vector<Running>& machines = {}) {
    const config::Loaded a = loaded(before);
    const config::Loaded b = loaded(after);
    return assess(a.config, b.config, config::changes(a.settings, b.settings), machines);
}

std::string with(std::string_view rest) {
    return std::string{route} + std::string{burst} + std::string{rest};
}

std::vector<std::string> names(const Assessment& found) {
    std::vector<std::string> out;
    for (const Confirmation& each : found.confirm) {
        out.push_back(each.name);
        EXPECT_FALSE(each.why.empty());
    }
    return out;
}

struct Case {
    const char* name{""};
    std::string before{};
    std::string after{};
    std::vector<std::string> confirm{};
};

class Confirm : public testing::TestWithParam<Case> {};

TEST_P(Confirm, NamesWhatMustBeMeant) {
    const Case& c = GetParam();
    EXPECT_EQ(names(assessed(c.before, c.after)), c.confirm);
    EXPECT_EQ(names(assessed(c.before, c.before)), std::vector<std::string>{});
}

const std::string day_budget =
    "budgets: [{name: day, scope: {kind: rental}, limit: 60 AUD, per: day, at: {\"100%\": "
    "no-new-machines}}]\n";

INSTANTIATE_TEST_SUITE_P(
    Table,
    Confirm,
    testing::Values(
        Case{"BudgetGone", with(day_budget), with(""), {"day"}},
        Case{
            "BudgetOnlyWarns",
            with("budgets: [{name: all, limit: 500 AUD}]\n"),
            with("budgets: [{name: all, limit: 500 AUD, at: {\"100%\": warn}}]\n"),
            {"all", "apis-per-day"}},
        Case{
            "WarningBudgetGone",
            with("budgets: [{name: all, limit: 500 AUD, at: {\"100%\": warn}}]\n"),
            with(""),
            {}},
        Case{
            "ScopeNarrowed",
            with("budgets: [{name: all, limit: 500 AUD}]\n"),
            with("budgets: [{name: all, limit: 500 AUD, scope: {kind: api}}]\n"),
            {"all"}},
        Case{
            "ScopeWidened",
            with("budgets: [{name: all, limit: 500 AUD, scope: {kind: api}}]\n"),
            with("budgets: [{name: all, limit: 500 AUD}]\n"),
            {}},
        Case{
            "LimitRaisedALot",
            with("budgets: [{name: all, limit: 100 AUD, scope: {kind: api}}]\n"),
            with("budgets: [{name: all, limit: 151 AUD, scope: {kind: api}}]\n"),
            {"apis-per-day"}},
        Case{
            "LimitRaisedByHalf",
            with("budgets: [{name: all, limit: 100 AUD, scope: {kind: api}}]\n"),
            with("budgets: [{name: all, limit: 150 AUD, scope: {kind: api}}]\n"),
            {}},
        Case{
            "MaxRateGone",
            with("safety: {max_rate: 500 USD/h}\n"),
            with("safety: {}\n"),
            {"safety.max_rate"}},
        Case{
            "MaxPerDayGone",
            with("safety: {max_per_day: 500 USD}\n"),
            with(""),
            {"safety.max_per_day"}},
        Case{
            "MaxCostGone",
            "routes: [{name: all, use: [m], max_cost: 1 AUD}]\n",
            "routes: [{name: all, use: [m]}]\n",
            {"routes.all.max_cost"}},
        Case{
            "MayLeaveTheHouse",
            "routes: [{name: all, use: [m], stay: own}]\n",
            "routes: [{name: all, use: [m]}]\n",
            {"routes.all.stay"}},
        Case{"FirstRental", std::string{route}, with(""), {"rentals-per-day"}},
        Case{
            "SecondMachine",
            with(""),
            std::string{route} +
                "scaling: [{name: burst, model: m, offers: [pod], max_price: 4 USD/h, max_life: "
                "6h, max: 2}]\n",
            {"rentals-per-day"}},
        Case{"LessIsNeverAsked", with(""), std::string{route}, {}}),
    [](const auto& info) { return info.param.name; });

TEST(Assess, SaysWhichMachinesStartAndStop) {
    const auto two = [](std::string_view keys) {
        return std::string{route} +
               "scaling: [{name: burst, model: m, offers: [pod], max_price: 4 USD/h, max_life: "
               "6h, " +
               std::string{keys} + "}]\n";
    };
    const std::vector<Running> machines{
        {.name = "pod-1", .model = "m", .provider = "pod"},
        {.name = "pod-2", .model = "m", .provider = "pod"}};
    using Lines = std::vector<std::string>;
    EXPECT_EQ(assessed(two("max: 2"), two("max: 2, drain: 1m"), machines).at_once, Lines{});
    EXPECT_EQ(
        assessed(two("max: 2"), two("max: 1"), machines).at_once,
        Lines{"1 of 2 machines for m is given back (max 1)"});
    EXPECT_EQ(
        assessed(two("max: 2"), two("max: 3, min: 3"), machines).at_once,
        Lines{"1 machine is ordered for m (min 3)"});
    EXPECT_EQ(
        assessed(two("max: 2"), route, machines).at_once,
        (Lines{
            "pod-1 is drained and destroyed: no scaling entry is for m",
            "pod-2 is drained and destroyed: no scaling entry is for m"}));
}

TEST(Assess, SaysWhatWaitsForARestart) {
    auto before = world(with(""));
    auto after = before;
    after[0].text +=
        "listen: {api: \"127.0.0.1:9000\"}\nlimits: {connections: 5000}\n"
        "report_zone: Australia/Sydney\nenergy: {host_overhead: 1 W}\n";
    const auto a = config::load(before, today);
    const auto b = config::load(after, today);
    ASSERT_TRUE(a && b);
    const auto found = assess(a->config, b->config, config::changes(a->settings, b->settings), {});
    EXPECT_EQ(
        found.at_restart,
        (std::vector<std::string>{"listen.api", "report_zone", "limits.connections"}));
}

}  // namespace
}  // namespace evenkeel::plan::test
