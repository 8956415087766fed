#pragma once

#include "agent/ledger/zone.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/time.hpp"

#include <boost/json/array.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How figures of reports are written, for people and for programs.
namespace evenkeel::report {

/// 49589 -> "49,589"; "-1234.50" -> "-1,234.50".
[[nodiscard]] std::string grouped(std::string digits);
[[nodiscard]] std::string grouped(std::int64_t number);
/// An amount with thousands apart: "1,246.42".
[[nodiscard]] std::string money_figure(Money amount, int decimals);
/// Decimals that show something of an amount: four below one unit, else two.
[[nodiscard]] int decimals_for(Money amount) noexcept;
/// 61234567 -> "61.2M".
[[nodiscard]] std::string short_count(std::int64_t count);
/// "17 %"; empty of nothing.
[[nodiscard]] std::string percent(std::int64_t part, std::int64_t whole);
/// "November 2026 to the 23rd", "2026-11-05", "2026-11-05 to 2026-12-01".
[[nodiscard]] std::string period_text(
    std::chrono::year_month_day first, std::chrono::year_month_day last);
/// "12.5 h", "14m 20s", "8 s", by size.
[[nodiscard]] std::string time_figure(std::chrono::nanoseconds time);
/// "2026-11-23 10:00" in the zone of the report.
[[nodiscard]] std::string minute_text(UtcTime at, const ledger::Zone& zone);
/// The same with seconds.
[[nodiscard]] std::string second_text(UtcTime at, const ledger::Zone& zone);
/// "rented", "API", "own".
[[nodiscard]] std::string_view kind_word(std::string_view kind) noexcept;
/// "serving", "unused minimum": a phase for people.
[[nodiscard]] std::string_view phase_word(std::string_view phase) noexcept;
/// The first line of a report: period, currency, rates with their dates.
[[nodiscard]] std::string head_text(
    std::chrono::year_month_day first,
    std::chrono::year_month_day last,
    Currency currency,
    const std::vector<std::string>& rates);
[[nodiscard]] boost::json::array texts_json(const std::vector<std::string>& texts);
/// Whole seconds, rounded down.
[[nodiscard]] std::int64_t whole_seconds(std::chrono::nanoseconds time) noexcept;

}  // namespace evenkeel::report
