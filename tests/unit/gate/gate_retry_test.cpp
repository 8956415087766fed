#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

/// A granted source failed before its first byte.
namespace evenkeel::gate {
namespace {

using namespace desk;

TEST(GateRetry, GoesToAnotherFreeWorkerAndNeverBack) {
    Desk desk;
    desk.worker(own, SourceKind::own, 2);
    desk.worker(own2, SourceKind::own, 1, true, 9);
    const Handle handle = desk.arrive(ask());
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_waited");
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "refuse 1 source_failed") << "own is free, but failed already";
    EXPECT_EQ(desk.source(own).failed, 1);
    EXPECT_EQ(desk.source(own).in_flight, 0);
    EXPECT_EQ(desk.source(own2).failed, 1);
    EXPECT_EQ(desk.model().served_own, 0);
    EXPECT_EQ(desk.model().refused, 1);
}

TEST(GateRetry, WaitsAtTheHeadWhenAnotherWorkerIsBusy) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(own2, SourceKind::own, 1, true, 9);
    const Handle failing = desk.arrive(ask_or_buy());
    const Handle busy = desk.arrive(ask());
    desk.arrive(ask());
    desk.worker(nano, SourceKind::api, 1);
    desk.retry(failing);
    EXPECT_EQ(desk.said(), "queued 1, grant 3 on 20 own_waited")
        << "the API is not due, and the freed slot goes to the next";
    desk.arrive(ask());
    desk.finish(busy);
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_waited");
}

TEST(GateRetry, ARetriedRequestDoesNotBlockTheSourceItFailedOn) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(own2, SourceKind::own, 1, true, 9);
    const Handle failing = desk.arrive(ask());
    desk.arrive(ask());
    desk.retry(failing);
    EXPECT_EQ(desk.said(), "queued 1");
    EXPECT_EQ(desk.source(own).in_flight, 0);
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_free");
    EXPECT_EQ(desk.model().queued, 1);
    EXPECT_EQ(desk.model().oldest_arrival, at(0s));
}

TEST(GateRetry, BuysAtOnceWhenNoOtherWorkerExists) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(nano, SourceKind::api, 1);
    const Handle handle = desk.arrive(ask_or_buy());
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_worker_failed");
    EXPECT_EQ(desk.model().overflowed, 1) << "own capacity was missing";
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "refuse 1 source_failed");
    EXPECT_EQ(desk.model().overflowed, 0);
    EXPECT_EQ(desk.model().overflow_cost, 0);
}

TEST(GateRetry, ApiToApiGivesTheHoldBack) {
    Desk desk{{.budgets = {budget(all, 90 * cent)}}};
    desk.worker(nano, SourceKind::api, 1);
    desk.worker(claude, SourceKind::api, 1);
    const Handle handle = desk.arrive(with_api(buy(), claude, 90 * cent));
    EXPECT_EQ(desk.counters().budgets[0].held, 10 * cent);
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "grant 1 on 31 api_only") << "it would not fit with both holds";
    EXPECT_EQ(desk.counters().budgets[0].held, 90 * cent);
    EXPECT_EQ(desk.counters().budgets[0].settled, 0);
}

TEST(GateRetry, EndsAfterSoManyTries) {
    Desk desk;
    for (int i = 0; i < 6; ++i) {
        desk.worker(NameIx{50 + i}, SourceKind::own, 1);
    }
    const Handle handle = desk.arrive(ask());
    for (std::size_t i = 1; i < tries_max; ++i) {
        desk.retry(handle);
        ASSERT_EQ(desk.effects.size(), 1u);
        EXPECT_EQ(desk.effects[0].kind, EffectKind::grant);
    }
    desk.retry(handle);
    EXPECT_EQ(desk.said(), "refuse 1 source_failed");
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
}

TEST(GateRetry, WaitsNoLongerThanItsTime) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(own2, SourceKind::own, 1, true, 9);
    const Handle failing = desk.arrive(ask());
    desk.arrive(ask());
    desk.run_to(3s);
    desk.retry(failing);
    EXPECT_EQ(desk.gate.next_due(), at(10s));
    desk.run_to(10s);
    EXPECT_EQ(desk.said(), "refuse 1 wait_over");
    EXPECT_EQ(desk.effects[0].reason.args[0], 10'000);
}

TEST(GateGoOn, WaitsForAnotherWorkerItsNewTimeAndNeverBuys) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(own2, SourceKind::own, 1, true, 9);
    desk.worker(nano, SourceKind::api, 5);
    const Handle dying = desk.arrive(ask_or_buy());
    const Handle busy = desk.arrive(ask());
    desk.run_to(60s);
    desk.go_on(dying, at(70s));
    EXPECT_EQ(desk.said(), "queued 1") << "its first patience is long over, the API is free";
    EXPECT_EQ(desk.source(own).failed, 1);
    EXPECT_EQ(desk.source(own).in_flight, 0);
    EXPECT_EQ(desk.gate.next_due(), at(70s));
    desk.finish(busy);
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_waited");
    desk.finish(dying);
    EXPECT_EQ(desk.source(own2).in_flight, 0);
}

TEST(GateGoOn, EndsWhereNobodyElseIsOrHasTime) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(nano, SourceKind::api, 5);
    const Handle alone = desk.arrive(ask_or_buy());
    desk.go_on(alone, at(70s));
    EXPECT_EQ(desk.said(), "refuse 1 source_failed");
    desk.worker(own2, SourceKind::own, 1, true, 9);
    const Handle dying = desk.arrive(ask());
    desk.arrive(ask());
    desk.go_on(dying, at(5s));
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "refuse 2 wait_over");
    desk.go_on(dying, at(9s));
    EXPECT_EQ(desk.said(), "") << "a stale handle";
}

TEST(GateGoOn, WhatItIsWorthCountsOnceForWhoeverFinishesIt) {
    Desk desk;
    desk.worker(rented, SourceKind::rental, 1);
    desk.worker(nano, SourceKind::api, 5);
    const Handle dying = desk.arrive(ask_or_buy());
    EXPECT_EQ(desk.source(rented).worth, 5 * cent);
    desk.worker(own, SourceKind::own, 1);
    desk.go_on(dying, at(70s));
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_waited");
    EXPECT_EQ(desk.source(rented).worth, 0);
    EXPECT_EQ(desk.model().rental_worth, 0);
    EXPECT_EQ(desk.source(own).worth, 5 * cent);
    EXPECT_EQ(desk.model().served_own, 1);
    EXPECT_EQ(desk.model().served_rental, 0);
}

TEST(GateRetry, ManyFailedRequestsNeverHideTheOneThatMayGo) {
    Desk desk;
    desk.worker(own2, SourceKind::own, 1);
    Handle on_own2 = desk.arrive(ask());
    desk.worker(own, SourceKind::own, 100);
    std::vector<Handle> handles;
    for (int i = 0; i < 100; ++i) {
        handles.push_back(desk.arrive(ask()));
    }
    for (const Handle handle : handles) {
        desk.retry(handle);  // all of these failed on `own` and may go to own2 alone
        EXPECT_EQ(desk.effects.at(0).kind, EffectKind::queued);
    }
    desk.retry(on_own2);  // this one may go to `own` alone
    EXPECT_EQ(desk.effects.at(0).source, own);
    ASSERT_EQ(desk.effects.size(), 2u);
    EXPECT_EQ(desk.effects[1].source, own2);
    on_own2 = desk.effects[1].handle;
    for (int i = 1; i < 100; ++i) {
        desk.finish(on_own2);
        ASSERT_EQ(desk.effects.size(), 1u) << i;
        EXPECT_EQ(desk.effects[0].source, own2);
        on_own2 = desk.effects[0].handle;
    }
    EXPECT_EQ(desk.model().queued, 0);
}

TEST(GateRetry, OneAmongManyIsFoundAtOnce) {
    // A hundred retried requests may go to own2 alone, the last one to `own` alone.
    Desk desk;
    desk.worker(own, SourceKind::own, 100);
    std::vector<Handle> on_own;
    for (int i = 0; i < 100; ++i) {
        on_own.push_back(desk.arrive(ask()));
    }
    desk.worker(own2, SourceKind::own, 1);
    const Handle on_own2 = desk.arrive(ask());
    for (const Handle handle : on_own) {
        desk.retry(handle);
    }
    desk.worker(own, SourceKind::own, 0);
    desk.retry(on_own2);
    EXPECT_EQ(desk.said(), "queued 101, grant 1 on 21 own_waited");
    desk.worker(own, SourceKind::own, 1);
    EXPECT_EQ(desk.said(), "grant 101 on 20 own_waited");
}

}  // namespace
}  // namespace evenkeel::gate
