#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/report/breakeven.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/error.hpp"

#include <optional>
#include <string>

namespace evenkeel::agent {

/// What a person asked, as written; texts are empty where left out.
struct BreakevenWords {
    std::string machine{};
    std::string use{};       ///< "30%"
    std::string price{};     ///< "8300 AUD"
    std::string residual{};  ///< "0.35"
    std::string in_mtok{};   ///< "76.5"
    std::string out_mtok{};
    friend bool operator==(const BreakevenWords&, const BreakevenWords&) = default;
};
/// Errors: invalid_argument, with the flag that is wrong.
[[nodiscard]] Result<report::BreakevenAsk> breakeven_ask(const BreakevenWords& words);

struct BreakevenAnswer {
    report::BreakevenInput input{};
    std::optional<report::MeasuredUse> measured{};  ///< nothing without a ledger
    breakeven::Comparison comparison{};
};

/// What the ledger measured, which is the long part: it reads every request of the window.
/// `reader`: null where there is no ledger yet; nothing comes back then. Errors: those of the
/// ledger.
[[nodiscard]] Result<std::optional<report::MeasuredUse>> measured_use(
    const config::Config& config, ledger::Reader* reader, UtcTime now);

/// Buy, rent, reserve or pay by the token, with what was measured. Errors: those of the ledger, of
/// report::breakeven_input and of breakeven::compare.
[[nodiscard]] Result<BreakevenAnswer> breakeven_answer(
    const config::Config& config,
    ledger::Reader* reader,
    std::optional<report::MeasuredUse> measured,
    const report::BreakevenAsk& ask,
    UtcTime now);

}  // namespace evenkeel::agent
