#pragma once

#include "agent/cli/doctor_rules.hpp"
#include "agent/cli/globals.hpp"
#include "agent/cli/rentals.hpp"
#include "policies/config/config.hpp"

#include <vector>

/// Looks at this host for `evenkeel doctor`; nothing here judges.
namespace evenkeel::cli {

/// Every credential that the configuration names, and the folder they are in.
[[nodiscard]] std::vector<SecretFacts> look_at_secrets(
    const Globals& globals, const config::Config& config);
/// Asks the engines of local providers whether they are ready.
[[nodiscard]] std::vector<EngineFacts> look_at_engines(const config::Config& config);
/// Asks every provider for the account behind its key.
[[nodiscard]] std::vector<AccountFacts> look_at_accounts(
    const std::vector<Rental>& rentals, const config::Config& config);

}  // namespace evenkeel::cli
