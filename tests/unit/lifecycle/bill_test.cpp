#include "policies/lifecycle/bill.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <vector>

namespace evenkeel::lifecycle {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

Price per_hour(std::int64_t nanos) {
    return Price::per_hour(Money{nanos, usd});
}

TEST(Bill, IsPerSecondWithAMinimum) {
    const Price price = per_hour(4'410'000'000);
    EXPECT_EQ(bill(price, 60s, 420s), Money(514'500'000, usd));
    EXPECT_EQ(bill(price, 60s, 10s), Money(73'500'000, usd));
    EXPECT_EQ(bill(price, 60s, -1s), Money(73'500'000, usd));
    EXPECT_EQ(bill(price, 0ms, 0s), Money(0, usd));
}

TEST(Bill, MinimumIsAPhaseOfItsOwn) {
    const Price price = per_hour(4'410'000'000);
    const Money used = phase_amount(price, 10s, Money{});
    EXPECT_EQ(used, Money(12'250'000, usd));
    EXPECT_EQ(minimum_amount(price, 60s, 10s, used), Money(61'250'000, usd));
    EXPECT_TRUE(minimum_amount(price, 60s, 60s, used).is_zero());
}

/// However a life is cut into phases, they sum to the bill to the last nano-unit.
RC_GTEST_PROP(Bill, PhasesTelescopeToTheBill, ()) {
    const Price price = per_hour(*rc::gen::inRange<std::int64_t>(1, 50'000'000'000));
    const std::chrono::milliseconds min_bill{*rc::gen::inRange(0, 400'000)};
    const auto cuts = *rc::gen::container<std::vector<std::int64_t>>(
        rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000));
    Money posted;
    nanoseconds elapsed{0};
    for (const std::int64_t cut : cuts) {
        elapsed += nanoseconds{cut};
        posted += phase_amount(price, elapsed, posted);
    }
    posted += minimum_amount(price, min_bill, elapsed, posted);
    RC_ASSERT(posted.nanos() == bill(price, min_bill, elapsed).nanos());
}

}  // namespace
}  // namespace evenkeel::lifecycle
