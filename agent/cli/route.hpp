#pragma once

#include "agent/cli/globals.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::cli {

/// A past request by its id, or one that does not exist yet by what it would be.
struct RouteArguments {
    std::string request{};  ///< "01JD8Z4T0000A"
    std::string model{};
    std::string key{};
    std::int64_t tokens_in{1'000};
    std::int64_t max_tokens{0};  ///< 0: not stated
    std::int64_t tokens_out{256};
    std::vector<std::string> headers{};  ///< "x-evenkeel-class=batch"
    bool tools{false};
    bool images{false};
    std::optional<std::string> text{};  ///< of its messages, for match.text
};

/// Which sources may answer it, at what cost, and why the others may not: from the configuration,
/// and for a past request from the ledger; needs no agent.
int route_explain(const Globals& globals, const RouteArguments& arguments);

}  // namespace evenkeel::cli
