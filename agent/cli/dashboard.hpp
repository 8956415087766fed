#pragma once

#include "agent/cli/globals.hpp"

namespace evenkeel::cli {

/// Prints a token that opens the page's controls once. Needs the agent; refused while the page only
/// reads.
int dashboard_login(const Globals& globals);

}  // namespace evenkeel::cli
