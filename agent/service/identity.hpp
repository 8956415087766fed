#pragma once

#include "policies/domain/error.hpp"

#include <filesystem>
#include <string>

namespace evenkeel::agent {

/// The secret from which the engine keys of rented machines are derived: 64 hex digits in
/// `<state>/engine.secret`, mode 0600, made at the first start. It must survive restarts, since
/// machines found again are asked with the same keys. Errors: io_failed, corrupt.
[[nodiscard]] Result<std::string> engine_secret(const std::filesystem::path& state);

/// The kernel's id of this boot; monotonic times are comparable only within one. Errors: io_failed.
[[nodiscard]] Result<std::string> host_boot_id();

/// Raises the soft limit of open files to the hard one. Returns the limit in force.
std::size_t raise_open_files();

}  // namespace evenkeel::agent
