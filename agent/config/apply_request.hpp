#pragma once

#include <string>

namespace evenkeel::agent {

/// Who wants the files of the configuration folder in force, and what they must be for that.
struct ApplyRequest {
    std::string author{"reload"};
    /// SHA-256 in hex of the policy in force and of the files, as agent::join_policy writes them.
    /// Empty: whatever they are.
    std::string base_sha256{};
    std::string draft_sha256{};
};

}  // namespace evenkeel::agent
