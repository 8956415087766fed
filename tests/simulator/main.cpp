// The simulator's tests, or one life again:
//   simulator_tests --personality NAME [--seed S] [--both] [--crash-at K [--more N]]
//     [--fail-call K [--effect]]
// prints what happened and exits with 1 when an invariant broke.
#include "tests/simulator/life.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace {

using namespace evenkeel::simulator;

/// Nothing when the arguments are not those of a replay.
std::optional<Trial> trial_from(int count, char** arguments) {
    std::optional<Trial> trial;
    for (int i = 1; i < count; ++i) {
        const std::string_view word{arguments[i]};
        if (trial && word == "--effect") {
            trial->fault.has_effect = true;
            continue;
        }
        if (trial && word == "--both") {
            trial->both = true;
            continue;
        }
        if (i + 1 >= count) {
            continue;
        }
        if (word == "--personality") {
            const auto who = personality_from(arguments[i + 1]);
            if (!who) {
                fmt::print(stderr, "no such personality: {}\n", arguments[i + 1]);
                std::exit(2);
            }
            trial = Trial{.who = *who};
        } else if (trial && word == "--seed") {
            trial->seed = std::strtoull(arguments[i + 1], nullptr, 10);
        } else if (trial && word == "--crash-at") {
            trial->crash_at = std::strtoll(arguments[i + 1], nullptr, 10);
        } else if (trial && word == "--more") {
            trial->crashes_more = static_cast<int>(std::strtol(arguments[i + 1], nullptr, 10));
        } else if (trial && word == "--fail-call") {
            trial->fault.number = std::strtoll(arguments[i + 1], nullptr, 10);
        }
    }
    return trial;
}

int replay(const Trial& trial) {
    Life life{trial, true};
    const Report report = life.run();
    fmt::print(
        "{}\nboundaries={} calls={} intents={} create_calls={} machines={} served={} crashes={} "
        "adjustments={} apart={:.2f}s converged={:.0f}s\n",
        to_text(trial),
        report.boundaries,
        report.calls,
        report.intents,
        report.create_calls,
        report.machines,
        report.served,
        report.crashes,
        report.adjustments,
        report.apart_s,
        std::chrono::duration<double>(report.converged).count());
    for (const std::string& line : report.failures) {
        fmt::print("{}\n", line);
    }
    return report.ok() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
    if (const auto trial = trial_from(count, arguments)) {
        return replay(*trial);
    }
    ::testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
