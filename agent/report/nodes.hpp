#pragma once

#include "agent/ledger/reader.hpp"

#include <string>
#include <vector>

namespace evenkeel::report {

/// What the daemon answers on /api/nodes (evenkeel.nodes/1), from the ledger alone: the machines
/// that are not gone, and those that went within the last day. For `evenkeel nodes` while the
/// daemon is down; nobody has looked at the provider since, so states are the last known ones.
[[nodiscard]] std::string nodes_json(const std::vector<ledger::MachineView>& machines, UtcTime now);

/// How long a gone machine is still shown.
inline constexpr std::chrono::hours gone_shown{24};

}  // namespace evenkeel::report
