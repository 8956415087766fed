#pragma once

#include "policies/domain/money.hpp"
#include "policies/domain/price.hpp"

#include <optional>
#include <string_view>
#include <vector>

/// Why a provider's bill for one machine differs from what its seconds were reckoned to cost.
namespace evenkeel::lifecycle {

enum class BillCause {
    rounding,         ///< within two seconds of price, or a cent
    not_metered,      ///< time that one of the two did not count: the boot, or what we did not see
    price_change,     ///< another price of the same offer explains it
    unknown_machine,  ///< it was adopted, or no row knows it
    credit,           ///< less than the paid time without its boot: a refund or a discount
    other,
};
[[nodiscard]] std::string_view to_text(BillCause cause) noexcept;

/// What is known of one machine; all amounts in one currency.
struct BillFacts {
    Money bill{};
    Money metered{};                    ///< what its phases posted
    Money boot{};                       ///< the part of `metered` before it served
    Price price{};                      ///< per hour, as it was reckoned
    std::vector<Price> other_prices{};  ///< of the same offer at other times, and of its phases
    bool adopted{false};                ///< taken over while it ran: its beginning is not known
};

/// The likeliest one; nothing when the bill says what was metered.
[[nodiscard]] std::optional<BillCause> cause_of(const BillFacts& facts);

}  // namespace evenkeel::lifecycle
