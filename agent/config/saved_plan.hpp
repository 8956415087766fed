#pragma once

#include "policies/domain/error.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Plans that `evenkeel policy plan` wrote: <state>/plans/plan-20261123-1.json.
namespace evenkeel::agent {

/// The document a saved plan is.
inline constexpr std::string_view plan_schema = "evenkeel.policy-plan/1";

struct SavedPlan {
    std::string name{};  ///< of its file
    std::int64_t base_revision{0};
    /// SHA-256 in hex of the policy it starts from and of the files it was made of.
    std::string base_sha256{};
    std::string draft_sha256{};
    std::vector<std::string> confirm{};  ///< names of what has to be meant
    boost::json::object document{};      ///< all of it
};

/// Where plans of this state are.
[[nodiscard]] std::filesystem::path plans_folder(const std::filesystem::path& state);

/// Errors: not_found, corrupt.
[[nodiscard]] Result<SavedPlan> read_plan(const std::filesystem::path& file);

/// The plan saved last; nothing where there is none. Errors: corrupt.
[[nodiscard]] Result<std::optional<SavedPlan>> last_plan(const std::filesystem::path& state);

/// What is to be confirmed and was not.
[[nodiscard]] std::vector<std::string> unconfirmed(
    const SavedPlan& plan, std::span<const std::string> confirmed);

}  // namespace evenkeel::agent
