#pragma once

#include "policies/replay/planner.hpp"
#include "policies/replay/replay.hpp"

#include <memory>
#include <vector>

/// Used inside replay/ only: machines planned by somebody who knows the future.
namespace evenkeel::replay {

/// What own_api sends to the API in one minute for lack of own capacity.
struct OverflowMinute {
    double money{0};     ///< nano-units
    double engine_s{0};  ///< least seconds of a rented engine
};

/// Machines wanted in each minute, from the first on: the least of rent + boots + what still goes
/// to the API, by dynamic programming over 0 ... `max` machines. A machine absorbs
/// `scaling.efficiency` of its time in work and pays one boot at each start; none serves before one
/// boot is over.
[[nodiscard]] std::vector<int> best_plan(
    const std::vector<OverflowMinute>& minutes, const Options& options);

/// Orders each machine of the plan one boot before its minute, gives it back at the end of its
/// last. `start` is the time of the first minute.
[[nodiscard]] std::unique_ptr<Planner> make_oracle(
    const std::vector<int>& plan, const Options& options, std::chrono::nanoseconds start);

}  // namespace evenkeel::replay
