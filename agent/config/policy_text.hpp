#pragma once

#include "policies/config/load.hpp"
#include "policies/domain/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::agent {

/// All files of a configuration as one text, the way the ledger keeps it: before each a line
/// `# ---- policy.yaml, 1234 bytes`. Equal files give equal texts, wherever they lie.
[[nodiscard]] std::string join_policy(std::span<const config::SourceFile> files);

/// The files of such a text; their paths are the bare names. Reads the headings of older ledgers
/// (without a number of bytes) too. Errors: corrupt.
[[nodiscard]] Result<std::vector<config::SourceFile>> split_policy(std::string_view text);

/// SHA-256 of such a text, in hex: what a plan names a policy by.
[[nodiscard]] std::string policy_sha256(std::string_view text);

}  // namespace evenkeel::agent
