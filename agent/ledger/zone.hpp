#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::ledger {

/// A fixed offset is at most this far from UTC, and so is what any zone of tzdata says since 1970.
inline constexpr std::chrono::hours offset_max{15};
/// So the same local day begins in any two zones at most this far apart.
inline constexpr std::chrono::hours zones_apart_max{2 * offset_max};

/// A time zone as plain data: the transitions of one TZif file and the rule that follows the last
/// of them. Copyable and immutable after loading; every use is thread-safe.
class Zone {
public:
    /// UTC.
    Zone() = default;
    /// Reads `name` ("UTC", "Australia/Sydney") below /usr/share/zoneinfo, or a fixed offset such
    /// as "+10:00". Errors: invalid_argument (no such zone, with what to write instead), io_failed.
    [[nodiscard]] static Result<Zone> load(std::string_view name);
    /// The same over the bytes of a TZif file (RFC 9636, versions 1 to 4).
    [[nodiscard]] static Result<Zone> parse(std::string_view name, std::string_view bytes);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Local time minus UTC at the instant `utc`.
    [[nodiscard]] std::chrono::seconds offset(std::chrono::sys_seconds utc) const noexcept;
    /// The first instant of local time `local`: of an hour that comes twice the earlier one, and of
    /// one that is skipped the moment of the jump.
    [[nodiscard]] std::chrono::sys_seconds to_utc(std::chrono::local_seconds local) const noexcept;
    /// The local calendar day of `utc`.
    [[nodiscard]] std::chrono::year_month_day day(UtcTime utc) const noexcept;

private:
    /// When a daylight-saving rule of the footer begins or ends, in local standard time.
    struct RuleDate {
        int kind{0};  ///< 'M', 'J' or 0 (zero-based day of year)
        int month{0};
        int week{0};
        int day{0};
        std::int64_t seconds{0};
    };
    struct Transition {
        std::int64_t at{0};
        std::int64_t offset{0};
    };

    [[nodiscard]] std::int64_t rule_offset(std::int64_t utc) const noexcept;
    [[nodiscard]] static bool parse_footer(std::string_view text, Zone& zone);
    [[nodiscard]] static std::int64_t rule_at(const RuleDate& rule, int year) noexcept;

    std::string name_{"UTC"};
    std::int64_t first_offset_{0};
    std::vector<Transition> transitions_{};
    bool has_rule_{false};
    bool has_dst_{false};
    std::int64_t std_offset_{0};
    std::int64_t dst_offset_{0};
    RuleDate dst_begin_{};
    RuleDate dst_end_{};
};

/// The start of the budget window that `utc` belongs to: the local hour, day or month. Every
/// instant belongs to exactly one window (F100).
[[nodiscard]] UtcTime window_start(config::BudgetPer per, const Zone& zone, UtcTime utc);
/// The start of the window after it.
[[nodiscard]] UtcTime window_end(config::BudgetPer per, const Zone& zone, UtcTime utc);

/// Booking day as stored in `day` columns: 20261123.
[[nodiscard]] std::int64_t day_number(const Zone& zone, UtcTime utc) noexcept;
[[nodiscard]] std::int64_t day_number(std::chrono::year_month_day day) noexcept;
/// The reverse; precondition: a number made by day_number.
[[nodiscard]] std::chrono::year_month_day day_of(std::int64_t number) noexcept;

}  // namespace evenkeel::ledger
