#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// Books the electricity of the owner's own hardware, estimated from the watts the configuration
/// states for a busy and an idle machine: nothing is measured here. Posted every five minutes and
/// at the end; the demo's speed shortens that like every other duration. Control thread only.
class PowerMeter {
public:
    /// Counts an amount that is about to be posted for `hardware` in its budgets.
    using Count = std::function<std::vector<ledger::BudgetShare>(
        const std::string& hardware, Money amount, UtcTime at)>;

    PowerMeter(ledger::Ledger& ledger, ledger::Zone zone, Count count)
        : ledger_{ledger}, zone_{std::move(zone)}, count_{std::move(count)} {}

    /// One observation: `busy` are the names of hardware whose engines have work in flight,
    /// `source` the source under which each one's cost is reported.
    void tick(
        const config::Config& config,
        const std::set<std::string>& busy,
        const std::map<std::string, NameIx>& source,
        Now now);
    /// Posts what has not been posted yet.
    void close(const config::Config& config, Now now);

private:
    struct Meter {
        NameIx source{};
        BootTime read{};
        UtcTime since{};             ///< start of the period not yet posted
        std::int64_t picojoules{0};  ///< less than a microjoule, carried over
        std::int64_t microjoules{0};
    };
    void post(const config::Config& config, const std::string& hardware, Meter& meter, Now now);

    ledger::Ledger& ledger_;
    ledger::Zone zone_;
    Count count_;
    std::map<std::string, Meter> meters_{};
};

/// The tariff that applies at `utc`: the first whose local hours hold it. Nothing without one.
[[nodiscard]] std::optional<Price> tariff_at(
    const config::Energy& energy, const ledger::Zone& zone, UtcTime utc);

}  // namespace evenkeel::agent
