#pragma once

#include "agent/config/files.hpp"
#include "policies/config/diagnostic.hpp"
#include "policies/config/load.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// A configuration folder, read and checked.
struct Reading {
    std::size_t files{0};
    std::string text{};  ///< all files, one after the other: what the ledger keeps of a policy
    std::expected<config::Loaded, std::vector<config::Diagnostic>> loaded{};

    /// The warnings of good files, or all that is wrong.
    [[nodiscard]] const std::vector<config::Diagnostic>& findings() const noexcept;
};

/// Errors: those of read_config. What is wrong inside the files is in `loaded`.
[[nodiscard]] Result<Reading> read_configuration(const std::filesystem::path& folder, UtcTime now);

/// evenkeel.policy-check/1
[[nodiscard]] boost::json::object policy_check_json(const Reading& reading);

}  // namespace evenkeel::agent
