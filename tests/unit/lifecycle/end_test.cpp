#include "policies/lifecycle/machine.hpp"
#include "tests/unit/lifecycle/walk.hpp"

#include <gtest/gtest.h>

#include <vector>

/// What a machine that ended costs, by who ended it.
namespace evenkeel::lifecycle {
namespace {

using namespace testing_walk;

/// Two lists a minute apart and a GET, all without it.
void prove_absent(Walk& walk) {
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{.asked = walk.now()});
    walk.t += 60s;
    walk.feed(Listed{.asked = walk.now()});
}

TEST(EndOfLife, F07_APlacementThatNobodyEverSawCostsNothing) {
    Walk walk;
    walk.reach(MachineState::creating);
    Seen placing = seen_as();
    placing.host.clear();
    placing.port = 0;
    walk.feed(Created{placing});
    ASSERT_EQ(walk.machine.state, MachineState::booting);
    walk.t = 15min + 1s;
    walk.feed(Tick{});
    ASSERT_EQ(walk.machine.end_reason.code, ReasonCode::machine_boot_late);
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    prove_absent(walk);
    ASSERT_EQ(walk.machine.state, MachineState::gone);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::never_created);
    EXPECT_TRUE(walk.machine.posted.is_zero());
    EXPECT_TRUE(walk.posted().is_zero()) << "what the phases posted is taken back";
}

/// On disk at once: else a machine that dies while the agent is down would cost nothing.
TEST(EndOfLife, F07_F25_TheFirstSightOfAMachineIsWrittenDownOnce) {
    for (const bool by_list : {false, true}) {
        Walk walk;
        walk.reach(MachineState::booting);
        const auto look = [&] {
            walk.t += 5s;
            return by_list ? walk.feed(Listed{.asked = walk.now(), .entry = seen_as()})
                           : walk.feed(Got{.asked = walk.now(), .seen = seen_as()});
        };
        EXPECT_TRUE(look().durable);
        EXPECT_TRUE(walk.machine.confirmed);
        EXPECT_FALSE(look().durable);
    }
}

TEST(EndOfLife, F07_OneThatWasSeenOnceIsPaidFor) {
    for (const bool by_list : {false, true}) {
        Walk walk;
        walk.reach(MachineState::booting);
        walk.t = 30s;
        if (by_list) {
            walk.feed(Listed{.asked = walk.now(), .entry = seen_as()});
        } else {
            walk.feed(Got{.asked = walk.now(), .seen = seen_as()});
        }
        walk.feed_at(16min, Destroy{});
        walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
        prove_absent(walk);
        ASSERT_EQ(walk.machine.state, MachineState::gone);
        EXPECT_EQ(walk.machine.gone_how, GoneHow::lost);
        EXPECT_EQ(walk.machine.posted, walk.machine.intent_price.cost_of(60s, Rounding::half_even))
            << "the minimum, which is longer than it was seen";
    }
}

/// The engine is silent because somebody ended the machine; our first delete finds nothing.
TEST(EndOfLife, F23_AFirstDeleteThatFindsNothingClosesTheBooksAtTheLastProofOfLife) {
    Walk walk;
    walk.reach(MachineState::serving);
    walk.feed_at(1'000s, EngineReachable{.asked = at(1'000s)});
    walk.feed_at(1'125s, Destroy{{ReasonCode::machine_engine_lost}});
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    prove_absent(walk);
    ASSERT_EQ(walk.machine.state, MachineState::gone);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::lost);
    EXPECT_EQ(walk.machine.posted, walk.machine.intent_price.cost_of(1'000s, Rounding::half_even));
}

/// A question asked before the delete is answered after it: that is no delete that failed.
TEST(EndOfLife, F23_AnAnswerToAnEarlierQuestionIsNoFailedDelete) {
    const std::vector<Event> late{
        GetMissing{at(499s)},
        Got{.asked = at(499s), .seen = seen_as()},
        CallFailed{.kind = CallKind::get}};
    for (const Event& answer : late) {
        Walk walk;
        walk.reach(MachineState::serving);
        walk.feed_at(499s, EngineReachable{.asked = at(499s)});
        walk.feed_at(501s, Destroy{{ReasonCode::rent_idle_stop}});
        walk.feed_at(502s, answer);
        EXPECT_EQ(walk.machine.attempts, 0) << "else the next delete waits longer";
        walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
        EXPECT_EQ(walk.machine.gone_how, GoneHow::lost);
        walk.t = 620s;
        prove_absent(walk);
        ASSERT_EQ(walk.machine.state, MachineState::gone);
        EXPECT_EQ(
            walk.machine.posted, walk.machine.intent_price.cost_of(499s, Rounding::half_even));
    }
}

/// The provider asks for a pause: that holds whoever asked.
TEST(EndOfLife, F12_APauseThatAnEarlierQuestionWasToldHoldsForTheDelete) {
    Walk walk;
    walk.reach(MachineState::deleting);
    walk.feed(CallFailed{.kind = CallKind::get, .retry_after = 12s});
    EXPECT_EQ(walk.machine.attempts, 0);
    EXPECT_EQ(walk.machine.hold_off, walk.now().boot + 12s);
    walk.feed(CallFailed{.kind = CallKind::get, .retry_after = 120s});
    EXPECT_EQ(walk.machine.hold_off, walk.now().boot + walk.limits.retry_most)
        << "a question's longer turn is not the delete's";
}

/// Proofs of life after the newest step are not on disk: they died with the agent.
TEST(EndOfLife, F23_F25_AMachineThatDiesWhileTheAgentIsDownIsNotBookedShort) {
    Walk walk;
    walk.reach(MachineState::serving);
    walk.machine =
        after_restart(walk.machine, walk.machine.boot_id, walk.limits, at(2'000s)).machine;
    walk.feed_at(2'002s, EngineUnreachable{});
    walk.feed_at(2'130s, Tick{});
    ASSERT_EQ(walk.machine.end_reason.code, ReasonCode::machine_engine_lost);
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    prove_absent(walk);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::lost);
    EXPECT_EQ(walk.machine.posted, walk.machine.intent_price.cost_of(2'000s, Rounding::half_even));
}

/// Here an earlier delete of ours may have worked: paid until it was answered.
TEST(EndOfLife, F19_ALaterDeleteThatFindsNothingMayHaveBeenOurs) {
    for (const bool restarted : {false, true}) {
        Walk walk;
        walk.reach(MachineState::serving);
        walk.feed_at(1'000s, Destroy{});
        if (restarted) {
            walk.machine =
                after_restart(walk.machine, walk.machine.boot_id, walk.limits, walk.now()).machine;
        } else {
            walk.feed(DestroyAnswered{.answer = DestroyAnswer::failed});
        }
        walk.feed_at(1'002s, DestroyAnswered{.answer = DestroyAnswer::missing});
        prove_absent(walk);
        ASSERT_EQ(walk.machine.state, MachineState::gone);
        EXPECT_EQ(walk.machine.gone_how, GoneHow::destroyed);
        EXPECT_EQ(
            walk.machine.posted, walk.machine.intent_price.cost_of(1'002s, Rounding::half_even));
    }
}

/// While an engine is silent, probes and questions to the provider take turns.
TEST(SilentEngine, F42_OneFailedProbeIsFollowedByOthersWhateverTheProviderSays) {
    const std::vector<Event> answers{
        Got{.asked = at(1'008s), .seen = seen_as()}, CallFailed{.kind = CallKind::get}};
    for (const Event& answer : answers) {
        Walk walk;
        walk.reach(MachineState::serving);
        walk.feed_at(1'000s, EngineReachable{.asked = at(1'000s)});
        EXPECT_EQ(walk.feed_at(1'005s, EngineUnreachable{}).gate, GateEffect::none);
        EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::get);
        walk.feed_at(1'008s, answer);
        EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::probe);
        walk.feed_at(1'010s, EngineReachable{.asked = at(1'010s)});
        EXPECT_TRUE(takes_work(walk.machine, walk.limits)) << "one lost probe ends nothing";
        EXPECT_FALSE(walk.machine.engine_down);
        EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::probe);
    }
}

TEST(SilentEngine, F41_F23_OneThatTheProviderDoesNotKnowGetsNoMoreRequestsAtOnce) {
    Walk walk;
    walk.reach(MachineState::serving);
    ASSERT_LT(walk.t, 600s) << "so young that a missing GET proves nothing";
    walk.feed(EngineUnreachable{});
    EXPECT_EQ(walk.feed(GetMissing{walk.now()}).gate, GateEffect::stop);
    EXPECT_FALSE(takes_work(walk.machine, walk.limits));
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::probe);
    EXPECT_EQ(walk.feed(EngineReachable{walk.now()}).gate, GateEffect::start) << "it was a lag";
}

TEST(EndOfLife, F21_AMachineThatShowsUpAfterThatWasNotLost) {
    Walk walk;
    walk.reach(MachineState::serving);
    walk.feed_at(1'000s, Destroy{});
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    walk.feed_at(1'040s, Got{.asked = at(1'040s), .seen = seen_as()});
    ASSERT_EQ(walk.machine.state, MachineState::deleting);
    walk.feed_at(1'041s, DestroyAnswered{});
    prove_absent(walk);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::destroyed);
    EXPECT_EQ(walk.machine.posted, walk.machine.intent_price.cost_of(1'041s, Rounding::half_even));
}

TEST(EndOfLife, F97ALaterListPriceEndsNoMachine) {
    Walk walk;
    walk.reach(MachineState::serving);
    Seen dear = seen_as();
    dear.price = Price::per_hour(Money{9'000'000'000, usd});
    walk.feed(Got{walk.now(), dear});
    EXPECT_EQ(walk.machine.state, MachineState::serving);
    EXPECT_EQ(walk.machine.real_price, seen_as().price) << "what it costs was read back once";
}

/// A longer max_life by reload is not for machines on which an earlier end was written: the reaper
/// and the node's own timer would end them in mid-stream.
TEST(EndOfLife, NobodyLivesLongerThanWhatWasWrittenOnIt) {
    Walk walk;
    walk.reach(MachineState::serving);
    const auto written = walk.limits.max_life;
    walk.limits.max_life = written * 2;
    walk.t += written - 600s;
    walk.feed(EngineReachable{walk.now()});
    walk.feed(Tick{});
    EXPECT_EQ(walk.machine.state, MachineState::serving);
    walk.t += 600s;
    walk.feed(EngineReachable{walk.now()});
    walk.feed(Tick{});
    EXPECT_EQ(walk.machine.state, MachineState::draining);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::rent_max_life);
}

}  // namespace
}  // namespace evenkeel::lifecycle
