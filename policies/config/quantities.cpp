#include "policies/config/quantities.hpp"

#include "policies/config/text.hpp"
#include "policies/domain/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace evenkeel::config {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

/// The number at the start of `text` and what follows it.
struct Split {
    std::string_view number{};
    std::string_view rest{};
};
Split split_number(std::string_view text) noexcept {
    std::size_t end = 0;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) {
        ++end;
    }
    return {text.substr(0, end), text.substr(end)};
}

bool is_number(std::string_view text) noexcept {
    const Split parts = split_number(text.starts_with('-') ? text.substr(1) : text);
    return parts.rest.empty() && !parts.number.empty() && parts.number.front() != '.';
}

/// Decimal text in units of 10^-scale. Refuses what YAML readers disagree on.
std::expected<std::int64_t, ValueIssue> read_decimal(
    std::string_view text, int scale, std::string_view what) {
    std::string_view bare = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
    std::string lower{bare};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == ".nan" || lower == "nan" || lower == ".inf" || lower == "inf") {
        return value_issue("EK-C016", fmt::format("{} is not a number", quote(text)));
    }
    if (bare.size() > 1 && bare[0] == '0' && is_digit(bare[1])) {
        const std::size_t first = std::min(bare.find_first_not_of('0'), bare.size() - 1);
        return write_instead(
            "EK-C016",
            fmt::format("leading zero in {}: some would read it as octal", quote(text)),
            std::string{bare.substr(first)});
    }
    const auto number = parse_decimal(text, scale);
    if (!number) {
        const bool fits_form = is_number(text);
        return value_issue(
            "EK-C016",
            fits_form ? fmt::format("{}", number.error().message)
                      : fmt::format("{} is not {}", quote(text), what));
    }
    if (*number < 0) {
        return value_issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    return *number;
}

ValueOutcome read_number(Type type, std::string_view text, bool is_quoted) {
    const int scale = type == Type::ratio ? 3 : type == Type::rate ? 9 : 0;
    if (is_quoted && is_number(text)) {
        return value_issue(
            "EK-C014",
            "text in quotes where a number is meant",
            "remove the quotes",
            std::string{text});
    }
    const auto number = read_decimal(text, scale, scale == 0 ? "a whole number" : "a number");
    if (!number) {
        return std::unexpected{number.error()};
    }
    return Value{.number = *number};
}

/// What a unit is worth; a text is a number directly followed by one of them.
struct UnitRow {
    std::string_view name{};
    std::int64_t factor{1};
};

ValueOutcome read_with_unit(
    std::string_view text,
    std::span<const UnitRow> units,
    std::string_view code,
    Type type,
    int scale,
    bool may_have_space,
    std::int64_t divisor = 1) {
    const Split parts = split_number(text);
    std::string_view unit = parts.rest;
    if (may_have_space && unit.starts_with(' ')) {
        unit.remove_prefix(1);
    }
    const auto row = std::ranges::find(units, unit, &UnitRow::name);
    if (row == units.end() || parts.number.empty()) {
        if (is_number(text)) {
            return value_issue(
                code,
                fmt::format("{} without a unit", quote(text)),
                fmt::format(
                    "write '{0}{2}{1}' if that is meant",
                    text,
                    units[std::min<std::size_t>(1, units.size() - 1)].name,
                    may_have_space ? " " : ""));
        }
        return value_issue(code, fmt::format("{} is not {}", quote(text), describe(type)));
    }
    const auto number = read_decimal(parts.number, scale, "a whole number before its unit");
    if (!number) {
        ValueIssue problem = number.error();
        problem.hint = problem.hint.empty() ? fmt::format("write {}", describe(type)) : "";
        problem.suggestion.clear();
        return std::unexpected{std::move(problem)};
    }
    const auto scaled = mul_div(*number, row->factor, divisor, Rounding::half_even);
    if (!scaled) {
        return value_issue("EK-C018", fmt::format("{} is too large", quote(text)));
    }
    return Value{.number = *scaled};
}

ValueOutcome read_duration(std::string_view text) {
    static constexpr std::array<UnitRow, 5> units{
        {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    if (text.ends_with("mo") && all_digits(text.substr(0, text.size() - 2))) {
        return value_issue(
            "EK-C019", "a month has no fixed length here", "write days, such as 30d");
    }
    return read_with_unit(text, units, "EK-C019", Type::duration, 0, /*may_have_space=*/false);
}

ValueOutcome read_power(std::string_view text) {
    static constexpr std::array<UnitRow, 2> units{{{"kW", 1'000}, {"W", 1}}};
    return read_with_unit(text, units, "EK-C022", Type::power, 3, /*may_have_space=*/true);
}

ValueOutcome read_bytes(std::string_view text) {
    static constexpr std::array<UnitRow, 3> units{{{"B", 1}, {"KiB", 1'024}, {"MiB", 1'048'576}}};
    return read_with_unit(text, units, "EK-C022", Type::bytes, 0, /*may_have_space=*/true);
}

/// Memory has decimals and both families of units: data sheets say GiB and GB.
ValueOutcome read_memory(std::string_view text) {
    static constexpr std::array<UnitRow, 6> units{
        {{"B", 1},
         {"GB", 1'000'000'000},
         {"GiB", 1'073'741'824},
         {"KiB", 1'024},
         {"MiB", 1'048'576},
         {"MB", 1'000'000}}};
    constexpr int scale = 2;
    return read_with_unit(
        text, units, "EK-C022", Type::memory, scale, /*may_have_space=*/true, /*divisor=*/100);
}

ValueOutcome read_tokens(std::string_view text, bool is_quoted) {
    static constexpr std::array<UnitRow, 3> units{{{"", 1}, {"k", 1'000}, {"M", 1'000'000}}};
    const Split parts = split_number(text);
    if (parts.rest.empty()) {
        return read_number(Type::integer, text, is_quoted);
    }
    return read_with_unit(text, units, "EK-C022", Type::tokens, 0, /*may_have_space=*/false);
}

ValueOutcome read_per_minute(std::string_view text) {
    static constexpr std::array<UnitRow, 3> units{
        {{"M/min", 1'000'000}, {"/min", 1}, {"k/min", 1'000}}};
    return read_with_unit(text, units, "EK-C022", Type::per_minute, 0, /*may_have_space=*/false);
}

ValueOutcome read_months(std::string_view text) {
    static constexpr std::array<UnitRow, 1> units{{{"mo", 1}}};
    return read_with_unit(text, units, "EK-C019", Type::months, 0, /*may_have_space=*/false);
}

ValueOutcome read_percent(std::string_view text) {
    static constexpr std::array<UnitRow, 1> units{{{"%", 1}}};
    return read_with_unit(text, units, "EK-C022", Type::percent, 0, /*may_have_space=*/false);
}

/// "write '400 AUD' or '400 USD'".
std::string two_currencies(std::string_view number, std::string_view suffix, std::string_view own) {
    std::string hint = fmt::format("write '{} {}{}'", number, own, suffix);
    if (own != "USD") {
        hint += fmt::format(" or '{} USD{}'", number, suffix);
    }
    return hint;
}

ValueOutcome read_money(std::string_view text, std::string_view own) {
    if (is_number(text) && !text.starts_with('-')) {
        return value_issue(
            "EK-C020",
            "amount without a currency",
            two_currencies(text, "", own),
            fmt::format("{} {}", text, own));
    }
    const auto amount = parse_money(text);
    if (!amount) {
        const bool is_price = text.contains('/');
        return value_issue(
            "EK-C020",
            is_price ? fmt::format("{} is a price; an amount is meant here", quote(text))
                     : fmt::format("{} is not an amount of money", quote(text)),
            "write a number, a space and three capital letters, such as 400 AUD");
    }
    if (amount->nanos() < 0) {
        return value_issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    return Value{.number = amount->nanos(), .currency = amount->currency()};
}

std::string_view suffix_of(Type type) noexcept {
    return type == Type::price_hour ? "/h" : type == Type::price_mtok ? "/Mtok" : "/kWh";
}

/// "/hr" and "/hour" for "/h", "/MTok" for "/Mtok".
bool is_spelling_of(std::string_view unit, std::string_view suffix) {
    std::string lower{unit};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> spellings{
        {{"/h", "/h"},
         {"/hr", "/h"},
         {"/hour", "/h"},
         {"/mtok", "/Mtok"},
         {"/mtoken", "/Mtok"},
         {"/mtokens", "/Mtok"},
         {"/million tokens", "/Mtok"},
         {"/kwh", "/kWh"}}};
    return std::ranges::find(spellings, std::pair{std::string_view{lower}, suffix}) !=
           spellings.end();
}

ValueOutcome read_price(Type type, std::string_view text, std::string_view own) {
    const std::string_view suffix = suffix_of(type);
    if (is_number(text) && !text.starts_with('-')) {
        return value_issue(
            "EK-C021",
            "price without currency and unit",
            two_currencies(text, suffix, own),
            fmt::format("{} {}{}", text, own, suffix));
    }
    if (parse_money(text)) {
        return write_instead("EK-C021", "price without a unit", fmt::format("{}{}", text, suffix));
    }
    const std::size_t slash = text.find('/');
    const auto amount = parse_money(text.substr(0, slash));
    if (!amount || slash == std::string_view::npos) {
        return value_issue(
            "EK-C021",
            fmt::format("{} is not a price", quote(text)),
            fmt::format("write {}", describe(type)));
    }
    if (amount->nanos() < 0) {
        return value_issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    if (text.substr(slash) != suffix) {
        const std::string message =
            fmt::format("{} has another unit than '{}'", quote(text), suffix);
        // The same number with another unit is another price: only a spelling is put right.
        return is_spelling_of(text.substr(slash), suffix)
                   ? write_instead(
                         "EK-C021", message, fmt::format("{}{}", text.substr(0, slash), suffix))
                   : value_issue("EK-C021", message, fmt::format("write {}", describe(type)));
    }
    return Value{.number = amount->nanos(), .currency = amount->currency()};
}

}  // namespace

bool is_quantity(Type type) noexcept {
    switch (type) {
        case Type::integer:
        case Type::tokens:
        case Type::ratio:
        case Type::rate:
        case Type::percent:
        case Type::duration:
        case Type::duration_auto:
        case Type::months:
        case Type::money:
        case Type::price_hour:
        case Type::price_mtok:
        case Type::price_kwh:
        case Type::per_minute:
        case Type::power:
        case Type::bytes:
        case Type::memory:
            return true;
        default:
            return false;
    }
}

ValueOutcome read_quantity(Type type, std::string_view text, bool is_quoted, std::string_view own) {
    switch (type) {
        case Type::tokens:
            return read_tokens(text, is_quoted);
        case Type::percent:
            return read_percent(text);
        case Type::duration_auto:
            return text == "auto" ? ValueOutcome{Value{}} : read_duration(text);
        case Type::duration:
            return read_duration(text);
        case Type::months:
            return read_months(text);
        case Type::money:
            return read_money(text, own);
        case Type::price_hour:
        case Type::price_mtok:
        case Type::price_kwh:
            return read_price(type, text, own);
        case Type::per_minute:
            return read_per_minute(text);
        case Type::power:
            return read_power(text);
        case Type::bytes:
            return read_bytes(text);
        case Type::memory:
            return read_memory(text);
        default:
            return read_number(type, text, is_quoted);
    }
}

}  // namespace evenkeel::config
