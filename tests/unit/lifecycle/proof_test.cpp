#include "policies/lifecycle/machine.hpp"
#include "tests/unit/lifecycle/walk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace evenkeel::lifecycle {
namespace {

using namespace std::chrono_literals;
using namespace testing_walk;
using enum MachineState;

TEST(Lifecycle, F18DeleteThatWasIgnoredIsRepeated) {
    Walk walk;
    walk.reach(verifying);
    walk.feed(Got{.asked = walk.now(), .seen = seen_as()});
    EXPECT_EQ(walk.machine.state, verifying) << "providers take a moment";
    walk.t += 30s;
    walk.feed(Got{.asked = walk.now(), .seen = seen_as()});
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::destroy);
    const Now seen_alive = walk.now();
    walk.t += 1s;
    walk.feed(DestroyAnswered{});
    EXPECT_GE(walk.machine.alive_at.boot, seen_alive.boot);
}

struct Proof {
    const char* name;
    bool get;
    bool list1;
    bool list2;
    std::chrono::seconds gap;
    bool complete;
    bool proved;
};
class ProofOfAbsence : public testing::TestWithParam<Proof> {};

/// F18, F19, F21, F29 and DESIGN 5.3: all of it, or it is not gone.
TEST_P(ProofOfAbsence, NeedsAGetAndTwoListsApart) {
    const Proof& proof = GetParam();
    Walk walk;
    walk.reach(verifying);
    if (proof.get) {
        walk.feed(GetMissing{walk.now()});
    }
    if (proof.list1) {
        walk.feed(Listed{.asked = walk.now(), .complete = proof.complete});
    }
    walk.t += proof.gap;
    if (proof.list2) {
        walk.feed(Listed{.asked = walk.now(), .complete = true});
    }
    EXPECT_EQ(walk.machine.state == gone, proof.proved);
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    ProofOfAbsence,
    testing::Values(
        Proof{"All", true, true, true, 60s, true, true},
        Proof{"NoGet", false, true, true, 60s, true, false},
        Proof{"OneList", true, true, false, 60s, true, false},
        Proof{"TooClose", true, true, true, 59s, true, false},
        Proof{"PartialList", true, true, true, 60s, false, false},
        Proof{"NoList", true, false, false, 60s, true, false}),
    [](const auto& one) { return one.param.name; });

TEST(Lifecycle, F28AnswersAskedBeforeTheDeleteWasAnsweredProveNothing) {
    Walk walk;
    walk.reach(deleting);
    const Now asked = walk.now();
    walk.t += 40s;
    walk.feed(DestroyAnswered{});
    walk.t += 1s;
    walk.feed(GetMissing{.asked = asked});
    walk.feed(Listed{.asked = asked});
    walk.t += 100s;
    walk.feed(Listed{.asked = walk.now()});
    EXPECT_EQ(walk.machine.state, verifying);
    EXPECT_FALSE(walk.machine.missing_get);
}

TEST(Lifecycle, F21YoungMachinesAreNotProvedGoneByLaggingLists) {
    Walk walk;
    walk.reach(booting);
    walk.feed(Destroy{});
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    for (auto t = 10s; t < 600s; t += 61s) {
        walk.feed_at(t, GetMissing{at(t)});
        walk.feed_at(t, Listed{.asked = at(t)});
        ASSERT_EQ(walk.machine.state, verifying) << t.count();
    }
    walk.t = 599s;
    const Call call = wanted_call(walk.machine, walk.limits, walk.now());
    EXPECT_LE(call.not_before, at(600s).boot);
}

TEST(Lifecycle, AnEntryInAnyListUndoesTheProof) {
    Walk walk;
    walk.reach(verifying);
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{.asked = walk.now()});
    walk.t += 20s;
    walk.feed(Listed{.asked = walk.now(), .entry = seen_as()});
    walk.t += 60s;
    walk.feed(Listed{.asked = walk.now()});
    EXPECT_EQ(walk.machine.state, verifying);
}

TEST(Lifecycle, F20DeleteIsRetriedForEverWithAnAlarmAfterFiveMinutes) {
    Walk walk;
    walk.reach(deleting);
    const auto start = walk.t;
    int calls = 0;
    int alarms = 0;
    BootTime last{};
    while (walk.t < start + 30min) {
        const Call call = wanted_call(walk.machine, walk.limits, walk.now());
        ASSERT_EQ(call.kind, CallKind::destroy);
        if (call.not_before <= walk.now().boot) {
            EXPECT_LE(walk.now().boot - (calls > 0 ? last : walk.now().boot), 61s);
            last = walk.now().boot;
            ++calls;
            alarms += walk.feed(DestroyAnswered{.answer = DestroyAnswer::failed}).alarm ? 1 : 0;
        } else {
            alarms += walk.feed(Tick{}).alarm ? 1 : 0;
        }
        walk.t += 1s;
    }
    EXPECT_EQ(alarms, 1);
    EXPECT_GT(calls, 30);
    EXPECT_LT(calls, 60);
    EXPECT_GT(accrued(walk.machine, walk.now()), Money(3'000'000'000, usd));
}

TEST(Lifecycle, F23MachineDestroyedByAPersonIsLostAndPaidUntilItsLastProofOfLife) {
    Walk walk;
    walk.reach(serving);
    walk.t = 1'000s;
    walk.feed(EngineReachable{.asked = at(1'000s)});
    walk.t = 1'010s;
    EXPECT_EQ(walk.feed(EngineUnreachable{}).gate, GateEffect::none);
    walk.t = 1'012s;
    EXPECT_EQ(walk.feed(EngineUnreachable{}).gate, GateEffect::stop);
    walk.feed(GetMissing{at(1'012s)});
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::prove);
    walk.feed(Listed{.asked = at(1'013s)});
    walk.t = 1'073s;
    const Step lost = walk.feed(Listed{.asked = at(1'073s)});
    EXPECT_EQ(lost.event, "lost");
    EXPECT_EQ(lost.gate, GateEffect::cancel);
    ASSERT_EQ(walk.machine.state, deleting) << "still asked to be deleted once";
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{walk.now()});
    walk.t += 60s;
    walk.feed(Listed{walk.now()});
    ASSERT_EQ(walk.machine.state, gone);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::lost);
    EXPECT_EQ(walk.machine.posted, walk.machine.intent_price.cost_of(1'000s, Rounding::half_even));
    EXPECT_EQ(walk.posted(), walk.machine.posted);
}

TEST(Lifecycle, F24StoppedByTheProviderIsDeleted) {
    Walk walk;
    walk.reach(serving);
    Seen stopped = seen_as();
    stopped.running = false;
    stopped.stopped = true;
    const Step result = walk.feed(Got{.asked = walk.now(), .seen = stopped});
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_EQ(result.gate, GateEffect::cancel);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_stopped);
}

TEST(Lifecycle, F29OneEmptyListProvesNothing) {
    Walk walk;
    walk.reach(serving);
    walk.t = 900s;
    walk.feed(Listed{.asked = walk.now()});
    EXPECT_EQ(walk.machine.state, serving);
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::get);
    walk.feed(Got{.asked = walk.now(), .seen = seen_as()});
    walk.t = 960s;
    walk.feed(Listed{.asked = walk.now()});
    EXPECT_EQ(walk.machine.state, serving);
    EXPECT_TRUE(takes_work(walk.machine, walk.limits));
}

}  // namespace
}  // namespace evenkeel::lifecycle
