#include "policies/breakeven/formulas.hpp"

#include <gtest/gtest.h>

#include <random>

/// What the golden rows do not hold.
namespace evenkeel::breakeven {
namespace {

Exact number(const char* text) {
    return *parse_exact(text);
}

Terms machine() {
    Terms terms;
    terms.capex = number("8300");
    terms.capex_currency = terms.report_currency = usd;
    terms.rent_rate = number("4");
    terms.hours_per_month = number("100");
    return terms;
}

std::string text(const std::optional<Exact>& value) {
    return value ? to_fixed(*value) : "none";
}

TEST(Formulas, AMachineThatIsPaidBackByItsResaleIsBoughtAtOnce) {
    for (const char* residual : {"1", "1.2"}) {
        Terms terms = machine();
        terms.residual_fraction = number(residual);
        const auto answer = solve(Kind::buy_vs_rent, terms);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, "immediate") << residual;
        EXPECT_EQ(text(answer->expected), "0.00");
    }
}

TEST(Formulas, SavingNothingNeverPays) {
    Terms terms = machine();
    terms.own_other_monthly = number("400");
    terms.own_other_currency = usd;
    EXPECT_EQ(solve(Kind::buy_vs_rent, terms)->status, "never") << "exactly as dear";
    terms.own_other_monthly = number("399.99");
    EXPECT_EQ(text(solve(Kind::buy_vs_rent, terms)->expected), "830000.00");
}

TEST(Formulas, AMissingQuantityOrRateIsSaid) {
    Terms terms = machine();
    terms.rent_rate.reset();
    EXPECT_EQ(solve(Kind::buy_vs_rent, terms).error().message, "buy_vs_rent: rent_rate is missing");
    terms = machine();
    terms.report_currency = aud;
    EXPECT_EQ(
        solve(Kind::buy_vs_rent, terms).error().message,
        "buy_vs_rent: there is no rate from USD to AUD: add currency.rates.USD to "
        "evenkeel.yaml");
    terms.rates[{aud, usd}] = number("0.8");
    EXPECT_EQ(text(solve(Kind::buy_vs_rent, terms)->rent_monthly), "500.00") << "the inverse";
    terms.rates[{aud, usd}] = number("0");
    EXPECT_FALSE(solve(Kind::buy_vs_rent, terms)) << "a rate of zero is none";
    for (const Kind kind :
         {Kind::rent_vs_api,
          Kind::burst_rent_vs_api,
          Kind::horizon_cheapest,
          Kind::hybrid_saving,
          Kind::fx_convert,
          Kind::electricity_per_mtok,
          Kind::reserved_vs_ondemand,
          Kind::api_cost}) {
        EXPECT_FALSE(solve(kind, Terms{})) << to_text(kind);
    }
}

TEST(Formulas, WhatIsDividedByIsNeverZero) {
    Terms terms = machine();
    terms.api_in = terms.api_out = number("1");
    terms.in_share = number("0.5");
    for (auto field : {&Terms::hours_per_month, &Terms::billed_fraction}) {
        Terms zero = terms;
        zero.*field = number("0");
        EXPECT_FALSE(solve(Kind::rent_vs_api, zero));
    }
    terms.busy_s = number("10");
    terms.billing_increment_s = number("0");
    EXPECT_FALSE(solve(Kind::burst_rent_vs_api, terms));
    terms.simple_share = number("0.5");
    terms.simple_cost = terms.complex_cost = number("0");
    EXPECT_FALSE(solve(Kind::hybrid_saving, terms));
    terms.tokens_per_second = number("0");
    EXPECT_FALSE(solve(Kind::electricity_per_mtok, terms));
}

TEST(Formulas, FreeTokensAreNeverWorthRentingFor) {
    Terms terms = machine();
    terms.api_in = terms.api_out = number("0");
    terms.in_share = number("0.5");
    terms.busy_s = number("10");
    EXPECT_EQ(solve(Kind::rent_vs_api, terms)->status, "never");
    EXPECT_EQ(solve(Kind::burst_rent_vs_api, terms)->status, "never");
}

TEST(Formulas, ABurstIsBilledInWholeStepsAndAtLeastTheMinimum) {
    Terms terms = machine();
    terms.rent_rate = number("3600");  // one a second
    terms.api_in = terms.api_out = number("1");
    terms.in_share = number("0.5");
    const auto cost = [&](const char* busy, const char* step, const char* least) {
        terms.busy_s = number(busy);
        terms.billing_increment_s = number(step);
        terms.min_billed_s = number(least);
        return text(solve(Kind::burst_rent_vs_api, terms)->aux);
    };
    EXPECT_EQ(cost("10", "1", "60"), "60.00");
    EXPECT_EQ(cost("60.5", "1", "60"), "61.00");
    EXPECT_EQ(cost("60", "60", "60"), "60.00");
    EXPECT_EQ(cost("61", "60", "0"), "120.00");
}

TEST(Formulas, TiesGoToTheLeastCommitment) {
    Terms terms = machine();
    terms.horizon_months = number("1");
    terms.capex = number("400");  // as much as one month's rent
    EXPECT_EQ(solve(Kind::horizon_cheapest, terms)->status, "rent");
    terms.in_mtok = number("400");
    terms.out_mtok = number("0");
    terms.api_in = terms.api_out = number("1");
    EXPECT_EQ(solve(Kind::horizon_cheapest, terms)->status, "api");
    terms.rent_rate.reset();
    terms.capex.reset();
    const auto alone = solve(Kind::horizon_cheapest, terms);
    EXPECT_EQ(alone->status, "api");
    EXPECT_FALSE(alone->aux) << "nothing to compare with";
}

/// A dearer rent never makes the bought machine pay later, a dearer kWh never sooner; at the
/// break-even month both have cost the same, exactly.
TEST(Formulas, BreakEvenIsWhereBothHaveCostTheSame) {
    std::mt19937_64 random{11};
    const auto draw = [&](int least, int most) {
        return Exact{std::uniform_int_distribution<int>{least, most}(random), 100};
    };
    int paid = 0;
    for (int i = 0; i < 500; ++i) {
        Terms terms;
        terms.report_currency = usd;
        terms.rates[{usd, aud}] = draw(50, 250);
        terms.capex = draw(10'000, 2'000'000);
        terms.residual_fraction = draw(0, 90);
        terms.rent_rate = draw(10, 1'000);
        terms.billed_fraction = draw(1, 100);
        terms.active_w = draw(1'000, 200'000);
        terms.idle_w = draw(0, 20'000);
        terms.active_fraction = draw(0, 100);
        terms.tariff = draw(5, 60);
        const auto answer = solve(Kind::buy_vs_rent, terms);
        ASSERT_TRUE(answer) << i;
        if (answer->status != "ok") {
            continue;
        }
        ++paid;
        EXPECT_EQ(
            *answer->net_capex + *answer->own_monthly * *answer->expected,
            *answer->rent_monthly * *answer->expected)
            << i;
        Terms dearer = terms;
        dearer.rent_rate = *terms.rent_rate + 1;
        EXPECT_LT(*solve(Kind::buy_vs_rent, dearer)->expected, *answer->expected) << i;
    }
    EXPECT_GT(paid, 200);
}

}  // namespace
}  // namespace evenkeel::breakeven
