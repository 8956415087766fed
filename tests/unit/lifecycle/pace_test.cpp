#include "policies/lifecycle/pace.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lifecycle {
namespace {

using namespace std::chrono_literals;

/// 50 tokens a second alone, 25 in a batch of 21.
constexpr capacity::Profile engine{.alpha_s = 0.02, .beta_s = 0.001};

/// Looks each second for `seconds` at a worker with `batch` streams of `speed` tokens a second
/// each, whose requests are of 100 tokens.
std::optional<Speed> run(Pace& pace, int batch, double speed, int seconds) {
    std::optional<Speed> newest;
    static BootTime at{1h};
    double tokens = 0;
    for (int i = 0; i <= seconds; ++i) {
        const auto whole = static_cast<std::int64_t>(tokens) / 100 * 100;
        const auto seen = look(
            pace,
            {.at = at, .in_flight = batch, .finished = whole / 100, .tokens_out = whole},
            engine);
        newest = seen ? seen : newest;
        tokens += batch * speed;
        at += 1s;
    }
    at += 1h;
    return newest;
}

TEST(PaceLook, F46_AWorkerThatLostFourFifthsIsSlow) {
    struct Case {
        int batch;
        double speed;
        bool slow;
    };
    for (const Case& c : {
             Case{1, 47.0, false},
             Case{1, 12.0, false},  // a quarter
             Case{1, 8.0, true},
             Case{21, 25.0, false},
             Case{21, 8.0, false},
             Case{21, 4.0, true},
         }) {
        Pace pace;
        const auto seen = run(pace, c.batch, c.speed, 150);
        ASSERT_TRUE(seen) << c.batch << " at " << c.speed;
        EXPECT_EQ(seen->slow(), c.slow) << seen->tokens_per_s << " of " << seen->expected;
    }
}

TEST(PaceLook, FewOrLongRequestsSayNothing) {
    Pace pace;
    EXPECT_FALSE(run(pace, 1, 47.0, 50)) << "not a full window";
    Pace idle;
    EXPECT_FALSE(run(idle, 0, 0, 600));
    Pace thinking;
    EXPECT_FALSE(run(thinking, 1, 0.5, 600)) << "three ends in ten minutes are no evidence";
}

TEST(Ejected, F46_NeverMoreThanHalfOfThePool) {
    const auto worker = [](int id, bool serves, bool slow) {
        return PoolMember{.machine = MachineId{id}, .serves = serves, .slow = slow};
    };
    const PoolMember own{.machine = MachineId{}, .serves = true, .slow = true};
    EXPECT_TRUE(ejected(std::vector{worker(1, true, true)}).empty()) << "it is all there is";
    EXPECT_EQ(ejected(std::vector{own, worker(1, true, true)}), std::vector{MachineId{1}});
    EXPECT_EQ(
        ejected(std::vector{worker(1, true, true), worker(2, true, true), worker(3, true, true)}),
        std::vector{MachineId{1}});
    EXPECT_TRUE(ejected(std::vector{worker(1, false, true), worker(2, true, true)}).empty());
    EXPECT_TRUE(ejected(std::vector{own, worker(1, true, false)}).empty());
}

}  // namespace
}  // namespace evenkeel::lifecycle
