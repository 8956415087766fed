#include "policies/config/values.hpp"

#include "policies/config/address.hpp"
#include "policies/config/text.hpp"
#include "policies/domain/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace evenkeel::config {
namespace {

using Outcome = std::expected<Value, ValueIssue>;

constexpr std::size_t text_bytes_max = 256;

std::unexpected<ValueIssue> issue(
    std::string_view code,
    std::string message,
    std::string hint = {},
    std::string suggestion = {}) {
    return std::unexpected{
        ValueIssue{code, std::move(message), std::move(hint), std::move(suggestion)}};
}

/// An issue whose hint is the text to write.
std::unexpected<ValueIssue> write_instead(
    std::string_view code, std::string message, const std::string& better) {
    return issue(code, std::move(message), fmt::format("write '{}'", better), better);
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
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
        return issue("EK-C016", fmt::format("{} is not a number", quote(text)));
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
        return issue(
            "EK-C016",
            fits_form ? fmt::format("{}", number.error().message)
                      : fmt::format("{} is not {}", quote(text), what));
    }
    if (*number < 0) {
        return issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    return *number;
}

Outcome read_number(Type type, std::string_view text, bool is_quoted) {
    const int scale = type == Type::ratio ? 3 : type == Type::rate ? 9 : 0;
    if (is_quoted && is_number(text)) {
        return issue(
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

/// A whole number directly followed by one of `units`.
struct UnitRow {
    std::string_view name{};
    std::int64_t factor{1};
};

Outcome read_with_unit(
    std::string_view text,
    std::span<const UnitRow> units,
    std::string_view code,
    Type type,
    int scale,
    bool may_have_space) {
    const Split parts = split_number(text);
    std::string_view unit = parts.rest;
    if (may_have_space && unit.starts_with(' ')) {
        unit.remove_prefix(1);
    }
    const auto row = std::ranges::find(units, unit, &UnitRow::name);
    if (row == units.end() || parts.number.empty()) {
        if (is_number(text)) {
            return issue(
                code,
                fmt::format("{} without a unit", quote(text)),
                fmt::format(
                    "write '{0}{2}{1}' if that is meant",
                    text,
                    units[std::min<std::size_t>(1, units.size() - 1)].name,
                    may_have_space ? " " : ""));
        }
        return issue(code, fmt::format("{} is not {}", quote(text), describe(type)));
    }
    const auto number = read_decimal(parts.number, scale, "a whole number before its unit");
    if (!number) {
        ValueIssue problem = number.error();
        problem.hint = problem.hint.empty() ? fmt::format("write {}", describe(type)) : "";
        problem.suggestion.clear();
        return std::unexpected{std::move(problem)};
    }
    const auto scaled = mul_div(*number, row->factor, 1, Rounding::half_even);
    if (!scaled) {
        return issue("EK-C018", fmt::format("{} is too large", quote(text)));
    }
    return Value{.number = *scaled};
}

Outcome read_duration(std::string_view text) {
    static constexpr std::array<UnitRow, 5> units{
        {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    if (text.ends_with("mo") && all_digits(text.substr(0, text.size() - 2))) {
        return issue("EK-C019", "a month has no fixed length here", "write days, such as 30d");
    }
    return read_with_unit(text, units, "EK-C019", Type::duration, 0, /*may_have_space=*/false);
}

Outcome read_power(std::string_view text) {
    static constexpr std::array<UnitRow, 2> units{{{"kW", 1'000}, {"W", 1}}};
    return read_with_unit(text, units, "EK-C022", Type::power, 3, /*may_have_space=*/true);
}

Outcome read_bytes(std::string_view text) {
    static constexpr std::array<UnitRow, 3> units{{{"B", 1}, {"KiB", 1'024}, {"MiB", 1'048'576}}};
    return read_with_unit(text, units, "EK-C022", Type::bytes, 0, /*may_have_space=*/true);
}

Outcome read_tokens(std::string_view text, bool is_quoted) {
    static constexpr std::array<UnitRow, 3> units{{{"", 1}, {"k", 1'000}, {"M", 1'000'000}}};
    const Split parts = split_number(text);
    if (parts.rest.empty() || std::ranges::find(units, parts.rest, &UnitRow::name) == units.end()) {
        return read_number(Type::integer, text, is_quoted);
    }
    return read_with_unit(text, units, "EK-C022", Type::tokens, 0, /*may_have_space=*/false);
}

Outcome read_months(std::string_view text) {
    static constexpr std::array<UnitRow, 1> units{{{"mo", 1}}};
    return read_with_unit(text, units, "EK-C019", Type::months, 0, /*may_have_space=*/false);
}

Outcome read_percent(std::string_view text) {
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

Outcome read_money(std::string_view text, std::string_view own) {
    if (is_number(text) && !text.starts_with('-')) {
        return issue(
            "EK-C020",
            "amount without a currency",
            two_currencies(text, "", own),
            fmt::format("{} {}", text, own));
    }
    const auto amount = parse_money(text);
    if (!amount) {
        const bool is_price = text.contains('/');
        return issue(
            "EK-C020",
            is_price ? fmt::format("{} is a price; an amount is meant here", quote(text))
                     : fmt::format("{} is not an amount of money", quote(text)),
            "write a number, a space and three capital letters, such as 400 AUD");
    }
    if (amount->nanos() < 0) {
        return issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    return Value{.number = amount->nanos(), .currency = amount->currency()};
}

std::string_view suffix_of(Type type) noexcept {
    return type == Type::price_hour ? "/h" : type == Type::price_mtok ? "/Mtok" : "/kWh";
}

Outcome read_price(Type type, std::string_view text, std::string_view own) {
    const std::string_view suffix = suffix_of(type);
    if (is_number(text) && !text.starts_with('-')) {
        return issue(
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
        return issue(
            "EK-C021",
            fmt::format("{} is not a price", quote(text)),
            fmt::format("write {}", describe(type)));
    }
    if (amount->nanos() < 0) {
        return issue("EK-C018", fmt::format("{} is below zero", quote(text)));
    }
    if (text.substr(slash) != suffix) {
        return write_instead(
            "EK-C021",
            fmt::format("{} has another unit than '{}'", quote(text), suffix),
            fmt::format("{}{}", text.substr(0, slash), suffix));
    }
    return Value{.number = amount->nanos(), .currency = amount->currency()};
}

Outcome read_date(std::string_view text) {
    const bool has_form = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                          all_digits(text.substr(0, 4)) && all_digits(text.substr(5, 2)) &&
                          all_digits(text.substr(8, 2));
    if (!has_form) {
        return issue("EK-C023", fmt::format("{} is not a date", quote(text)), "write 2026-11-09");
    }
    const auto number = [&](std::size_t at, std::size_t length) {
        return static_cast<int>(*parse_decimal(text.substr(at, length), 0));
    };
    const Date date{
        std::chrono::year{number(0, 4)},
        std::chrono::month{static_cast<unsigned>(number(5, 2))},
        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
    if (!date.ok()) {
        return issue("EK-C023", fmt::format("{} is not in the calendar", quote(text)));
    }
    return Value{.number = std::chrono::sys_days{date}.time_since_epoch().count()};
}

Outcome read_boolean(std::string_view text, bool is_quoted) {
    if (!is_quoted && (text == "true" || text == "false")) {
        return Value{.number = text == "true" ? 1 : 0};
    }
    static constexpr std::array<std::string_view, 9> yes{
        "yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE", "true"};
    static constexpr std::array<std::string_view, 9> no{
        "no", "No", "NO", "off", "Off", "OFF", "False", "FALSE", "false"};
    std::string message = fmt::format("{} is neither true nor false", quote(text));
    if (std::ranges::find(yes, text) != yes.end()) {
        return write_instead("EK-C017", std::move(message), "true");
    }
    if (std::ranges::find(no, text) != no.end()) {
        return write_instead("EK-C017", std::move(message), "false");
    }
    return issue("EK-C017", std::move(message));
}

Outcome read_choice(const Key& key, std::string_view text) {
    const std::vector<std::string_view> words = split(key.choices, '|');
    if (std::ranges::find(words, text) != words.end()) {
        return Value{};
    }
    const std::string_view near = closest(text, words);
    return issue(
        "EK-C015",
        fmt::format("unknown value {}", quote(text)),
        near.empty() ? fmt::format("one of: {}", list_text(words))
                     : fmt::format("did you mean '{}'?", near),
        std::string{near});
}

bool is_word_of(std::string_view text, std::size_t bytes_max, std::string_view also) noexcept {
    return !text.empty() && text.size() <= bytes_max && is_alnum(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_alnum(c) || also.contains(c); });
}

Outcome read_word(Type type, std::string_view text) {
    bool fits = false;
    switch (type) {
        case Type::name:
            fits = is_word_of(text, 64, "._-");
            break;
        case Type::file_name:
            fits = is_word_of(text, 128, "._-");
            break;
        case Type::model_name:
            fits = is_word_of(text, 128, "._-/:+@");
            break;
        case Type::header_name:
            fits = is_word_of(text, 64, "-_") &&
                   std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
            break;
        case Type::zone:
            fits = is_word_of(text, 64, "/_+-");
            break;
        default:
            fits = !text.empty() && text.size() <= text_bytes_max &&
                   std::ranges::none_of(
                       text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    }
    if (fits) {
        return Value{};
    }
    return issue("EK-C025", fmt::format("{} is not {}", quote(text), describe(type)));
}

Outcome read_window(std::string_view text) {
    const auto minutes = [](std::string_view part) -> int {
        if (part.size() != 5 || part[2] != ':' || !all_digits(part.substr(0, 2)) ||
            !all_digits(part.substr(3))) {
            return -1;
        }
        const int hour = (part[0] - '0') * 10 + (part[1] - '0');
        const int minute = (part[3] - '0') * 10 + (part[4] - '0');
        return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
    };
    const std::size_t dash = std::min(text.find('-'), text.size());
    const int from = minutes(text.substr(0, dash));
    const int to = dash < text.size() ? minutes(text.substr(dash + 1)) : -1;
    if (from < 0 || to < 0 || from == to) {
        return issue(
            "EK-C024", fmt::format("{} is not {}", quote(text), describe(Type::time_window)));
    }
    return Value{};
}

Outcome read_text(Type type, std::string_view text) {
    if (type == Type::time_window) {
        return read_window(text);
    }
    if (type == Type::currency) {
        const auto currency = Currency::parse(text);
        if (!currency) {
            return issue(
                "EK-C025", fmt::format("{} is not {}", quote(text), describe(Type::currency)));
        }
        return Value{.currency = *currency};
    }
    if (type == Type::address && !split_address(text)) {
        return issue("EK-C024", fmt::format("{} is not {}", quote(text), describe(Type::address)));
    }
    if (type == Type::url) {
        const std::string problem = url_problem(text);
        if (!problem.empty()) {
            return issue("EK-C024", problem);
        }
    }
    return type == Type::address || type == Type::url ? Outcome{Value{}} : read_word(type, text);
}

Outcome read(Type type, const Key& key, std::string_view text, bool quoted, std::string_view own) {
    switch (type) {
        case Type::boolean:
            return read_boolean(text, quoted);
        case Type::integer:
        case Type::ratio:
        case Type::rate:
            return read_number(type, text, quoted);
        case Type::tokens:
            return read_tokens(text, quoted);
        case Type::percent:
            return read_percent(text);
        case Type::duration_auto:
            return text == "auto" ? Outcome{Value{}} : read_duration(text);
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
        case Type::power:
            return read_power(text);
        case Type::bytes:
            return read_bytes(text);
        case Type::date:
            return read_date(text);
        case Type::choice:
            return read_choice(key, text);
        default:
            return read_text(type, text);
    }
}

}  // namespace

std::expected<Value, ValueIssue> read_value(
    Type type, const Key& key, std::string_view text, bool is_quoted, std::string_view currency) {
    if (looks_secret(text)) {
        return issue(
            "EK-C026",
            "this looks like a secret, and a configuration file holds none",
            "put it into a file under credentials/ and name that file with 'credential:'");
    }
    Outcome out = read(type, key, text, is_quoted, currency);
    if (out) {
        out->text = text;
    }
    return out;
}

std::optional<ValueIssue> check_range(const Key& key, const Value& value) {
    if (key.least.empty() || (key.type == Type::duration_auto && value.text == "auto")) {
        return std::nullopt;
    }
    const bool is_money = key.type == Type::money || key.type == Type::price_hour ||
                          key.type == Type::price_mtok || key.type == Type::price_kwh;
    const auto bound = [&](std::string_view text) -> std::int64_t {
        if (is_money) {
            return *parse_decimal(text, 9);
        }
        return read(key.type, key, text, /*quoted=*/false, "USD")->number;
    };
    if (value.number >= bound(key.least) && value.number <= bound(key.most)) {
        return std::nullopt;
    }
    return ValueIssue{
        .code = "EK-C018",
        .message = fmt::format("{} is out of range", quote(value.text)),
        .hint = fmt::format("allowed: {} to {}", key.least, key.most)};
}

std::string_view describe(Type type) noexcept {
    switch (type) {
        case Type::map:
            return "a map of keys";
        case Type::text:
            return "a text of 1 to 256 characters";
        case Type::name:
            return "a name (letters, digits, . _ -; at most 64; a letter or digit first)";
        case Type::model_name:
            return "a model name (letters, digits, . _ - / : + @; at most 128)";
        case Type::file_name:
            return "the name of a file, without folders";
        case Type::header_name:
            return "a header name in small letters, such as x-evenkeel-class";
        case Type::choice:
            return "one of the listed words";
        case Type::boolean:
            return "true or false";
        case Type::integer:
            return "a whole number";
        case Type::tokens:
            return "a number of tokens such as 32768 or 32k (32,000)";
        case Type::ratio:
            return "a number with at most three decimals, such as 0.35";
        case Type::rate:
            return "a number with at most nine decimals, such as 1.4235";
        case Type::percent:
            return "a percentage such as 60%";
        case Type::duration:
            return "a duration such as 80ms, 45s, 5m, 6h or 3d";
        case Type::duration_auto:
            return "auto, or a duration such as 5m";
        case Type::months:
            return "a number of months such as 24mo";
        case Type::money:
            return "an amount such as 400 AUD";
        case Type::price_hour:
            return "a price such as 4.41 USD/h";
        case Type::price_mtok:
            return "a price such as 25 USD/Mtok";
        case Type::price_kwh:
            return "a price such as 0.33 AUD/kWh";
        case Type::power:
            return "a power such as 150 W or 1.35 kW";
        case Type::bytes:
            return "a size such as 32 KiB or 32 MiB";
        case Type::date:
            return "a date such as 2026-11-09";
        case Type::time_window:
            return "a time of day such as \"10:00-15:00\"";
        case Type::currency:
            return "a currency of three capital letters, such as USD";
        case Type::zone:
            return "a time zone such as Australia/Sydney";
        case Type::address:
            return "an address with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
        case Type::url:
            return "a URL: https, or http to this host";
    }
    return "";
}

std::string_view example_of(const Key& key) noexcept {
    return !key.example_text.empty() ? key.example_text : key.default_text;
}

}  // namespace evenkeel::config
