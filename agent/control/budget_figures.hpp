#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"
#include "policies/routing/catalogue.hpp"

#include <cstdint>

namespace evenkeel::agent {

/// What a budget has used of its current window, report nanos.
struct BudgetFigures {
    std::int64_t settled{0};
    std::int64_t held{0};
};

/// The figures of `budget` at a start. Money that is set aside for machines since an earlier window
/// counts in this one too: giving it back later must not make room that does not exist.
[[nodiscard]] BudgetFigures figures_at_start(
    const ledger::Recovered& recovered,
    NameIx name,
    const config::Budget& budget,
    const ledger::Zone& zone,
    UtcTime now);

/// The figures of a budget that a reload added or gave another window or scope: what its scope
/// cost since the window began, from the daily roll-ups; of an hour, what was booked under its
/// name. Open holds are not in it. Errors: as of the reader, or a currency without a rate.
[[nodiscard]] Result<std::int64_t> spent_in_window(
    ledger::Reader& reader,
    const config::Config& config,
    const config::Budget& budget,
    const routing::NameTable& names,
    const ledger::Zone& zone,
    UtcTime now);

}  // namespace evenkeel::agent
