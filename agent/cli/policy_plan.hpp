#pragma once

#include "agent/cli/plan_replay.hpp"
#include "agent/cli/policy_sides.hpp"
#include "policies/plan/assess.hpp"

#include <boost/json/object.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace evenkeel::cli {

/// What applying the files would change and cost.
struct PolicyPlan {
    Sides sides{};
    plan::Assessment assessment{};
    std::string config{};  ///< the folder
    UtcTime made{};
    std::optional<PlanReplay> replay{};  ///< where somebody wants to look back
};

/// Compares and assesses, and replays nothing; on failure everything has been said and the error is
/// the exit status.
[[nodiscard]] std::expected<PolicyPlan, int> make_plan(
    const Globals& globals, ledger::Reader& reader, UtcTime now);

/// As people read it, up to the warnings: changes, now, worst case, replay.
[[nodiscard]] std::string plan_text(const PolicyPlan& plan);
/// evenkeel.policy-plan/1: what `plan --json` prints and the saved file holds.
[[nodiscard]] boost::json::object plan_json(const PolicyPlan& plan);
/// evenkeel.policy-diff/1
[[nodiscard]] boost::json::object diff_json(const Sides& sides, const std::string& config);

/// Saves the plan as <state>/plans/plan-20261123-1.json with the next free number, readable by its
/// owner only; gives its path. Errors: io_failed, refused (a thousand plans of that day).
[[nodiscard]] Result<std::filesystem::path> save_plan(
    const std::filesystem::path& state, const PolicyPlan& plan);

/// " --confirm=a --confirm=b" for everything that has to be confirmed; empty for nothing.
[[nodiscard]] std::string confirm_flags(const plan::Assessment& assessment);

}  // namespace evenkeel::cli
