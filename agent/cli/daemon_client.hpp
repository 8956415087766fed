#pragma once

#include "agent/cli/globals.hpp"
#include "policies/domain/error.hpp"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace evenkeel::cli {

/// Asks the running agent over its control socket. Errors: unavailable (not running; the sentence
/// says how to start it), and what the agent answered, as a sentence.
[[nodiscard]] Result<std::string> ask(
    const Globals& globals,
    const std::string& target,
    std::chrono::seconds limit = std::chrono::seconds{60});
[[nodiscard]] Result<std::string> tell(
    const Globals& globals,
    const std::string& target,
    const std::string& body,
    std::chrono::seconds limit = std::chrono::seconds{60});

/// Makes text of an answer with `make(object)`. Errors: invalid_response when a field is missing.
[[nodiscard]] Result<std::string> render(
    std::string_view document, const std::function<std::string(const boost::json::object&)>& make);
/// Whether an answer of the agent says that money may be lost unseen.
[[nodiscard]] bool has_hazard(std::string_view document);
/// Prints an answer, as it is with --json and as `text` without, and gives the exit status: 6 when
/// it says that there is a money hazard.
int show(const Globals& globals, std::string_view document, const Result<std::string>& text);

/// Prints `error` on stderr and gives the exit status that belongs to it.
int report(const Error& error);

}  // namespace evenkeel::cli
