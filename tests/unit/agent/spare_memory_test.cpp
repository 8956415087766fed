#include "agent/service/spare_memory.hpp"

#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;

/// A control loop that ticks each second.
struct Minder {
    int given{0};
    BootTime now{};
    SpareMemory memory{[this] { ++given; }};

    void tick(std::int64_t connections, int seconds = 1) {
        for (int i = 0; i < seconds; ++i) {
            now += 1s;
            memory.tick(connections, now);
        }
    }
};

TEST(SpareMemory, IsGivenBackOnceWhenACrowdHasLeft) {
    Minder minder;
    minder.tick(9'000, 30);
    EXPECT_EQ(minder.given, 0) << "they are still there";
    minder.tick(4'000);
    minder.tick(1'000);
    minder.tick(3, 2);
    EXPECT_EQ(minder.given, 0) << "more may go, or come again";
    minder.tick(3, 60);
    EXPECT_EQ(minder.given, 1);
    minder.tick(2'000, 5);
    minder.tick(0, 60);
    EXPECT_EQ(minder.given, 2) << "the next crowd";
}

TEST(SpareMemory, StaysWhereFewLeaveOrMostRemain) {
    Minder few;
    few.tick(SpareMemory::crowd, 10);
    few.tick(1, 60);
    EXPECT_EQ(few.given, 0);
    Minder most;
    most.tick(9'000, 10);
    most.tick(5'000, 60);
    EXPECT_EQ(most.given, 0);
    most.tick(4'400, 60);
    EXPECT_EQ(most.given, 1);
}

TEST(SpareMemory, WaitsWhileTheNumberMoves) {
    Minder minder;
    minder.tick(9'000, 10);
    for (int i = 0; i < 20; ++i) {
        minder.tick(i % 2 == 0 ? 100 : 4'000);
    }
    EXPECT_EQ(minder.given, 0);
    minder.tick(100, 10);
    EXPECT_EQ(minder.given, 1);
}

}  // namespace
}  // namespace evenkeel::agent
