#include "policies/domain/money.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace evenkeel {

namespace {

using Int128 = __int128;

constexpr std::int64_t pow10(int exponent) noexcept {
    std::int64_t value = 1;
    for (int i = 0; i < exponent; ++i) {
        value *= 10;
    }
    return value;
}

std::optional<std::int64_t> fit(Int128 value) noexcept {
    if (value > std::numeric_limits<std::int64_t>::max() ||
        value < std::numeric_limits<std::int64_t>::min()) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(value);
}

/// Quotient of two non-negative numbers, rounded.
Int128 divide(Int128 numerator, Int128 denominator, Rounding rounding) noexcept {
    const Int128 quotient = numerator / denominator;
    const Int128 rest = numerator % denominator;
    if (rest == 0) {
        return quotient;
    }
    switch (rounding) {
        case Rounding::up:
            return quotient + 1;
        case Rounding::down:
            return quotient;
        case Rounding::half_even:
            break;
    }
    const Int128 twice = rest * 2;
    const bool away = twice > denominator || (twice == denominator && quotient % 2 != 0);
    return away ? quotient + 1 : quotient;
}

Currency common_currency(Money a, Money b) {
    if (a.currency() == b.currency() || (b.is_zero() && b.currency().is_none())) {
        return a.currency();
    }
    if (a.is_zero() && a.currency().is_none()) {
        return b.currency();
    }
    throw std::logic_error{fmt::format(
        "two currencies in one sum: {} and {}", a.currency().text(), b.currency().text())};
}

}  // namespace

Money& Money::operator+=(Money other) {
    const Currency currency = common_currency(*this, other);
    std::int64_t sum = 0;
    if (__builtin_add_overflow(nanos_, other.nanos_, &sum)) {
        throw std::overflow_error{"an amount of money left the range of 9.2 billion"};
    }
    nanos_ = sum;
    currency_ = currency;
    return *this;
}

Money& Money::operator-=(Money other) {
    return *this += -other;
}

Money Money::operator-() const {
    if (nanos_ == std::numeric_limits<std::int64_t>::min()) {
        throw std::overflow_error{"an amount of money left the range of 9.2 billion"};
    }
    return Money{-nanos_, currency_};
}

std::strong_ordering operator<=>(Money a, Money b) {
    static_cast<void>(common_currency(a, b));
    return a.nanos_ <=> b.nanos_;
}

std::optional<std::int64_t> mul_div(
    std::int64_t value, std::int64_t num, std::int64_t den, Rounding rounding) noexcept {
    if (den <= 0) {
        return std::nullopt;
    }
    const Int128 product = static_cast<Int128>(value) * num;
    return product < 0 ? fit(-divide(-product, den, rounding))
                       : fit(divide(product, den, rounding));
}

Result<std::int64_t> parse_decimal(std::string_view text, int scale) {
    const bool negative = text.starts_with('-');
    const std::string_view digits = negative ? text.substr(1) : text;
    Int128 value = 0;
    int decimals = -1;
    bool any = false;
    for (const char c : digits) {
        if (c == '.' && decimals < 0 && any) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9') {
            return fail(Errc::invalid_argument, fmt::format("'{}' is not a decimal number", text));
        }
        any = true;
        if (decimals >= 0 && ++decimals > scale) {
            if (c != '0') {
                return fail(
                    Errc::invalid_argument,
                    fmt::format("'{}' has more than {} decimals", text, scale));
            }
            --decimals;
            continue;
        }
        value = value * 10 + (c - '0');
        if (!fit(value)) {
            return fail(Errc::invalid_argument, fmt::format("'{}' is too large", text));
        }
    }
    if (!any || digits.ends_with('.')) {
        return fail(Errc::invalid_argument, fmt::format("'{}' is not a decimal number", text));
    }
    value *= pow10(scale - std::max(decimals, 0));
    const auto fitted = fit(negative ? -value : value);
    if (!fitted) {
        return fail(Errc::invalid_argument, fmt::format("'{}' is too large", text));
    }
    return *fitted;
}

std::string format_decimal(std::int64_t value, int scale, int decimals_min) {
    const auto magnitude =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    const auto unit = static_cast<std::uint64_t>(pow10(scale));
    std::string text = value < 0 ? "-" : "";
    text += fmt::format_int{magnitude / unit}.c_str();
    std::uint64_t rest = magnitude % unit;
    int digits = scale;
    while (digits > decimals_min && rest % 10 == 0) {
        rest /= 10;
        --digits;
    }
    const int places = std::max(digits, decimals_min);
    if (places == 0) {
        return text;
    }
    text += '.';
    text.append(static_cast<std::size_t>(places), '0');
    for (std::size_t at = text.size() - static_cast<std::size_t>(places - digits); rest > 0;) {
        text[--at] = static_cast<char>('0' + rest % 10);
        rest /= 10;
    }
    return text;
}

std::string amount_text(Money amount) {
    return format_decimal(amount.nanos(), 9, 2);
}

std::string to_text(Money amount) {
    return amount.currency().is_none()
               ? amount_text(amount)
               : amount_text(amount).append(1, ' ').append(amount.currency().text());
}

std::string rounded_text(Money amount, int decimals) {
    const std::int64_t step = pow10(9 - decimals);
    const auto rounded = mul_div(amount.nanos(), 1, step, Rounding::half_even);
    return format_decimal(rounded.value_or(0), decimals, decimals);
}

Result<Money> parse_money(std::string_view text) {
    const auto space = text.find(' ');
    const auto currency =
        space == std::string_view::npos ? std::nullopt : Currency::parse(text.substr(space + 1));
    if (!currency) {
        return fail(
            Errc::invalid_argument,
            fmt::format("'{}' is not an amount with a currency, such as '400 AUD'", text));
    }
    const auto nanos = parse_decimal(text.substr(0, space), 9);
    if (!nanos) {
        return std::unexpected{nanos.error()};
    }
    return Money{*nanos, *currency};
}

}  // namespace evenkeel
