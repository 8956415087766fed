#pragma once

#include "tests/unit/gateway/rig.hpp"

/// Own work that has an internal price: 4,000 nano-dollars a prompt token, 20,000 an answer token.
namespace evenkeel::inference::test {

inline constexpr std::int64_t price_in = 4'000;
inline constexpr std::int64_t price_out = 20'000;

/// Prices the work of `m`, and caps what the key named tester is charged at `limit` nano-dollars.
inline Rig::Setup priced(std::int64_t limit, bool learns = false) {
    Rig::Setup setup;
    setup.max_wait = 1s;
    setup.change = [limit, learns](config::Config& config) {
        config.models[0].internal_price = config::TokenPrices{
            .in = *parse_price("4.00 USD/Mtok"), .out = *parse_price("20.00 USD/Mtok")};
        config.budgets.push_back(
            {.name = "tester", .scope = {.key = "tester"}, .limit = Money{limit, usd}});
        if (learns) {
            config.safety.reserve = config::Reserve::learned;
        }
    };
    return setup;
}

inline gate::BudgetLimit budget_of(const Rig& rig) {
    return rig.gateway->counters().gate.budgets.at(0);
}

}  // namespace evenkeel::inference::test
