#pragma once

#include "agent/ledger/rows.hpp"
#include "policies/domain/money.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace evenkeel::report {

/// What one piece of own hardware drew and lost in worth; amounts in the report currency.
struct OwnLine {
    std::string hardware{};
    std::int64_t idle_microjoules{0};
    std::int64_t work_microjoules{0};
    std::int64_t host_microjoules{0};
    std::int64_t estimated_microjoules{0};
    std::chrono::nanoseconds on{0};
    std::chrono::nanoseconds worked{0};
    Money power{};
    Money power_work{};  ///< the part of it above rest, while requests were in flight
    Money wear{};
    Money wear_worked{};
};

/// All of it, beside the tokens of own engines.
struct OwnWork {
    std::vector<OwnLine> lines{};
    OwnLine total{};
    std::int64_t tokens{0};
    std::optional<Money> per_mtok_work{};   ///< power of the work alone
    std::optional<Money> per_mtok_power{};  ///< all power
    std::optional<Money> per_mtok_used{};   ///< all power and the wear of the hours in use
    std::optional<Money> per_mtok_all{};    ///< all power and all wear
};

/// `convert` turns an amount into the report currency; its errors are passed on.
[[nodiscard]] Result<OwnWork> make_own_work(
    std::span<const ledger::EnergyRow> rows,
    std::int64_t tokens,
    Currency report,
    const std::function<Result<Money>(Money)>& convert);
/// Empty without own hardware.
[[nodiscard]] std::string own_work_text(const OwnWork& own, int decimals);
[[nodiscard]] boost::json::object own_work_json(const OwnWork& own);

}  // namespace evenkeel::report
