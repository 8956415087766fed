#pragma once

#include "policies/domain/error.hpp"

#include <filesystem>
#include <string_view>
#include <sys/types.h>

namespace evenkeel::agent {

/// Writes all of `text` to `fd`; false when that fails (errno says why).
[[nodiscard]] bool write_all(int fd, std::string_view text) noexcept;

/// Puts `text` in the place of `file` whole or not at all, so that it survives a power cut: a draft
/// beside it is written and synced, then renamed. Errors: io_failed.
[[nodiscard]] Result<void> replace_file(
    const std::filesystem::path& file, std::string_view text, mode_t mode);

}  // namespace evenkeel::agent
