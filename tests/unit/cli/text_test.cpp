#include "agent/cli/text.hpp"

#include <gtest/gtest.h>

namespace evenkeel::cli {
namespace {

TEST(CliText, MoneyNamesItsCurrency) {
    EXPECT_EQ(money_text(Money{2'890'000'000, usd}, 2), "US$2.89");
    EXPECT_EQ(money_text(Money{-2'890'000'000, aud}, 2), "-A$2.89");
    EXPECT_EQ(money_text(Money{1'500'000'000, *Currency::parse("EUR")}, 2), "EUR 1.50");
    EXPECT_EQ(money_text(Money{}, 2), "0.00");
}

}  // namespace
}  // namespace evenkeel::cli
