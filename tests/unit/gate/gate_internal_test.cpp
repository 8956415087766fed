#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

/// Work of own and rented workers that has an internal price: held and settled as an API's money,
/// in the budgets of whoever asked.
namespace evenkeel::gate {
namespace {

using namespace desk;

TEST(GateInternal, WhatAWorkerDidIsSettledInPlaceOfItsHold) {
    Desk desk{{.budgets = {budget(team, 100 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    const Handle handle = desk.arrive(charged());
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    EXPECT_EQ(desk.effects[0].hold_report, 10 * cent);
    EXPECT_EQ(desk.effects[0].budgets, 1u);
    EXPECT_EQ(room_of(desk), (Room{0, 10 * cent}));
    desk.finish(handle, {.charged_report = 3 * cent});
    EXPECT_EQ(room_of(desk), (Room{3 * cent, 0}));
}

TEST(GateInternal, WorkWithoutAPriceCountsNowhere) {
    Desk desk{{.budgets = {budget(team, 0)}}};
    desk.worker(own, SourceKind::own, 4);
    Arrival arrival = ask();
    arrival.internal_budgets = 1;
    const Handle handle = desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    desk.finish(handle, {.charged_report = 3 * cent});
    EXPECT_EQ(room_of(desk), (Room{0, 0}));
}

TEST(GateInternal, F94AThousandAtOnceAgainstAKeyForTen) {
    Desk desk;
    desk.worker(own, SourceKind::own, 5'000);
    desk.now.utc = UtcTime{1000h};
    desk.gate.key_changed(
        {.rate = {.name = ann}, .money = 100 * cent, .resets = desk.now.utc + 90s},
        desk.now,
        desk.effects);
    std::vector<Handle> granted;
    for (int i = 0; i < 1'000; ++i) {
        const Handle handle = desk.arrive(charged());
        ASSERT_EQ(desk.effects.size(), 1u);
        if (desk.effects[0].kind == EffectKind::grant) {
            granted.push_back(handle);
        }
    }
    EXPECT_EQ(granted.size(), 10u) << "exactly those that fit, though every slot is free";
    desk.arrive(charged(ben));
    EXPECT_EQ(desk.said(), "grant 1001 on 20 own_free") << "ben has no limit";
    // Half of them cost half: room for five more, no more.
    for (const Handle handle : granted) {
        desk.finish(handle, {.charged_report = 5 * cent});
    }
    EXPECT_EQ(desk.source(own).granted, 11 + 5);
    desk.run_to(10s);
    EXPECT_EQ(desk.effects.size(), 985u);
    for (const Effect& effect : desk.effects) {
        ASSERT_EQ(effect.reason.code, ReasonCode::key_budget_spent);
        EXPECT_EQ(effect.reason.args, (std::array<std::int64_t, 3>{100 * cent, 100 * cent, 90}));
    }
}

TEST(GateInternal, WhatIsSettledForGoodIsRefusedAtOnce) {
    Desk desk{{.budgets = {budget(team, 100 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    const Handle handle = desk.arrive(charged(ann, 95 * cent));
    desk.arrive(charged());
    EXPECT_EQ(desk.said(), "queued 2") << "the hold may come back";
    desk.finish(handle, {.charged_report = 95 * cent});
    desk.arrive(charged());
    EXPECT_EQ(desk.said(), "refuse 3 budget_spent");
    EXPECT_EQ(
        desk.effects[0].reason,
        (Reason{ReasonCode::budget_spent, {95 * cent, 100 * cent, team.value()}}));
    desk.arrive(charged(ben, 5 * cent));
    EXPECT_EQ(desk.said(), "grant 4 on 20 own_free") << "to the last unit";
    desk.run_to(10s);
    EXPECT_EQ(desk.said(), "refuse 2 budget_spent");
}

TEST(GateInternal, FreedMoneyLetsThoseThatWaitGoOn) {
    Desk desk{{.budgets = {budget(team, 10 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    desk.worker(nano, SourceKind::api, 4);
    const Handle first = desk.arrive(charged());
    desk.arrive(charged(ben));
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(first, {.charged_report = 0});
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited") << "another's money";

    Desk other{{.budgets = {budget(team, 10 * cent)}}};
    other.worker(own, SourceKind::own, 4);
    other.worker(nano, SourceKind::api, 4);
    const Handle bought = other.arrive(buy());
    other.arrive(charged(ben));
    EXPECT_EQ(other.said(), "queued 2");
    other.finish(bought, {.charged_report = 0});
    EXPECT_EQ(other.said(), "grant 2 on 20 own_waited") << "an API's money";
}

TEST(GateInternal, ANewWindowLetsThoseThatWaitGoOn) {
    Desk desk{{.budgets = {budget(team, 10 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    const Handle first = desk.arrive(charged());
    desk.arrive(charged());
    desk.finish(first, {.charged_report = 10 * cent});
    EXPECT_EQ(desk.said(), "");
    desk.gate.budget_booked(team, 0, desk.now, UtcTime{500h});
    EXPECT_EQ(desk.gate.budget_resets(team), UtcTime{500h});
    EXPECT_EQ(desk.gate.next_due(), desk.now.boot);
    desk.run_to(0s);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
}

TEST(GateInternal, LocalOnlyKeepsApisOutAndNotWorkers) {
    Desk desk{
        {.budgets = {
             {.name = team,
              .limit = 100 * cent,
              .settled = 95 * cent,
              .local_only_at = 90 * cent,
              .refuse_at = 100 * cent}}}};
    desk.worker(own, SourceKind::own, 4);
    desk.worker(nano, SourceKind::api, 4);
    desk.arrive(buy(cent));
    EXPECT_EQ(desk.said(), "refuse 1 budget_spent");
    desk.arrive(charged(ann, 5 * cent));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free");
    desk.arrive(charged(ann, 1));
    EXPECT_EQ(desk.said(), "queued 3") << "100 % says no to everything that is charged";
}

TEST(GateInternal, AnOverflowIsCountedOnceAndAtTheApisPrice) {
    Desk desk{{.budgets = {budget(team, 100 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    desk.worker(nano, SourceKind::api, 4);
    Arrival arrival = with_api(charged(), nano, 40 * cent);
    arrival.overflow_at = at(0s);
    arrival.budgets = 1;
    const Handle handle = desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    EXPECT_EQ(room_of(desk), (Room{0, 10 * cent}));
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_worker_failed");
    EXPECT_EQ(room_of(desk), (Room{0, 40 * cent}));
    desk.finish(handle, {.charged_report = 25 * cent});
    EXPECT_EQ(room_of(desk), (Room{25 * cent, 0}));
}

TEST(GateInternal, ASecondTryGivesBackFirst) {
    Desk desk{{.budgets = {budget(team, 10 * cent)}}};
    desk.worker(own, SourceKind::own, 1);
    desk.worker(own2, SourceKind::own, 1, true, 1);
    const Handle handle = desk.arrive(charged());
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_waited") << "there is money for one hold only";
    EXPECT_EQ(room_of(desk), (Room{0, 10 * cent}));
    desk.cancel(handle);
    EXPECT_EQ(room_of(desk), (Room{0, 0}));
}

TEST(GateInternal, ARescueGivesBackFirst) {
    Desk desk{{.budgets = {budget(team, 10 * cent)}}};
    constexpr Speed speed{.prefill_tok_s = 1'000, .step_s = 0.02, .kv_tokens = 100'000};
    const auto add = [&](NameIx name, int rank) {
        desk.gate.worker_changed(
            {.source = name,
             .kind = SourceKind::own,
             .model = qwq,
             .slots = 1,
             .rank = rank,
             .speed = speed},
            desk.now,
            desk.effects);
    };
    add(own, 0);
    desk.worker(nano, SourceKind::api, 4);
    Arrival arrival = with_api(charged(), nano, 1 * cent);
    arrival.overflow_at = at(4s);
    arrival.give_up_at = at(60s);
    arrival.first_token_by = at(6s);
    arrival.api_first_token = 1'500ms;
    arrival.streams = true;
    const Handle handle = desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    add(own2, 1);
    desk.effects.clear();
    for (auto time = 100ms; desk.effects.empty() && time < 10s; time += 100ms) {
        desk.run_to(time);
    }
    ASSERT_EQ(desk.said(), "recall 1 from 20");
    desk.effects.clear();
    desk.gate.leave(handle, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "grant 1 on 21 rescued") << "there is money for one hold only";
    EXPECT_EQ(room_of(desk), (Room{0, 10 * cent}));
}

TEST(GateInternal, WhenWorkersAreClosedForGoodTheApiIsNotWaitedFor) {
    Desk desk{{.budgets = {budget(team, 5 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    desk.worker(nano, SourceKind::api, 4);
    Arrival arrival = with_api(charged(), nano, 40 * cent);
    arrival.overflow_at = at(4s);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow");
}

TEST(GateInternal, MoreIsSetAsideForAWorkerAsForAnApi) {
    Desk desk{{.budgets = {budget(team, 25 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    const Handle handle = desk.arrive(charged());
    EXPECT_TRUE(desk.gate.top_up(handle, 10 * cent));
    EXPECT_EQ(room_of(desk), (Room{0, 20 * cent}));
    EXPECT_FALSE(desk.gate.top_up(handle, 10 * cent));
    const Handle free = desk.arrive(ask());
    EXPECT_FALSE(desk.gate.top_up(free, 1)) << "it has no hold";
    desk.finish(handle, {.charged_report = 20 * cent});
    EXPECT_EQ(room_of(desk), (Room{20 * cent, 0}));
}

TEST(GateInternal, HoldsGoOnUnderANewPolicyAndANewLimit) {
    Desk desk{{.revision = 1, .budgets = {budget(team, 100 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    Arrival arrival = charged();
    arrival.revision = 1;
    const Handle handle = desk.arrive(arrival);
    desk.apply({.revision = 2, .budgets = {budget(all, 7), budget(team, 100 * cent)}});
    EXPECT_EQ(room_of(desk, 0), (Room{0, 0}));
    EXPECT_EQ(room_of(desk, 1), (Room{0, 10 * cent}));
    desk.gate.key_changed({.rate = {.name = ann}, .money = 15 * cent}, desk.now, desk.effects);
    Arrival next = charged(ann, 6 * cent);
    next.revision = 2;
    next.internal_budgets = 2;
    desk.arrive(next);
    EXPECT_EQ(desk.said(), "queued 2") << "the limit counts what its request holds already";
    desk.finish(handle, {.charged_report = 2 * cent});
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
    EXPECT_EQ(room_of(desk, 1).settled, 2 * cent);
}

TEST(GateInternal, OneKeyWithoutMoneyHoldsUpNobodyElse) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.gate.key_changed({.rate = {.name = ann}, .money = 10 * cent}, desk.now, desk.effects);
    const Handle first = desk.arrive(charged());
    desk.arrive(charged());
    desk.arrive(charged(ben));
    desk.finish(first, {.charged_report = 5 * cent});
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_waited");
}

TEST(GateInternal, RequestsThatOnlyLackMoneyHideNoneOfTheSameKey) {
    Desk desk{{.budgets = {budget(team, 10 * cent)}}};
    desk.worker(own, SourceKind::own, 2);
    desk.arrive(charged());
    const Handle other = desk.arrive(ask(ben));
    for (int i = 0; i < 64; ++i) {
        desk.arrive(charged());
        ASSERT_EQ(desk.effects[0].kind, EffectKind::queued);
    }
    Arrival chat = charged();
    chat.internal_budgets = 0;
    desk.arrive(chat);
    EXPECT_EQ(desk.said(), "queued 67") << "no slot";
    desk.finish(other);
    EXPECT_EQ(desk.said(), "grant 67 on 20 own_waited") << "its budget has money";
}

TEST(GateInternal, MoneyOfOneBudgetGoesToThoseWhoWaitForIt) {
    Desk desk{{.budgets = {budget(team, 10 * cent), budget(all, 20 * cent)}}};
    desk.worker(own, SourceKind::own, 100);
    desk.worker(nano, SourceKind::api, 100);
    const auto in_both = [] {
        Arrival arrival = charged();
        arrival.internal_budgets = 3;
        return arrival;
    };
    const Handle first = desk.arrive(charged());
    Arrival second = charged(ben);
    second.internal_budgets = 2;
    const Handle beside = desk.arrive(second);
    desk.arrive(second);
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant);
    desk.arrive(in_both());
    EXPECT_EQ(desk.said(), "queued 4");
    desk.finish(first, {.charged_report = 0});
    EXPECT_EQ(desk.said(), "") << "now the other budget says no";
    desk.finish(beside, {.charged_report = 0});
    EXPECT_EQ(desk.said(), "grant 4 on 20 own_waited");
}

constexpr std::int64_t beyond_counting = std::numeric_limits<std::int64_t>::max();

TEST(GateInternal, WhatCannotBeCountedFitsNoBudget) {
    Desk desk{{.budgets = {{.name = team, .limit = 100, .local_only_at = 90}}}};
    desk.worker(own, SourceKind::own, 4);
    desk.arrive(charged(ann, beyond_counting));
    EXPECT_EQ(desk.said(), "refuse 1 budget_spent");
    EXPECT_EQ(room_of(desk), (Room{0, 0}));
    const Handle handle = desk.arrive(charged(ann, beyond_counting - 1));
    const Handle second = desk.arrive(charged(ben, beyond_counting - 1));
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_free") << "this budget keeps no worker out";
    EXPECT_FALSE(desk.gate.top_up(second, 2));
    EXPECT_EQ(room_of(desk), (Room{0, beyond_counting}));
    desk.finish(handle, {.charged_report = 3});
    desk.finish(second, {.charged_report = 4});
    EXPECT_EQ(room_of(desk), (Room{7, 0})) << "both are given back";
}

TEST(GateInternal, ANewLimitTakesBackEveryHoldItCounts) {
    Desk desk;
    desk.worker(own, SourceKind::own, 4);
    const Handle first = desk.arrive(charged(ann, beyond_counting));
    const Handle second = desk.arrive(charged(ann, beyond_counting));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free") << "nothing counts it";
    desk.gate.key_changed({.rate = {.name = ann}, .money = 10 * cent}, desk.now, desk.effects);
    desk.finish(first, {.charged_report = 5 * cent});
    desk.arrive(charged(ann, 1 * cent));
    EXPECT_EQ(desk.said(), "queued 3");
    desk.finish(second, {.charged_report = 4 * cent});
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_waited");
    desk.arrive(charged(ann, 1));
    EXPECT_EQ(desk.said(), "queued 4") << "five, four and one make ten";
}

}  // namespace
}  // namespace evenkeel::gate
