#pragma once

#include "agent/cli/globals.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"
#include "providers/provider.hpp"

#include <memory>
#include <string>
#include <vector>

/// Providers of the configuration for commands that work without the agent.
namespace evenkeel::cli {

struct Rental {
    std::string name{};
    /// The driver, or why there is none.
    Result<std::unique_ptr<providers::Provider>> driver{
        fail(Errc::not_found, "no driver was made")};
};

/// Reads and checks the configuration. Errors: invalid_argument with every mistake in its text,
/// those of reading.
[[nodiscard]] Result<config::Config> read_checked(const Globals& globals, const Clock& clock);

/// Every provider that rents machines (only `one` when it is not empty), with its credential read
/// where the service would read it. `owner_mark` is "ek-<agent id>". `clock` must outlive them.
[[nodiscard]] std::vector<Rental> make_rentals(
    const Globals& globals,
    const config::Config& config,
    const std::string& owner_mark,
    const Clock& clock,
    const std::string& one = {});

}  // namespace evenkeel::cli
