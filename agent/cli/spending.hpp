#pragma once

#include "agent/cli/globals.hpp"
#include "agent/cli/status.hpp"

#include <string>

/// Commands about spending that also work without the agent.
namespace evenkeel::cli {

/// Puts the FREEZE file into the state folder: nothing new is rented or bought until `thaw`.
int freeze(const Globals& globals, const std::string& reason);
/// Takes it away.
int thaw(const Globals& globals);

/// `evenkeel.prices/1`. Errors: what the agent answered, else those of the configuration.
[[nodiscard]] Result<Document> prices_document(const Globals& globals);
/// The catalogue: through the agent, else from the configuration and the ledger.
int prices_list(const Globals& globals);
/// Asks the providers now; 5 when one fails. Without the agent it asks them itself and only prints.
int prices_refresh(const Globals& globals, const std::string& provider);

struct ReapArguments {
    bool dry_run{false};
    std::string wait{"5m"};
    std::string agent_id{};  ///< eight hex digits, when the ledger is lost
};
/// Ends our overdue machines without the agent.
int reap(const Globals& globals, const ReapArguments& arguments);

}  // namespace evenkeel::cli
