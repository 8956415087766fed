#include "tests/simulator/lifecycle_world.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace evenkeel::simulator {
namespace {

/// Crash points of one default run; the nightly test sets EVENKEEL_SIM_RUNS.
constexpr int runs_default = 200;

int runs() {
    const char* text = std::getenv("EVENKEEL_SIM_RUNS");
    return text != nullptr ? std::atoi(text) : runs_default;
}

std::string describe(const Options& options, const World& world) {
    std::string text = "seed " + std::to_string(options.seed) + " crash at " +
                       std::to_string(options.crash_at) + " faults " +
                       to_text(faults_of(options.seed));
    for (const std::string& failure : world.failures()) {
        text += "\n  " + failure;
    }
    return text;
}

TEST(LifecycleSim, ConvergesUnderEveryMixOfFaults) {
    std::size_t machines = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const Options options{.seed = seed};
        World world{options};
        EXPECT_TRUE(world.run()) << describe(options, world);
        machines += world.machines_made();
    }
    EXPECT_GT(machines, 80u) << "the simulation must do something";
}

TEST(LifecycleSim, SameSeedSameLife) {
    World first{{.seed = 7}};
    World second{{.seed = 7}};
    first.run();
    second.run();
    EXPECT_EQ(first.boundaries(), second.boundaries());
    EXPECT_EQ(first.machines_made(), second.machines_made());
}

/// The agent dies between any two of: commit, request written, answer read; then once or twice
/// more.
TEST(LifecycleSim, CrashPoints) {
    int crashes = 0;
    int done = 0;
    const int wanted = runs();
    for (std::uint64_t seed = 1'000; done < wanted; ++seed) {
        World straight{{.seed = seed}};
        EXPECT_TRUE(straight.run()) << describe({.seed = seed}, straight);
        const std::int64_t last = straight.boundaries();
        const std::int64_t stride = std::max<std::int64_t>(1, last / 30);
        for (std::int64_t k = static_cast<std::int64_t>(seed) % stride; k < last && done < wanted;
             k += stride, ++done) {
            const Options options{.seed = seed, .crash_at = k};
            World world{options};
            ASSERT_TRUE(world.run()) << describe(options, world);
            crashes += world.crashes();
        }
    }
    EXPECT_GE(crashes, done);
}

/// One quiet life (no faults of the provider), killed at every single boundary.
TEST(F14, EveryBoundaryOfAQuietLifeIsSurvived) {
    std::uint64_t seed = 1;
    while (to_text(faults_of(seed)) != "none") {
        ++seed;
    }
    World straight{{.seed = seed}};
    ASSERT_TRUE(straight.run()) << describe({.seed = seed}, straight);
    const std::int64_t last = std::min<std::int64_t>(straight.boundaries(), 150);
    for (std::int64_t k = 0; k < last; ++k) {
        const Options options{.seed = seed, .crash_at = k};
        World world{options};
        ASSERT_TRUE(world.run()) << describe(options, world);
    }
}

}  // namespace
}  // namespace evenkeel::simulator
