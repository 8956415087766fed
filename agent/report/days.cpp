#include "agent/report/days.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>

namespace evenkeel::report {

namespace {

constexpr std::int64_t span_max = 10'000;  ///< days or hours back that `since` may name
/// Years that a day may name: no ledger is older.
constexpr std::chrono::year first_year{1970};
constexpr std::chrono::year last_year{9999};

std::optional<std::chrono::year_month_day> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
        return std::nullopt;
    }
    std::array<int, 3> parts{};
    const std::array<std::string_view, 3> fields{
        text.substr(0, 4), text.substr(5, 2), text.substr(8, 2)};
    for (std::size_t i = 0; i < 3; ++i) {
        const char* const end = fields[i].data() + fields[i].size();
        if (std::from_chars(fields[i].data(), end, parts[i]).ptr != end) {
            return std::nullopt;
        }
    }
    const std::chrono::year_month_day day{
        std::chrono::year{parts[0]},
        std::chrono::month{static_cast<unsigned>(parts[1])},
        std::chrono::day{static_cast<unsigned>(parts[2])}};
    const bool fits = day.ok() && day.year() >= first_year && day.year() <= last_year;
    return fits ? std::optional{day} : std::nullopt;
}

/// "2026-11-01", or how far back: "30d", "24h".
Result<std::chrono::year_month_day> day_from(
    const std::string& text, UtcTime now, const ledger::Zone& zone) {
    if (const auto day = parse_day(text)) {
        return *day;
    }
    std::int64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error == std::errc{} && rest + 1 == end && count >= 0 && count <= span_max &&
        (*rest == 'd' || *rest == 'h')) {
        const std::chrono::hours back{*rest == 'd' ? count * 24 : count};
        return zone.day(now - back);
    }
    return fail(
        Errc::invalid_argument,
        fmt::format("'{}' is no day: write 2026-11-01, or 30d or 24h for that long ago", text));
}

}  // namespace

Result<Days> days_between(
    const std::optional<std::string>& since,
    const std::optional<std::string>& until,
    UtcTime now,
    const ledger::Zone& zone) {
    const std::chrono::year_month_day today = zone.day(now);
    const auto last = until ? day_from(*until, now, zone) : today;
    if (!last) {
        return std::unexpected{last.error()};
    }
    const auto first = since ? day_from(*since, now, zone) : last->year() / last->month() / 1;
    if (!first) {
        return std::unexpected{first.error()};
    }
    if (*last < *first) {
        return fail(
            Errc::invalid_argument,
            until ? "--until is before --since" : "--since is a day that has not come yet");
    }
    return Days{.first = *first, .last = *last};
}

Result<std::chrono::year_month> month_from(
    std::string_view text, UtcTime now, const ledger::Zone& zone) {
    if (text.empty()) {
        const std::chrono::year_month_day today = zone.day(now);
        return std::chrono::year_month{today.year(), today.month()};
    }
    const auto first = parse_day(fmt::format("{}-01", text));
    if (!first) {
        return fail(
            Errc::invalid_argument, fmt::format("'{}' is no month: write 2026-11", text));
    }
    return std::chrono::year_month{first->year(), first->month()};
}

std::pair<UtcTime, UtcTime> instants(const Days& days, const ledger::Zone& zone) {
    const auto start = [&zone](std::chrono::year_month_day day) {
        return UtcTime{zone.to_utc(std::chrono::local_days{day})};
    };
    const std::chrono::year_month_day after{
        std::chrono::sys_days{days.last} + std::chrono::days{1}};
    return {start(days.first), start(after)};
}

UtcTime booked_not_before(const Days& days, const ledger::Zone& zone) {
    return instants(days, zone).first - ledger::zones_apart_max;
}

}  // namespace evenkeel::report
