#include "policies/energy/cost.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel::energy {
namespace {

using namespace std::chrono_literals;

const Price tariff = *parse_price("0.33 AUD/kWh");
constexpr std::int64_t kwh = 3'600'000'000'000;  // microjoules

TEST(EnergyCost, AKilowattHourCostsTheTariff) {
    const Cost cost = cost_of({.idle = kwh, .work = 2 * kwh, .host = kwh / 2}, tariff);
    EXPECT_EQ(cost.idle, (Money{330'000'000, aud}));
    EXPECT_EQ(cost.work, (Money{660'000'000, aud}));
    EXPECT_EQ(cost.host, (Money{165'000'000, aud}));
}

RC_GTEST_PROP(EnergyCost, PartsSumToTheTotalRoundedOnce, ()) {
    const auto part = [] { return *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000); };
    const Split split{.idle = part(), .work = part(), .host = part()};
    const Cost cost = cost_of(split, tariff);
    RC_ASSERT(cost.total() == tariff.cost(split.total(), Rounding::half_even));
    RC_ASSERT(cost.idle.nanos() >= 0 && cost.work.nanos() >= 0 && cost.host.nanos() >= 0);
}

TEST(Wear, AMonthOfTheStatedLifeCostsItsShare) {
    const Purchase desk{
        .price = Money{6'800'000'000'000, aud}, .residual_millis = 350, .months = 36};
    EXPECT_EQ(wear_of(desk, 730h), (Money{122'777'777'778, aud}));
    EXPECT_EQ(wear_of(desk, 36 * 730h), (Money{4'420'000'000'000, aud}));
    EXPECT_EQ(wear_of(desk, 1h), (Money{168'188'737, aud}));
    EXPECT_EQ(wear_of(desk, 0ns).nanos(), 0);
    Purchase gains = desk;
    gains.residual_millis = 1'100;
    EXPECT_EQ(wear_of(gains, 730h).nanos(), 0);
}

TEST(PerMtok, OfNoTokensIsNothing) {
    EXPECT_EQ(per_mtok(Money{330'000'000, aud}, 2'000'000), (Money{165'000'000, aud}));
    EXPECT_EQ(per_mtok(Money{330'000'000, aud}, 0), std::nullopt);
}

}  // namespace
}  // namespace evenkeel::energy
