#include "policies/engines/life.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace evenkeel::engines {
namespace {

using namespace std::chrono_literals;

/// One engine whose process, answers and clock are the test's.
struct Walk {
    Life life{};
    Sight sight{};
    Wish wish{Wish::run};
    BootTime now{1h};
    Limits limits{};
    std::vector<Do> done{};

    /// Steps until nothing changes; the process follows what was done.
    Do look() {
        Do last = Do::nothing;
        for (int i = 0; i < 8; ++i) {
            const Step next = step(life, sight, wish, now, limits);
            const bool moved = next.life.state != life.state;
            life = next.life;
            if (next.what != Do::nothing) {
                last = next.what;
                done.push_back(last);
                sight.call.reset();
            }
            if (next.what == Do::start) {
                sight.alive = true;
                sight.accepted = false;
            }
            if (!moved) {
                break;
            }
        }
        return last;
    }
    Do after(std::chrono::nanoseconds pause) {
        now += pause;
        return look();
    }
    void become_ready() {
        look();
        sight.accepted = true;
        look();
        ASSERT_EQ(life.state, State::ready);
    }
    void crash() {
        sight.alive = false;
        look();
    }
};

TEST(EngineLife, StartsWaitsThroughLoadingAndIsAdmittedOnceItAnswers) {
    Walk walk;
    EXPECT_EQ(walk.look(), Do::start);
    EXPECT_EQ(walk.after(5min), Do::nothing);
    EXPECT_EQ(walk.life.state, State::starting);
    walk.sight.accepted = true;
    EXPECT_EQ(walk.look(), Do::admit);
    EXPECT_EQ(walk.life.state, State::ready);
}

TEST(EngineLife, IsNotStartedWithoutRoom) {
    Walk walk;
    walk.sight.room = false;
    EXPECT_EQ(walk.after(1h), Do::nothing);
    walk.sight.room = true;
    EXPECT_EQ(walk.look(), Do::start);
}

TEST(EngineLife, TakesTooLongToLoad) {
    Walk walk;
    walk.look();
    EXPECT_EQ(walk.after(15min - 1ns), Do::nothing);
    EXPECT_EQ(walk.after(1ns), Do::terminate);
    EXPECT_EQ(walk.after(15s), Do::kill);
    walk.crash();
    EXPECT_EQ(walk.life.failures, 1);
    EXPECT_EQ(walk.life.not_before, walk.now + 1s);
}

TEST(EngineLife, PausesBeforeStartsDoubleFromOneSecondToSixty) {
    Walk walk;
    std::vector<std::int64_t> pauses;
    for (int i = 0; i < 9; ++i) {
        EXPECT_EQ(walk.look(), Do::start) << i;
        walk.crash();
        pauses.push_back((walk.life.not_before - walk.now) / 1s);
        EXPECT_EQ(walk.after(walk.life.not_before - walk.now - 1ns), Do::nothing);
        walk.now += 1ns;
    }
    EXPECT_EQ(pauses, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 60, 60, 60}));
    EXPECT_EQ(back_off(1'000, walk.limits), 60s);
    EXPECT_EQ(back_off(0, walk.limits), 0s);
}

TEST(EngineLife, TenMinutesOfHealthForgetFailures) {
    Walk walk;
    for (int i = 0; i < 4; ++i) {
        walk.look();
        walk.crash();
        walk.now = walk.life.not_before;
    }
    walk.become_ready();
    walk.now += 10min - 1ns;
    walk.crash();
    EXPECT_EQ(walk.life.failures, 5) << "a nanosecond too early";
    EXPECT_EQ(walk.done.back(), Do::withdraw) << "the gate is told";
    walk.now = walk.life.not_before;
    walk.become_ready();
    walk.now += 10min;
    walk.crash();
    EXPECT_EQ(walk.life.failures, 1);
    EXPECT_EQ(walk.life.not_before, walk.now + 1s);
}

TEST(EngineLife, GivingWayEndsTheRowOfFailures) {
    Walk walk;
    walk.look();
    walk.crash();
    walk.now = walk.life.not_before;
    walk.become_ready();
    EXPECT_EQ(walk.life.failures, 1);
    walk.wish = Wish::give_way;
    walk.look();
    EXPECT_EQ(walk.life.failures, 0);
}

TEST(EngineLife, GivesWayAfterItsLastRequest) {
    Walk walk;
    walk.become_ready();
    walk.sight.in_flight = 2;
    walk.wish = Wish::give_way;
    EXPECT_EQ(walk.look(), Do::withdraw);
    EXPECT_EQ(walk.after(1min), Do::nothing);
    EXPECT_EQ(walk.life.state, State::draining);
    walk.sight.in_flight = 0;
    EXPECT_EQ(walk.look(), Do::terminate);
    walk.crash();
    EXPECT_EQ(walk.life.state, State::off);
    EXPECT_EQ(walk.life.failures, 0) << "it was asked to end";
    walk.wish = Wish::run;
    EXPECT_EQ(walk.look(), Do::start) << "no pause after an end that was wanted";
}

TEST(EngineLife, RequestsThatOutlastTheDrainAreCut) {
    Walk walk;
    walk.become_ready();
    walk.sight.in_flight = 1;
    walk.wish = Wish::give_way;
    walk.look();
    EXPECT_EQ(walk.after(3min), Do::cut);
    EXPECT_EQ(walk.after(1s), Do::nothing) << "cut once";
    walk.wish = Wish::run;
    EXPECT_EQ(walk.look(), Do::nothing) << "too late to stay: its requests are gone";
    EXPECT_EQ(walk.after(4s), Do::terminate) << "nobody waits for an engine that hangs";
}

TEST(EngineLife, ChangesItsMindWhileItDrains) {
    Walk walk;
    walk.become_ready();
    walk.sight.in_flight = 1;
    walk.wish = Wish::give_way;
    walk.look();
    walk.wish = Wish::run;
    EXPECT_EQ(walk.look(), Do::admit);
    EXPECT_EQ(walk.life.state, State::ready);
}

TEST(EngineLife, SleepsAndWakesWhereItCan) {
    Walk walk;
    walk.limits.sleeps = true;
    walk.become_ready();
    walk.wish = Wish::give_way;
    EXPECT_EQ(walk.look(), Do::put_to_sleep);
    EXPECT_EQ(walk.life.state, State::falling_asleep);
    walk.sight.call = true;
    walk.look();
    EXPECT_EQ(walk.life.state, State::asleep);
    walk.sight.room = false;
    walk.wish = Wish::run;
    EXPECT_EQ(walk.after(1h), Do::nothing) << "the other is still there";
    walk.sight.room = true;
    walk.sight.accepted = false;
    EXPECT_EQ(walk.look(), Do::wake);
    walk.sight.call = true;
    walk.look();
    EXPECT_EQ(walk.life.state, State::starting) << "it must answer before it gets requests";
    walk.sight.accepted = true;
    EXPECT_EQ(walk.look(), Do::admit);
}

TEST(EngineLife, ASleeperThatEndsHoldsNoWeights) {
    Walk walk;
    walk.life = {.state = State::asleep, .since = walk.now};
    walk.sight.alive = true;
    walk.wish = Wish::end;
    EXPECT_EQ(walk.look(), Do::terminate);
    EXPECT_TRUE(walk.life.unloaded);
    walk.crash();
    EXPECT_FALSE(walk.life.unloaded);
}

TEST(EngineLife, OneThatDoesNotFallAsleepIsEnded) {
    for (const bool answers : {true, false}) {
        Walk walk;
        walk.limits.sleeps = true;
        walk.become_ready();
        walk.wish = Wish::give_way;
        walk.look();
        if (answers) {
            walk.sight.call = false;
            EXPECT_EQ(walk.look(), Do::terminate);
        } else {
            EXPECT_EQ(walk.after(60s), Do::terminate);
        }
        walk.crash();
        EXPECT_EQ(walk.life.failures, 1);
    }
}

TEST(EngineLife, AHungEngineIsEndedAndStartedAgain) {
    Walk walk;
    walk.become_ready();
    walk.sight.sick = true;
    EXPECT_EQ(walk.look(), Do::nothing);
    walk.now += 20s;
    walk.sight.sick = false;
    walk.look();
    walk.sight.sick = true;
    walk.look();
    EXPECT_EQ(walk.after(30s - 1ns), Do::nothing) << "it was well in between";
    EXPECT_EQ(walk.after(1ns), Do::terminate);
    walk.crash();
    EXPECT_EQ(walk.after(1s), Do::start);
}

TEST(EngineLife, AnEngineOfAnEarlierDaemonIsEndedFirst) {
    Walk walk;
    walk.sight.alive = true;
    EXPECT_EQ(walk.look(), Do::terminate);
    EXPECT_EQ(walk.after(15s), Do::kill);
    EXPECT_EQ(walk.after(15s), Do::kill) << "until it is gone";
    walk.sight.alive = false;
    EXPECT_EQ(walk.look(), Do::start);
}

TEST(EngineLife, WhateverACrashLeavesBehindIsEndedAndThePauseStays) {
    Walk walk;
    walk.become_ready();
    walk.crash();
    const BootTime pause = walk.life.not_before;
    walk.sight.alive = true;  // a child of the dead program holds the GPU
    EXPECT_EQ(walk.look(), Do::terminate);
    walk.sight.alive = false;
    EXPECT_EQ(walk.look(), Do::nothing);
    EXPECT_EQ(walk.life.not_before, pause);
    walk.now = pause;
    EXPECT_EQ(walk.look(), Do::start);
}

TEST(EngineLife, EndsFromEveryState) {
    for (int state = 0; state <= static_cast<int>(State::stopping); ++state) {
        Walk walk;
        walk.life = {.state = static_cast<State>(state), .since = walk.now};
        walk.sight.alive = walk.life.state != State::off;
        walk.wish = Wish::end;
        walk.look();
        walk.after(1min);
        walk.sight.alive = false;
        walk.look();
        EXPECT_EQ(walk.life.state, State::off) << state;
        EXPECT_EQ(walk.after(1h), Do::nothing) << state;
    }
}

}  // namespace
}  // namespace evenkeel::engines
