#include "policies/replay/replay.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace evenkeel::replay {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

Price per_mtok(std::int64_t cents) {
    return Price::per_mtok(Money{cents * 10'000'000, usd});
}

/// The world of the study: one RTX 5090, H100s at 3.39 USD/h, an API at 5/25 USD per Mtok.
Options world(ReplayPolicy policy) {
    Options options;
    options.policy = policy;
    options.own = {*capacity::find_profile("5090-32b-awq")};
    options.rented = *capacity::find_profile("h100-32b-fp8");
    options.machine_price = Price::per_hour(Money{3'390'000'000, usd});
    options.api_price.in = per_mtok(500);
    options.api_price.out = per_mtok(2'500);
    options.own_busy_milliwatts = 575'000;
    options.power_price = Price::per_kwh(Money{200'000'000, usd});
    options.scaling.max = 8;
    options.scaling.max_life = 24h;
    options.safety.max_machines = 8;
    options.safety.max_creates_per_hour = 100;
    return options;
}

/// `rate` requests a second, evenly, of the size of a chat.
std::vector<TraceRow> steady(std::chrono::seconds span, double rate) {
    std::vector<TraceRow> rows;
    const auto count = static_cast<std::int64_t>(static_cast<double>(span.count()) * rate);
    for (std::int64_t i = 0; i < count; ++i) {
        rows.push_back(
            {.at = nanoseconds{static_cast<std::int64_t>(static_cast<double>(i) / rate * 1e9)},
             .tokens_in = 1'155,
             .tokens_out = 211});
    }
    return rows;
}

Money price_of(const std::vector<TraceRow>& rows, const Options& options) {
    Money sum;
    for (const TraceRow& row : rows) {
        sum += options.api_price.in.cost(row.tokens_in, Rounding::half_even) +
               options.api_price.out.cost(row.tokens_out, Rounding::half_even);
    }
    return sum;
}

TEST(Replay, ApiAloneCostsExactlyItsTokens) {
    const auto rows = steady(100s, 5);
    const Options options = world(ReplayPolicy::api_only);
    const auto totals = replay(rows, options);
    ASSERT_TRUE(totals) << totals.error().message;
    EXPECT_EQ(totals->api, price_of(rows, options));
    EXPECT_EQ(totals->total, totals->api);
    EXPECT_EQ(totals->answered_api, 500);
    EXPECT_EQ(totals->within_limit, 500);
    EXPECT_EQ(totals->j, totals->total);
    EXPECT_DOUBLE_EQ(totals->wait_s.p99, 1.5);
}

TEST(Replay, LightLoadIsServedByTheOwnEngineForItsPower) {
    const auto totals = replay(steady(100s, 0.5), world(ReplayPolicy::own_api));
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->answered_own, 50);
    EXPECT_TRUE(totals->api.is_zero());
    // At most 100 s and a tail at 575 W and 0.20 USD/kWh.
    EXPECT_GT(totals->own, Money(1'000'000, usd));
    EXPECT_LT(totals->own, Money(4'000'000, usd));
}

TEST(Replay, OverloadGoesToTheApiWhenPatienceEnds) {
    const auto rows = steady(300s, 8);
    const auto totals = replay(rows, world(ReplayPolicy::own_api));
    ASSERT_TRUE(totals);
    EXPECT_GT(totals->answered_api, 100);
    EXPECT_GT(totals->answered_own, 100);
    EXPECT_EQ(totals->answered_own + totals->answered_api, 2'400);
    EXPECT_EQ(totals->refused, 0);
    EXPECT_TRUE(totals->rental.is_zero());
}

TEST(Replay, AlwaysOnIsBilledFromOneBootBeforeToTheEnd) {
    const auto rows = steady(3'000s, 1);
    const auto totals = replay(rows, world(ReplayPolicy::always_n));
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->machine_starts, 1);
    EXPECT_NEAR(totals->machine_hours, 3'420.0 / 3'600, 10.0 / 3'600);
    EXPECT_NEAR(
        static_cast<double>(totals->rental.nanos()), totals->machine_hours * 3'390'000'000.0, 1e4);
    EXPECT_TRUE(totals->api.is_zero());
    EXPECT_EQ(totals->within_limit, 3'000);
}

TEST(Replay, BreakEvenRentsForALongBurstAndGivesBack) {
    const auto rows = steady(1h, 6);
    const auto own_api = replay(rows, world(ReplayPolicy::own_api));
    Options options = world(ReplayPolicy::break_even);
    options.scaling.rule = config::RentRule::break_even;
    const auto rule = replay(rows, options);
    ASSERT_TRUE(own_api && rule);
    EXPECT_GE(rule->machine_starts, 1);
    EXPECT_LE(rule->machine_starts, 4);
    EXPECT_GT(rule->answered_rental, rule->answered_api);
    EXPECT_LT(rule->total.nanos() * 2, own_api->total.nanos());
    EXPECT_GT(rule->machine_hours, 0.9);
    // It ends by itself, one boot of idling after the last request.
    EXPECT_LT(rule->machine_hours, 1.3 * rule->machine_starts);
}

TEST(Replay, NothingIsRentedWhereRentingNeverPays) {
    const auto rows = steady(30min, 8);
    Options options = world(ReplayPolicy::break_even);
    options.api_price.in = per_mtok(5);
    options.api_price.out = per_mtok(10);
    const auto rule = replay(rows, options);
    options.policy = ReplayPolicy::own_api;
    const auto own_api = replay(rows, options);
    ASSERT_TRUE(rule && own_api);
    EXPECT_EQ(rule->machine_starts, 0);
    EXPECT_EQ(rule->total, own_api->total);
}

TEST(Replay, WithoutApiPriceTheBacklogRents) {
    const auto rows = steady(30min, 8);
    Options options = world(ReplayPolicy::own_api);
    options.api_price = {};
    const auto alone = replay(rows, options);
    options.policy = ReplayPolicy::break_even;
    const auto rule = replay(rows, options);
    ASSERT_TRUE(alone && rule);
    EXPECT_GT(alone->refused, 1'000);
    EXPECT_GE(rule->machine_starts, 1);
    EXPECT_LT(rule->refused, alone->refused / 2);
    EXPECT_EQ(rule->answered_own + rule->answered_rental + rule->refused, rule->requests);
}

TEST(Replay, IdleMachinesShowInTheShare) {
    const auto busy = replay(steady(20min, 6), world(ReplayPolicy::always_n));
    const auto idle = replay(steady(20min, 0.1), world(ReplayPolicy::always_n));
    ASSERT_TRUE(busy && idle);
    EXPECT_GT(idle->idle_share, 0.9);
    EXPECT_LT(busy->idle_share, 0.7);
}

TEST(Replay, SameInputSameTotals) {
    const auto rows = steady(20min, 6);
    const auto first = replay(rows, world(ReplayPolicy::break_even));
    const auto second = replay(rows, world(ReplayPolicy::break_even));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->total, second->total);
    EXPECT_EQ(first->j, second->j);
    EXPECT_EQ(first->machine_hours, second->machine_hours);
}

TEST(Replay, NoTrafficCostsNothing) {
    for (const ReplayPolicy policy :
         {ReplayPolicy::api_only, ReplayPolicy::own_api, ReplayPolicy::break_even}) {
        const auto totals = replay(std::vector<TraceRow>{}, world(policy));
        ASSERT_TRUE(totals);
        EXPECT_TRUE(totals->total.is_zero());
        EXPECT_EQ(totals->requests, 0);
    }
}

TEST(Replay, OptionsThatCannotBeAreRefused) {
    const auto rows = steady(10s, 1);
    std::vector<Options> bad;
    Options options = world(ReplayPolicy::api_only);
    options.api_price = {};
    bad.push_back(options);
    options = world(ReplayPolicy::own_api);
    options.own.clear();
    options.api_price = {};
    bad.push_back(options);
    options = world(ReplayPolicy::break_even);
    options.machine_price = {};
    bad.push_back(options);
    options = world(ReplayPolicy::break_even);
    options.power_price = Price::per_kwh(Money{1, aud});
    bad.push_back(options);
    for (const Options& one : bad) {
        const auto totals = replay(rows, one);
        ASSERT_FALSE(totals);
        EXPECT_EQ(totals.error().code, Errc::invalid_argument);
    }
    std::vector<TraceRow> disorder = rows;
    std::ranges::reverse(disorder);
    EXPECT_FALSE(replay(disorder, world(ReplayPolicy::own_api)));
}

/// Every request ends exactly once, and nobody waits longer than the rules allow.
RC_GTEST_PROP(Replay, EveryRequestEndsOnce, ()) {
    std::vector<TraceRow> rows;
    const int count = *rc::gen::inRange(1, 200);
    for (int i = 0; i < count; ++i) {
        rows.push_back(
            {.at = std::chrono::milliseconds{*rc::gen::inRange(0, 600'000)},
             .tokens_in = *rc::gen::inRange<std::int64_t>(0, 30'000),
             .tokens_out = *rc::gen::inRange<std::int64_t>(0, 3'000)});
    }
    std::ranges::sort(rows, {}, &TraceRow::at);
    Options options = world(*rc::gen::element(
        ReplayPolicy::api_only,
        ReplayPolicy::own_api,
        ReplayPolicy::always_n,
        ReplayPolicy::break_even));
    options.own_slots = {*rc::gen::inRange(1, 4)};
    if (options.policy != ReplayPolicy::api_only && *rc::gen::arbitrary<bool>()) {
        options.api_price = {};
    }
    const auto totals = replay(rows, options);
    RC_ASSERT(totals.has_value());
    RC_ASSERT(
        totals->answered_own + totals->answered_rental + totals->answered_api + totals->refused ==
        totals->requests);
    RC_ASSERT(totals->total == totals->own + totals->rental + totals->api);
    RC_ASSERT(totals->within_limit <= totals->requests - totals->refused);
}

}  // namespace
}  // namespace evenkeel::replay
