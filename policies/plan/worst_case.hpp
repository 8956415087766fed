#pragma once

#include "policies/config/config.hpp"
#include "policies/domain/money.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What a configuration could cost at most, and what a change of it does. Pure.
namespace evenkeel::plan {

/// The most that one day can cost, in the report currency and rounded up.
struct DayCap {
    std::optional<Money> amount{};  ///< nothing: no limit holds it
    std::string why{};              ///< what holds it: "1 machine x 24 h x 4.5 USD/h"
    friend bool operator==(const DayCap&, const DayCap&) = default;
};

struct WorstCase {
    DayCap rentals{};
    DayCap apis{};
    friend bool operator==(const WorstCase&, const WorstCase&) = default;
};

/// An upper bound, not a forecast, for machines that serve. One that fails within its minimum bill
/// is billed on beside the one that replaces it: that is not in it.
///
/// Rentals. All day long as many machines as the scaling entries, their providers and
/// safety.max_machines allow, dearest first, each at its entry's max_price; together not above
/// safety.max_rate. A budget (from its first step that stops rentals on) and safety.max_per_day
/// only stop orders: what runs then may run on until its max_life, so that much is added. Budgets
/// of a month may be spent on one day; those of an hour come 24 times. Only budgets of everything,
/// of rentals, of the entry's model and of its only provider count.
///
/// APIs. Budgets hold them exactly: the least of those of everything and of APIs, or the sum of
/// those of each API provider when all have one. Machines are not in it, nor is power.
[[nodiscard]] WorstCase worst_case(const config::Config& config);

/// "an hour", "a day", "a month".
[[nodiscard]] std::string_view per_text(config::BudgetPer per) noexcept;

}  // namespace evenkeel::plan
