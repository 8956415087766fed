#include "policies/lifecycle/trust.hpp"

#include "tests/unit/lifecycle/walk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace evenkeel::lifecycle {
namespace {

using namespace testing_walk;

TEST(Breaker, IsOpenUntilAFirstCallSucceeded) {
    Breaker breaker;
    EXPECT_TRUE(breaker.open);
    heard(breaker, Errc::unavailable, at(0s));
    EXPECT_TRUE(breaker.open);
    heard(breaker, {}, at(1s));
    EXPECT_FALSE(breaker.open);
}

TEST(Breaker, F31_OpensAfterThreeFailuresAndClosesAfterThreeGoodCalls) {
    Breaker breaker;
    heard(breaker, {}, at(0s));
    for (int round = 0; round < 2; ++round) {
        heard(breaker, Errc::unavailable, at(1s));
        heard(breaker, Errc::timed_out, at(2s));
        EXPECT_FALSE(breaker.open);
        heard(breaker, Errc::outcome_unknown, at(3s));
        EXPECT_TRUE(breaker.open);
        EXPECT_EQ(breaker.since, at(3s).boot);
        heard(breaker, {}, at(4s));
        heard(breaker, {}, at(5s));
        EXPECT_TRUE(breaker.open);
        heard(breaker, {}, at(6s));
        EXPECT_FALSE(breaker.open);
    }
}

TEST(Breaker, AGoodCallInBetweenKeepsItClosed) {
    Breaker breaker;
    heard(breaker, {}, at(0s));
    for (int i = 0; i < 20; ++i) {
        heard(breaker, Errc::unavailable, at(1s));
        heard(breaker, Errc::unavailable, at(1s));
        heard(breaker, {}, at(1s));
        EXPECT_FALSE(breaker.open);
    }
}

TEST(Breaker, F36_ARefusedCredentialOpensItAtOnce) {
    Breaker breaker;
    heard(breaker, {}, at(0s));
    heard(breaker, Errc::unauthorized, at(1s));
    EXPECT_TRUE(breaker.open);
}

TEST(Breaker, F11_RefusalsComeFromAnApiThatWorks) {
    Breaker breaker;
    heard(breaker, Errc::no_capacity, at(0s));
    EXPECT_FALSE(breaker.open);
    for (const Errc code : {Errc::no_capacity, Errc::rejected, Errc::not_found, Errc::conflict}) {
        for (int i = 0; i < 5; ++i) {
            heard(breaker, code, at(1s));
        }
        EXPECT_FALSE(breaker.open) << to_text(code);
    }
}

TEST(Breaker, WhatWeCancelledSaysNothing) {
    Breaker breaker;
    heard(breaker, Errc::cancelled, at(0s));
    EXPECT_TRUE(breaker.open);
}

TEST(UndeletedSince, F20_BlocksAProviderAfterFifteenMinutesWithoutProof) {
    for (const MachineState state : {MachineState::deleting, MachineState::verifying}) {
        Walk walk;
        walk.reach(state);
        const BootTime since = walk.machine.delete_asked->boot;
        const auto later = [&](std::chrono::milliseconds by) {
            Now now = walk.now();
            now.boot = since + by;
            return now;
        };
        EXPECT_FALSE(undeleted_since(walk.machine, walk.limits, later(15min - 1ms)));
        EXPECT_EQ(undeleted_since(walk.machine, walk.limits, later(15min)), since);
    }
    Walk gone;
    gone.reach(MachineState::gone);
    ASSERT_EQ(gone.machine.state, MachineState::gone);
    EXPECT_FALSE(undeleted_since(gone.machine, gone.limits, at(30h)));
}

TEST(EndsByFault, TellsUselessMachinesFromThoseNobodyNeeds) {
    Walk walk;
    walk.reach(MachineState::serving);
    EXPECT_FALSE(ends_by_fault(walk.machine));
    for (const auto& [code, fault] :
         {std::pair{ReasonCode::rent_release, false},
          std::pair{ReasonCode::rent_max_life, false},
          std::pair{ReasonCode::asked_by_owner, false},
          std::pair{ReasonCode::agent_stopping, false},
          std::pair{ReasonCode::machine_boot_late, true},
          std::pair{ReasonCode::machine_engine_lost, true},
          std::pair{ReasonCode::machine_wrong_gpu, true},
          std::pair{ReasonCode::machine_dearer, true},
          std::pair{ReasonCode::machine_lost, true}}) {
        Machine machine = walk.machine;
        machine.end_asked = walk.now();
        machine.end_reason = {code};
        EXPECT_EQ(ends_by_fault(machine), fault) << evenkeel::to_text(code);
    }
}

TEST(EndsByChoice, APersonAPolicyAndTheReaperSayNothingAboutAnOffer) {
    for (const auto& [code, choice] :
         {std::pair{ReasonCode::rent_boot_cancelled, true},
          std::pair{ReasonCode::rent_over_max, true},
          std::pair{ReasonCode::asked_by_owner, true},
          std::pair{ReasonCode::machine_reaped, true},
          std::pair{ReasonCode::agent_stopping, true},
          std::pair{ReasonCode::machine_refused, false},
          std::pair{ReasonCode::machine_no_capacity, false},
          std::pair{ReasonCode::machine_never_seen, false},
          std::pair{ReasonCode::machine_boot_late, false}}) {
        Machine machine;
        machine.end_reason = {code};
        EXPECT_EQ(ends_by_choice(machine), choice) << evenkeel::to_text(code);
    }
}

}  // namespace
}  // namespace evenkeel::lifecycle
