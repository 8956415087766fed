#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/prices.hpp"
#include "policies/breakeven/compare.hpp"
#include "policies/config/config.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
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

/// Use of the last `breakeven.window`, or of the ledger's age when it is younger.
struct MeasuredUse {
    std::chrono::hours span{0};  ///< that was looked at, rounded up
    /// Share of the time in which each own machine had a request in flight, by name. Time in which
    /// the agent did not run counts as idle.
    std::map<std::string, breakeven::Exact> busy{};
    std::map<std::string, breakeven::Tokens> own_tokens{};  ///< that it answered, of a month
    std::optional<breakeven::Tokens> all_tokens{};  ///< whoever answered; nothing without requests
    /// What a million tokens cost, in the report currency: own, rental, api, and all together.
    std::map<std::string, breakeven::Exact> per_mtok{};
};

/// Errors: those of Reader, and a currency without a rate.
[[nodiscard]] Result<MeasuredUse> measure_use(
    ledger::Reader& reader, const config::Config& config, const ledger::Zone& zone, UtcTime now);

/// Tokens a second that a machine with this GPU makes of a model; nothing when nobody knows.
using Capacity =
    std::function<std::optional<breakeven::Exact>(std::string_view gpu, std::string_view model)>;

/// The situation, and where its two guesses come from: "measured over 30d", "as asked", "assumed".
struct BreakevenInput {
    breakeven::Situation situation{};
    std::string use_from{};
    std::optional<breakeven::Exact> wear_monthly{};  ///< of the own hardware, report currency
    std::string tokens_from{};                       ///< empty: not known
    std::vector<std::string> notes{};
};

/// Errors: not_found (no such machine), invalid_argument (its price is not known).
[[nodiscard]] Result<BreakevenInput> breakeven_input(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    const std::optional<MeasuredUse>& measured,
    const BreakevenAsk& ask,
    const Capacity& capacity,
    UtcTime now);

/// evenkeel.breakeven/1; amounts as text in the report currency.
[[nodiscard]] std::string breakeven_json(
    const BreakevenInput& input,
    const std::optional<MeasuredUse>& measured,
    const breakeven::Comparison& comparison);

}  // namespace evenkeel::report
