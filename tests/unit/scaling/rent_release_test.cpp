#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>

namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

/// Ticks of 5 s until something is decided; returns how long that took.
std::chrono::seconds until_decided(Scene& scene, std::chrono::seconds most) {
    for (auto t = 5s; t <= most; t += 5s) {
        scene.tick(5s);
        if (!scene.decisions.empty()) {
            return t;
        }
    }
    return 0s;
}

TEST(RentRelease, IdleMachineGoesWhenIdlingHasCostABoot) {
    Scene scene;
    scene.ready(1, 1h);
    const auto waited = until_decided(scene, 1h);
    EXPECT_EQ(waited, 420s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->kind, DecisionKind::release);
    EXPECT_EQ(scene.only()->machine, MachineId{1});
    EXPECT_EQ(
        scene.only()->reason,
        (Reason{ReasonCode::rent_release, {420 * per_second, 420 * per_second}}));
}

TEST(RentRelease, ShortBootsHaveAFloorThatScales) {
    Scene scene;
    scene.policy.boot = 60s;
    scene.ready(1, 1h);
    EXPECT_EQ(until_decided(scene, 1h), 300s);
    Scene fast;
    fast.constants = Constants::scaled(30);
    fast.policy.boot = 2s;
    fast.ready(1, 1h).hour_report *= 30;
    EXPECT_EQ(until_decided(fast, 1h), 10s);
}

TEST(RentRelease, KeepWarmCountsInBoots) {
    Scene scene;
    scene.policy.keep_warm_millis = 2'500;
    scene.ready(1, 1h);
    EXPECT_EQ(until_decided(scene, 1h), 1'050s);
}

TEST(RentRelease, MachineThatEarnsItsPriceStays) {
    Scene scene;
    scene.ready(1, 1h);
    for (int i = 0; i < 1'000; ++i) {
        scene.snapshot.machines[0].worth += 5 * per_second;
        EXPECT_TRUE(scene.tick(5s).empty());
    }
    EXPECT_EQ(scene.state.idle[MachineId{1}], 0);
}

TEST(RentRelease, OneThatEarnsHalfGoesAfterTwiceTheTime) {
    Scene scene;
    scene.ready(1, 1h);
    std::chrono::seconds t{0};
    while (scene.decisions.empty() && t < 1h) {
        scene.snapshot.machines[0].worth += 5 * per_second / 2;
        scene.tick(5s);
        t += 5s;
    }
    EXPECT_EQ(t, 840s);
}

TEST(RentRelease, OfTwoTheOneThatLostMoreGoesAndTheOtherIsJudgedAnew) {
    Scene scene;
    scene.ready(1, 1h);
    scene.ready(2, 1h);
    std::chrono::seconds t{0};
    while (scene.decisions.empty() && t < 1h) {
        scene.snapshot.machines[0].worth += 3 * per_second;
        scene.tick(5s);
        t += 5s;
    }
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->machine, MachineId{2});
    EXPECT_TRUE(scene.state.idle.empty());
}

TEST(RentRelease, NothingIsReleasedWhileAnotherBoots) {
    Scene scene;
    scene.ready(1, 1h);
    scene.booting(2, 10s);
    scene.state.worth = 100.0 * per_second;
    scene.snapshot.demand.queued = 1;
    EXPECT_EQ(until_decided(scene, 1h), 0s);
}

TEST(RentRelease, NotBeforeItServedForABoot) {
    Scene scene;
    scene.policy.keep_warm_millis = 100;  // 42 s of idling
    scene.ready(1, 10s);
    EXPECT_EQ(until_decided(scene, 1h), 410s) << "one change of direction per boot";
}

TEST(RentRelease, MinimumIsKept) {
    Scene scene;
    scene.policy.min = 1;
    scene.ready(1, 1h);
    EXPECT_EQ(until_decided(scene, 2h), 0s);
}

TEST(RentRelease, FrozenStillReleases) {
    Scene scene;
    scene.snapshot.frozen = true;
    scene.snapshot.ledger_ok = false;
    scene.ready(1, 1h);
    EXPECT_EQ(until_decided(scene, 1h), 420s);
}

TEST(RentRelease, IdleStopEndsItEarlier) {
    Scene scene;
    scene.policy.idle_stop = 90s;
    scene.ready(1, 1h).last_busy = scene.snapshot.now.boot;
    EXPECT_EQ(until_decided(scene, 1h), 90s);
    EXPECT_EQ(scene.only()->reason, (Reason{ReasonCode::rent_idle_stop, {90'000, 90'000}}));
}

TEST(RentRelease, IdleStopSparesTheBusy) {
    Scene scene;
    scene.policy.idle_stop = 90s;
    scene.ready(1, 1h).in_flight = 1;
    for (int i = 0; i < 100; ++i) {
        scene.snapshot.machines[0].worth += 5 * per_second;
        EXPECT_TRUE(scene.tick(5s).empty());
    }
}

TEST(RentRelease, LoweredMaximumGivesBackTheYoungestBootFirst) {
    Scene scene;
    scene.ready(1, 1h);
    scene.booting(2, 100s);
    scene.booting(3, 10s);
    scene.policy.max = 1;
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->machine, MachineId{3});
    EXPECT_EQ(scene.only()->reason, (Reason{ReasonCode::rent_over_max, {3, 1}}));
}

TEST(RentRelease, RuleSetToNeverLetsIdleMachinesGo) {
    Scene scene;
    scene.policy.rule = config::RentRule::never;
    scene.ready(1, 1h);
    EXPECT_EQ(until_decided(scene, 1h), 420s);
}

TEST(RentRelease, EndingMachinesAreNotReleasedTwice) {
    Scene scene;
    scene.ready(1, 1h).ending = true;
    EXPECT_EQ(until_decided(scene, 2h), 0s);
}

TEST(RentRelease, BootIsCancelledWhenItsReasonIsGone) {
    Scene scene;
    scene.booting(1, 30s);
    scene.state.worth = 10.0 * per_second;
    const auto waited = until_decided(scene, 20min);
    EXPECT_GT(waited, 60s) << "not at the first quiet tick";
    EXPECT_LT(waited, 300s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->reason.code, ReasonCode::rent_boot_cancelled);
}

struct KeepBoot {
    const char* name;
    void (*change)(Scene&);
};
class RentKeepBoot : public testing::TestWithParam<KeepBoot> {};
TEST_P(RentKeepBoot, WhileItHasAReason) {
    Scene scene;
    scene.booting(1, 200s);
    GetParam().change(scene);
    EXPECT_TRUE(scene.tick(1s).empty());
}
INSTANTIATE_TEST_SUITE_P(
    Table,
    RentKeepBoot,
    testing::Values(
        KeepBoot{"SomebodyWaits", [](Scene& s) { s.snapshot.demand.queued = 1; }},
        KeepBoot{"StillInDebt", [](Scene& s) { s.state.debt = 1'000 * 1'000'000; }},
        KeepBoot{"Worthwhile", [](Scene& s) { s.state.worth = 2.0 * per_second; }},
        KeepBoot{"MinimumIsPaidAnyway", [](Scene& s) { s.policy.min_bill = 300s; }},
        KeepBoot{"BelowTheMinimumCount", [](Scene& s) { s.policy.min = 1; }}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(RentRelease, WithoutApiABusyMachineStaysAndAnIdleOneGoes) {
    Scene scene;
    scene.snapshot.api_priced = false;
    scene.ready(1, 1h).in_flight = 3;
    EXPECT_EQ(until_decided(scene, 2h), 0s);
    scene.snapshot.machines[0].in_flight = 0;
    scene.snapshot.machines[0].last_busy = scene.snapshot.now.boot;
    EXPECT_EQ(until_decided(scene, 2h), 420s);
}

}  // namespace
}  // namespace evenkeel::scaling
