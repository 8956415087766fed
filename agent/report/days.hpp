#pragma once

#include "agent/ledger/zone.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace evenkeel::report {

/// The days a report is about, both included.
struct Days {
    std::chrono::year_month_day first{};
    std::chrono::year_month_day last{};
};

/// `since` and `until` as people write them: "2026-11-01", or "30d", "24h" for the day that was so
/// long ago. Without `until` up to today, without `since` from the first of the month of the last
/// day. Errors: invalid_argument (no day, or the last before the first).
[[nodiscard]] Result<Days> days_between(
    const std::optional<std::string>& since,
    const std::optional<std::string>& until,
    UtcTime now,
    const ledger::Zone& zone);

/// "2026-11"; empty: the month of `now`. Errors: invalid_argument.
[[nodiscard]] Result<std::chrono::year_month> month_from(
    std::string_view text, UtcTime now, const ledger::Zone& zone);

/// The instants between which those days lie: [first, second).
[[nodiscard]] std::pair<UtcTime, UtcTime> instants(const Days& days, const ledger::Zone& zone);

/// No row booked in those days is older: they may have been booked while the ledger's zone was
/// another one, whose days began earlier.
[[nodiscard]] UtcTime booked_not_before(const Days& days, const ledger::Zone& zone);

}  // namespace evenkeel::report
