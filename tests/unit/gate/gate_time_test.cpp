#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

/// Waiting, overflowing, giving up, stopping.
namespace evenkeel::gate {
namespace {

using namespace desk;

TEST(GateTime, OverflowsAtItsTimeAndNotBefore) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 8);
    desk.arrive(ask_or_buy());
    EXPECT_EQ(desk.said(), "queued 1");
    EXPECT_EQ(desk.gate.next_due(), at(4s));
    desk.run_to(4s - 1ns);
    EXPECT_EQ(desk.said(), "");
    desk.run_to(4s);
    ASSERT_EQ(desk.said(), "grant 1 on 30 api_overflow");
    EXPECT_EQ(desk.effects[0].reason.args[0], 4000);
    EXPECT_EQ(desk.effects[0].source_kind, SourceKind::api);
    EXPECT_EQ(desk.effects[0].hold, Money(10 * cent, usd));
    EXPECT_EQ(desk.effects[0].hold_report, 10 * cent);
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
    const ModelCounters model = desk.model();
    EXPECT_EQ(model.overflowed, 1);
    EXPECT_EQ(model.overflow_cost, 5 * cent);
    EXPECT_EQ(model.overflow_tokens_in, 100);
    EXPECT_EQ(model.overflow_tokens_out, 50);
}

TEST(GateTime, OverflowsAtOnceWhenItNeedNotWait) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    Arrival arrival = ask_or_buy();
    arrival.overflow_at = at(0s);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow");
    EXPECT_EQ(desk.effects[0].reason.args[0], 0);
}

TEST(GateTime, AWorkerComesBeforeAnApiEvenWhenOverflowIsDue) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    desk.worker(own, SourceKind::own, 1);
    Arrival arrival = ask_or_buy();
    arrival.overflow_at = at(0s);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
}

TEST(GateTime, ApisOnlyIsNoOverflow) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    const Handle first = desk.arrive(buy());
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_only");
    desk.arrive(buy());
    EXPECT_EQ(desk.said(), "queued 2");
    EXPECT_EQ(desk.gate.next_due(), at(10s));
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only");
    EXPECT_TRUE(desk.counters().models.empty()) << "no queue of a model was involved";
    EXPECT_EQ(desk.source(nano).worth, 10 * cent);
}

TEST(GateTime, TakesTheFirstApiOfItsListWithRoom) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    desk.worker(claude, SourceKind::api, 1);
    const Arrival both = with_api(buy(), claude, 90 * cent);
    const Handle first = desk.arrive(both);
    desk.arrive(both);
    EXPECT_EQ(desk.said(), "grant 2 on 31 api_only");
    EXPECT_EQ(desk.effects[0].hold_report, 90 * cent);
    desk.arrive(both);
    EXPECT_EQ(desk.said(), "queued 3");
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only");
}

TEST(GateTime, AFullApiLetsTheFirstWaitingOneGoWhenItHasRoom) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    const Handle busy = desk.arrive(buy());
    desk.arrive(ask_or_buy(ann));
    desk.arrive(ask_or_buy(ben));
    desk.run_to(4s);
    EXPECT_EQ(desk.said(), "") << "due, but the API is full";
    EXPECT_EQ(desk.gate.next_due(), at(10s));
    desk.now.boot += 1s;
    desk.finish(busy);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_overflow");
    EXPECT_EQ(desk.effects[0].reason.args[0], 5000);
    desk.worker(own, SourceKind::own, 1);
    EXPECT_EQ(desk.said(), "grant 3 on 20 own_waited") << "it kept its place in the queue";
}

TEST(GateTime, AnApiNamedTwiceIsStillOneApi) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 0);
    const Handle twice = desk.arrive(with_api(buy(), nano, 20 * cent));
    desk.arrive(buy());
    desk.worker(nano, SourceKind::api, 8);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_only, grant 2 on 30 api_only");
    desk.retry(twice);
    EXPECT_EQ(desk.said(), "refuse 1 source_failed");
    EXPECT_EQ(desk.source(nano).in_flight, 1);
}

TEST(GateTime, AnApiThatComesLateTakesWhoIsDue) {
    Desk desk;
    desk.arrive(ask_or_buy());
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "");
    desk.worker(nano, SourceKind::api, 2);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow");
}

struct Late {
    const char* name;
    bool worker_exists;
    bool api_exists;
    bool money;
    const char* said;
};

class GateGivesUp : public testing::TestWithParam<Late> {};

TEST_P(GateGivesUp, WithTheReasonThatStoodInTheWay) {
    Desk desk{{.budgets = {budget(all, GetParam().money ? 100 * cent : 20 * cent)}}};
    if (GetParam().worker_exists) {
        desk.worker(own, SourceKind::own, 1);
        desk.arrive(ask());
    }
    if (GetParam().api_exists) {
        desk.worker(nano, SourceKind::api, 1);
        desk.arrive(buy(20 * cent));
    }
    Arrival late = ask_or_buy();
    desk.arrive(late);
    desk.run_to(10s - 1ns);
    EXPECT_EQ(desk.said(), "");
    desk.run_to(10s);
    EXPECT_EQ(desk.said(), GetParam().said);
    EXPECT_EQ(desk.model().refused, 1);
    EXPECT_EQ(desk.model().refused_worth, 5 * cent);
    EXPECT_EQ(desk.model().refused_tokens_in, 100);
    EXPECT_EQ(desk.model().refused_tokens_out, 50);
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    GateGivesUp,
    testing::Values(
        Late{"WorkersAndApisBusy", true, true, true, "refuse 3 wait_over"},
        Late{"WorkerBusyNoApi", true, false, true, "refuse 2 wait_over"},
        Late{"NothingAnywhere", false, false, true, "refuse 1 no_source"},
        Late{"NoMoneyForTheApi", false, true, false, "refuse 2 budget_spent"},
        Late{"WorkerBusyAndNoMoney", true, true, false, "refuse 3 budget_spent"}),
    [](const auto& each) { return std::string{each.param.name}; });

TEST(GateTime, LateTimersOverflowRatherThanRefuse) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 1);
    desk.arrive(ask_or_buy());
    desk.run_to(60s);
    EXPECT_EQ(desk.said(), "grant 1 on 30 api_overflow");
}

TEST(GateTime, GoesByTimeThenByArrival) {
    Desk desk;
    desk.worker(nano, SourceKind::api, 8);
    Arrival later = ask_or_buy();
    later.overflow_at = at(5s);
    desk.arrive(later);
    desk.arrive(ask_or_buy(ben));
    desk.arrive(ask_or_buy(ann));
    desk.run_to(6s);
    EXPECT_EQ(
        desk.said(),
        "grant 2 on 30 api_overflow, grant 3 on 30 api_overflow, grant 1 on 30 api_overflow");
}

TEST(GateTime, NextDueIsExactAfterEveryLeaving) {
    Desk desk;
    std::vector<Handle> handles;
    for (int i = 0; i < 200; ++i) {
        Arrival arrival = ask();
        arrival.give_up_at = at(10s + i * 1ms);
        handles.push_back(desk.arrive(arrival));
    }
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(desk.gate.next_due(), at(10s + i * 1ms));
        desk.cancel(handles[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
}

TEST(GateTime, WhoMayNotWaitIsRefusedAtOnce) {
    Desk desk;
    Arrival arrival = ask();
    arrival.give_up_at = desk.now.boot;
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "refuse 1 no_source");
    desk.worker(own, SourceKind::own, 1);
    desk.arrive(ask());
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "refuse 3 wait_over");
    EXPECT_EQ(desk.effects[0].reason.args[0], 0);
    Arrival nothing = ask();
    nothing.model = NameIx{};
    desk.arrive(nothing);
    EXPECT_EQ(desk.said(), "refuse 4 no_source") << "neither a model nor an API";
}

TEST(GateTime, ForEverIsPossible) {
    Desk desk;
    Arrival arrival = ask();
    arrival.give_up_at = BootTime::max();
    const Handle handle = desk.arrive(arrival);
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
    desk.run_to(1'000'000h);
    EXPECT_EQ(desk.said(), "");
    desk.cancel(handle);
    EXPECT_EQ(desk.model().queued, 0);
}

TEST(GateTime, ApisFirstComeBeforeWorkersAndTheRestAfter) {
    Desk desk;
    desk.worker(claude, SourceKind::api, 1);
    desk.worker(own, SourceKind::own, 1);
    desk.worker(nano, SourceKind::api, 1);
    Arrival arrival = with_api(with_api(ask(), claude, 90 * cent), nano, 10 * cent);
    arrival.apis_first = 1;
    arrival.overflow_at = at(4s);
    const Handle first = desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 1 on 31 api_only");
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free");
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "queued 3") << "nano comes after the workers, from 4 s on";
    desk.arrive(arrival);
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 3 on 31 api_only");
    desk.run_to(4s);
    EXPECT_EQ(desk.said(), "grant 4 on 30 api_overflow");
    EXPECT_EQ(desk.model().bought, 2);
    EXPECT_EQ(desk.model().overflowed, 1);
    EXPECT_EQ(desk.model().served_own, 1);
}

TEST(GateTime, StopRefusesTheQueueAndEverythingAfter) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    desk.worker(nano, SourceKind::api, 1);
    const Handle granted = desk.arrive(ask());
    const Handle bought = desk.arrive(buy());
    desk.arrive(ask_or_buy());
    desk.arrive(buy());
    desk.stop();
    EXPECT_EQ(desk.said(), "refuse 3 stopping, refuse 4 stopping");
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
    desk.arrive(ask());
    EXPECT_EQ(desk.said(), "refuse 5 stopping");
    desk.finish(granted);
    EXPECT_EQ(desk.said(), "");
    desk.retry(bought);
    EXPECT_EQ(desk.said(), "refuse 2 stopping");
    const ModelCounters model = desk.model();
    EXPECT_EQ(model.left, 2);
    EXPECT_EQ(model.refused, 0) << "stopping says nothing about demand";
    EXPECT_EQ(model.arrived, model.served_own + model.left);
}

}  // namespace
}  // namespace evenkeel::gate
