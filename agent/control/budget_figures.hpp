#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"
#include "policies/routing/catalogue.hpp"

#include <cstdint>

namespace evenkeel::agent {

/// What a budget has used of its current window at a start, report nanos: what was booked under its
/// name, or `spent` in its scope if that is more, and what is set aside for machines that live.
/// Money set aside since an earlier window counts in this one too: giving it back later must not
/// make room that does not exist. The rule is policies/budget/used.hpp.
[[nodiscard]] std::int64_t used_at_start(
    const ledger::Recovered& recovered,
    NameIx name,
    const config::Budget& wanted,
    std::int64_t spent,
    const ledger::Zone& zone,
    UtcTime now);

/// What the scope of a budget has cost since its window began (of keys, teams, models and routes:
/// what was charged; of a model either the internal price of its work or its machines, not both),
/// whatever the budget was then: for
/// one that is new, or has got another window or scope, from the daily roll-ups; of an hour, what
/// was booked under its name. Open holds are not in it. Errors: as of the reader, or a currency
/// without a rate.
[[nodiscard]] Result<std::int64_t> spent_in_window(
    ledger::Reader& reader,
    const config::Config& config,
    const config::Budget& budget,
    const routing::NameTable& names,
    const ledger::Zone& zone,
    UtcTime now);

}  // namespace evenkeel::agent
