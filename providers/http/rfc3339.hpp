#pragma once

#include "policies/domain/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace evenkeel::providers {

/// "2026-03-04T05:06:07.000008Z": UTC with microseconds. Years 0000 to 9999.
[[nodiscard]] std::string format_rfc3339(UtcTime time);

/// The same with milliseconds: "2026-03-04T05:06:07.000Z".
[[nodiscard]] std::string format_rfc3339_ms(UtcTime time);

/// Reads an RFC 3339 time with any offset and up to nine decimals (beyond microseconds they are cut
/// off); a leap second counts as the second before. Nothing when `text` is not one.
[[nodiscard]] std::optional<UtcTime> parse_rfc3339(std::string_view text) noexcept;

}  // namespace evenkeel::providers
