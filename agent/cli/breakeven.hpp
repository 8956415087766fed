#pragma once

#include "agent/breakeven/answer.hpp"
#include "agent/cli/globals.hpp"

#include <filesystem>

namespace evenkeel::cli {

struct BreakevenArguments {
    agent::BreakevenWords words{};
    std::filesystem::path table{};
};

/// Buy, rent, reserve or pay by the token: from the configuration, and from the ledger's measured
/// use when there is one; needs no agent.
int breakeven(const Globals& globals, const BreakevenArguments& arguments);

/// Answers every question of a CSV file and compares with the answers that stand in it; `failed`
/// when one differs. `--csv` prints the file with every answer filled in.
int breakeven_table(const Globals& globals, const std::filesystem::path& file);

}  // namespace evenkeel::cli
