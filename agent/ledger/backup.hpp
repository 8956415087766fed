#pragma once

#include "agent/ledger/sqlite.hpp"
#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>

namespace evenkeel::ledger {

/// Writes a checked, synced copy of `source` to `target` (mode 0600) and returns its size in bytes.
/// Built beside the target and renamed when complete. Errors: conflict (target exists), io_failed,
/// corrupt (the copy does not verify: the source is damaged).
[[nodiscard]] Result<std::int64_t> write_backup(
    Database& source, const std::filesystem::path& target);

}  // namespace evenkeel::ledger
