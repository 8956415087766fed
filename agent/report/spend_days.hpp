#pragma once

#include "agent/report/spend.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Money over time: `report spend --days` and `--hours`, and the page's charts.
namespace evenkeel::report {

/// A source, model, key ... on one day.
struct DayLine {
    std::string kind{};  ///< "own", "rental", "api"; empty unless by source, or nobody served
    std::string label{};
    bool synthetic{false};
    std::int64_t requests{0};
    Money cost{};  ///< report currency
};

/// One booking day that has anything; its lines as those of `report spend`, in their order.
struct SpendDay {
    std::chrono::year_month_day day{};
    std::vector<DayLine> lines{};
    Money cost{};
};

struct SpendDays {
    std::chrono::year_month_day first{};
    std::chrono::year_month_day last{};
    Currency currency{};
    std::vector<std::string> rates{};
    SpendBy by{SpendBy::source};
    std::vector<SpendDay> days{};
    Money total{};
};

/// The days of `report spend`: those of a line sum to the line there, to the last unit. Errors: as
/// make_spend; by machine and by tag are refused (invalid_argument).
[[nodiscard]] Result<SpendDays> make_spend_days(
    ledger::Reader& reader, const SpendOptions& options);
[[nodiscard]] std::string spend_days_text(const SpendDays& spend);
[[nodiscard]] std::string spend_days_json(const SpendDays& spend);  ///< evenkeel.spend-days/1
[[nodiscard]] std::string spend_days_csv(const SpendDays& spend);

/// Money of one hour, UTC. The five sum to what the hour cost.
struct SpendHour {
    UtcTime at{};    ///< its start
    Money own{};     ///< power
    Money rental{};  ///< rented machines that served
    Money api{};
    Money waste{};   ///< the other phases of rented machines
    Money adjust{};  ///< bills beyond what was booked, when that was known; may be below zero
};

struct SpendHours {
    UtcTime since{};
    UtcTime until{};
    Currency currency{};
    std::vector<std::string> rates{};
    std::vector<SpendHour> hours{};  ///< without holes, oldest first
};

/// Hours that are told one by one, at most.
inline constexpr std::int64_t hours_max = 10'000;

/// From when and up to when make_spend_hours tells: [first, second). Errors: invalid_argument
/// (since, until, more than `hours_max` hours), and those of Reader.
[[nodiscard]] Result<std::pair<UtcTime, UtcTime>> hours_asked(
    ledger::Reader& reader, const SpendOptions& options);

/// Every hour from `since` ("48h" is meant exactly, days begin with the zone's, and none before the
/// ledger; left out: the last 24 hours, or the day of `until`) to now or the end of `until`.
/// Requests and power count in the hour of the roll-up. A rented machine's phase, which is booked
/// at its end, is spread over the hours in which it ran, and one that still runs is counted up to
/// now at the machine's price. Errors: as make_spend; more than `hours_max` hours
/// (invalid_argument).
[[nodiscard]] Result<SpendHours> make_spend_hours(
    ledger::Reader& reader, const SpendOptions& options);
[[nodiscard]] std::string spend_hours_text(const SpendHours& spend, const ledger::Zone& zone);
[[nodiscard]] std::string spend_hours_json(const SpendHours& spend);  ///< evenkeel.hours/1
[[nodiscard]] std::string spend_hours_csv(const SpendHours& spend);

}  // namespace evenkeel::report
