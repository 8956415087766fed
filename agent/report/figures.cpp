#include "agent/report/figures.hpp"

#include "policies/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::report {

namespace {

constexpr std::array months{
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December"};

std::string ordinal(unsigned day) {
    const bool teen = day % 100 >= 11 && day % 100 <= 13;
    const char* const suffix = teen            ? "th"
                               : day % 10 == 1 ? "st"
                               : day % 10 == 2 ? "nd"
                               : day % 10 == 3 ? "rd"
                                               : "th";
    return fmt::format("{}{}", day, suffix);
}

}  // namespace

std::string grouped(std::string digits) {
    const bool negative = digits.starts_with('-');
    const auto point = std::min(digits.find('.'), digits.size());
    for (std::size_t at = point; at > (negative ? 4u : 3u);) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string grouped(std::int64_t number) {
    return grouped(std::to_string(number));
}

std::string money_figure(Money amount, int decimals) {
    return grouped(rounded_text(amount, decimals));
}

int decimals_for(Money amount) noexcept {
    constexpr std::int64_t one = 1'000'000'000;
    return amount.nanos() >= one || amount.nanos() <= -one ? 2 : 4;
}

std::string short_count(std::int64_t count) {
    constexpr std::array<std::pair<std::int64_t, char>, 3> units{
        {{1'000'000'000, 'G'}, {1'000'000, 'M'}, {1'000, 'k'}}};
    for (const auto& [size, letter] : units) {
        if (count >= size) {
            const auto tenths = mul_div(count, 10, size, Rounding::half_even).value_or(0);
            return format_decimal(tenths, 1, 1) + letter;
        }
    }
    return std::to_string(count);
}

std::string percent(std::int64_t part, std::int64_t whole) {
    const auto share = whole > 0 ? mul_div(part, 100, whole, Rounding::half_even) : std::nullopt;
    return share ? fmt::format("{} %", *share) : std::string{};
}

std::string period_text(std::chrono::year_month_day first, std::chrono::year_month_day last) {
    const bool whole_start = first.day() == std::chrono::day{1} && first.year() == last.year() &&
                             first.month() == last.month();
    if (first == last && !whole_start) {
        return config::to_text(first);
    }
    if (!whole_start) {
        return fmt::format("{} to {}", config::to_text(first), config::to_text(last));
    }
    const std::string month = fmt::format(
        "{} {}", months[static_cast<unsigned>(first.month()) - 1], static_cast<int>(first.year()));
    const std::chrono::year_month_day_last end{first.year() / first.month() / std::chrono::last};
    return last == std::chrono::year_month_day{end}
               ? month
               : fmt::format("{} to the {}", month, ordinal(static_cast<unsigned>(last.day())));
}

std::string time_figure(std::chrono::nanoseconds time) {
    const std::int64_t seconds = whole_seconds(time);
    if (seconds < 60) {
        return fmt::format("{} s", seconds);
    }
    if (seconds < 3'600) {
        return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
    }
    const auto tenths = mul_div(seconds, 10, 3'600, Rounding::half_even).value_or(0);
    return format_decimal(tenths, 1, 1) + " h";
}

std::string second_text(UtcTime at, const ledger::Zone& zone) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    const std::chrono::sys_seconds local{seconds.time_since_epoch() + zone.offset(seconds)};
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const std::chrono::hh_mm_ss time{local - day};
    return fmt::format(
        "{} {:02}:{:02}:{:02}",
        config::to_text(std::chrono::year_month_day{day}),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count());
}

std::string minute_text(UtcTime at, const ledger::Zone& zone) {
    constexpr std::size_t seconds_width = 3;
    std::string text = second_text(at, zone);
    text.resize(text.size() - seconds_width);
    return text;
}

std::string_view kind_word(std::string_view kind) noexcept {
    return kind == "rental" ? "rented" : kind == "api" ? "API" : kind;
}

std::string_view phase_word(std::string_view phase) noexcept {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words{
        {{"serve", "serving"},
         {"boot", "booting"},
         {"warm", "warming"},
         {"idle", "idle"},
         {"drain", "draining"},
         {"delete", "deleting"},
         {"minimum", "unused minimum"},
         {"adjust", "adjusted to the bill"}}};
    for (const auto& [code, word] : words) {
        if (code == phase) {
            return word;
        }
    }
    return phase;
}

std::string head_text(
    std::chrono::year_month_day first,
    std::chrono::year_month_day last,
    Currency currency,
    const std::vector<std::string>& rates) {
    std::string text = fmt::format("{}, {}", period_text(first, last), currency.text());
    for (const std::string& rate : rates) {
        text += fmt::format(", {}", rate);
    }
    return text;
}

boost::json::array texts_json(const std::vector<std::string>& texts) {
    boost::json::array array;
    for (const std::string& text : texts) {
        array.emplace_back(text);
    }
    return array;
}

std::int64_t whole_seconds(std::chrono::nanoseconds time) noexcept {
    return std::chrono::floor<std::chrono::seconds>(time).count();
}

}  // namespace evenkeel::report
