#pragma once

#include "policies/domain/error.hpp"

#include <chrono>
#include <string_view>

namespace evenkeel {

/// Reads "80ms", "45s", "5m", "6h", "3d" and sums without spaces like "58m20s", as people write
/// them on the command line and clients in headers. Errors: invalid_argument for negative numbers,
/// fractions, and more than 400 days.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace evenkeel
