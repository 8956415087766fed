#include "policies/breakeven/exact.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace evenkeel::breakeven {
namespace {

TEST(Exact, TiesAreRoundedAwayFromZero) {
    struct Case {
        const char* value;
        int places;
        const char* text;
    };
    for (const Case& c :
         {Case{"325.215", 2, "325.22"},
          Case{"-325.215", 2, "-325.22"},
          Case{"0.005", 2, "0.01"},
          Case{"0.0049999999999999999999999999", 2, "0.00"},
          Case{"-0.004", 2, "0.00"},
          Case{"2.5", 0, "3"},
          Case{"0", 2, "0.00"},
          Case{"007.10", 3, "7.100"},
          Case{"08", 0, "8"},
          Case{"99.999", 2, "100.00"},
          Case{"123456789012345678901234567.89", 1, "123456789012345678901234567.9"}}) {
        const auto value = parse_exact(c.value);
        ASSERT_TRUE(value) << c.value;
        EXPECT_EQ(to_fixed(*value, c.places), c.text) << c.value;
    }
}

TEST(Exact, WhatIsNoDecimalNumberIsRefused) {
    for (const char* text :
         {"",
          "-",
          ".",
          "1.",
          ".5",
          "1e3",
          "0x10",
          "1,5",
          " 1",
          "1 ",
          "+1",
          "1.2.3",
          "--1",
          "NaN",
          "1234567890123456789012345678901"}) {
        EXPECT_FALSE(parse_exact(text)) << text;
    }
}

TEST(Exact, CeilingGoesUp) {
    const auto up = [](const char* text) { return to_fixed(ceiling(*parse_exact(text)), 0); };
    EXPECT_EQ(up("1"), "1");
    EXPECT_EQ(up("1.0001"), "2");
    EXPECT_EQ(up("0"), "0");
    EXPECT_EQ(up("-1.5"), "-1");
}

TEST(Exact, PricesAndMoneyAreTakenOverWhole) {
    EXPECT_EQ(to_fixed(exact_of(*parse_price("4.41 USD/h")), 4), "4.4100");
    EXPECT_EQ(to_fixed(exact_of(*parse_price("0.256 USD/Mtok")), 4), "0.2560");
    EXPECT_EQ(to_fixed(exact_of(*parse_price("0.33 AUD/kWh")), 4), "0.3300");
    EXPECT_EQ(to_fixed(exact_of(Money{-1, usd}), 9), "-0.000000001");
}

/// Against integer arithmetic: printing thousandths with two places, for many values.
TEST(Exact, RoundingAgreesWithIntegers) {
    std::mt19937_64 random{7};
    for (int i = 0; i < 2'000; ++i) {
        const std::int64_t thousandths =
            std::uniform_int_distribution<std::int64_t>{-1'000'000'000, 1'000'000'000}(random);
        const std::int64_t magnitude = thousandths < 0 ? -thousandths : thousandths;
        const std::int64_t cents = (magnitude + 5) / 10;
        const std::string digits = std::to_string(cents % 100 + 100).substr(1);
        const std::string expected =
            (thousandths < 0 && cents > 0 ? "-" : "") + std::to_string(cents / 100) + "." + digits;
        EXPECT_EQ(to_fixed(Exact{thousandths, 1'000}), expected) << thousandths;
    }
}

}  // namespace
}  // namespace evenkeel::breakeven
