#pragma once

#include "agent/control/speeds.hpp"
#include "agent/ledger/rows.hpp"
#include "policies/config/load.hpp"
#include "policies/replay/replay.hpp"

#include <string>
#include <vector>

/// From a configuration to the world that a replay runs.
namespace evenkeel::agent {

/// The configuration behind `--world reference`: the world of replay::reference_world, as files.
[[nodiscard]] std::vector<config::SourceFile> reference_files();

/// What a replay of a configuration runs, and what it had to take for granted.
struct ReplayWorld {
    std::string model{};
    replay::Options options{};
    std::vector<std::string> assumptions{};  ///< sentences
};

/// Puts the rule that each `rule: auto` entry follows in its place, as the newest nightly replays
/// say; where there is none the entry keeps the default.
void follow_rules(config::Config& config, const std::vector<ledger::RuleReplay>& replays);

/// The world of one model: its own workers, the first of its scaling rule's offers, the cheapest
/// API not retired by `today` among the models of the route that uses it (one without conditions,
/// where there is one), all in the report currency. `model`: empty for the one of the first scaling
/// rule, else the first model with an own worker. Prices that the configuration does not state are
/// taken from `scaling.max_price`. Engines are as fast as `speeds` has measured them, else as their
/// seed says. Errors: not_found (no such model), invalid_argument (a currency without a rate).
[[nodiscard]] Result<ReplayWorld> replay_world(
    const config::Config& config,
    const std::string& model,
    std::chrono::sys_days today,
    const Speeds* speeds = nullptr);

}  // namespace evenkeel::agent
