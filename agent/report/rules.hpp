#pragma once

#include "agent/ledger/rows.hpp"
#include "agent/ledger/zone.hpp"

#include <boost/json/object.hpp>

#include <string>

/// How a nightly replay of the rules of renting is told.
namespace evenkeel::report {

[[nodiscard]] boost::json::object rule_replay_json(const ledger::RuleReplay& replay);
/// One line: which rule is recommended and what it saves, or why none is.
[[nodiscard]] std::string rule_replay_text(
    const ledger::RuleReplay& replay, const ledger::Zone& zone);

}  // namespace evenkeel::report
