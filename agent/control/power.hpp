#pragma once

#include "agent/ledger/ledger.hpp"
#include "agent/ledger/zone.hpp"
#include "inference/gpu/sampler.hpp"
#include "policies/config/config.hpp"
#include "policies/domain/time.hpp"
#include "policies/energy/meter.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// The owner's own hardware as one tick sees it.
struct OwnHardware {
    std::map<std::string, NameIx> source{};  ///< under which each one's cost is reported
    std::set<std::string> busy{};            ///< those whose engines had work since the last tick
    std::set<std::string> synthetic{};       ///< played: no GPU of this host belongs to it
};

/// Books electricity and wear of the owner's own hardware. Where the driver shows all GPUs of a
/// piece of hardware, their counters are metered and the host's stated overhead is added; where it
/// does not, the watts of the configuration for a busy and an idle machine are taken, as an
/// estimate. Posted every five minutes, when the tariff or the hour changes, and at the end; the
/// demo's speed shortens the five minutes like every other duration. Control thread only.
class PowerMeter {
public:
    /// Counts an amount that is about to be posted for `hardware` in its budgets.
    using Count = std::function<std::vector<ledger::BudgetShare>(
        const std::string& hardware, Money amount, UtcTime at)>;

    PowerMeter(ledger::Ledger& ledger, ledger::Zone zone, Count count)
        : ledger_{ledger}, zone_{std::move(zone)}, count_{std::move(count)} {}

    /// One observation.
    void tick(
        const config::Config& config,
        const OwnHardware& hardware,
        const inference::gpu::Snapshot& gpus,
        Now now);
    /// Posts what has not been posted yet.
    void close(const config::Config& config, Now now);
    /// What all of it draws: the mean since the last posting, or of the period before while that is
    /// young.
    [[nodiscard]] std::int64_t milliwatts() const noexcept;

private:
    struct Meter {
        config::Hardware hardware{};  ///< as the configuration had it last
        NameIx source{};
        BootTime read{};
        UtcTime since{};  ///< start of the period not yet posted
        energy::Split split{};
        std::chrono::nanoseconds on{0};
        std::chrono::nanoseconds worked{0};
        std::int64_t milliwatts{0};
        std::map<int, energy::GpuMeter> gpus{};
        bool busy_since_look{false};
        std::uint64_t round{0};  ///< of the newest look that was counted
        energy::StatedMeter stated{};
    };
    void look(
        Meter& meter,
        const config::Hardware& hardware,
        std::int64_t host_milliwatts,
        const inference::gpu::Snapshot& gpus,
        bool busy);
    /// Another tariff or another hour than when the period began.
    [[nodiscard]] bool is_over(const config::Config& config, const Meter& meter, Now now) const;
    void post(const config::Config& config, Meter& meter, Now now);

    ledger::Ledger& ledger_;
    ledger::Zone zone_;
    Count count_;
    std::map<std::string, Meter> meters_{};
};

/// The tariff that applies at `utc`: the first whose local hours hold it. Nothing without one.
[[nodiscard]] std::optional<Price> tariff_at(
    const config::Energy& energy, const ledger::Zone& zone, UtcTime utc);

}  // namespace evenkeel::agent
