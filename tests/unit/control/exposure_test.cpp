#include "agent/control/budget_figures.hpp"
#include "agent/report/forecast.hpp"
#include "tests/unit/control/rig.hpp"

/// Machine money in budgets: over a roll-over of the window, over a restart, over a reload.
namespace evenkeel::agent::control_rig {
namespace {

constexpr std::int64_t commit = 600'000'000;  ///< of Rig::order, USD nanos = report nanos

struct ExposureTest : testing::Test {
    World world{};
    std::unique_ptr<Rig> rig{std::make_unique<Rig>(world)};
    Exposure exposure{rig->gateway, ledger::Zone{}};
    NameIx all{};

    void SetUp() override {
        exposure.apply(rig->catalogue, world.clock.read());
        all = rig->catalogue->budgets.at(0);
        rig->order();
        rig->rounds(2);
        exposure.tick(*rig->fleet, world.clock.read());
    }
};

TEST_F(ExposureTest, WhatIsSetAsideCountsOnceUntilMoreWasSpent) {
    EXPECT_EQ(rig->gateway.added[all], commit);
    EXPECT_EQ(exposure.day(), commit);
    exposure.tick(*rig->fleet, world.clock.read());
    EXPECT_EQ(rig->gateway.added[all], commit);
    world.clock.advance(1h);  // 4.41 USD
    exposure.tick(*rig->fleet, world.clock.read());
    EXPECT_GT(rig->gateway.added[all], 4'400'000'000);
}

/// F100: what is set aside is carried into the new window, so that giving it back there cannot
/// make room that does not exist.
TEST_F(ExposureTest, F100_ANewWindowBeginsWithWhatIsStillSetAside) {
    world.clock.advance(14h - 60s);  // from 10:00 to just before midnight, 61 USD spent
    exposure.tick(*rig->fleet, world.clock.read());
    const std::int64_t told = rig->gateway.added[all];
    world.clock.advance(2min);
    exposure.tick(*rig->fleet, world.clock.read());
    ASSERT_TRUE(rig->gateway.booked.contains(all));
    EXPECT_EQ(rig->gateway.booked[all], 0) << "more was spent than set aside: nothing to carry";
    EXPECT_GT(rig->gateway.added[all], told);
    EXPECT_LT(rig->gateway.added[all] - told, 200'000'000) << "two minutes belong to the new day";
}

TEST_F(ExposureTest, F100_WhatIsSetAsideIsCarriedAndGivenBackOnce) {
    world.clock.advance(14h - 60s);
    rig->order();  // a second machine, one minute before midnight
    rig->rounds(2);
    exposure.tick(*rig->fleet, world.clock.read());
    world.clock.advance(2min);
    exposure.tick(*rig->fleet, world.clock.read());
    const std::int64_t carried = rig->gateway.booked[all];
    EXPECT_GT(carried, commit / 2) << "of its 0.60 USD hardly 0.15 were spent yesterday";
    EXPECT_LT(carried, commit);
}

/// F99: what a running machine costs and nobody has posted yet is known to a budget made now.
TEST_F(ExposureTest, F99_TheOpenPhaseOfARunningMachineIsUnposted) {
    EXPECT_EQ(exposure.unposted(*rig->fleet, 0), commit);
    world.clock.advance(5h);  // 22 USD in one open phase
    exposure.tick(*rig->fleet, world.clock.read());
    EXPECT_GT(exposure.unposted(*rig->fleet, 0), 22'000'000'000);
}

TEST(OwnBudgets, CountElectricity) {
    config::Config config;
    config.providers = {{.name = "desk", .hardware = "forge"}, {.name = "nas", .hardware = "nas"}};
    config.budgets = {
        {.name = "all"},
        {.name = "own", .scope = {.kind = "own"}},
        {.name = "rental", .scope = {.kind = "rental"}},
        {.name = "desk", .scope = {.provider = "desk"}},
        {.name = "key", .scope = {.key = "k"}}};
    EXPECT_EQ(own_budgets(config, "forge"), 0b01011u);
    EXPECT_EQ(own_budgets(config, "nas"), 0b00011u);
    config.providers.push_back({.name = "desk-two", .hardware = "forge"});
    EXPECT_EQ(own_budgets(config, "forge"), 0b00011u) << "two share it: it is neither's alone";
}

TEST(RentalBudgets, AModelsBudgetCountsItsMachinesOrTheInternalPriceOfTheirWork) {
    config::Config config;
    config.models = {{.name = "m"}, {.name = "n"}};
    config.budgets = {
        {.name = "all"},
        {.name = "rental", .scope = {.kind = "rental"}},
        {.name = "cloud", .scope = {.provider = "cloud"}},
        {.name = "m", .scope = {.model = "m"}},
        {.name = "key", .scope = {.key = "k"}}};
    EXPECT_EQ(rental_budgets(config, "cloud", "m"), 0b01111u);
    EXPECT_EQ(rental_budgets(config, "cloud", "n"), 0b00111u);
    config.models[0].internal_price = config::TokenPrices{};
    EXPECT_EQ(rental_budgets(config, "cloud", "m"), 0b00111u);
}

TEST_F(ExposureTest, F100_ARestartAfterTheWindowTurnedCountsWhatIsSetAsideSinceTheOldOne) {
    rig.reset();
    world.clock.advance(24h);
    ledger::Options options{.dir = world.state(), .clock = &world.clock};
    const auto books = ledger::Ledger::open(options);
    ASSERT_TRUE(books);
    const config::Budget budget = small_config().budgets.at(0);
    const auto used = [&](std::int64_t spent) {
        return used_at_start(
            (*books)->recovered(), all, budget, spent, ledger::Zone{}, world.clock.read().utc);
    };
    EXPECT_EQ(used(0), commit);
    EXPECT_EQ(used(7), commit + 7) << "its scope has cost that already";
}

TEST_F(ExposureTest, ARestartInTheSameWindowCountsItOnce) {
    rig.reset();
    ledger::Options options{.dir = world.state(), .clock = &world.clock};
    const auto books = ledger::Ledger::open(options);
    ASSERT_TRUE(books);
    const config::Budget budget = small_config().budgets.at(0);
    EXPECT_EQ(
        used_at_start(
            (*books)->recovered(), all, budget, 0, ledger::Zone{}, world.clock.read().utc),
        commit);
}

/// The report that says whether a budget holds reckons as the daemon does that refuses.
TEST_F(ExposureTest, TheForecastHasWhatTheDaemonHas) {
    rig.reset();
    const config::Config config = small_config();
    const UtcTime now = world.clock.read().utc;
    ledger::Options options{.dir = world.state(), .clock = &world.clock};
    const auto books = ledger::Ledger::open(options);
    ASSERT_TRUE(books);
    const std::int64_t used = used_at_start(
        (*books)->recovered(), all, config.budgets.at(0), 0, ledger::Zone{}, now);
    auto reader = ledger::Reader::open(world.state());
    ASSERT_TRUE(reader);
    const auto made = report::make_forecast(
        *reader, &config, {.now = now, .currency = config.currency.report});
    ASSERT_TRUE(made) << made.error().message;
    const report::ForecastLine& line = made->budgets.at(0);
    EXPECT_EQ((line.spent + line.running).nanos(), used);
    EXPECT_EQ(line.running.nanos(), commit) << "set aside for the machine, and nothing else";
}

/// A budget that a reload adds, or moves to another scope, finds what its scope has cost already.
TEST_F(ExposureTest, F99_AChangedBudgetFindsWhatItsScopeHasCost) {
    rig->fleet->end_all(true, Reason{ReasonCode::agent_stopping});
    ASSERT_TRUE(rig->until([&] { return rig->fleet->seats().empty(); }));
    const Money paid = rig->row("r-1")->paid;
    ASSERT_FALSE(paid.is_zero());
    auto reader = ledger::Reader::open(world.state());
    ASSERT_TRUE(reader);
    const auto spent = [&](config::Budget budget) {
        return spent_in_window(
            *reader,
            rig->catalogue->config,
            budget,
            rig->names,
            ledger::Zone{},
            world.clock.read().utc);
    };
    using enum config::BudgetPer;
    EXPECT_EQ(spent({.name = "n", .per = day}), paid.nanos());
    EXPECT_EQ(spent({.name = "n", .per = month}), paid.nanos());
    EXPECT_EQ(spent({.name = "n", .scope = {.kind = "rental"}, .per = day}), paid.nanos());
    EXPECT_EQ(spent({.name = "n", .scope = {.kind = "api"}, .per = day}), 0);
    EXPECT_EQ(spent({.name = "n", .scope = {.provider = "cloud"}, .per = day}), paid.nanos());
    EXPECT_EQ(spent({.name = "n", .scope = {.provider = "cloud-two"}, .per = day}), 0);
    EXPECT_EQ(spent({.name = "n", .scope = {.model = "m"}, .per = day}), paid.nanos());
    EXPECT_EQ(spent({.name = "n", .per = hour}), 0) << "nothing was booked under this name";
    EXPECT_EQ(spent({.name = "all", .per = day}), paid.nanos());
    config::Config charged = rig->catalogue->config;
    charged.models.at(0).internal_price =
        config::TokenPrices{.in = *parse_price("1 USD/Mtok"), .out = *parse_price("1 USD/Mtok")};
    const auto spent_with_price = [&](config::Budget budget) {
        return spent_in_window(
            *reader, charged, budget, rig->names, ledger::Zone{}, world.clock.read().utc);
    };
    EXPECT_EQ(spent_with_price({.name = "n", .scope = {.model = "m"}, .per = day}), 0)
        << "the internal price of the same work counts instead";
    EXPECT_EQ(
        spent_with_price({.name = "n", .scope = {.kind = "rental"}, .per = day}), paid.nanos());
    world.clock.advance(24h);
    EXPECT_EQ(spent({.name = "n", .per = day}), 0);
    EXPECT_EQ(spent({.name = "n", .per = month}), paid.nanos());
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
