#pragma once

#include "agent/control/view.hpp"
#include "agent/ledger/rows.hpp"
#include "inference/gateway/gateway.hpp"

#include <string>

namespace evenkeel::agent {

/// What the ledger says was spent, report currency.
struct Spent {
    Money today{};
    Money month{};
};

/// `evenkeel.status/1`: one screen. Money is decimal text; what machines cost since their last
/// posting is added to `spent`.
[[nodiscard]] std::string status_json(const View& view, const Spent& spent);
/// `evenkeel.requests-live/1`: requests in flight, the newest first. `names` are the ledger's.
[[nodiscard]] std::string requests_json(
    std::vector<inference::LiveRequest> requests, const std::vector<ledger::NameRow>& names);
/// `evenkeel.nodes/1`: machines, those of the last day included.
[[nodiscard]] std::string nodes_json(const View& view);

}  // namespace evenkeel::agent
