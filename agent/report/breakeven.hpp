#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/prices.hpp"
#include "policies/breakeven/compare.hpp"
#include "policies/config/config.hpp"

#include <optional>
#include <string>
#include <vector>

/// Where the numbers of the break-even report come from, and how it is told to programs.
namespace evenkeel::report {

/// What a person asks for; what is left out comes from the ledger, then from the configuration.
struct BreakevenAsk {
    std::string
        machine{};  ///< hardware[].name; empty: the first that states a price, else the first
    std::optional<breakeven::Exact> use{};  ///< 0 to 1
    std::optional<Money> price{};
    std::optional<breakeven::Exact> residual{};
    std::optional<breakeven::Exact> in_mtok{};  ///< a month, with the next
    std::optional<breakeven::Exact> out_mtok{};
};

/// Use of the last days, as the ledger has it.
struct MeasuredUse {
    int days{0};  ///< that were looked at
    /// Share of the time each own machine was busy, by name: from its posted electricity.
    std::map<std::string, breakeven::Exact> busy{};
    std::optional<breakeven::Tokens>
        tokens{};  ///< of a month, all sources; nothing without requests
    /// What a million tokens cost, in the report currency: own, rental, api, and all together.
    std::map<std::string, breakeven::Exact> per_mtok{};
};

/// Errors: those of Reader, and a currency without a rate.
[[nodiscard]] Result<MeasuredUse> measure_use(
    ledger::Reader& reader, const config::Config& config, const ledger::Zone& zone, UtcTime now);

/// The situation, and where its two guesses come from: "measured over 30 days", "as asked",
/// "assumed".
struct BreakevenInput {
    breakeven::Situation situation{};
    std::string use_from{};
    std::string tokens_from{};  ///< empty: not known
    std::vector<std::string> notes{};
};

/// Errors: not_found (no such machine), invalid_argument (its price is not known).
[[nodiscard]] Result<BreakevenInput> breakeven_input(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    const std::optional<MeasuredUse>& measured,
    const BreakevenAsk& ask,
    UtcTime now);

/// evenkeel.breakeven/1; amounts as text in the report currency.
[[nodiscard]] std::string breakeven_json(
    const BreakevenInput& input,
    const std::optional<MeasuredUse>& measured,
    const breakeven::Comparison& comparison);

}  // namespace evenkeel::report
