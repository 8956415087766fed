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

TEST(CliText, Moments) {
    const UtcTime time = from_us(1'772'622'007'000'000);
    EXPECT_EQ(moment_text(time, true), "2026-03-04 11:00:07 UTC");
    EXPECT_EQ(time_text(time, true), "2026-03-04 11:00 UTC");
}

TEST(CliText, NamesAsPartsOfAPath) {
    EXPECT_EQ(path_word("ek-1a2b3c4d-01~m_1.x"), "ek-1a2b3c4d-01~m_1.x");
    EXPECT_EQ(path_word("a/b ?\xc3\xa9"), "a%2Fb%20%3F%C3%A9");
}

}  // namespace
}  // namespace evenkeel::cli
