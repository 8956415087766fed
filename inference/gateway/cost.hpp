#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/source.hpp"

#include <optional>

namespace evenkeel::inference {

/// What an API charges for `usage`: (prompt - cached - written) x in + cached x cached price +
/// written x write price + completion x out, summed exactly and rounded once, at the prices of the
/// tier that the prompt reached. A missing cached or write price is the input price. Nothing
/// beyond 9.2 billion or for prices in two currencies.
[[nodiscard]] std::optional<Money> token_cost(
    const config::TokenPrices& prices, const Usage& usage, Rounding rounding) noexcept;

}  // namespace evenkeel::inference
