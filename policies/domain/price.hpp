#pragma once

#include "policies/domain/money.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace evenkeel {

/// What a price counts. Quantities are whole numbers of the smallest unit named here.
enum class Unit {
    token,       ///< written "USD/Mtok"
    nanosecond,  ///< machine time, written "USD/h"
    microjoule,  ///< energy, written "AUD/kWh"
};

/// An exact price: `num`/`den` nano-units of `currency` for one `unit`, in lowest terms. Multiplied
/// in 128 bits and rounded once, at the end.
class Price {
public:
    constexpr Price() = default;
    /// Precondition: num >= 0, den > 0.
    Price(std::int64_t num, std::int64_t den, Currency currency, Unit unit) noexcept;

    [[nodiscard]] static Price per_mtok(Money amount) noexcept;
    [[nodiscard]] static Price per_hour(Money amount) noexcept;
    [[nodiscard]] static Price per_kwh(Money amount) noexcept;

    [[nodiscard]] constexpr std::int64_t num() const noexcept { return num_; }
    [[nodiscard]] constexpr std::int64_t den() const noexcept { return den_; }
    [[nodiscard]] constexpr Currency currency() const noexcept { return currency_; }
    [[nodiscard]] constexpr Unit unit() const noexcept { return unit_; }

    /// What `quantity` units cost. Throws std::overflow_error beyond 9.2 billion: limits on
    /// quantities (tokens of a request, life of a machine) keep real sums far below.
    [[nodiscard]] Money cost(std::int64_t quantity, Rounding rounding) const;
    /// For machine time; negative durations cost nothing.
    [[nodiscard]] Money cost_of(std::chrono::nanoseconds elapsed, Rounding rounding) const;
    /// The amount for one displayed unit (Mtok, h, kWh), rounded half-even.
    [[nodiscard]] Money per_display_unit() const;

    friend constexpr bool operator==(const Price&, const Price&) = default;

private:
    std::int64_t num_{0};
    std::int64_t den_{1};
    Currency currency_{};
    Unit unit_{Unit::token};
};

/// "2.89 USD/h", "4.00 USD/Mtok", "0.33 AUD/kWh".
[[nodiscard]] std::string to_text(const Price& price);
/// Reads the same. Fails on a missing currency, an unknown unit, or a negative amount.
[[nodiscard]] Result<Price> parse_price(std::string_view text);

/// Nano-units per displayed unit (Mtok, h, kWh) as a count of smallest units.
[[nodiscard]] std::int64_t display_quantity(Unit unit) noexcept;
[[nodiscard]] std::string_view display_suffix(Unit unit) noexcept;

}  // namespace evenkeel
