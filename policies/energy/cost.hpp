#pragma once

#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"
#include "policies/energy/meter.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace evenkeel::energy {

/// Money for a Split.
struct Cost {
    Money idle{};
    Money work{};
    Money host{};
    [[nodiscard]] Money total() const { return idle + work + host; }
};
/// The total is rounded half-even once, to a nano-unit; the parts telescope, so that they sum to it
/// and none is below zero. Precondition: `price` is per microjoule.
[[nodiscard]] Cost cost_of(const Split& split, const Price& price);

/// What hardware cost and is meant to last.
struct Purchase {
    Money price{};
    std::int64_t residual_millis{0};  ///< share of the price it is worth at the end
    int months{36};
    int hours_per_month{730};  ///< as breakeven counts
};
/// Worth that is lost in `hours`: the price less what is left, spread evenly over the months.
/// Rounded half-even, to a nano-unit. Nothing for hardware that gains worth.
[[nodiscard]] Money wear_of(const Purchase& purchase, std::chrono::nanoseconds hours);

/// `amount` for a million of `tokens`, rounded half-even; nothing of no tokens.
[[nodiscard]] std::optional<Money> per_mtok(Money amount, std::int64_t tokens);

}  // namespace evenkeel::energy
