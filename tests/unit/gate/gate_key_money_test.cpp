#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <vector>

/// The limit of money of one key, in virtual time.
namespace evenkeel::gate {
namespace {

using namespace desk;

struct GateKeyMoney : testing::Test {
    GateKeyMoney() {
        desk.worker(own, SourceKind::own, 1'000);
        desk.worker(nano, SourceKind::api, 5'000);
        desk.now.utc = UtcTime{1000h};
    }
    /// Of ann; below zero: none.
    void limit(std::int64_t money, UtcTime resets = {}, bool unknown = false) {
        desk.effects.clear();
        desk.gate.key_changed(
            {.rate = {.name = ann}, .money = money, .resets = resets, .spent_unknown = unknown},
            desk.now,
            desk.effects);
    }
    void spent(std::int64_t report) {
        desk.gate.key_spent(ann, report, desk.now);
        desk.run_to(desk.now.boot - at(0s));
    }
    /// May cost ten cents, and only nano may answer.
    static Arrival paid(NameIx key = ann) {
        Arrival arrival = buy();
        arrival.key = key;
        arrival.budgets = 0;
        return arrival;
    }
    Desk desk{};
};

TEST_F(GateKeyMoney, F94AThousandAtOnceAgainstAKeyForTen) {
    limit(100 * cent, desk.now.utc + 90s);
    std::vector<Handle> granted;
    for (int i = 0; i < 1'000; ++i) {
        const Handle handle = desk.arrive(paid());
        if (desk.effects[0].kind == EffectKind::grant) {
            granted.push_back(handle);
        }
    }
    EXPECT_EQ(granted.size(), 10u) << "exactly those that fit";
    desk.arrive(paid(ben));
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "ben has no limit";
    for (const Handle handle : granted) {
        desk.finish(handle, {.charged_report = 10 * cent});
    }
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 1002 key_budget_spent");
    EXPECT_EQ(
        desk.effects[0].reason.args, (std::array<std::int64_t, 3>{100 * cent, 100 * cent, 90}));
    desk.run_to(10s);
    EXPECT_EQ(desk.effects.size(), 990u);
    for (const Effect& effect : desk.effects) {
        EXPECT_EQ(effect.reason.code, ReasonCode::key_budget_spent);
    }
}

TEST_F(GateKeyMoney, OwnWorkersGoOnWhenTheMoneyIsSpent) {
    limit(0);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 1 key_budget_spent");
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free");
}

TEST_F(GateKeyMoney, TheOthersBudgetsCountBesideIt) {
    desk.apply({.revision = 1, .budgets = {budget(all, 15 * cent)}});
    limit(100 * cent);
    Arrival arrival = paid();
    arrival.revision = 1;
    arrival.budgets = 1;
    const Handle first = desk.arrive(arrival);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(first, {.charged_report = 10 * cent});
    EXPECT_EQ(desk.said(), "") << "of 15 cents 10 are spent";
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "refuse 3 budget_spent");
    EXPECT_EQ(desk.counters().budgets[0].settled, 10 * cent);
}

TEST_F(GateKeyMoney, ALimitThatIsNewCountsWhatRunsAndWhatWasSpent) {
    const Handle runs = desk.arrive(paid());
    limit(30 * cent);
    desk.gate.budget_added(ann, 10 * cent, desk.now);
    desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "10 held, 10 spent, 10 more";
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 3");
    desk.finish(runs, {.charged_report = 0});
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only");
}

TEST_F(GateKeyMoney, ALimitThatGrowsLetsThoseGoWhoWait) {
    limit(10 * cent);
    desk.arrive(paid());
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 2");
    limit(20 * cent - 1);
    EXPECT_EQ(desk.said(), "");
    limit(20 * cent);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only") << "to the last unit";
}

TEST_F(GateKeyMoney, AWindowThatTurnsOverKeepsWhatRuns) {
    limit(20 * cent);
    const Handle done = desk.arrive(paid());
    desk.finish(done, {.charged_report = 10 * cent});
    desk.arrive(paid());
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 3");
    desk.gate.budget_booked(ann, 0, desk.now);
    desk.run_to(0s);
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only");
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 4") << "two holds of ten fill it";
}

TEST_F(GateKeyMoney, TheGateItselfBeginsTheNextWindow) {
    const UtcTime midnight = desk.now.utc + 10s;
    limit(10 * cent, midnight);
    desk.finish(desk.arrive(paid()), {.charged_report = 10 * cent});
    desk.now.utc = midnight - 1us;
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 2 key_budget_spent");
    EXPECT_EQ(desk.effects[0].reason.args[2], 1) << "a started second is waited for";
    desk.now.utc = midnight;
    const Handle first = desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "before anybody has told it";
    desk.finish(first, {.charged_report = 4 * cent});
    limit(10 * cent, midnight + 24h);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 4 key_budget_spent") << "what was spent since is not forgotten";
    desk.now.utc = midnight + 24h;
    limit(10 * cent, midnight + 48h);
    desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "told before it has looked";
}

TEST_F(GateKeyMoney, AReloadKeepsItsHolds) {
    limit(10 * cent);
    const Handle runs = desk.arrive(paid());
    desk.apply({.revision = 2, .budgets = {budget(all, 100 * cent)}});
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(runs, {.charged_report = 1 * cent});
    EXPECT_EQ(desk.said(), "") << "9 cents are left, 10 are asked";
    limit(-1);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only") << "no limit any more";
}

/// Waits for what a limit that is new does not know yet.
struct GateKeyUnknown : GateKeyMoney {
    /// At most ten cents of a worker.
    static Arrival charged() {
        Arrival arrival = ask();
        arrival.internal_hold = 10 * cent;
        return arrival;
    }
    UtcTime midnight{desk.now.utc + 5s};
};

TEST_F(GateKeyUnknown, NothingThatIsChargedIsLetInAndNothingIsRefused) {
    limit(10 * cent, midnight, true);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 1");
    desk.arrive(charged());
    EXPECT_EQ(desk.said(), "queued 2");
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_free") << "costs nothing";
    desk.arrive(paid(ben));
    EXPECT_EQ(desk.said(), "grant 4 on 30 api_only");
    spent(0);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited") << "the limit holds one of them";
}

TEST_F(GateKeyUnknown, WhatIsLearnedCountsWithWhatRan) {
    const Handle before = desk.arrive(paid());
    const Handle runs = desk.arrive(paid());
    limit(40 * cent, midnight, true);
    EXPECT_FALSE(desk.gate.top_up(runs, 1)) << "nothing is promised that may not be there";
    desk.finish(before, {.charged_report = 6 * cent});
    spent(14 * cent);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only") << "6 + 14 + 10 held + 10";
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 4");
    spent(-10 * cent);
    EXPECT_EQ(desk.said(), "") << "learned once";
}

TEST_F(GateKeyUnknown, WhatIsMoreThanTheLimitAlreadyIsRefusedAtOnce) {
    const Handle runs = desk.arrive(paid());
    limit(15 * cent, midnight, true);
    desk.finish(runs, {.charged_report = 10 * cent});
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 2 key_budget_spent");
}

TEST_F(GateKeyUnknown, WhoseTimeIsUpHasWaitedAndNotSpentTooMuch) {
    limit(10 * cent, midnight + 24h, true);
    desk.arrive(paid());
    desk.run_to(10s);
    EXPECT_EQ(desk.said(), "refuse 1 wait_over");
}

TEST_F(GateKeyUnknown, OfTheNextWindowEverythingIsKnown) {
    limit(20 * cent, midnight, true);
    desk.now.utc = midnight;
    const Handle first = desk.arrive(paid());
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_only");
    desk.finish(first, {.charged_report = 10 * cent});
    spent(20 * cent);  // of the window before
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 3");
}

TEST_F(GateKeyUnknown, AnotherWindowReplacesTheOneBeforeWithoutAGap) {
    limit(10 * cent, midnight);
    const Handle runs = desk.arrive(paid());
    desk.arrive(paid());
    desk.arrive(charged());
    EXPECT_EQ(desk.said(), "queued 3");
    limit(10 * cent, midnight + 24h, true);
    EXPECT_EQ(desk.said(), "") << "at no moment without a limit";
    spent(0);
    EXPECT_EQ(desk.said(), "") << "what runs is held in the new window";
    desk.finish(runs, {.charged_report = 0});
    EXPECT_EQ(desk.effects.size(), 1u);
}

TEST_F(GateKeyUnknown, ANewAmountOrARateDoesNotMakeItKnown) {
    limit(10 * cent, midnight, true);
    limit(20 * cent, midnight);
    desk.apply({.revision = 1});
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 1");
    limit(-1);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_only") << "no limit: nothing to know";
}

TEST_F(GateKeyMoney, WhatEndsInTheNextWindowCountsInIt) {
    const UtcTime midnight = desk.now.utc + 10s;
    limit(10 * cent, midnight);
    const Handle runs = desk.arrive(paid());
    desk.now.utc = midnight;
    desk.finish(runs, {.charged_report = 10 * cent});
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 2 key_budget_spent");
}

}  // namespace
}  // namespace evenkeel::gate
