#include "policies/lifecycle/bill.hpp"

#include <algorithm>

namespace evenkeel::lifecycle {

namespace {

Money total(const Price& price, std::chrono::nanoseconds elapsed) {
    return price.cost_of(std::max(elapsed, std::chrono::nanoseconds::zero()), Rounding::half_even);
}

}  // namespace

Money bill(
    const Price& price, std::chrono::milliseconds min_bill, std::chrono::nanoseconds elapsed) {
    return total(price, std::max<std::chrono::nanoseconds>(elapsed, min_bill));
}

Money phase_amount(const Price& price, std::chrono::nanoseconds elapsed, Money posted) {
    return total(price, elapsed) - posted;
}

Money minimum_amount(
    const Price& price,
    std::chrono::milliseconds min_bill,
    std::chrono::nanoseconds elapsed,
    Money posted) {
    if (elapsed >= min_bill) {
        return Money{0, price.currency()};
    }
    return bill(price, min_bill, elapsed) - posted;
}

}  // namespace evenkeel::lifecycle
