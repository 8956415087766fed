#include "policies/lifecycle/bill_cause.hpp"

#include <algorithm>
#include <chrono>

namespace evenkeel::lifecycle {

namespace {

/// What two clocks cannot agree about, and the hundredth that bills are rounded to.
constexpr std::chrono::seconds clock_tolerance{2};
constexpr std::int64_t cent_nanos = 10'000'000;
/// Beyond what was metered: as long as a provider may count before and after our own proof.
constexpr std::chrono::hours uncounted_max{1};

std::int64_t size_of(Money amount) {
    return amount.nanos() < 0 ? -amount.nanos() : amount.nanos();
}

/// What the metered time would have cost at `other`; nothing when it cannot be told.
std::optional<Money> at_price(Money metered, const Price& price, const Price& other) {
    if (price.num() <= 0 || other.currency() != price.currency()) {
        return std::nullopt;
    }
    // metered * (other / price), each price being a fraction; one hour of each is near enough.
    const std::int64_t was = price.per_display_unit().nanos();
    const std::int64_t is = other.per_display_unit().nanos();
    const auto nanos = was > 0 ? mul_div(metered.nanos(), is, was, Rounding::half_even)
                               : std::optional<std::int64_t>{};
    return nanos ? std::optional{Money{*nanos, metered.currency()}} : std::nullopt;
}

}  // namespace

std::string_view to_text(BillCause cause) noexcept {
    switch (cause) {
        case BillCause::rounding:
            return "rounding";
        case BillCause::not_metered:
            return "not_metered";
        case BillCause::price_change:
            return "price_change";
        case BillCause::unknown_machine:
            return "unknown_machine";
        case BillCause::credit:
            return "credit";
        case BillCause::other:
            return "other";
    }
    return "";
}

std::optional<BillCause> cause_of(const BillFacts& facts) {
    const Money difference = facts.bill - facts.metered;
    if (difference.is_zero()) {
        return std::nullopt;
    }
    const std::int64_t tolerance =
        std::max(facts.price.cost_of(clock_tolerance, Rounding::up).nanos(), cent_nanos);
    if (size_of(difference) <= tolerance) {
        return BillCause::rounding;
    }
    if (facts.adopted) {
        return BillCause::unknown_machine;
    }
    const bool by_price = std::ranges::any_of(facts.other_prices, [&](const Price& other) {
        const auto would =
            other == facts.price ? std::nullopt : at_price(facts.metered, facts.price, other);
        return would && size_of(facts.bill - *would) <= tolerance;
    });
    if (by_price) {
        return BillCause::price_change;
    }
    if (difference.nanos() < 0) {
        const bool is_boot =
            facts.boot.nanos() > 0 && size_of(difference) <= facts.boot.nanos() + tolerance;
        return is_boot ? BillCause::not_metered : BillCause::credit;
    }
    return difference.nanos() <= facts.price.cost_of(uncounted_max, Rounding::up).nanos()
               ? BillCause::not_metered
               : BillCause::other;
}

}  // namespace evenkeel::lifecycle
