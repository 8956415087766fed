#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::providers {

namespace {

using exact_json::Value;

constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t word_bytes_max = 256;
constexpr std::size_t detail_bytes_max = 160;
/// Longer words are taken for keys or encoded text.
constexpr std::size_t detail_word_max = 24;
/// Shorter secrets would blank out ordinary words; our keys are far longer.
constexpr std::size_t secret_bytes_min = 6;
constexpr int nano_digits = 9;
constexpr int exponent_max = 40;
constexpr std::size_t number_bytes_max = 64;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// "12.5e-3" as its digits and the power of ten of the last one. Nothing when it is no number.
struct Decimal {
    bool negative{false};
    std::string digits{};
    int power{0};
};
std::optional<Decimal> read_decimal(std::string_view text) {
    Decimal out;
    if (text.size() > number_bytes_max) {
        return std::nullopt;
    }
    if (text.starts_with('-')) {
        out.negative = true;
        text.remove_prefix(1);
    }
    bool point = false;
    std::size_t at = 0;
    for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !point)); ++at) {
        if (text[at] == '.') {
            point = true;
        } else {
            out.digits += text[at];
            out.power -= point ? 1 : 0;
        }
    }
    if (out.digits.empty()) {
        return std::nullopt;
    }
    if (at == text.size()) {
        return out;
    }
    if (text[at] != 'e' && text[at] != 'E') {
        return std::nullopt;
    }
    std::string_view exponent = text.substr(at + 1);
    if (exponent.starts_with('+')) {
        exponent.remove_prefix(1);
    }
    int value = 0;
    const auto [stop, error] =
        std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
    if (error != std::errc{} || stop != exponent.data() + exponent.size() ||
        std::abs(value) > exponent_max) {
        return std::nullopt;
    }
    out.power += value;
    return out;
}

/// `digits` * 10^`power` in nano-units, half-even.
std::optional<std::int64_t> nanos_of(const Decimal& decimal) {
    std::string digits = decimal.digits;
    int surplus = -(decimal.power + nano_digits);  // digits beyond the nano-unit
    if (surplus < 0) {
        digits.append(static_cast<std::size_t>(-surplus), '0');
        surplus = 0;
    }
    std::string kept{"0"};
    std::string cut = std::string(
        static_cast<std::size_t>(std::max(surplus - static_cast<int>(digits.size()), 0)), '0');
    if (surplus < static_cast<int>(digits.size())) {
        kept += digits.substr(0, digits.size() - static_cast<std::size_t>(surplus));
        cut += digits.substr(digits.size() - static_cast<std::size_t>(surplus));
    } else {
        cut += digits;
    }
    std::int64_t nanos = 0;
    const auto [stop, error] = std::from_chars(kept.data(), kept.data() + kept.size(), nanos);
    if (error != std::errc{} || nanos > INT64_MAX / 2) {
        return std::nullopt;
    }
    const bool above =
        !cut.empty() &&
        (cut[0] > '5' || (cut[0] == '5' && cut.find_first_not_of('0', 1) != cut.npos));
    const bool half = !cut.empty() && cut[0] == '5' && !above;
    nanos += above || (half && nanos % 2 != 0) ? 1 : 0;
    return decimal.negative ? -nanos : nanos;
}

}  // namespace

std::string url_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = is_alnum(c) || std::string_view{"-._~"}.contains(c);
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

bool is_path_id(std::string_view id) noexcept {
    const auto fits = [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; };
    return !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, fits) &&
           id.find_first_not_of('.') != id.npos;
}

bool is_owner_mark(std::string_view text) noexcept {
    constexpr std::string_view prefix = "ek-";
    constexpr std::size_t digits = 8;
    return text.size() == prefix.size() + digits && text.starts_with(prefix) &&
           std::ranges::all_of(text.substr(prefix.size()), [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f');
           });
}

std::string owner_mark_of_name(std::string_view name) {
    constexpr std::size_t mark_bytes = 11;
    const bool ours = name.size() > mark_bytes + 1 && is_owner_mark(name.substr(0, mark_bytes)) &&
                      name[mark_bytes] == '-' &&
                      std::ranges::all_of(name.substr(mark_bytes + 1), [](char c) {
                          return is_digit(c) || (c >= 'a' && c <= 'z');
                      });
    return ours ? std::string{name.substr(0, mark_bytes)} : std::string{};
}

std::string word(const Value& object, std::string_view key) {
    const std::string_view text = object.text(key);
    const bool fit = text.size() <= word_bytes_max && std::ranges::all_of(text, [](char c) {
                         return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
                     });
    return fit ? std::string{text} : std::string{};
}

int whole_within(const Value& object, std::string_view key, int low, int high) {
    const Value* const value = object.find(key);
    const auto read = value == nullptr ? std::nullopt : value->integer();
    return static_cast<int>(std::clamp<std::int64_t>(read.value_or(low), low, high));
}

std::optional<Money> amount_of(const Value* value, Currency currency) noexcept {
    const auto text = value == nullptr ? std::nullopt : value->decimal_text();
    const auto decimal = text ? read_decimal(*text) : std::nullopt;
    const auto nanos = decimal ? nanos_of(*decimal) : std::nullopt;
    return nanos ? std::optional{Money{*nanos, currency}} : std::nullopt;
}

std::optional<Price> hourly_price_of(const Value* value, Currency currency) noexcept {
    const auto amount = amount_of(value, currency);
    return amount && amount->nanos() > 0 ? std::optional{Price::per_hour(*amount)} : std::nullopt;
}

std::string public_detail(std::string_view text, std::span<const std::string> secrets) {
    std::string clean{text.substr(0, 16 * detail_bytes_max)};
    for (const std::string& secret : secrets) {
        for (std::size_t at = 0;
             secret.size() >= secret_bytes_min && (at = clean.find(secret, at)) != clean.npos;) {
            clean.replace(at, secret.size(), "***");
        }
    }
    std::string out;
    std::string_view rest{clean};
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        std::string_view part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const bool printable =
            std::ranges::all_of(part, [](char c) { return c > ' ' && c <= '~'; });
        if (part.size() > detail_word_max || !printable) {
            part = "***";
        }
        if (part.empty()) {
            continue;
        }
        if (out.size() + 1 + part.size() > detail_bytes_max) {
            break;
        }
        out += out.empty() ? "" : " ";
        out += part;
    }
    return out;
}

std::vector<std::string> secrets_of(const MachineSpec& spec) {
    std::vector<std::string> secrets{spec.engine_key};
    for (const auto& [name, value] : spec.env) {
        secrets.push_back(value);
    }
    // A provider that quotes a part of these texts quotes whole words; short ones are no keys.
    constexpr std::size_t key_bytes_min = 12;
    for (std::string_view rest : {std::string_view{spec.user_data}, std::string_view{spec.args}}) {
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find_first_of(" \t\r\n\"'=,"), rest.size());
            if (end >= key_bytes_min) {
                secrets.emplace_back(rest.substr(0, end));
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return secrets;
}

Result<void> check_spec(const MachineSpec& spec, std::size_t user_data_max) {
    constexpr std::size_t name_bytes_max = 63;
    const std::string_view name{spec.name};
    const bool fits = !name.empty() && name.size() <= name_bytes_max && name.front() != '-' &&
                      name.back() != '-' && std::ranges::all_of(name, [](char c) {
                          return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
                      });
    if (!fits || !is_owner_mark(spec.owner_mark) ||
        !name.starts_with(fmt::format("{}-", spec.owner_mark))) {
        return fail(
            Errc::rejected,
            "not sent: a machine's name must be its owner mark, a dash, and lower-case letters, "
            "digits or dashes, 63 at most");
    }
    if (spec.user_data.size() > user_data_max) {
        return fail(
            Errc::rejected,
            fmt::format(
                "not sent: the start text has {} bytes, {} are allowed",
                spec.user_data.size(),
                user_data_max));
    }
    const bool ascii = std::ranges::all_of(spec.user_data, [](char c) {
        return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r';
    });
    if (!ascii) {
        return fail(Errc::rejected, "not sent: the start text has bytes that are not ASCII");
    }
    return {};
}

Error general_error(
    std::string_view who, const HttpResponse& response, std::string_view detail, Errc lost) {
    const std::string what = detail.empty()
                                 ? fmt::format("{} answered {}", who, response.status)
                                 : fmt::format("{} answered {} ({})", who, response.status, detail);
    switch (response.status) {
        case 401:
        case 403:
            return {Errc::unauthorized, what + ": check the provider's credential file"};
        case 404:
            return {
                Errc::invalid_response,
                what + ", and not in its own words: check the provider's base_url"};
        case 408:
            return {lost, what};
        case 409:
        case 423:
            return {Errc::conflict, what};
        case 429:
            return {Errc::rate_limited, what, response.retry_after};
        default:
            break;
    }
    if (response.status >= 500) {
        return {lost, what, response.retry_after};
    }
    if (response.status >= 400) {
        return {Errc::rejected, what};
    }
    if (response.status >= 300) {
        return {Errc::rejected, what + ", a redirect, which is not followed: check the base_url"};
    }
    return {lost == Errc::unavailable ? Errc::invalid_response : lost, what};
}

std::unexpected<Error> unreadable(
    std::string_view who, std::string_view what, std::string_view why) {
    return fail(Errc::invalid_response, fmt::format("{}'s {} is unreadable: {}", who, what, why));
}

std::unexpected<Error> unclear_create(std::string_view who, std::string_view why) {
    return fail(Errc::outcome_unknown, fmt::format("{} accepted the create, but {}", who, why));
}

}  // namespace evenkeel::providers
