#pragma once

#include "agent/cli/globals.hpp"

namespace evenkeel::cli {

struct TopArguments {
    bool control{false};  ///< may drain machines and freeze spending
};

/// The running agent, live; one frame where standard output is no terminal. 3 without an agent.
int top(const Globals& globals, const TopArguments& arguments);

}  // namespace evenkeel::cli
