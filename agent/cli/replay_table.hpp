#pragma once

#include "agent/replay/history.hpp"
#include "agent/replay/world.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

/// How a replay is told.
namespace evenkeel::cli {

/// One column of the answer.
struct ReplayColumn {
    std::string name{};  ///< of its policy
    config::Config config{};
    agent::ReplayWorld world{};
    replay::Totals totals{};
};

struct ReplayAnswer {
    std::vector<ReplayColumn> columns{};  ///< one, or NOW and DRAFT
    std::optional<Money> bound{};
    std::string history_model{};             ///< whose requests they are, of the ledger
    std::optional<agent::Demand> history{};  ///< none: they are of a trace
};

/// Share of the requests that were answered in time; 1 without any.
[[nodiscard]] double share_within(const replay::Totals& totals) noexcept;
/// "+11 %"; empty where there was nothing before.
[[nodiscard]] std::string change_text(Money before, Money after);
/// What all worlds tell of themselves: cost, j, waits, machines.
[[nodiscard]] boost::json::object totals_json(const replay::Totals& totals);
/// What the ledger knows of the requests, and what it cannot know: sentences.
[[nodiscard]] std::vector<std::string> history_notes(
    const agent::Demand& demand, const std::string& model);

/// evenkeel.replay/1
[[nodiscard]] std::string replay_json(const ReplayAnswer& answer);
[[nodiscard]] std::string replay_text(const ReplayAnswer& answer);

}  // namespace evenkeel::cli
