#include "tests/unit/routing/house.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

/// What holds for every plan, and the way from a plan through the gate.
namespace evenkeel::routing {
namespace {

using namespace house;

RC_GTEST_PROP(PlanProperty, AHoldNeverUnderstatesWhatTheCeilingCosts, ()) {
    config::Config config = make_config();
    const auto amount = [] { return *rc::gen::inRange<std::int64_t>(0, 40'000'000'000); };
    config.models[1].offers[0].token_price = {
        .in = Price::per_mtok({amount(), usd}), .out = Price::per_mtok({amount(), usd})};
    config.currency.rates[usd].rate_nanos = *rc::gen::inRange<std::int64_t>(1, 3'000'000'000);
    config.routes[0].use = {"opus"};
    House house{config};
    Ask ask = house.ask("opus");
    ask.tokens_in = *rc::gen::inRange<std::int64_t>(0, 200'000);
    ask.max_tokens = *rc::gen::inRange<std::int64_t>(1, 200'000);
    ask.tokens_out_guess = *rc::gen::inRange<std::int64_t>(0, 200'000);
    const auto plan = house.plan(ask);
    RC_ASSERT(plan.has_value());
    const gate::ApiChoice& api = plan->arrival.apis[0];
    const config::TokenPrices& price = *config.models[1].offers[0].token_price;
    const auto used = *rc::gen::inRange<std::int64_t>(0, ask.max_tokens + 1);
    const Money bill = price.in.cost(ask.tokens_in, Rounding::half_even) +
                       price.out.cost(used, Rounding::half_even);
    RC_ASSERT(bill <= api.hold);
    RC_ASSERT(*to_report(config.currency, bill, Rounding::half_even) <= api.hold_report);
    RC_ASSERT(api.expected_report <= api.hold_report);
    RC_ASSERT(plan->arrival.overflow_at <= plan->arrival.give_up_at);
}

RC_GTEST_PROP(PlanProperty, AHoldCoversTheTierThatTheRequestReaches, ()) {
    config::Config config = make_config();
    config.currency.report = usd;
    const auto price = [] {
        return Price::per_mtok({*rc::gen::inRange<std::int64_t>(0, 40'000'000'000), usd});
    };
    config::TokenPrices prices{.in = price(), .out = price()};
    std::int64_t over = 0;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        over += *rc::gen::inRange<std::int64_t>(1, 100'000);
        prices.tiers.push_back({.over = over, .in = price(), .out = price()});
    }
    config.models[1].offers[0].token_price = prices;
    config.routes[0].use = {"opus"};
    House house{config};
    Ask ask = house.ask("opus");
    ask.tokens_in = *rc::gen::inRange<std::int64_t>(1, 100'000);
    ask.max_tokens = *rc::gen::inRange<std::int64_t>(1, 100'000);
    const auto plan = house.plan(ask);
    RC_ASSERT(plan.has_value());
    // Of the tokens as estimated, at the prices of any length that the text can really have.
    const auto real = *rc::gen::inRange<std::int64_t>(0, ask.tokens_in * 4 + 1);
    const config::TokenRates rates = config::rates_of(prices, real);
    const Money bill = rates.in.cost(ask.tokens_in, Rounding::half_even) +
                       rates.out.cost(ask.max_tokens, Rounding::half_even);
    RC_ASSERT(bill <= plan->arrival.apis[0].hold);
    RC_ASSERT(plan->arrival.apis[0].expected_report <= plan->arrival.apis[0].hold_report);
}

TEST(PlanAndGate, AReloadBetweenPlanAndArrivalMixesNoBudgets) {
    config::Config config = make_config();
    config.routes[0].use = {"opus"};
    config.budgets = {
        {.name = "all", .limit = Money{1'000'000'000'000, aud}},
        {.name = "nobody", .scope = {.key = "nobody"}, .limit = Money{0, aud}}};
    House house{config};
    gate::Gate gate{gate_policy(*house.catalogue)};
    gate::Effects effects;
    const Now now{.boot = BootTime{100s}};
    const auto plan = house.plan(house.ask("opus"));
    ASSERT_TRUE(plan);
    gate.worker_changed(
        {.source = plan->arrival.apis[0].source, .kind = SourceKind::api, .slots = 9},
        now,
        effects);
    std::swap(config.budgets[0], config.budgets[1]);
    const auto reloaded = compile(config, 6, house.names);
    gate.apply(gate_policy(*reloaded), now, effects);
    gate.arrive(plan->arrival, now, effects);
    ASSERT_EQ(effects.size(), 1u);
    EXPECT_EQ(effects[0].kind, gate::EffectKind::grant) << "its bit 0 still means 'all'";
    gate::Counters counters;
    gate.counters(counters);
    EXPECT_EQ(counters.budgets[0].held, 0);
    EXPECT_EQ(counters.budgets[1].held, plan->arrival.apis[0].hold_report);
}

}  // namespace
}  // namespace evenkeel::routing
