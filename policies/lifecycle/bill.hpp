#pragma once

#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"

#include <chrono>

/// What machine time costs, split so that the parts sum to the whole exactly (DESIGN section 6).
namespace evenkeel::lifecycle {

/// The bill for a machine that existed for `elapsed`: by the second exactly, at least `min_bill`,
/// half-even once. Negative times cost as zero.
[[nodiscard]] Money bill(
    const Price& price, std::chrono::milliseconds min_bill, std::chrono::nanoseconds elapsed);

/// A phase that ends `elapsed` after the machine began: the total so far, rounded once, less what
/// earlier phases posted. Without the minimum: an unused minimum is a phase of its own.
[[nodiscard]] Money phase_amount(
    const Price& price, std::chrono::nanoseconds elapsed, Money posted);

/// What is left of the minimum after all phases posted `posted`; zero when it was used up.
[[nodiscard]] Money minimum_amount(
    const Price& price,
    std::chrono::milliseconds min_bill,
    std::chrono::nanoseconds elapsed,
    Money posted);

}  // namespace evenkeel::lifecycle
