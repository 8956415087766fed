#pragma once

#include "agent/cli/globals.hpp"
#include "policies/replay/rows.hpp"

#include <functional>
#include <string>
#include <vector>

namespace evenkeel::cli {

struct ReplayArguments {
    std::string trace{};             ///< file, gzip or not
    std::string policy{};            ///< a folder with a draft (it holds a '/'), or a built-in name
    std::vector<std::string> set{};  ///< key=value, of the draft
    std::string world{};             ///< "reference", or empty for --config
    std::string model{};
    std::string api_price{};  ///< "5/25": in and out per million tokens, report currency
    std::string boot{};       ///< "180s"
    bool bound{false};
    bool old_router{false};
};

/// Opens the rows of a trace file; the file is opened when they are asked for.
using OpenTrace = std::function<replay::OpenRows(const std::string& path)>;

/// What the requests of a trace, or with `--since` those of the ledger, would have cost: under the
/// configuration (NOW), and under a draft, a built-in policy or changed values (DRAFT). Needs no
/// agent.
int replay_requests(
    const Globals& globals, const ReplayArguments& arguments, const OpenTrace& open_trace);

}  // namespace evenkeel::cli
