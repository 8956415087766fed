#include "policies/breakeven/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace evenkeel::breakeven {
namespace {

Exact number(const char* text) {
    return *parse_exact(text);
}

/// A 8,300 AUD machine at 30 % use, and what a person could pay for instead.
Situation desk() {
    Situation s;
    s.own = OwnHardware{
        .name = "desk",
        .price = number("8300"),
        .currency = aud,
        .active_w = number("725"),
        .idle_w = number("90")};
    s.use = number("0.3");
    s.tokens = Tokens{.in_mtok = number("75.9"), .out_mtok = number("28.6")};
    s.tariff = number("0.33");
    s.tariff_currency = s.report = aud;
    s.rates[{usd, aud}] = number("1.4235");
    s.rentals = {
        {.what = "H100 on do", .gpu = "H100", .rate = number("4.41"), .currency = usd},
        {.what = "H100 PCIe on runpod",
         .gpu = "H100 PCIe",
         .rate = number("2.89"),
         .currency = usd},
        {.what = "RTX 5090 on runpod",
         .gpu = "RTX 5090",
         .rate = number("0.99"),
         .currency = usd,
         .stale = true}};
    s.apis = {
        {.what = "opus on claude", .in = number("4"), .out = number("20"), .currency = usd},
        {.what = "qwq on hosted", .in = number("0.40"), .out = number("0.40"), .currency = usd}};
    s.reservations = {
        {.what = "H100 on do",
         .rate = number("1.91"),
         .against = "H100 on do",
         .list_rate = number("4.41"),
         .currency = usd}};
    return s;
}

std::string months(const std::optional<Exact>& value) {
    return value ? to_fixed(*value) : "never";
}

const Swing& swing_of(const Comparison& comparison, std::string_view what) {
    return *std::ranges::find(comparison.swings, what, &Swing::what);
}

/// The figures of the report as the specification shows it.
TEST(Compare, TheReportOfTheSpecification) {
    const auto made = compare(desk());
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(to_fixed(*made->power_monthly), "67.57");
    ASSERT_EQ(made->rows.size(), 5u);
    const char* const expected[][2]{{"1374.80", "6.35"}, {"900.95", "9.96"}, {"308.63", "34.43"}};
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(to_fixed(made->rows[i].monthly), expected[i][0]);
        EXPECT_EQ(months(made->rows[i].answer.expected), expected[i][1]);
    }
    EXPECT_EQ(to_fixed(made->rows[3].monthly), "1246.42");
    EXPECT_EQ(months(made->rows[3].answer.expected), "7.04");
    EXPECT_EQ(to_fixed(made->rows[4].monthly), "59.50");
    EXPECT_EQ(made->rows[4].answer.status, "never");
    ASSERT_TRUE(made->base);
    EXPECT_EQ(made->rows[*made->base].what, "renting H100 PCIe on runpod")
        << "the cheapest whose price is not stale";
    EXPECT_EQ(swing_of(*made, "use").low, "10 %");
    EXPECT_EQ(months(swing_of(*made, "use").low_months), "31.52");
    EXPECT_EQ(swing_of(*made, "use").high, "60 %");
    EXPECT_EQ(months(swing_of(*made, "use").high_months), "4.92");
    EXPECT_EQ(swing_of(*made, "rent").high, "3.85") << "no other offer of that GPU: a third more";
    EXPECT_EQ(swing_of(*made, "rent").low, "1.93");
    EXPECT_EQ(months(swing_of(*made, "resale").low_months), "9.96");
    EXPECT_EQ(months(swing_of(*made, "resale").high_months), "6.47");
    EXPECT_EQ(swing_of(*made, "tariff").low, "0.22");
    EXPECT_EQ(months(swing_of(*made, "tariff").low_months), "9.70");
    EXPECT_EQ(swing_of(*made, "USD rate").low, "1.28");
    ASSERT_EQ(made->reserved.size(), 1u);
    EXPECT_EQ(months(made->reserved[0].answer.expected), "43.31");
    EXPECT_EQ(to_fixed(*made->reserved[0].answer.aux, 0), "316");
    // 24 months: the hosted QwQ costs 59.50 a month, the rented 5090 308.63, buying 8,300 + power.
    ASSERT_EQ(made->ways.size(), 6u);
    EXPECT_EQ(made->ways[0].what, "the same tokens, qwq on hosted");
    EXPECT_EQ(to_fixed(made->ways[0].cost), "1428.06");
    EXPECT_EQ(made->ways[1].what, "renting RTX 5090 on runpod");
    EXPECT_EQ(made->ways[2].what, "buying 'desk'");
    EXPECT_TRUE(made->notes.empty());
}

TEST(Compare, BatchesOfAnApiAreARowOfTheirOwn) {
    Situation s = desk();
    s.apis[0].batch = number("0.5");
    const auto made = compare(s);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_EQ(made->rows.size(), 6u);
    EXPECT_EQ(to_fixed(made->rows[3].monthly), "1246.42");
    EXPECT_EQ(made->rows[4].what, "the same tokens, opus on claude, in batches");
    EXPECT_EQ(to_fixed(made->rows[4].monthly), "623.21");
    EXPECT_EQ(months(made->rows[4].answer.expected), "14.94") << "8300 / (623.21 - 67.57)";
    EXPECT_EQ(made->ways.size(), 7u);
}

TEST(Compare, WithoutAMachineOnlyRentingAndTokensAreCompared) {
    Situation s = desk();
    s.own.reset();
    const auto made = compare(s);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_FALSE(made->power_monthly);
    EXPECT_FALSE(made->base);
    EXPECT_TRUE(made->swings.empty());
    EXPECT_EQ(made->ways[0].what, "the same tokens, qwq on hosted");
    EXPECT_EQ(made->rows.size(), 5u);
    ASSERT_EQ(made->versus.size(), 6u);
    EXPECT_EQ(made->versus[0].month.unit, "Mtok/month");
}

TEST(Compare, WithoutTokensThereAreNoRowsOfApis) {
    Situation s = desk();
    s.tokens.reset();
    const auto made = compare(s);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->rows.size(), 3u);
    EXPECT_EQ(made->versus.size(), 6u) << "a mix of four to one is taken";
    // PRICES section 4, rows G43 and G44: four tokens in for one out.
    EXPECT_EQ(months(made->versus[0].month.aux), "170.14");
}

TEST(Compare, OfStalePricesTheOneSeenLastIsShown) {
    Situation s = desk();
    const UtcTime day = std::chrono::sys_days{std::chrono::November / 1 / 2026};
    for (std::size_t i = 0; i < s.rentals.size(); ++i) {
        s.rentals[i].stale = true;
        s.rentals[i].seen = day + std::chrono::hours{i == 0 ? 1 : 0};
    }
    EXPECT_EQ(compare(s)->base, 0u);
}

TEST(Compare, AMachineThatNeverPaysHasNoSwings) {
    Situation s = desk();
    s.use = number("0.001");
    const auto made = compare(s);
    ASSERT_TRUE(made);
    EXPECT_FALSE(made->base);
    EXPECT_TRUE(made->swings.empty());
}

TEST(Compare, TheSameGpuElsewhereBoundsTheRent) {
    Situation s = desk();
    s.rentals.push_back(
        {.what = "H100 PCIe on lambda",
         .gpu = "H100 PCIe",
         .rate = number("3.29"),
         .currency = usd});
    const auto made = compare(s);
    EXPECT_EQ(swing_of(*made, "rent").low, "2.89");
    EXPECT_EQ(swing_of(*made, "rent").high, "3.29");
}

TEST(Compare, MoreThanTheMachineMakesIsUnreachable) {
    Situation s = desk();
    s.rentals[0].capacity_tps = number("2500");
    const auto made = compare(s);
    EXPECT_EQ(made->versus[1].month.status, "unreachable") << "hosted QwQ needs 3,063 a second";
    EXPECT_EQ(made->versus[0].month.status, "ok");
}

TEST(Compare, WhatHasNoRateIsLeftOutAndTheHardwaresOwnCurrencyMustHaveOne) {
    Situation s = desk();
    s.rates.clear();
    const auto made = compare(s);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(made->rows.empty());
    ASSERT_FALSE(made->notes.empty());
    EXPECT_NE(made->notes[0].find("there is no rate from USD to AUD"), std::string::npos);
    s.own->currency = usd;
    ASSERT_FALSE(compare(s));
    EXPECT_NE(compare(s).error().message.find("USD"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::breakeven
