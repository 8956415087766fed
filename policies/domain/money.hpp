#pragma once

#include "policies/domain/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evenkeel {

/// An ISO 4217 code of three capital letters. The default value means "no currency" and is carried
/// only by a zero amount.
class Currency {
public:
    constexpr Currency() = default;
    /// Nothing when `code` is not three capital letters.
    [[nodiscard]] static constexpr std::optional<Currency> parse(std::string_view code) noexcept {
        if (code.size() != 3) {
            return std::nullopt;
        }
        Currency currency;
        for (std::size_t i = 0; i < 3; ++i) {
            if (code[i] < 'A' || code[i] > 'Z') {
                return std::nullopt;
            }
            currency.code_[i] = code[i];
        }
        return currency;
    }
    [[nodiscard]] constexpr std::string_view text() const noexcept {
        return {code_.data(), code_[0] == '\0' ? 0u : 3u};
    }
    [[nodiscard]] constexpr bool is_none() const noexcept { return code_[0] == '\0'; }
    friend constexpr auto operator<=>(const Currency&, const Currency&) = default;

private:
    std::array<char, 3> code_{};
};

inline constexpr Currency usd = *Currency::parse("USD");
inline constexpr Currency aud = *Currency::parse("AUD");

/// A signed amount of money, held as whole nano-units (1e-9) of its currency.
///
/// Ledger rows, budgets and policy thresholds all use this type, so sums are exact; binary floating
/// point never holds money. The range is about +/- 9.2 billion. Adding two currencies, or leaving
/// the range, is a programmer error and throws std::logic_error / std::overflow_error: a wrong sum
/// must never be booked. A zero without currency adds to anything.
class Money {
public:
    constexpr Money() = default;
    constexpr Money(std::int64_t nanos, Currency currency) noexcept
        : nanos_{nanos}, currency_{currency} {}

    [[nodiscard]] constexpr std::int64_t nanos() const noexcept { return nanos_; }
    [[nodiscard]] constexpr Currency currency() const noexcept { return currency_; }
    [[nodiscard]] constexpr bool is_zero() const noexcept { return nanos_ == 0; }

    Money& operator+=(Money other);
    Money& operator-=(Money other);
    [[nodiscard]] Money operator-() const;
    friend Money operator+(Money a, Money b) { return a += b; }
    friend Money operator-(Money a, Money b) { return a -= b; }
    friend constexpr bool operator==(const Money&, const Money&) = default;
    /// Throws std::logic_error for two different currencies (zero without currency compares with
    /// all).
    friend std::strong_ordering operator<=>(Money a, Money b);

private:
    std::int64_t nanos_{0};
    Currency currency_{};
};

/// Which way a product that does not come out even is rounded to a nano-unit.
enum class Rounding {
    up,         ///< away from zero: holds and estimates, which must never understate
    half_even,  ///< settlements, once each
    down,       ///< towards zero: what is certainly covered
};

/// value * num / den, rounded once, in 128 bits. Nothing when it does not fit 64 bits or den <= 0.
[[nodiscard]] std::optional<std::int64_t> mul_div(
    std::int64_t value, std::int64_t num, std::int64_t den, Rounding rounding) noexcept;

/// Exact decimal text: digits, at most one point, optional leading minus; no exponent, no spaces.
/// Returns the value times 10^`scale`; fails when there are more decimals than `scale` holds, or on
/// overflow. Never goes through a double.
[[nodiscard]] Result<std::int64_t> parse_decimal(std::string_view text, int scale);

/// Decimal text of value / 10^`scale` with at least `decimals_min` decimals and no useless zeros
/// beyond: (2890000000, 9, 2) -> "2.89".
[[nodiscard]] std::string format_decimal(std::int64_t value, int scale, int decimals_min = 0);

/// "2.89 USD": exact, at least two decimals. What JSON, headers and logs carry.
[[nodiscard]] std::string to_text(Money amount);
/// The amount alone, exact, without its currency: "2.89".
[[nodiscard]] std::string amount_text(Money amount);
/// Rounded half-even to `decimals` places for people, without the currency: "2.89".
[[nodiscard]] std::string rounded_text(Money amount, int decimals = 2);
/// Reads "400 AUD" or "0.50 USD".
[[nodiscard]] Result<Money> parse_money(std::string_view text);

}  // namespace evenkeel
