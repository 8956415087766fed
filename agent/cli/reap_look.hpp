#pragma once

#include "agent/cli/globals.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/reap/reaper.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"

#include <string>
#include <vector>

/// Looking at the machines of every provider without the agent: for `reap`, which ends some of
/// them, and for `doctor`, which only says so.
namespace evenkeel::cli {

/// What the ledger says; read only, because the agent may hold it.
struct ReapBooks {
    std::string agent_id{};
    std::vector<reap::Row> rows{};  ///< machines that are not gone
};
/// Errors: those of the reader.
[[nodiscard]] Result<ReapBooks> read_reap_books(const Globals& globals);

[[nodiscard]] reap::Agent state_of_agent(const Globals& globals, UtcTime now);

/// Asks every provider at once, and does what `rules` allow; rows of providers that the
/// configuration no longer has come last. `log` may be null in a dry run.
[[nodiscard]] std::vector<reap::Findings> look_at_machines(
    const std::vector<Rental>& rentals,
    const config::Config& config,
    const ReapBooks& books,
    const reap::Rules& rules,
    const Clock& clock,
    reap::Log* log);

}  // namespace evenkeel::cli
