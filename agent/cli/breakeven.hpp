#pragma once

#include "agent/cli/globals.hpp"

#include <filesystem>
#include <string>

namespace evenkeel::cli {

/// What a person said on the command line; texts as written, empty when left out.
struct BreakevenArguments {
    std::string machine{};
    std::string use{};       ///< "30%"
    std::string price{};     ///< "8300 AUD"
    std::string residual{};  ///< "0.35"
    std::string in_mtok{};   ///< "76.5"
    std::string out_mtok{};
    std::filesystem::path table{};
};

/// Buy, rent, reserve or pay by the token: from the configuration, and from the ledger's measured
/// use when there is one; needs no agent.
int breakeven(const Globals& globals, const BreakevenArguments& arguments);

/// Answers every question of a CSV file and compares with the answers that stand in it; `failed`
/// when one differs. `--csv` prints the file with every answer filled in.
int breakeven_table(const Globals& globals, const std::filesystem::path& file);

}  // namespace evenkeel::cli
