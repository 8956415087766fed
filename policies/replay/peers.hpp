#pragma once

#include "policies/replay/planner.hpp"
#include "policies/replay/replay.hpp"

#include <memory>

/// Used inside replay/ only: what other autoscalers would do, with their own constants. All look at
/// the load alone, never at a price. Each gets a target of 80 % of what one machine can do with
/// requests of the trace's mean size, is credited the owner's engines, may scale to zero, and has
/// our router.
namespace evenkeel::replay {

/// One of skyserve_like, dstack_like, kpa_like; nullptr for another policy.
///
/// - skyserve_like: requests of the last 60 s, looked at every 20 s; up after 300 s of ticks that
/// all ask for more, down after 1,200 s, from zero at once
///   (skypilot-org/skypilot: sky/serve/autoscalers.py, constants.py).
/// - dstack_like: requests of the last 60 s; up 300 s after the last change, down 600 s after it,
///   from zero at once (dstackai/dstack: server/services/services/autoscalers.py).
/// - kpa_like: mean concurrency over 60 s, and over 6 s in panic (at 200 % of what is ready; never
///   down while it lasts, over after 60 s below), every 2 s; to zero after 30 s of grace
///   (knative/serving: config/core/configmaps/autoscaler.yaml, pkg/autoscaler/scaling).
[[nodiscard]] std::unique_ptr<Planner> make_peer(const Options& options, const TraceSums& sums);

}  // namespace evenkeel::replay
