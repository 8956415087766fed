#pragma once

#include "agent/cli/top_frame.hpp"

#include <vector>

namespace evenkeel::cli {

/// The rows that the filter leaves, in the order they are shown; pointers into the view.
struct TopRows {
    std::vector<const TopSource*> sources{};
    std::vector<const TopRequest*> requests{};
};
[[nodiscard]] TopRows top_rows(const TopView& view, const TopState& state);

}  // namespace evenkeel::cli
