#pragma once

#include "policies/config/config.hpp"

#include <optional>

namespace evenkeel::config {

inline constexpr int minutes_of_day = 24 * 60;

/// The tariff that applies in `minute` of the local day (0 to 1439): the first whose hours hold it.
/// Nothing without one.
[[nodiscard]] std::optional<Price> tariff_at(const Energy& energy, int minute);

}  // namespace evenkeel::config
