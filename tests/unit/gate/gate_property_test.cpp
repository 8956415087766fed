#include "tests/unit/gate/oracle.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

/// Random command sequences against a plain model of what the gate promises.
namespace evenkeel::gate {
namespace {

using oracle::Command;
using oracle::Oracle;

std::string run(const std::vector<Command>& commands) {
    Oracle oracle;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        if (std::string problem = oracle.step(commands[i]); !problem.empty()) {
            return "step " + std::to_string(i) + ": " + problem;
        }
    }
    return oracle.wind_down();
}

rc::Gen<Command> any_command() {
    return rc::gen::build<Command>(
        rc::gen::set(&Command::what, rc::gen::inRange(0, 100)),
        rc::gen::set(&Command::a, rc::gen::inRange(0, 1'000)),
        rc::gen::set(&Command::b, rc::gen::inRange(0, 1'000)),
        rc::gen::set(&Command::c, rc::gen::inRange(0, 1'000)));
}

RC_GTEST_PROP(GateProperty, KeepsItsPromises, ()) {
    const auto commands = *rc::gen::container<std::vector<Command>>(any_command());
    const std::string problem = run(commands);
    if (!problem.empty()) {
        RC_FAIL(problem);
    }
}

/// Longer ones than RapidCheck makes; the seed is in the message.
void run_seeds(unsigned first, unsigned last, int steps) {
    for (unsigned seed = first; seed <= last; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&](int limit) {
            return static_cast<int>(random() % static_cast<unsigned>(limit));
        };
        std::vector<Command> commands;
        for (int i = 0; i < steps; ++i) {
            commands.push_back({below(100), below(1'000), below(1'000), below(1'000)});
        }
        ASSERT_EQ(run(commands), "") << "seed " << seed;
    }
}

TEST(GateProperty, KeepsItsPromisesOverLongRuns) {
    run_seeds(1, 150, 400);
}

TEST(GateProperty, NightlyKeepsItsPromisesOverManyLongRuns) {
    run_seeds(1'000, 6'000, 1'000);
}

}  // namespace
}  // namespace evenkeel::gate
