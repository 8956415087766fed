#pragma once

#include "agent/control/view.hpp"

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
/// `evenkeel.nodes/1`: machines, those of the last day included.
[[nodiscard]] std::string nodes_json(const View& view);

}  // namespace evenkeel::agent
