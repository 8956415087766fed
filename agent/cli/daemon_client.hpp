#pragma once

#include "agent/cli/globals.hpp"
#include "policies/domain/error.hpp"

#include <string>

namespace evenkeel::cli {

/// Asks the running agent over its control socket. Errors: unavailable (not running; the sentence
/// says how to start it), and what the agent answered, as a sentence.
[[nodiscard]] Result<std::string> ask(const Globals& globals, const std::string& target);
[[nodiscard]] Result<std::string> tell(
    const Globals& globals, const std::string& target, const std::string& body);

/// Prints `error` on stderr and gives the exit status that belongs to it.
int report(const Error& error);

}  // namespace evenkeel::cli
