#pragma once

#include "policies/config/load.hpp"
#include "policies/domain/error.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// Reads the configuration files that exist in `folder`, each once and then once more: a file that
/// changes between the two readings is half-written (FAULTS F104) and refused with Errc::conflict,
/// so that a reload keeps the old policy. Errors: not_found (no folder, or no file of ours in it),
/// io_failed (unreadable), invalid_argument (larger than `config::file_bytes_max`).
[[nodiscard]] Result<std::vector<config::SourceFile>> read_config(
    const std::filesystem::path& folder);

/// Reads policy.test.yaml, which is no part of the configuration. Errors: not_found, io_failed.
[[nodiscard]] Result<config::SourceFile> read_cases(const std::filesystem::path& folder);

}  // namespace evenkeel::agent
