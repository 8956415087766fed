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

TEST(Lifecycle, StraightRoadReachesEveryStateAndPaysExactly) {
    Walk walk;
    walk.reach(gone);
    EXPECT_EQ(walk.machine.state, gone);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::destroyed);
    std::vector<std::string> events;
    for (const Step& one : walk.steps) {
        events.emplace_back(one.event);
    }
    EXPECT_EQ(
        events,
        (std::vector<std::string>{
            "create_asked",
            "created",
            "engine_reachable",
            "accepted",
            "destroy",
            "deleted",
            "proved_gone"}));
    // From the create call to the answered delete: 1 + 400 + 20 + 1000 + 2 s.
    EXPECT_EQ(walk.posted(), Money(1'743'175'000, usd));
    EXPECT_EQ(walk.machine.posted, walk.posted());
    EXPECT_EQ(walk.machine.step, static_cast<std::int64_t>(walk.steps.size()));
}

TEST(Lifecycle, PhasesFollowTheStates) {
    Walk walk;
    walk.reach(gone);
    std::vector<Phase> phases;
    for (const Step& one : walk.steps) {
        for (const PhaseClosed& closed : one.closed) {
            phases.push_back(closed.phase);
            EXPECT_GE(closed.to.boot, closed.from.boot);
        }
    }
    EXPECT_EQ(phases, (std::vector{Phase::boot, Phase::warm, Phase::serve, Phase::del}));
}

TEST(Lifecycle, IdleTimeIsAPhaseThatBeganWithTheLastRequest) {
    Walk walk;
    walk.reach(serving);
    walk.feed(Work{3});
    const auto last = walk.t + 100s;
    walk.feed_at(last, Work{0});
    EXPECT_FALSE(walk.feed_at(last + 4s, Work{0}).durable) << "a short gap is no idling";
    const Step idle = walk.feed_at(last + 5s, Tick{});
    EXPECT_EQ(idle.event, "idle");
    ASSERT_TRUE(idle.opened);
    EXPECT_EQ(idle.opened->phase, Phase::idle);
    EXPECT_EQ(idle.opened->from.boot, at(last).boot);
    const Step busy = walk.feed_at(last + 60s, Work{1});
    EXPECT_EQ(busy.event, "busy");
    ASSERT_EQ(busy.closed.size(), 1u);
    EXPECT_EQ(busy.closed[0].amount, Money(73'500'000, usd));
}

TEST(Lifecycle, UnusedMinimumIsBookedAsItsOwnPhase) {
    Walk walk;
    walk.limits.settle = 0ms;
    walk.limits.proof_gap = 1s;
    walk.reach(booting);
    walk.feed(Destroy{{ReasonCode::rent_boot_cancelled}});
    walk.feed(DestroyAnswered{});
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{walk.now()});
    walk.t += 1s;
    walk.feed(Listed{walk.now()});
    ASSERT_EQ(walk.machine.state, gone);
    EXPECT_EQ(walk.steps.back().closed.back().phase, Phase::minimum);
    EXPECT_EQ(walk.machine.posted, Money(73'500'000, usd)) << "60 s at 4.41 USD/h";
}

struct CreateAnswer {
    const char* name;
    Errc code;
    MachineState expected;
};
class AfterCreateFailed : public testing::TestWithParam<CreateAnswer> {};

/// F01-F05, F09, F11, F12: only an answer that proves that nothing was made may be taken as one.
TEST_P(AfterCreateFailed, GoesWhereTheAnswerAllows) {
    Walk walk;
    walk.reach(creating);
    walk.t += 3s;
    walk.feed(CreateFailed{.code = GetParam().code});
    EXPECT_EQ(walk.machine.state, GetParam().expected);
    EXPECT_EQ(costs_money(walk.machine), GetParam().expected == unknown);
    if (GetParam().expected == gone) {
        EXPECT_EQ(walk.machine.gone_how, GoneHow::never_created);
        EXPECT_TRUE(walk.machine.posted.is_zero());
    }
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    AfterCreateFailed,
    testing::Values(
        CreateAnswer{"LostAnswer", Errc::outcome_unknown, unknown},
        CreateAnswer{"Unreadable", Errc::invalid_response, unknown},
        CreateAnswer{"NameExists", Errc::conflict, unknown},
        CreateAnswer{"OurDiskFailed", Errc::io_failed, unknown},
        CreateAnswer{"RefusedConnection", Errc::unavailable, wanted},
        CreateAnswer{"NothingSentInTime", Errc::timed_out, wanted},
        CreateAnswer{"RateLimited", Errc::rate_limited, wanted},
        CreateAnswer{"StoppedBeforeSending", Errc::cancelled, wanted},
        CreateAnswer{"NoStock", Errc::no_capacity, gone},
        CreateAnswer{"BadRequest", Errc::rejected, gone},
        CreateAnswer{"BadKey", Errc::unauthorized, gone}),
    [](const auto& one) { return one.param.name; });

TEST(Lifecycle, F04DefiniteFailureIsTriedAgainWithAGrowingPauseAndGivenUp) {
    Walk walk;
    BootTime last{};
    for (int i = 0; i < 4; ++i) {
        walk.feed(CreateAsked{});
        walk.feed(CreateFailed{.code = Errc::unavailable});
        const Call call = wanted_call(walk.machine, walk.limits, walk.now());
        EXPECT_EQ(call.kind, CallKind::create);
        EXPECT_GT(call.not_before - walk.now().boot, i == 0 ? 700ms : last - BootTime{});
        last = BootTime{call.not_before - walk.now().boot};
        walk.t += 10s;
    }
    walk.feed_at(300s, Tick{});
    EXPECT_EQ(walk.machine.state, gone);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_unreachable);
    EXPECT_TRUE(walk.posted().is_zero());
}

TEST(Lifecycle, F12RetryAfterIsObeyed) {
    Walk walk;
    walk.reach(creating);
    walk.feed(CreateFailed{.code = Errc::rate_limited, .retry_after = 12s});
    EXPECT_GE(wanted_call(walk.machine, walk.limits, walk.now()).not_before, walk.now().boot + 12s);
    walk.reach(creating);
    walk.feed(Created{seen_as()});
    walk.feed(Destroy{});
    walk.feed(DestroyAnswered{.answer = DestroyAnswer::failed, .retry_after = 30s});
    EXPECT_GE(wanted_call(walk.machine, walk.limits, walk.now()).not_before, walk.now().boot + 30s);
}

TEST(Lifecycle, F01LostCreateIsFoundByNameAndAdopted) {
    Walk walk;
    walk.reach(unknown);
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::look_up);
    const std::vector<Seen> list{seen_as("m-9")};
    walk.feed(listed_for(walk.machine, list, true, walk.now()));
    EXPECT_EQ(walk.machine.state, booting);
    EXPECT_EQ(walk.machine.remote_id, "m-9");
}

TEST(Lifecycle, F07UnknownThatNeverAppearsIsClosedAfterTheSettleWindowForNothing) {
    Walk walk;
    walk.reach(unknown);
    for (auto t = 2s; t < 600s; t += 30s) {
        walk.feed_at(t, Listed{.asked = at(t)});
        ASSERT_EQ(walk.machine.state, unknown) << t.count();
    }
    walk.feed_at(601s, Listed{.asked = at(601s)});
    EXPECT_EQ(walk.machine.state, unknown) << "one list is no proof";
    walk.feed_at(640s, Listed{.asked = at(640s), .complete = false});
    walk.feed_at(662s, Listed{.asked = at(662s)});
    EXPECT_EQ(walk.machine.state, gone);
    EXPECT_EQ(walk.machine.gone_how, GoneHow::never_created);
    EXPECT_TRUE(walk.posted().is_zero());
}

TEST(Lifecycle, F15DemandGoneWhileCreatingDestroysItAsSoonAsItIsKnown) {
    for (const MachineState state : {creating, unknown}) {
        Walk walk;
        walk.reach(state);
        walk.feed(Drain{{ReasonCode::rent_boot_cancelled}});
        EXPECT_EQ(walk.machine.state, state) << "its fate is not known yet";
        EXPECT_TRUE(walk.machine.end_asked);
        const std::vector<Seen> list{seen_as()};
        if (state == creating) {
            walk.feed(Created{seen_as()});
        } else {
            walk.feed(listed_for(walk.machine, list, true, walk.now()));
        }
        EXPECT_EQ(walk.machine.state, deleting);
        EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::rent_boot_cancelled);
    }
}

TEST(Lifecycle, F16DearerMachineIsDestroyedAndBookedAtItsRealPrice) {
    Walk walk;
    walk.limits.settle = 0ms;
    walk.limits.proof_gap = 0ms;
    walk.reach(creating);
    Seen dear = seen_as();
    dear.price = Price::per_hour(Money{4'410'000'001, usd});
    walk.t += 100s;
    walk.feed(Created{dear});
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_dearer);
    EXPECT_EQ(walk.machine.end_reason.args[0], 4'410'000'001);
    walk.feed(DestroyAnswered{});
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{walk.now()});
    EXPECT_EQ(walk.machine.posted, dear.price->cost_of(100s, Rounding::half_even));
}

TEST(Lifecycle, F17WrongGpuIsDestroyed) {
    for (const bool count : {false, true}) {
        Walk walk;
        walk.reach(creating);
        walk.machine.gpu_count_wanted = count ? 2 : 1;
        Seen other = seen_as();
        other.gpu = count ? "H100" : "A100";
        walk.feed(Created{other});
        EXPECT_EQ(walk.machine.state, deleting);
        EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_wrong_gpu);
    }
}

TEST(Lifecycle, OtherCurrencyThanTheIntentCountsAsDearer) {
    Walk walk;
    walk.reach(creating);
    Seen other = seen_as();
    other.price = Price::per_hour(Money{1, aud});
    walk.feed(Created{other});
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_dearer);
}

TEST(Lifecycle, F38NeverHealthyIsDestroyedAtTheWarmUpDeadline) {
    for (const MachineState state : {booting, warming}) {
        Walk walk;
        walk.reach(state);
        EXPECT_EQ(next_deadline(walk.machine, walk.limits), at(15min).boot);
        walk.feed_at(15min - 1ms, EngineUnreachable{});
        EXPECT_EQ(walk.machine.state, state);
        walk.feed_at(15min, Tick{});
        EXPECT_EQ(walk.machine.state, deleting);
        EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_boot_late);
    }
}

TEST(Lifecycle, F40RejectedByItsAcceptanceTestNeverServes) {
    Walk walk;
    walk.reach(warming);
    EXPECT_EQ(wanted_call(walk.machine, walk.limits, walk.now()).kind, CallKind::accept);
    const Step result = walk.feed(Rejected{});
    EXPECT_EQ(result.gate, GateEffect::none);
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_FALSE(walk.machine.serving_at);
}

TEST(Lifecycle, F42CutOffNodeIsReadmittedAfterAProbeOrEndsAfterItsLimit) {
    Walk walk;
    walk.reach(serving);
    walk.feed(EngineUnreachable{});
    walk.t += 2s;
    EXPECT_EQ(walk.feed(EngineUnreachable{}).gate, GateEffect::stop);
    EXPECT_FALSE(takes_work(walk.machine, walk.limits));
    walk.t += 30s;
    EXPECT_EQ(walk.feed(EngineReachable{walk.now()}).gate, GateEffect::start);
    EXPECT_TRUE(takes_work(walk.machine, walk.limits));
    walk.feed(EngineUnreachable{});
    walk.t += 120s;
    walk.feed(Tick{});
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::machine_engine_lost);
}

TEST(Lifecycle, MaxLifeDrainsThenCancels) {
    Walk walk;
    walk.reach(serving);
    walk.feed_at(6h, Tick{});
    EXPECT_EQ(walk.machine.state, draining);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::rent_max_life);
    const Step over = walk.feed_at(6h + 3min, Tick{});
    EXPECT_EQ(over.gate, GateEffect::cancel);
    EXPECT_EQ(walk.machine.state, deleting);
}

TEST(Lifecycle, DrainedBeforeTheLimitCancelsNothing) {
    Walk walk;
    walk.reach(draining);
    EXPECT_EQ(walk.feed(Drained{}).gate, GateEffect::none);
    EXPECT_EQ(walk.machine.state, deleting);
    EXPECT_EQ(walk.machine.end_reason.code, ReasonCode::rent_release);
}

TEST(Lifecycle, F10DuplicatesOfOursAreToBeDestroyedForeignOnesNot) {
    Walk walk;
    walk.reach(unknown);
    Seen older = seen_as("m-old");
    older.created = utc0 - 1s;
    Seen foreign = seen_as("m-foreign");
    foreign.owner_mark = "ek-ffffffff";
    foreign.created = utc0 - 1h;
    const std::vector<Seen> list{seen_as("m-new"), older, foreign};
    const Step found = walk.feed(listed_for(walk.machine, list, true, walk.now()));
    EXPECT_EQ(walk.machine.remote_id, "m-old");
    EXPECT_EQ(found.destroy_duplicates, std::vector<std::string>{"m-new"});
}

TEST(Lifecycle, AMachineThatReappearsAfterItsProofIsDeletedAgainAndPaid) {
    Walk walk;
    walk.reach(gone);
    const Money before = walk.machine.posted;
    walk.feed(Listed{.asked = at(10s), .entry = seen_as()});
    EXPECT_EQ(walk.machine.state, gone) << "an old list says nothing";
    walk.t += 600s;
    walk.feed(Listed{.asked = walk.now(), .entry = seen_as()});
    EXPECT_EQ(walk.machine.state, deleting);
    walk.feed(DestroyAnswered{});
    walk.feed(GetMissing{walk.now()});
    walk.feed(Listed{walk.now()});
    walk.t += 60s;
    walk.feed(Listed{walk.now()});
    EXPECT_EQ(walk.machine.state, gone);
    EXPECT_GT(walk.machine.posted, before);
    EXPECT_EQ(walk.posted(), walk.machine.posted);
}

TEST(Lifecycle, EveryEventInEveryStateIsHarmless) {
    const std::vector<Event> events{
        Tick{},
        CreateAsked{},
        Created{seen_as("m-2")},
        CreateFailed{},
        CreateFailed{.code = Errc::rejected},
        Listed{.asked = at(2'000s)},
        Listed{.asked = at(2'000s), .entry = seen_as()},
        Got{.asked = at(2'000s), .seen = seen_as()},
        GetMissing{at(2'000s)},
        CallFailed{},
        EngineReachable{at(2'000s)},
        EngineUnreachable{},
        Accepted{},
        Rejected{},
        Drain{},
        Drained{},
        Destroy{},
        DestroyAnswered{},
        DestroyAnswered{.answer = DestroyAnswer::failed},
        Reaped{at(1'900s), "m-1"},
        Work{0},
        Work{5}};
    for (const MachineState state : all_machine_states) {
        for (std::size_t i = 0; i < events.size(); ++i) {
            Walk walk;
            walk.reach(state);
            ASSERT_EQ(walk.machine.state, state);
            walk.t = 2'000s;
            const std::int64_t before = walk.machine.step;
            const Step result = walk.feed(events[i]);
            EXPECT_EQ(result.machine.step, before + (result.durable ? 1 : 0)) << i;
            EXPECT_EQ(walk.posted(), walk.machine.posted) << to_text(state) << ' ' << i;
            EXPECT_EQ(result.durable, !result.event.empty()) << to_text(state) << ' ' << i;
            if (state == gone && !std::holds_alternative<Listed>(events[i]) &&
                !std::holds_alternative<Got>(events[i])) {
                EXPECT_EQ(result.to, gone) << i;
            }
        }
    }
}

TEST(Lifecycle, NamesFitEveryProvider) {
    const std::string name = machine_name("ek-0a1b2c3d", MachineId{9'000'000'000'000'000'000});
    EXPECT_EQ(name.size(), std::string{"ek-0a1b2c3d-"}.size() + 13);
    for (const char c : name) {
        EXPECT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-') << name;
    }
}

TEST(Lifecycle, LimitsComeFromThePolicyAndTheRestIsDividedBySpeed) {
    config::Scaling scaling;
    scaling.drain = 10s;
    config::Safety safety;
    safety.proof_gap = 2s;
    const Limits limits = make_limits(scaling, safety, 30);
    EXPECT_EQ(limits.drain, 10s);
    EXPECT_EQ(limits.proof_gap, 2s);
    EXPECT_EQ(limits.settle, 20s);
    EXPECT_EQ(limits.alarm, 10s);
    EXPECT_EQ(make_limits(scaling, safety, 1).settle, 10min);
}

}  // namespace
}  // namespace evenkeel::lifecycle
