#include "policies/domain/price.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel {
namespace {

using namespace std::chrono_literals;

TEST(Price, TokensAndHoursAreExact) {
    const Price out = *parse_price("20 USD/Mtok");
    EXPECT_EQ(out.cost(1, Rounding::half_even), Money(20'000, usd));
    const Price hour = *parse_price("4.41 USD/h");
    EXPECT_EQ(hour.cost_of(1h, Rounding::down), Money(4'410'000'000, usd));
    EXPECT_EQ(hour.cost_of(1s, Rounding::half_even), Money(1'225'000, usd));
    EXPECT_EQ(hour.cost_of(-1s, Rounding::up), Money(0, usd));
    EXPECT_EQ(to_text(hour), "4.41 USD/h");
    EXPECT_EQ(to_text(*parse_price("0.33 AUD/kWh")), "0.33 AUD/kWh");
}

TEST(Price, RefusesMissingUnitsAndNegatives) {
    for (const char* text :
         {"4.41", "4.41 USD", "4.41/h", "4.41 USD/H", "4.41 usd/h", "-1 USD/h", "4 USD/tok", ""}) {
        EXPECT_FALSE(parse_price(text).has_value()) << text;
    }
}

RC_GTEST_PROP(PriceProperty, PrintedTextReadsBackTheSame, ()) {
    const auto nanos = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000);
    for (const Price price :
         {Price::per_hour({nanos, usd}),
          Price::per_mtok({nanos, usd}),
          Price::per_kwh({nanos, aud})}) {
        const auto read = parse_price(to_text(price));
        RC_ASSERT(read.has_value());
        RC_ASSERT(*read == price);
    }
}

RC_GTEST_PROP(PriceProperty, PiecesRoundedDownNeverPassTheWhole, ()) {
    const Price price = Price::per_hour({*rc::gen::inRange<std::int64_t>(0, 100'000'000'000), usd});
    const auto a = *rc::gen::inRange<std::int64_t>(0, 86'400'000'000'000);
    const auto b = *rc::gen::inRange<std::int64_t>(0, 86'400'000'000'000);
    const Money pieces = price.cost(a, Rounding::down) + price.cost(b, Rounding::down);
    RC_ASSERT(pieces <= price.cost(a + b, Rounding::down));
    RC_ASSERT(
        price.cost(a + b, Rounding::up) <=
        price.cost(a, Rounding::up) + price.cost(b, Rounding::up));
}

}  // namespace
}  // namespace evenkeel
