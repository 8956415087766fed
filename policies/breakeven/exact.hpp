#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"

#include <boost/multiprecision/cpp_int.hpp>

#include <string>
#include <string_view>

/// Numbers without rounding. Several published break-even figures sit exactly on a tie (325.215),
/// so binary floating point prints some of them wrong; only the printed value is rounded, once.
namespace evenkeel::breakeven {

using Exact = boost::multiprecision::cpp_rational;

/// A plain decimal number, "-12.50": at most 30 digits, no exponent. Errors: invalid_argument.
[[nodiscard]] Result<Exact> parse_exact(std::string_view text);
/// With `places` decimals, rounded half away from zero; never "-0.00".
[[nodiscard]] std::string to_fixed(const Exact& value, int places = 2);
/// The whole number at or above.
[[nodiscard]] Exact ceiling(const Exact& value);

/// In whole units of its currency.
[[nodiscard]] Exact exact_of(Money amount);
/// For one displayed unit: an hour, a million tokens, a kWh.
[[nodiscard]] Exact exact_of(const Price& price);

}  // namespace evenkeel::breakeven
