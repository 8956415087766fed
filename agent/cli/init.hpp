#pragma once

#include "agent/cli/globals.hpp"

#include <filesystem>
#include <string>

namespace evenkeel::cli {

struct InitArguments {
    bool non_interactive{false};
    std::string gpu{};              ///< instead of looking: "2x RTX 5090"
    std::string currency{};         ///< "AUD"
    std::string tariff{};           ///< "0.33 AUD/kWh"
    std::filesystem::path probe{};  ///< what evenkeel-gpu-probe --json has written
};

/// Looks for GPUs and running engines and writes a first configuration for them; a file that is
/// there already stays, and what would have been written stands beside it as `.new`.
int init(const Globals& globals, const InitArguments& arguments);

}  // namespace evenkeel::cli
