#include "policies/lifecycle/machine.hpp"
#include "tests/unit/lifecycle/walk.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lifecycle {
namespace {

using namespace std::chrono_literals;
using namespace testing_walk;
using enum MachineState;

struct Restart {
    MachineState before;
    MachineState after;
    CallKind call;
};
class AfterRestart : public testing::TestWithParam<Restart> {};

/// F13, F14, F25: the state alone says what to do next.
TEST_P(AfterRestart, DerivesTheNextCallFromTheRow) {
    Walk walk;
    walk.reach(GetParam().before);
    walk.t += 30s;
    const Step result = after_restart(walk.machine, "boot-a", walk.limits, walk.now());
    EXPECT_EQ(result.machine.state, GetParam().after);
    EXPECT_EQ(result.durable, GetParam().before != GetParam().after);
    const Call call = wanted_call(result.machine, walk.limits, walk.now());
    EXPECT_EQ(call.kind, GetParam().call);
    if (call.kind != CallKind::none) {
        EXPECT_LE(call.not_before, walk.now().boot) << "nothing is waited for after a start";
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    AfterRestart,
    testing::Values(
        Restart{wanted, gone, CallKind::none},
        Restart{creating, unknown, CallKind::look_up},
        Restart{unknown, unknown, CallKind::look_up},
        Restart{booting, booting, CallKind::probe},
        Restart{warming, warming, CallKind::accept},
        Restart{serving, serving, CallKind::probe},
        Restart{draining, draining, CallKind::none},
        Restart{deleting, deleting, CallKind::destroy},
        Restart{verifying, verifying, CallKind::get},
        Restart{gone, gone, CallKind::none}),
    [](const auto& one) { return std::string{to_text(one.param.before)}; });

TEST(AfterRestartOf, ServingTheGateIsToldAgain) {
    Walk walk;
    walk.reach(serving);
    const Step result = after_restart(walk.machine, "boot-a", walk.limits, walk.now());
    EXPECT_EQ(result.gate, GateEffect::start);
}

TEST(AfterRestartOf, AnotherBootOfTheHostMovesEveryTimeByUtc) {
    Walk walk;
    walk.reach(serving);  // at 421 s
    // The host was down for an hour; its boot clock starts again.
    const Now now{.boot = BootTime{90s}, .utc = utc0 + 421s + 1h};
    const Step result = after_restart(walk.machine, "boot-b", walk.limits, now);
    EXPECT_TRUE(result.durable);
    EXPECT_EQ(result.machine.boot_id, "boot-b");
    ASSERT_TRUE(result.machine.billed_from);
    EXPECT_EQ(now.boot - result.machine.billed_from->boot, 421s + 1h);
    EXPECT_EQ(
        accrued(result.machine, now), walk.machine.intent_price.cost_of(421s + 1h, Rounding::up))
        << "the hour counts: the machine ran on";
}

TEST(AfterRestartOf, AWallClockThatWentBackwardsCannotHideTime) {
    Walk walk;
    walk.reach(serving);
    const Now now{.boot = BootTime{500s}, .utc = utc0 - 24h};
    const Step result = after_restart(walk.machine, "boot-b", walk.limits, now);
    EXPECT_EQ(now.boot - result.machine.billed_from->boot, 500s) << "at least the uptime";
}

TEST(F85, AWallClockJumpChangesNoInterval) {
    for (const auto jump : {-24h, 24h}) {
        Walk walk;
        walk.reach(serving);
        Now now = walk.now();
        now.utc += jump;
        const Step result = step(walk.machine, Tick{}, walk.limits, now);
        EXPECT_FALSE(result.durable);
        EXPECT_EQ(accrued(walk.machine, now), accrued(walk.machine, walk.now()));
    }
}

TEST(F86, EightHoursOfSleepAreBilledAndThenTheMachineEnds) {
    Walk walk;
    walk.reach(serving);
    walk.t += 8h;
    EXPECT_GT(accrued(walk.machine, walk.now()), Money(35'000'000'000, usd));
    walk.feed(Tick{});
    EXPECT_EQ(walk.machine.state, draining) << "its life is over";
}

/// F48: the reaper ended it while we were away. It is paid until the reaper's delete was answered,
/// and we prove its absence ourselves.
TEST(Lifecycle, F48AReapedMachineIsPaidUntilItsDeleteWasAnswered) {
    for (const MachineState from : {booting, warming, serving, draining, deleting}) {
        Walk walk;
        walk.reach(from);
        walk.t = 3h;
        if (walk.machine.phase == Phase::serve) {
            walk.feed(Work{3});
        }
        const Step step = walk.feed(Reaped{at(2h), "m-1"});
        ASSERT_EQ(walk.machine.state, verifying) << to_text(from);
        EXPECT_EQ(step.event, "reaped");
        EXPECT_EQ(step.gate == GateEffect::cancel, from == serving || from == draining)
            << to_text(from);
        EXPECT_FALSE(walk.feed(Reaped{at(2h), "m-1"}).durable) << "told twice";
        walk.t = 3h + 1s;
        walk.feed(GetMissing{walk.now()});
        walk.feed(Listed{.asked = walk.now()});
        walk.t = 3h + 62s;
        walk.feed(Listed{.asked = walk.now()});
        ASSERT_EQ(walk.machine.state, gone) << to_text(from);
        EXPECT_EQ(walk.machine.gone_how, GoneHow::destroyed);
        const auto paid = at(2h).boot - walk.machine.billed_from->boot;
        EXPECT_EQ(
            walk.machine.posted,
            Price::per_hour(Money{4'410'000'000, usd}).cost_of(paid, Rounding::half_even))
            << to_text(from);
        EXPECT_EQ(walk.posted(), walk.machine.posted) << to_text(from);
    }
    Walk missed;  // found missing before the reaper's log was read
    missed.reach(serving);
    missed.t = 3h;
    missed.feed(EngineUnreachable{});
    missed.t = 4h;
    missed.feed(Tick{});
    missed.feed(DestroyAnswered{.answer = DestroyAnswer::missing});
    ASSERT_EQ(missed.machine.gone_how, GoneHow::lost);
    EXPECT_TRUE(missed.feed(Reaped{at(3h + 30min), "m-1"}).durable);
    EXPECT_EQ(missed.machine.state, verifying);
    EXPECT_FALSE(missed.feed(Reaped{at(3h + 30min), "m-1"}).durable) << "told twice";
    missed.feed(GetMissing{missed.now()});
    missed.feed(Listed{.asked = missed.now()});
    missed.t = 4h + 62s;
    missed.feed(Listed{.asked = missed.now()});
    ASSERT_EQ(missed.machine.state, gone);
    EXPECT_EQ(
        missed.machine.posted,
        Price::per_hour(Money{4'410'000'000, usd})
            .cost_of(at(3h + 30min).boot - missed.machine.billed_from->boot, Rounding::half_even));
    Walk lost;
    lost.reach(unknown);
    lost.t = 3h;
    lost.feed(Reaped{at(2h), "m-9"});
    EXPECT_EQ(lost.machine.remote_id, "m-9") << "the reaper knew which one it was";
    EXPECT_EQ(lost.machine.end_reason.code, ReasonCode::machine_reaped);
}

}  // namespace
}  // namespace evenkeel::lifecycle
