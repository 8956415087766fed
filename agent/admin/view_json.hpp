#pragma once

#include "agent/control/view.hpp"

#include <string>

namespace evenkeel::agent {

/// `evenkeel.status/1`: one screen. Money is decimal text.
[[nodiscard]] std::string status_json(const View& view);
/// `evenkeel.nodes/1`: machines, those of the last day included.
[[nodiscard]] std::string nodes_json(const View& view);

}  // namespace evenkeel::agent
