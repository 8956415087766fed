#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

/// Who gets which slot, and what the counters say of it.
namespace evenkeel::gate {
namespace {

using namespace desk;

TEST(GatePlace, AFreeOwnWorkerTakesTheRequestAtOnce) {
    Desk desk;
    desk.worker(own, SourceKind::own, 2);
    Arrival arrival = ask();
    arrival.loop = 3;
    const Handle handle = desk.arrive(arrival);
    ASSERT_EQ(desk.said(), "grant 1 on 20 own_free");
    const Effect& effect = desk.effects[0];
    EXPECT_EQ(effect.handle, handle);
    EXPECT_EQ(effect.loop, 3);
    EXPECT_EQ(effect.source_kind, SourceKind::own);
    EXPECT_TRUE(effect.hold.is_zero());
    EXPECT_EQ(effect.budgets, 0u);
    EXPECT_EQ(desk.source(own).in_flight, 1);
    EXPECT_EQ(desk.gate.next_due(), BootTime::max()) << "nobody waits";
}

TEST(GatePlace, AFreedSlotPassesToItsSuccessorInTheSameCall) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    const Handle first = desk.arrive(ask());
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "queued 2");
    desk.arrive(ask());
    desk.now.boot += 1500ms;
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
    EXPECT_EQ(desk.effects[0].reason.args[0], 1500);
    EXPECT_EQ(desk.source(own).in_flight, 1);
    EXPECT_EQ(desk.model().queued, 1);
}

TEST(GatePlace, ABootedWorkerGrantsExactlyItsSlotsInOrder) {
    Desk desk;
    for (int i = 0; i < 5; ++i) {
        desk.arrive(ask());
    }
    desk.worker(rented, SourceKind::rental, 3);
    EXPECT_EQ(
        desk.said(),
        "grant 1 on 22 rental_waited, grant 2 on 22 rental_waited, grant 3 on 22 rental_waited");
    desk.worker(own, SourceKind::own, 4);
    EXPECT_EQ(desk.said(), "grant 4 on 20 own_waited, grant 5 on 20 own_waited");
}

struct Room {
    const char* name;
    std::vector<Worker> workers;
    int busy_first{0};  ///< requests that take the first worker before the others come
    NameIx expected{};
};

class GateChooses : public testing::TestWithParam<Room> {};

TEST_P(GateChooses, TheWorkerWithTheMostRoomOfThePreferredKind) {
    Desk desk;
    bool first = true;
    for (Worker worker : GetParam().workers) {
        worker.model = qwq;
        desk.gate.worker_changed(worker, desk.now, desk.effects);
        for (int i = 0; first && i < GetParam().busy_first; ++i) {
            desk.arrive(ask());
        }
        first = false;
    }
    desk.arrive(ask());
    ASSERT_EQ(desk.effects.size(), 1u);
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant);
    EXPECT_EQ(desk.effects[0].source, GetParam().expected) << desk.said();
}

constexpr auto own_kind = SourceKind::own;
constexpr auto rental_kind = SourceKind::rental;

INSTANTIATE_TEST_SUITE_P(
    Table,
    GateChooses,
    testing::Values(
        Room{
            "OwnBeforeRentalHoweverFull",
            {{.source = own, .kind = own_kind, .slots = 4},
             {.source = rented, .kind = rental_kind, .slots = 64}},
            3,
            own},
        Room{
            "RentalWhenOwnIsFull",
            {{.source = own, .kind = own_kind, .slots = 1},
             {.source = rented, .kind = rental_kind, .slots = 2}},
            1,
            rented},
        Room{
            "LargerFreeShareNotMoreSlots",
            {{.source = own, .kind = own_kind, .slots = 8},    // 6 of 8 free
             {.source = own2, .kind = own_kind, .slots = 2}},  // 2 of 2
            2,
            own2},
        Room{
            "LowerRankBreaksTies",
            {{.source = own, .kind = own_kind, .slots = 2, .rank = 5},
             {.source = own2, .kind = own_kind, .slots = 4, .rank = 1}},
            0,
            own2},
        Room{
            "ADrainingWorkerTakesNothing",
            {{.source = own, .kind = own_kind, .slots = 2, .takes_work = false},
             {.source = rented, .kind = rental_kind, .slots = 2}},
            0,
            rented}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(GatePlace, ADrainedWorkerFinishesWhatItHasAndIsThenForgotten) {
    Desk desk;
    desk.worker(rented, SourceKind::rental, 2);
    const Handle handle = desk.arrive(ask());
    EXPECT_FALSE(desk.gate.worker_removed(rented)) << "it still takes work";
    desk.worker(rented, SourceKind::rental, 2, false);
    EXPECT_FALSE(desk.gate.worker_removed(rented)) << "one is in flight";
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(handle);
    EXPECT_EQ(desk.said(), "") << "a draining worker has no successor";
    EXPECT_TRUE(desk.gate.worker_removed(rented));
    EXPECT_TRUE(desk.gate.worker_removed(rented)) << "twice is harmless";
    EXPECT_TRUE(desk.gate.worker_removed(NameIx{999}));
    EXPECT_TRUE(desk.counters().sources.empty());
    desk.worker(rented, SourceKind::rental, 1);
    EXPECT_EQ(desk.said(), "grant 2 on 22 rental_waited") << "the same name may come back";
}

TEST(GatePlace, FewerSlotsThanInUseEndNothingAndFallFreeOneByOne) {
    Desk desk;
    desk.worker(own, SourceKind::own, 3);
    std::vector<Handle> handles;
    for (int i = 0; i < 4; ++i) {
        handles.push_back(desk.arrive(ask()));
    }
    desk.worker(own, SourceKind::own, 1);
    desk.finish(handles[0]);
    desk.finish(handles[1]);
    EXPECT_EQ(desk.said(), "");
    desk.finish(handles[2]);
    EXPECT_EQ(desk.said(), "grant 4 on 20 own_waited");
    desk.worker(own, SourceKind::own, -5);
    EXPECT_EQ(desk.source(own).slots, 0);
}

TEST(GatePlace, AWorkerMayMoveToAnotherModel) {
    Desk desk;
    desk.arrive(ask());
    Arrival elsewhere = ask();
    elsewhere.model = other_model;
    desk.worker(own, SourceKind::own, 1, false);
    desk.arrive(elsewhere);
    EXPECT_EQ(desk.said(), "queued 2");
    desk.effects.clear();
    desk.gate.worker_changed(
        {.source = own, .kind = own_kind, .model = other_model, .slots = 5},
        desk.now,
        desk.effects);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited") << "and not the one of its old model";
    EXPECT_EQ(desk.source(own).model, other_model);
}

TEST(GatePlace, OwnOnlyNeverGoesToARentedWorkerAndBlocksNobodyThere) {
    Desk desk;
    Arrival secret = ask();
    secret.own_only = true;
    desk.arrive(secret);
    desk.arrive(ask());
    desk.worker(rented, SourceKind::rental, 4);
    EXPECT_EQ(desk.said(), "grant 2 on 22 rental_waited");
    desk.arrive(secret);
    EXPECT_EQ(desk.said(), "queued 3");
    desk.worker(own, SourceKind::own, 1);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_waited");
}

TEST(GatePlace, CancelGivesTheSlotToTheNext) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    const Handle granted = desk.arrive(ask());
    const Handle waiting = desk.arrive(ask());
    desk.arrive(ask());
    desk.cancel(waiting);
    EXPECT_EQ(desk.said(), "");
    desk.cancel(granted);
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_waited");
    EXPECT_EQ(desk.model().left, 2);
    EXPECT_EQ(desk.model().served_own, 1) << "the unused grant is counted back";
    EXPECT_EQ(desk.source(own).cancelled, 1);
}

TEST(GatePlace, StaleAndForeignHandlesDoNothing) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    const Handle done = desk.arrive(ask());
    desk.finish(done);
    const Handle next = desk.arrive(ask());
    EXPECT_EQ(next.index, done.index) << "the slab reuses the place";
    EXPECT_NE(next.generation, done.generation);
    for (const Handle stale : {done, Handle{}, Handle{.index = 7777, .generation = 1}}) {
        desk.finish(stale);
        desk.cancel(stale);
        desk.retry(stale);
        EXPECT_EQ(desk.said(), "");
    }
    EXPECT_EQ(desk.source(own).in_flight, 1);
    const Handle waiting = desk.arrive(ask());
    desk.finish(waiting);
    desk.retry(waiting);
    EXPECT_EQ(desk.model().queued, 1) << "a waiting request can be neither finished nor retried";
}

TEST(GatePlace, TheQueueHasALimit) {
    Desk desk{{.queue_limit = 2}};
    desk.arrive(ask());
    desk.arrive(ask());
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "refuse 3 queue_full");
    EXPECT_EQ(desk.effects[0].reason.args[0], 2);
    desk.worker(own, SourceKind::own, 3);
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "grant 4 on 20 own_free") << "who need not wait is not refused";
    EXPECT_EQ(desk.model().refused, 1);
    Desk closed{{.queue_limit = 0}};
    closed.arrive(ask());
    EXPECT_EQ(closed.said(), "refuse 1 queue_full");
}

TEST(GatePlace, CountersTellOwnFromRentedWorkAndItsWorth) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(rented, SourceKind::rental, 1);
    const Handle a = desk.arrive(ask_or_buy());
    const Handle b = desk.arrive(ask_or_buy());
    desk.arrive(ask_or_buy());
    ModelCounters model = desk.model();
    EXPECT_EQ(model.arrived, 3);
    EXPECT_EQ(model.served_own, 1);
    EXPECT_EQ(model.served_rental, 1);
    EXPECT_EQ(model.rental_worth, 5 * cent);
    EXPECT_EQ(model.rental_tokens_in, 100);
    EXPECT_EQ(model.rental_tokens_out, 50);
    EXPECT_EQ(model.queued, 1);
    EXPECT_EQ(model.queued_tokens_in, 100);
    EXPECT_EQ(model.queued_tokens_out, 50);
    EXPECT_EQ(model.oldest_arrival, at(0s));
    desk.now.boot += 2s;
    desk.finish(b, {.tokens_in = 90, .tokens_out = 40});
    desk.now.boot += 1s;
    desk.finish(a, {.answered = false});
    const SourceCounters rental = desk.source(rented);
    EXPECT_EQ(rental.granted, 2);
    EXPECT_EQ(rental.finished, 1);
    EXPECT_EQ(rental.worth, 10 * cent);
    EXPECT_EQ(rental.tokens_in, 90);
    EXPECT_EQ(rental.tokens_out, 40);
    EXPECT_EQ(desk.source(own).failed, 1);
    EXPECT_EQ(desk.source(own).worth, 5 * cent);
    EXPECT_EQ(desk.source(own).last_busy, at(3s));
}

}  // namespace
}  // namespace evenkeel::gate
