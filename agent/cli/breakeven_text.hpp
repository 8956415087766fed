#pragma once

#include "agent/report/breakeven.hpp"

#include <optional>
#include <string>

/// The break-even report for people.
namespace evenkeel::cli {

[[nodiscard]] std::string breakeven_text(
    const report::BreakevenInput& input,
    const std::optional<report::MeasuredUse>& measured,
    const breakeven::Comparison& comparison,
    UtcTime now);

/// Its rows: instead_of, per_month, status, months, price_seen (a day), age_days, stale.
[[nodiscard]] std::string breakeven_csv(const breakeven::Comparison& comparison, UtcTime now);

}  // namespace evenkeel::cli
