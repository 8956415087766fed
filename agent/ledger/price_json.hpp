#pragma once

#include "policies/domain/price.hpp"

#include <boost/json/value.hpp>

#include <optional>

namespace evenkeel::ledger {

/// A price as it is stored, exact: [numerator, denominator, currency] in nano-units a nanosecond,
/// or null.
[[nodiscard]] boost::json::value price_json(const std::optional<Price>& price);
/// Nothing for null, and for numbers that are no price. Throws what Boost.JSON throws when the form
/// is another one.
[[nodiscard]] std::optional<Price> price_from(const boost::json::value& value);

}  // namespace evenkeel::ledger
