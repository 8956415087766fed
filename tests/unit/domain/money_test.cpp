#include "policies/domain/money.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <stdexcept>

namespace evenkeel {
namespace {

TEST(Money, AddsExactlyWithinOneCurrency) {
    EXPECT_EQ(Money(1, usd) + Money(2, usd), Money(3, usd));
    EXPECT_EQ(Money() + Money(2, usd), Money(2, usd));
    EXPECT_EQ(Money(2, usd) + Money(), Money(2, usd));
    EXPECT_EQ(-Money(2, aud), Money(-2, aud));
}

TEST(Money, TwoCurrenciesInOneSumThrow) {
    EXPECT_THROW(Money(1, usd) + Money(1, aud), std::logic_error);
    EXPECT_THROW(static_cast<void>(Money(1, usd) < Money(1, aud)), std::logic_error);
}

TEST(Money, LeavingTheRangeThrows) {
    const Money most{std::numeric_limits<std::int64_t>::max(), usd};
    EXPECT_THROW(most + Money(1, usd), std::overflow_error);
    EXPECT_THROW(
        static_cast<void>(-Money(std::numeric_limits<std::int64_t>::min(), usd)),
        std::overflow_error);
}

TEST(Money, TextIsExact) {
    EXPECT_EQ(to_text(Money(2'890'000'000, usd)), "2.89 USD");
    EXPECT_EQ(to_text(Money(-1, usd)), "-0.000000001 USD");
    EXPECT_EQ(to_text(Money(400'000'000'000, aud)), "400.00 AUD");
    EXPECT_EQ(rounded_text(Money(2'885'000'000, usd)), "2.88");
    EXPECT_EQ(rounded_text(Money(2'885'000'001, usd)), "2.89");
    EXPECT_EQ(rounded_text(Money(-5'000'000, usd)), "0.00");
}

TEST(ParseDecimal, RefusesWhatIsNotPlain) {
    for (const char* text :
         {"",
          ".",
          "-",
          "1.",
          ".5",
          "1e3",
          "+1",
          " 1",
          "1 ",
          "0x1",
          "nan",
          "inf",
          "1..2",
          "1.2.3",
          "--1",
          "9223372036854775808",
          "99999999999999999999999",
          "0.0000000001"}) {
        EXPECT_FALSE(parse_decimal(text, 9).has_value()) << text;
    }
    EXPECT_EQ(parse_decimal("0.0000000010", 9), 1);
    EXPECT_EQ(parse_decimal("-9.2", 9), -9'200'000'000);
}

TEST(MulDiv, RoundsOnceInTheStatedDirection) {
    EXPECT_EQ(mul_div(5, 1, 2, Rounding::half_even), 2);
    EXPECT_EQ(mul_div(7, 1, 2, Rounding::half_even), 4);
    EXPECT_EQ(mul_div(5, 1, 2, Rounding::up), 3);
    EXPECT_EQ(mul_div(-5, 1, 2, Rounding::up), -3);
    EXPECT_EQ(mul_div(5, 1, 2, Rounding::down), 2);
    EXPECT_EQ(mul_div(1, 1, 0, Rounding::down), std::nullopt);
    const auto most = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(mul_div(most, most, most, Rounding::up), most);
    EXPECT_EQ(mul_div(most, 2, 1, Rounding::up), std::nullopt);
}

RC_GTEST_PROP(MoneyProperty, PrintedTextReadsBackTheSame, (std::int64_t nanos)) {
    const Money amount{nanos, usd};
    const auto read = parse_money(to_text(amount));
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == amount);
}

RC_GTEST_PROP(MoneyProperty, SumsDoNotDependOnOrder, (std::vector<std::int32_t> parts)) {
    Money forward;
    Money backward;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        forward += Money{parts[i], usd};
        backward += Money{parts[parts.size() - 1 - i], usd};
    }
    RC_ASSERT(forward.nanos() == backward.nanos());
}

RC_GTEST_PROP(MulDivProperty, NeverOffByMoreThanOneUnit, (std::int32_t value, std::int32_t num)) {
    const std::int64_t den = *rc::gen::inRange<std::int64_t>(1, 1'000'000'000'000);
    const auto product = static_cast<__int128>(value) * num;
    const auto up = *mul_div(value, num, den, Rounding::up);
    const auto down = *mul_div(value, num, den, Rounding::down);
    const auto even = *mul_div(value, num, den, Rounding::half_even);
    const auto size = [](__int128 x) { return x < 0 ? -x : x; };
    RC_ASSERT(size(static_cast<__int128>(up) * den) >= size(product));
    RC_ASSERT(size(static_cast<__int128>(down) * den) <= size(product));
    RC_ASSERT(even == up || even == down);
    RC_ASSERT(size(static_cast<__int128>(even) * den - product) * 2 <= den);
}

}  // namespace
}  // namespace evenkeel
