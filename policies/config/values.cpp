#include "policies/config/values.hpp"

#include "policies/config/address.hpp"
#include "policies/config/pattern.hpp"
#include "policies/config/quantities.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace evenkeel::config {
namespace {

using Outcome = ValueOutcome;

constexpr std::size_t text_bytes_max = 256;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

Outcome read_date(std::string_view text) {
    const bool has_form = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                          all_digits(text.substr(0, 4)) && all_digits(text.substr(5, 2)) &&
                          all_digits(text.substr(8, 2));
    if (!has_form) {
        return value_issue(
            "EK-C023", fmt::format("{} is not a date", quote(text)), "write 2026-11-09");
    }
    const auto number = [&](std::size_t at, std::size_t length) {
        return static_cast<int>(*parse_decimal(text.substr(at, length), 0));
    };
    const Date date{
        std::chrono::year{number(0, 4)},
        std::chrono::month{static_cast<unsigned>(number(5, 2))},
        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
    if (!date.ok()) {
        return value_issue("EK-C023", fmt::format("{} is not in the calendar", quote(text)));
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
    return value_issue("EK-C017", std::move(message));
}

Outcome read_choice(const Key& key, std::string_view text) {
    const std::vector<std::string_view> words = split(key.choices, '|');
    if (std::ranges::find(words, text) != words.end()) {
        return Value{};
    }
    const std::string_view near = closest(text, words);
    return value_issue(
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
    return value_issue("EK-C025", fmt::format("{} is not {}", quote(text), describe(type)));
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
        return value_issue(
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
            return value_issue(
                "EK-C025", fmt::format("{} is not {}", quote(text), describe(Type::currency)));
        }
        return Value{.currency = *currency};
    }
    if (type == Type::address && !split_address(text)) {
        return value_issue(
            "EK-C024", fmt::format("{} is not {}", quote(text), describe(Type::address)));
    }
    if (type == Type::url) {
        const std::string problem = url_problem(text);
        if (!problem.empty()) {
            return value_issue("EK-C024", problem);
        }
    }
    return type == Type::address || type == Type::url ? Outcome{Value{}} : read_word(type, text);
}

Outcome read_pattern(std::string_view text) {
    const auto pattern = Pattern::compile(text);
    return pattern ? Outcome{Value{}} : value_issue("EK-C056", pattern.error().message);
}

Outcome read(Type type, const Key& key, std::string_view text, bool quoted, std::string_view own) {
    if (is_quantity(type)) {
        return read_quantity(type, text, quoted, own);
    }
    switch (type) {
        case Type::boolean:
            return read_boolean(text, quoted);
        case Type::date:
            return read_date(text);
        case Type::pattern:
            return read_pattern(text);
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
        return value_issue(
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
        case Type::pattern:
            return "an RE2 pattern of 1 to 256 bytes";
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
        case Type::per_minute:
            return "a rate such as 60/min or 200k/min (200,000)";
        case Type::power:
            return "a power such as 150 W or 1.35 kW";
        case Type::bytes:
            return "a size such as 32 KiB or 32 MiB";
        case Type::memory:
            return "a size such as 256 KiB, 31.84 GiB or 19.85 GB";
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
