#pragma once

#include "agent/ledger/reader.hpp"

#include <string>

namespace evenkeel::report {

/// evenkeel.ledger-verify/1.
[[nodiscard]] std::string verification_json(const ledger::Verification& found);

}  // namespace evenkeel::report
