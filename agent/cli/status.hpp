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
int nodes(const Globals& globals);

}  // namespace evenkeel::cli
