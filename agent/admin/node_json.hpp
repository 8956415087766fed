#pragma once

#include "agent/ledger/reader.hpp"
#include "policies/domain/error.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace evenkeel::agent {

/// The driver ("runpod") of a provider of the configuration; empty when it is not known.
using DriverOf = std::function<std::string(std::string_view provider)>;

/// Where a person finds a machine in its seller's own pages; empty where there are none.
[[nodiscard]] std::string console_hint(std::string_view driver, std::string_view remote_id);

/// Everything the ledger knows about one machine (evenkeel.node/1): its states with their times,
/// its phases with their money, prices asked and read back, why it was ordered and why it ended.
/// `name` as in report::find_node. The open phase's money up to `now` is an estimate and says so.
/// Errors: not_found, conflict (several fit), those of the reader.
[[nodiscard]] Result<std::string> node_json(
    ledger::Reader& reader, std::string_view name, const DriverOf& driver_of, UtcTime now);

}  // namespace evenkeel::agent
