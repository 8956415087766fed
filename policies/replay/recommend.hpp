#pragma once

#include "policies/replay/replay.hpp"

#include <cstddef>
#include <span>

namespace evenkeel::replay {

/// A change that saves less than this share of J is not worth it: the next month is not the last.
inline constexpr std::int64_t saving_min_permille = 20;

/// Which of several replays of the same requests to follow: the one with the least J (of equal ones
/// the one with the least cost, then the first), or `in_force` when that saves less than
/// `saving_min_permille` of its J. Precondition: `in_force` is one of them.
[[nodiscard]] std::size_t recommend(std::span<const Totals> totals, std::size_t in_force);

}  // namespace evenkeel::replay
