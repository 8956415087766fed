#pragma once

#include "policies/domain/time.hpp"

#include <cstdint>

namespace evenkeel::agent::metrics {

/// What a budget will have spent at the end of its window if it goes on at the mean pace of the
/// window so far. At least a tenth of the window counts as over, so that the first hour of a month
/// foretells no ruin. Never less than `spent`; saturates.
[[nodiscard]] std::int64_t spent_at_end(
    std::int64_t spent, UtcTime from, UtcTime until, UtcTime now) noexcept;

}  // namespace evenkeel::agent::metrics
