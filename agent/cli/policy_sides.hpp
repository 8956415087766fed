#pragma once

#include "agent/cli/globals.hpp"
#include "agent/ledger/reader.hpp"
#include "policies/config/load.hpp"
#include "policies/config/settings.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace evenkeel::cli {

/// One configuration of two that are compared.
struct Side {
    std::int64_t revision{0};  ///< 0: not in the ledger
    std::string sha256{};      ///< hex, of all its files
    config::Loaded loaded{};
};

/// The policy in force and the files of the configuration folder.
struct Sides {
    Side running{};
    Side draft{};
    std::vector<config::Change> changes{};  ///< from running to draft
};

/// Reads both; works with the agent down. On failure everything has been said on stderr, and the
/// error is the exit status: 78 when the files are wrong, 1 when there is nothing to compare with.
[[nodiscard]] std::expected<Sides, int> read_sides(
    const Globals& globals, ledger::Reader& reader, UtcTime now);

/// Opens the ledger; says on stderr why not, and gives the exit status.
[[nodiscard]] std::expected<ledger::Reader, int> open_ledger(const Globals& globals);

/// "1 change", "3 changes".
[[nodiscard]] std::string changes_text(std::size_t count);

}  // namespace evenkeel::cli
