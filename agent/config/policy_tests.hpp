#pragma once

#include "policies/config/config.hpp"
#include "policies/config/diagnostic.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

/// The cases of policy.test.yaml, tried on a configuration.
namespace evenkeel::agent {

struct PlayedCase {
    std::string name{};
    int line{0};
    bool passed{false};
    std::string told{};  ///< failed: "should choose desk, chose runpod"
};

struct PolicyTests {
    std::string file{};
    std::vector<PlayedCase> cases{};

    [[nodiscard]] std::size_t failed() const noexcept;
};

/// What is wrong in the file of cases itself.
using CaseFindings = std::vector<config::Diagnostic>;

/// Reads the cases of `folder` and plays them on the day of `now`. Errors: not_found (no such
/// file), io_failed.
[[nodiscard]] Result<std::expected<PolicyTests, CaseFindings>> run_policy_tests(
    const std::filesystem::path& folder, const config::Config& config, UtcTime now);

/// evenkeel.policy-test/1
[[nodiscard]] boost::json::object policy_tests_json(const PolicyTests& tests);

}  // namespace evenkeel::agent
