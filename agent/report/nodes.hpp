#pragma once

#include "agent/ledger/reader.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::report {

/// What the daemon answers on /api/nodes (evenkeel.nodes/1), from the ledger alone: the machines
/// that are not gone, and those that went within the last day. For `evenkeel nodes` while the
/// daemon is down; nobody has looked at the provider since, so states are the last known ones, and
/// every machine that is not gone is a money hazard. `names` are all of the ledger.
[[nodiscard]] std::string nodes_json(
    const std::vector<ledger::MachineView>& machines,
    const std::vector<ledger::NameRow>& names,
    UtcTime now);

/// Of the money posted for a machine, the share that paid for serving, in `parts` (100: per cent);
/// nothing before any was posted.
[[nodiscard]] std::optional<std::int64_t> useful_share(
    const ledger::MachineView& machine, std::int64_t parts);
/// The same of sums; `served` is in `all`.
[[nodiscard]] std::optional<std::int64_t> useful_share(Money served, Money all, std::int64_t parts);

/// How long a gone machine is still shown.
inline constexpr std::chrono::hours gone_shown{24};

/// The text of a name; empty when there is none.
[[nodiscard]] std::string name_text(const std::vector<ledger::NameRow>& names, NameIx ix);

/// What a machine may be called by a person.
struct NodeName {
    std::string source{};  ///< "runpod-1"; given again to another machine after its end
    std::string name{};    ///< "ek-1a2b3c4d-...": never given again
    std::string remote_id{};
    std::string provider{};
    std::string state{};
    bool gone{false};
};

/// Finds the one machine that `text` names, at `provider` when that is not empty. One that is not
/// gone goes before those that are. Errors: not_found; conflict when several fit, with all of them.
[[nodiscard]] Result<std::size_t> find_node(
    std::span<const NodeName> nodes, std::string_view text, std::string_view provider = {});

}  // namespace evenkeel::report
