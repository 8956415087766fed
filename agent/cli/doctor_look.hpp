#pragma once

#include "agent/cli/doctor_rules.hpp"
#include "agent/cli/globals.hpp"
#include "agent/cli/rentals.hpp"
#include "policies/config/config.hpp"

#include <vector>

/// Looks at this host for `evenkeel doctor`; nothing here judges.
namespace evenkeel::cli {

[[nodiscard]] Result<ClockFacts> look_at_clock();
[[nodiscard]] Result<DiskFacts> look_at_disk(const Globals& globals);
/// Every credential that the configuration names, and the folder they are in.
[[nodiscard]] std::vector<SecretFacts> look_at_secrets(
    const Globals& globals, const config::Config& config);
/// The open files that process `pid` may have and, where that may be read, has; 0: this one.
struct OpenFiles {
    std::int64_t limit{0};
    std::optional<std::int64_t> open{};
};
[[nodiscard]] Result<OpenFiles> look_at_open_files(std::int64_t pid);
/// Bytes that process `pid` and its children may take together (memory.max of its cgroup); nothing
/// where no bound stands there.
[[nodiscard]] std::optional<std::int64_t> look_at_memory_limit(std::int64_t pid);
/// Asks the engines of local providers whether they are ready.
[[nodiscard]] std::vector<EngineFacts> look_at_engines(const config::Config& config);
/// Asks every provider for the account behind its key.
[[nodiscard]] std::vector<AccountFacts> look_at_accounts(
    const std::vector<Rental>& rentals, const config::Config& config);

}  // namespace evenkeel::cli
