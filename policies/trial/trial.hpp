#pragma once

#include "policies/config/cases.hpp"
#include "policies/config/config.hpp"

#include <chrono>
#include <string>
#include <vector>

/// Tries what a policy does against what its owner expects. Pure: virtual time, the same decisions
/// as the agent's.
namespace evenkeel::trial {

using std::chrono::milliseconds;

/// What came of a case.
struct Verdict {
    bool passed{false};
    std::string told{};  ///< failed: "should choose desk, chose runpod"
};

/// Plays one case, on a day: an offer that has retired by then is not used. A case that names
/// something that the configuration has not fails and says so.
[[nodiscard]] Verdict play(
    const config::Config& config, const config::PolicyCase& test, std::chrono::sys_days today);

/// How one request went.
struct RouteOutcome {
    std::string source{};   ///< who answers; empty when it was refused
    std::string refused{};  ///< name of the reason, or of the error that turned it away at once
    std::string route{};    ///< empty when none matched
    std::string reason{};   ///< name of the reason
    milliseconds at{0};     ///< since it arrived
    std::string problem{};  ///< the case names something unknown; the rest is empty then
};

/// One request in the world of the case. Own sources are up unless they are `down`, rented ones are
/// there when `rented` names them. A source without a free slot gets one after `free_after`.
[[nodiscard]] RouteOutcome play_request(
    const config::Config& config,
    const config::CaseRequest& request,
    const config::CaseWorld& world,
    std::chrono::sys_days today);

}  // namespace evenkeel::trial
