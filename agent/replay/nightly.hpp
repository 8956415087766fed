#pragma once

#include "agent/replay/compare.hpp"
#include "policies/routing/catalogue.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Once a night, what each rule of renting would have made of the last 30 days.
namespace evenkeel::agent {

inline constexpr std::chrono::days night_days{30};
/// For all rules of all entries together.
inline constexpr std::chrono::minutes night_limit{10};
inline constexpr int quiet_hour_at_first = 3;  ///< until the traffic says another

/// The local hour of the night, 0 to 5, in which least was asked for; of equal ones the one nearest
/// to 3. `hours`: the starts of hours, and the requests of each.
[[nodiscard]] int quiet_hour(
    const ledger::Zone& zone, const std::vector<std::pair<UtcTime, std::int64_t>>& hours);

/// Whether tonight's replay is to begin: it is the quiet hour and there was none since that hour
/// began; or the agent did not run then, and has been up for ten minutes since.
[[nodiscard]] bool night_due(
    const ledger::Zone& zone,
    int quiet,
    UtcTime now,
    std::optional<UtcTime> last,
    std::chrono::nanoseconds uptime);

/// Replays the newest `night_days` for each scaling entry of the configuration, in all selectable
/// rules. `in_force`: the rule of each entry, by its name. An entry that cannot be replayed has a
/// note that says why and recommends nothing. Errors: cancelled.
[[nodiscard]] Result<std::vector<ledger::RuleReplay>> replay_rules(
    ledger::Reader& reader,
    const routing::Catalogue& catalogue,
    const std::map<std::string, config::RentRule>& in_force,
    const std::filesystem::path& state,
    UtcTime now,
    const ReplayLimit& limit);

/// What came of one night.
struct NightlyResult {
    std::vector<ledger::RuleReplay> replays{};
    int quiet{quiet_hour_at_first};
};

/// Runs `replay_rules` on a thread of its own that takes only time nobody else wants, with a ledger
/// reader of its own. It shares no lock of ours with its owner: who runs last must not hold one.
/// One at a time; the destructor stops it and waits.
class Nightly {
public:
    Nightly(std::filesystem::path state, ledger::Zone zone);
    ~Nightly();
    Nightly(const Nightly&) = delete;
    Nightly& operator=(const Nightly&) = delete;

    [[nodiscard]] bool is_busy() const noexcept { return phase_ != Phase::none; }
    /// Begins one; nothing while it is busy, which it is until its result was taken.
    void begin(
        std::shared_ptr<const routing::Catalogue> catalogue,
        std::map<std::string, config::RentRule> in_force,
        UtcTime now);
    /// What came of it, once, when it is over.
    [[nodiscard]] std::optional<NightlyResult> take();

private:
    enum class Phase : std::uint8_t { none, running, over };

    std::filesystem::path state_;
    ledger::Zone zone_;
    NightlyResult result_{};  ///< of the thread until `over`
    std::atomic<Phase> phase_{Phase::none};
    std::jthread thread_;  // last: stopped before anything above goes
};

}  // namespace evenkeel::agent
