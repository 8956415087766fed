#pragma once

#include "policies/scaling/rent.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

/// Plays a rent rule against traffic that is given in rates: for scenario files and `policy test`.
/// The words are those of tests/scenarios/README.md.
namespace evenkeel::scaling {

/// What goes on for some time. Money is report nanos an hour at the API's price; `machines` is
/// rented-engine-seconds a second.
struct Phase {
    milliseconds length{0};
    std::int64_t overflow_hour{0};
    double overflow_machines{0};
    std::int64_t refused_hour{0};
    double refused_machines{0};
    std::int64_t rented_hour{0};
    double rented_machines{0};
    double own_machines{0};
    std::int64_t waiting{0};
    std::int64_t waiting_tokens_in{0};
    std::int64_t waiting_tokens_out{0};
};

/// One case. `start` holds the world; its counters begin at zero and grow with the phases.
/// Machines keep the state they have in it, whatever is decided.
struct Scenario {
    ScalingSnapshot start{};
    RentState state{};
    config::Scaling policy{};
    config::Safety safety{};
    Constants constants{};
    std::vector<Phase> phases{};  ///< none: one tick
};

struct TimedDecision {
    milliseconds at{0};  ///< since the scenario began
    Decision decision{};
};

/// The first `most` decisions, one tick a second. A hold that repeats (same reason as the decision
/// before it) is reported once.
[[nodiscard]] std::vector<TimedDecision> play(const Scenario& scenario, std::size_t most);

}  // namespace evenkeel::scaling
