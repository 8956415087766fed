#pragma once

#include "agent/cli/policy_sides.hpp"
#include "agent/replay/compare.hpp"

#include <boost/json/object.hpp>

#include <string>
#include <vector>

/// The part of a plan that looks back: what the last 30 days would have cost.
namespace evenkeel::cli {

struct PlanReplay {
    std::string none{};  ///< why there is none: one sentence
    agent::Span asked{};
    agent::Demand demand{};   ///< that was replayed; a shorter span where all took too long
    replay::Totals before{};  ///< sums over all models; the waits are those of `busiest`
    replay::Totals after{};
    std::string busiest{};                   ///< the model with most requests
    std::vector<std::string> left_out{};     ///< models that could not be replayed, with the reason
    std::vector<std::string> assumptions{};  ///< sentences
};

/// Replays what was asked for in the 30 days before `now`, in the world of each side. Never fails:
/// `none` says why nothing came of it.
[[nodiscard]] PlanReplay replay_plan(
    const std::filesystem::path& state,
    ledger::Reader& reader,
    const Sides& sides,
    UtcTime now,
    const agent::ReplayLimit& limit = {});

/// The lines of a plan, from "Replay" on.
[[nodiscard]] std::string plan_replay_text(const PlanReplay& replay);
[[nodiscard]] boost::json::object plan_replay_json(const PlanReplay& replay);

}  // namespace evenkeel::cli
