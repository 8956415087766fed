#include "policies/energy/cost.hpp"

#include <algorithm>
#include <stdexcept>

namespace evenkeel::energy {

Cost cost_of(const Split& split, const Price& price) {
    const Money idle = price.cost(split.idle, Rounding::half_even);
    const Money gpus = price.cost(split.idle + split.work, Rounding::half_even);
    const Money all = price.cost(split.total(), Rounding::half_even);
    return {.idle = idle, .work = gpus - idle, .host = all - gpus};
}

Money wear_of(const Purchase& purchase, std::chrono::nanoseconds hours) {
    constexpr std::int64_t whole = 1'000;
    constexpr std::int64_t us_per_hour = 3'600'000'000;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(hours).count();
    const std::int64_t lost = std::max<std::int64_t>(whole - purchase.residual_millis, 0);
    // A month of microseconds times 1,000, and 240 months times 1,000, are far below 2^63.
    const auto nanos = mul_div(
        purchase.price.nanos(),
        lost * us,
        whole * std::max(purchase.months, 1) * purchase.hours_per_month * us_per_hour,
        Rounding::half_even);
    if (!nanos) {
        throw std::overflow_error{"wear beyond the range of money"};
    }
    return Money{*nanos, purchase.price.currency()};
}

std::optional<Money> per_mtok(Money amount, std::int64_t tokens) {
    if (tokens <= 0) {
        return std::nullopt;
    }
    const auto nanos = mul_div(amount.nanos(), 1'000'000, tokens, Rounding::half_even);
    return nanos ? std::optional{Money{*nanos, amount.currency()}} : std::nullopt;
}

}  // namespace evenkeel::energy
