#include "inference/gateway/cost.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace evenkeel::inference {
namespace {

config::TokenPrices prices(const char* in, const char* out) {
    return {.in = *parse_price(in), .out = *parse_price(out)};
}

TEST(TokenCost, SumsExactlyAndRoundsOnce) {
    auto opus = prices("4.00 USD/Mtok", "20.00 USD/Mtok");
    EXPECT_EQ(
        token_cost(opus, {.prompt = 1'000, .completion = 500}, Rounding::half_even),
        (Money{14'000'000, usd}));
    opus.cached = *parse_price("0.20 USD/Mtok");
    opus.cache_write = *parse_price("5.00 USD/Mtok");
    // 700 plain, 200 cached, 100 written: 2800 + 40 + 500 micro-dollars, and 10000 out.
    EXPECT_EQ(
        token_cost(
            opus,
            {.prompt = 1'000, .cached = 200, .cache_write = 100, .completion = 500},
            Rounding::half_even),
        (Money{13'340'000, usd}));
    EXPECT_EQ(token_cost(opus, {}, Rounding::up), (Money{0, usd}));
}

TEST(TokenCost, TheTierReachedPricesTheWholeRequest) {
    auto tiered = prices("4.00 USD/Mtok", "20.00 USD/Mtok");
    tiered.cached = *parse_price("0.20 USD/Mtok");
    tiered.tiers = {
        {.over = 200'000,
         .in = *parse_price("8.00 USD/Mtok"),
         .out = *parse_price("30.00 USD/Mtok"),
         .cached = *parse_price("0.40 USD/Mtok"),
         .cache_write = *parse_price("10.00 USD/Mtok")},
        {.over = 500'000,
         .in = *parse_price("9.00 USD/Mtok"),
         .out = *parse_price("1.00 USD/Mtok")}};
    const auto cost = [&](const Usage& usage) {
        return token_cost(tiered, usage, Rounding::half_even)->nanos();
    };
    EXPECT_EQ(cost({.prompt = 200'000, .completion = 1'000}), 820'000'000) << "not over it";
    EXPECT_EQ(cost({.prompt = 200'001, .completion = 1'000}), 1'630'008'000);
    // 100,001 plain at 8, 60,000 cached at 0.40, 40,000 written at 10, 1,000 out at 30.
    EXPECT_EQ(
        cost({.prompt = 200'001, .cached = 60'000, .cache_write = 40'000, .completion = 1'000}),
        1'254'008'000)
        << "tokens of a cache count towards the tier";
    // A tier without a price of its own for the cache: its 'in', not that of the tier below.
    EXPECT_EQ(cost({.prompt = 500'001, .cached = 500'000, .completion = 1'000}), 4'501'009'000);
}

TEST(TokenCost, HalvesGoToEven) {
    // 0.0005 USD/Mtok is half a nano-dollar a token.
    const auto tiny = prices("0.0005 USD/Mtok", "0.0005 USD/Mtok");
    const auto of = [&tiny](std::int64_t tokens, Rounding rounding) {
        return token_cost(tiny, {.prompt = tokens}, rounding)->nanos();
    };
    EXPECT_EQ(of(1, Rounding::half_even), 0);
    EXPECT_EQ(of(3, Rounding::half_even), 2);
    EXPECT_EQ(of(5, Rounding::half_even), 2);
    EXPECT_EQ(of(1, Rounding::up), 1);
    EXPECT_EQ(of(1, Rounding::down), 0);
    // Once, not per part: two halves are one.
    EXPECT_EQ(token_cost(tiny, {.prompt = 1, .completion = 1}, Rounding::half_even)->nanos(), 1);
}

TEST(TokenCost, F101NothingOverflowsSilently) {
    const auto dear = prices("9000000.00 USD/Mtok", "9000000.00 USD/Mtok");
    EXPECT_FALSE(token_cost(dear, {.prompt = 1'000'000'000'000, .completion = 1}, Rounding::up));
    EXPECT_FALSE(token_cost(dear, {.prompt = -5, .completion = -1}, Rounding::up));
    auto mixed = prices("1.00 USD/Mtok", "1.00 AUD/Mtok");
    EXPECT_FALSE(token_cost(mixed, {.prompt = 1}, Rounding::up));
}

TEST(TokenCost, AgreesWithPriceForOnePart) {
    const bool agrees = rc::check("one part is Price::cost", [] {
        const Price price =
            Price::per_mtok(Money{*rc::gen::inRange<std::int64_t>(0, 90'000'000'000), usd});
        const auto tokens = *rc::gen::inRange<std::int64_t>(0, 10'000'000);
        const config::TokenPrices both{.in = price, .out = price};
        for (const Rounding rounding : {Rounding::up, Rounding::half_even, Rounding::down}) {
            RC_ASSERT(
                token_cost(both, {.prompt = tokens}, rounding)->nanos() ==
                price.cost(tokens, rounding).nanos());
        }
    });
    EXPECT_TRUE(agrees);
}

}  // namespace
}  // namespace evenkeel::inference
