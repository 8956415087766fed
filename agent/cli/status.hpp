#pragma once

#include "agent/cli/globals.hpp"
#include "policies/domain/error.hpp"

#include <string>
#include <string_view>

namespace evenkeel::cli {

/// The screen of `evenkeel status` from the agent's `evenkeel.status/1`. Errors: invalid_response.
[[nodiscard]] Result<std::string> status_text(std::string_view json, bool utc);
/// The table of `evenkeel nodes` from `evenkeel.nodes/1`; CSV when `csv`.
[[nodiscard]] Result<std::string> nodes_text(std::string_view json, bool csv);

int status(const Globals& globals);

/// An answer of the agent, or of what it has written.
struct Document {
    std::string text{};
    bool without_agent{false};  ///< made from the ledger and the configuration: it does not run
};
/// `evenkeel.nodes/1`. Errors: what the agent answered, else those of the ledger.
[[nodiscard]] Result<Document> nodes_document(const Globals& globals);
/// `evenkeel nodes list`: through the agent, else from its ledger.
int nodes(const Globals& globals);
/// The text of `evenkeel nodes show` from `evenkeel.node/1`. Errors: invalid_response.
[[nodiscard]] Result<std::string> node_text(std::string_view json, bool utc);
/// Everything about one machine; from the ledger when the agent is down.
int nodes_show(const Globals& globals, const std::string& name);

}  // namespace evenkeel::cli
