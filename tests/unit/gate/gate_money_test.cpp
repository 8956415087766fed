#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <limits>

/// I5: settled + held never passes a budget.
namespace evenkeel::gate {
namespace {

using namespace desk;

TEST(GateMoney, F94AThousandAtOnceAgainstABudgetForTen) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 5'000);
    std::vector<Handle> granted;
    int queued = 0;
    for (int i = 0; i < 1'000; ++i) {
        const Handle handle = desk.arrive(buy());
        ASSERT_EQ(desk.effects.size(), 1u);
        if (desk.effects[0].kind == EffectKind::grant) {
            granted.push_back(handle);
        } else {
            EXPECT_EQ(desk.effects[0].kind, EffectKind::queued);
            ++queued;
        }
        ASSERT_LE(desk.counters().budgets[0].held, 100 * cent);
    }
    EXPECT_EQ(granted.size(), 10u) << "exactly those that fit";
    EXPECT_EQ(queued, 990);
    // Half of them cost half: room for two more, no more.
    for (const Handle handle : granted) {
        desk.finish(handle, {.charged_report = 8 * cent});
    }
    EXPECT_EQ(desk.source(nano).granted, 12);
    EXPECT_EQ(desk.counters().budgets[0].settled, 80 * cent);
    EXPECT_EQ(desk.counters().budgets[0].held, 20 * cent);
    desk.run_to(10s);
    EXPECT_EQ(desk.effects.size(), 988u);
    for (const Effect& effect : desk.effects) {
        EXPECT_EQ(effect.kind, EffectKind::refuse);
        EXPECT_EQ(
            effect.reason,
            (Reason{ReasonCode::budget_spent, {100 * cent, 100 * cent, all.value()}}));
    }
}

TEST(GateMoney, WhatIsSettledForGoodIsRefusedAtOnce) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    const Handle handle = desk.arrive(buy(95 * cent));
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "queued 2") << "the hold may come back";
    desk.finish(handle, {.charged_report = 95 * cent});
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "refuse 3 budget_spent");
    EXPECT_EQ(desk.effects[0].reason.args[0], 95 * cent);
    desk.arrive(buy(5 * cent));
    EXPECT_EQ(desk.said(), "grant 4 on 30 api_only") << "to the last unit";
}

struct Fit {
    const char* name;
    BudgetLimit limit;
    std::int64_t hold;
    bool granted;
};

class GateBudget : public testing::TestWithParam<Fit> {};

TEST_P(GateBudget, LetsThroughWhatFits) {
    BudgetLimit limit = GetParam().limit;
    limit.name = all;
    Desk desk{{.budgets = {limit}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.arrive(buy(GetParam().hold));
    ASSERT_EQ(desk.effects.size(), 1u);
    EXPECT_EQ(desk.effects[0].kind == EffectKind::grant, GetParam().granted) << desk.said();
}

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

INSTANTIATE_TEST_SUITE_P(
    Table,
    GateBudget,
    testing::Values(
        Fit{"ToTheLastUnit", {.limit = 10, .refuse_at = 10}, 10, true},
        Fit{"OneUnitOver", {.limit = 10, .refuse_at = 10}, 11, false},
        Fit{"SettledCounts", {.limit = 10, .settled = 1, .refuse_at = 10}, 10, false},
        Fit{"HoldsOfEarlierRunsCount", {.limit = 10, .held = 1, .refuse_at = 10}, 10, false},
        Fit{"BelowLocalOnly", {.limit = 10, .local_only_at = 9, .refuse_at = 10}, 8, true},
        Fit{"ReachingLocalOnly", {.limit = 10, .local_only_at = 9, .refuse_at = 10}, 9, false},
        Fit{"NoActionNoLimit", {.limit = 10, .settled = 99}, 10, true},
        Fit{"NothingIsFreeBeyondTheLimit", {.limit = 10, .settled = 11, .refuse_at = 10}, 0, false},
        Fit{"NegativeHoldsMakeNoRoom", {.limit = 10, .settled = 11, .refuse_at = 10}, -5, false},
        Fit{"NoOverflowOfTheSum", {.limit = 10, .settled = huge, .refuse_at = 10}, huge, false},
        Fit{"ZeroBudgetIsClosed", {.limit = 0, .refuse_at = 0}, 1, false}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(GateMoney, EveryBudgetOfTheRequestMustAllowIt) {
    Desk desk{{.budgets = {budget(all, 100 * cent), budget(team, 15 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    Arrival arrival = buy();
    arrival.budgets = 3;
    const Handle first = desk.arrive(arrival);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "queued 2");
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only") << "another team may go on";
    desk.finish(first, {.charged_report = 4 * cent});
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    const Counters counters = desk.counters();
    EXPECT_EQ(counters.budgets[0].settled, 4 * cent);
    EXPECT_EQ(counters.budgets[0].held, 20 * cent);
    EXPECT_EQ(counters.budgets[1].settled, 4 * cent);
    EXPECT_EQ(counters.budgets[1].held, 10 * cent);
}

TEST(GateMoney, BudgetsOfOneApiCountOnlyWhenThatApiIsTaken) {
    Desk desk{{.budgets = {budget(all, 100 * cent), budget(team, 5 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.worker(claude, SourceKind::api, 10);
    Arrival arrival = buy();
    arrival.api_count = 0;
    arrival = with_api(with_api(arrival, claude, 10 * cent, 2), nano, 10 * cent);
    const Handle handle = desk.arrive(arrival);
    ASSERT_EQ(desk.said(), "grant 1 on 30 api_only") << "claude's own budget is too small";
    EXPECT_EQ(desk.effects[0].budgets, 1u);
    desk.finish(handle, {.charged_report = 7 * cent});
    EXPECT_EQ(desk.counters().budgets[0].settled, 7 * cent);
    EXPECT_EQ(desk.counters().budgets[1].settled, 0);
}

TEST(GateMoney, WhoCannotPayWaitsForAWorker) {
    Desk desk{{.budgets = {budget(all, 5 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.arrive(ask_or_buy());
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "");
    desk.worker(own, SourceKind::own, 1);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_waited");
}

TEST(GateMoney, CancelAndRetryGiveTheHoldBackAndTheNextOneGoes) {
    Desk desk{{.budgets = {budget(all, 10 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.worker(claude, SourceKind::api, 10);
    const Handle first = desk.arrive(buy());
    const Handle second = desk.arrive(buy());
    Arrival elsewhere = buy();
    elsewhere.apis[0].source = claude;
    desk.arrive(elsewhere);
    desk.cancel(first);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    desk.retry(second);
    EXPECT_EQ(desk.said(), "refuse 2 source_failed, grant 3 on 31 api_only")
        << "money freed at one API is good at another";
}

TEST(GateMoney, F96PaidAboveTheHoldIsBookedInFull) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    const Handle handle = desk.arrive(buy(60 * cent));
    desk.finish(handle, {.charged_report = 130 * cent});
    EXPECT_EQ(desk.counters().budgets[0].settled, 130 * cent);
    EXPECT_EQ(desk.counters().budgets[0].held, 0);
    desk.arrive(buy(1));
    EXPECT_EQ(desk.said(), "refuse 2 budget_spent");
}

TEST(GateMoney, ATopUpFitsOrChangesNothing) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    const Handle first = desk.arrive(buy(60 * cent));
    const Handle second = desk.arrive(buy(20 * cent));
    EXPECT_FALSE(desk.gate.top_up(first, 21 * cent));
    EXPECT_EQ(desk.counters().budgets[0].held, 80 * cent);
    EXPECT_TRUE(desk.gate.top_up(first, 20 * cent)) << "to the last unit";
    EXPECT_EQ(desk.counters().budgets[0].held, 100 * cent);
    EXPECT_FALSE(desk.gate.top_up(second, 1));
    EXPECT_FALSE(desk.gate.top_up(second, -1)) << "nothing is taken out this way";
    desk.finish(first, {.charged_report = 75 * cent});
    EXPECT_EQ(desk.counters().budgets[0].held, 20 * cent);
    EXPECT_EQ(desk.counters().budgets[0].settled, 75 * cent);
    EXPECT_FALSE(desk.gate.top_up(first, 1)) << "it is over";
    EXPECT_TRUE(desk.gate.top_up(second, 5 * cent));
    desk.cancel(second);
    EXPECT_EQ(desk.counters().budgets[0].held, 0);
}

TEST(GateMoney, F99ABudgetLoweredBelowWhatIsSpentEndsNothingAndAdmitsNothing) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    const Handle running = desk.arrive(buy(50 * cent));
    desk.apply({.revision = 1, .budgets = {budget(all, 20 * cent)}});
    EXPECT_EQ(desk.said(), "");
    Arrival next = buy(1);
    next.revision = 1;
    desk.arrive(next);
    EXPECT_EQ(desk.said(), "queued 2") << "the hold in flight may come back";
    desk.finish(running, {.charged_report = 20 * cent - 1});
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    EXPECT_EQ(desk.counters().budgets[0].settled, 20 * cent - 1);
}

TEST(GateMoney, F99ABudgetRaisedLetsWaitingRequestsGo) {
    Desk desk{{.budgets = {budget(all, 5 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.arrive(ask_or_buy(ann));
    desk.arrive(ask_or_buy(ben));
    desk.run_to(4s);
    EXPECT_EQ(desk.said(), "");
    desk.apply({.revision = 1, .budgets = {budget(all, 15 * cent)}});
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow") << "one fits, two do not";
}

TEST(GateMoney, MoneyFreedForSeveralApisGoesToTheFirstChoice) {
    Desk desk{{.budgets = {budget(all, 5 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.worker(claude, SourceKind::api, 10);
    Arrival arrival = ask();
    arrival.overflow_at = at(0s);
    arrival.budgets = 1;
    desk.arrive(with_api(with_api(arrival, claude, 20 * cent), nano, 10 * cent));
    EXPECT_EQ(desk.said(), "queued 1");
    desk.apply({.revision = 1, .budgets = {budget(all, 50 * cent)}});
    EXPECT_EQ(desk.said(), "grant 1 on 31 api_overflow") << "though nano is looked at first";
}

TEST(GateMoney, F99ARemovedBudgetBindsNobodyAndItsHoldsVanish) {
    Desk desk{{.budgets = {budget(all, 10 * cent), budget(team, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    Arrival arrival = buy();
    arrival.budgets = 3;
    const Handle running = desk.arrive(arrival);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "queued 2");
    desk.apply({.revision = 1, .budgets = {budget(team, 100 * cent)}});
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    ASSERT_EQ(desk.counters().budgets.size(), 1u);
    EXPECT_EQ(desk.counters().budgets[0].held, 20 * cent) << "kept under the same name, new place";
    desk.finish(running, {.charged_report = 10 * cent});
    EXPECT_EQ(desk.counters().budgets[0].settled, 10 * cent);
    EXPECT_EQ(desk.counters().budgets[0].held, 10 * cent);
    desk.apply({.revision = 2});
    EXPECT_TRUE(desk.counters().budgets.empty());
}

TEST(GateMoney, AKeptBudgetKeepsWhatIsSpentANewOneTakesWhatItIsTold) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.finish(desk.arrive(buy()), {.charged_report = 7 * cent});
    BudgetLimit fresh = budget(team, 50 * cent);
    fresh.settled = 3 * cent;
    fresh.held = 2 * cent;
    desk.apply({.revision = 1, .budgets = {fresh, budget(all, 90 * cent)}});
    const Counters counters = desk.counters();
    EXPECT_EQ(counters.budgets[0].settled, 3 * cent);
    EXPECT_EQ(counters.budgets[0].held, 2 * cent);
    EXPECT_EQ(counters.budgets[1].settled, 7 * cent);
    EXPECT_EQ(counters.budgets[1].limit, 90 * cent);
}

TEST(GateMoney, BitsOfAnEarlierPolicyMeanTheBudgetsOfThatPolicy) {
    Desk desk{{.revision = 1, .budgets = {budget(all, 100 * cent), budget(team, 5 * cent)}}};
    desk.worker(nano, SourceKind::api, 100);
    desk.apply({.revision = 2, .budgets = {budget(team, 5 * cent), budget(all, 100 * cent)}});
    Arrival planned_before = buy();
    planned_before.revision = 1;  // bit 0 was `all` then
    desk.arrive(planned_before);
    ASSERT_EQ(desk.said(), "grant 1 on 30 api_only");
    EXPECT_EQ(desk.effects[0].budgets, 1u) << "reported in its own numbering";
    EXPECT_EQ(desk.counters().budgets[1].held, 10 * cent);
    Arrival planned_now = buy();
    planned_now.revision = 2;
    desk.arrive(planned_now);
    EXPECT_EQ(desk.said(), "refuse 2 budget_spent");
    Arrival forgotten = buy();
    forgotten.revision = -7;
    forgotten.budgets = 0;
    desk.arrive(forgotten);
    EXPECT_EQ(desk.said(), "refuse 3 budget_spent") << "unknown numbering: every budget counts";
}

TEST(GateMoney, ForgetsOnlyOldNumberings) {
    Desk desk{{.revision = 0, .budgets = {budget(all, 100 * cent), budget(team, 0)}}};
    desk.worker(nano, SourceKind::api, 100);
    for (std::size_t i = 1; i <= revisions_max; ++i) {
        desk.apply(
            {.revision = static_cast<std::int64_t>(i),
             .budgets = {budget(team, 0), budget(all, 100 * cent)}});
    }
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_only") << "revision 0 is still known";
    desk.apply({.revision = 99, .budgets = {budget(team, 0), budget(all, 100 * cent)}});
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "refuse 2 budget_spent");
}

TEST(GateMoney, BookedMoneyIsUsedByTheNextDue) {
    Desk desk{{.budgets = {budget(all, 100 * cent)}}};
    desk.worker(nano, SourceKind::api, 10);
    desk.gate.budget_added(all, 95 * cent, desk.now);
    desk.arrive(ask_or_buy());
    desk.run_to(4s);
    EXPECT_EQ(desk.said(), "");
    EXPECT_EQ(desk.gate.next_due(), at(10s));
    desk.now.boot = at(5s);
    desk.gate.budget_booked(all, 0, desk.now);  // a new window
    EXPECT_EQ(desk.gate.next_due(), at(5s)) << "asks to be called at once";
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow");
    desk.gate.budget_booked(NameIx{77}, 5, desk.now);
    desk.gate.budget_added(all, 3 * cent, desk.now);
    desk.gate.budget_added(all, -1 * cent, desk.now);
    EXPECT_EQ(desk.counters().budgets[0].settled, 2 * cent);
    EXPECT_EQ(desk.counters().budgets[0].held, 10 * cent) << "open holds stay";
    EXPECT_EQ(desk.gate.next_due(), BootTime::max()) << "nobody waits";
}

TEST(GateMoney, SixtyFourBudgetsAndNoMore) {
    Policy policy;
    for (int i = 0; i < 64; ++i) {
        policy.budgets.push_back(budget(NameIx{100 + i}, i == 63 ? 0 : cent));
    }
    Desk desk{policy};
    desk.worker(nano, SourceKind::api, 10);
    Arrival arrival = buy(1);
    arrival.budgets = std::uint64_t{1} << 63;
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "refuse 1 budget_spent");
    arrival.budgets = ~arrival.budgets;
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    policy.budgets.push_back(budget(NameIx{900}, 1));
    EXPECT_THROW(Gate{policy}, std::length_error);
    EXPECT_THROW(desk.apply(policy), std::length_error);
    EXPECT_EQ(desk.counters().budgets.size(), 64u) << "a refused policy changes nothing";
}

}  // namespace
}  // namespace evenkeel::gate
