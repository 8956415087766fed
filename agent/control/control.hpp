#pragma once

#include "agent/config/credentials.hpp"
#include "agent/control/drivers.hpp"
#include "agent/control/engine_watch.hpp"
#include "agent/control/exposure.hpp"
#include "agent/control/fleet.hpp"
#include "agent/control/gpu_history.hpp"
#include "agent/control/inbox.hpp"
#include "agent/control/key_limits.hpp"
#include "agent/control/key_terms.hpp"
#include "agent/control/market.hpp"
#include "agent/control/own_engines.hpp"
#include "agent/control/pace_watch.hpp"
#include "agent/control/power.hpp"
#include "agent/control/prober.hpp"
#include "agent/control/renter.hpp"
#include "agent/control/sources.hpp"
#include "agent/control/state_files.hpp"
#include "agent/control/view.hpp"
#include "agent/ledger/books.hpp"
#include "agent/ledger/keys.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/replay/nightly.hpp"
#include "agent/service/spare_memory.hpp"
#include "inference/gateway/gateway.hpp"
#include "inference/gpu/sampler.hpp"
#include "policies/config/config.hpp"

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace evenkeel::agent {

struct ControlOptions {
    std::filesystem::path state{};  ///< holds FREEZE when spending is frozen
    std::string version{};
    std::string owner_mark{};
    std::string engine_secret{};
    std::string boot_id{};
    ledger::Zone zone{};
    std::string nvml{"libnvidia-ml.so.1"};  ///< the NVIDIA driver's library; empty: not looked for
};

/// Observe, decide, act: once a second and at once on queue events. Owns everything that may only
/// be touched by one thread: rows of machines, the market, the rent rule, configured sources. All
/// public methods may be called from any thread.
class Control {
public:
    struct Parts {
        const Clock& clock;
        ledger::Ledger& ledger;
        ledger::LedgerBooks& books;
        inference::Gateway& gateway;
        ledger::StoredKeys& keys;
        const Credentials& credentials;
        Board& board;
    };
    Control(Parts parts, ControlOptions options);
    /// Stops the loop at once; machines stay as they are (the next start finds them).
    ~Control();
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// Puts `config` in force: stores its text, compiles it, applies it everywhere; gives the
    /// revision, or why nothing changed. Waits for the ledger and the loop, at most `limit`
    /// (timed_out: it will not be applied later either). Call after `start`.
    [[nodiscard]] Result<std::int64_t> apply(
        config::Config config,
        std::string text,
        std::string author,
        std::chrono::milliseconds limit);
    /// Makes a client key; the text is shown once. Errors: invalid_argument, conflict (a living key
    /// has that name).
    [[nodiscard]] std::future<Result<std::string>> create_key(std::string name, KeyChange change);
    /// Changes what a living key may do. Errors: invalid_argument, not_found.
    [[nodiscard]] std::future<Result<ledger::KeyRow>> limit_key(std::string name, KeyChange change);
    /// From now on the key opens nothing; its running requests end as ever. With an error of the
    /// ledger it is closed all the same, until the next start: repeat it. Errors: not_found, and
    /// what the ledger says.
    [[nodiscard]] std::future<Result<void>> revoke_key(std::string name);
    /// Drains, destroys or adopts one machine; the answer says what was begun. Errors: as
    /// Fleet::command.
    [[nodiscard]] std::future<Result<NodeAnswer>> node(NodeCommand command);
    /// Asks one provider, or with an empty name all that rent, what machines cost now.
    /// Nothing comes back where none rents machines.
    [[nodiscard]] std::future<std::vector<report::Refreshed>> refresh_prices(std::string provider);
    /// The FREEZE file was changed: follows it now, not at the next tick. Gives whether it is
    /// there.
    [[nodiscard]] std::future<bool> look_at_freeze();
    /// Starts the loop; it does nothing before the first `apply`.
    void start();

    /// No new machines from now on; ends all that exist, draining them unless `at_once`. With
    /// `keep` they are left alone. `done` runs on the control thread when nothing is left.
    void stop(bool keep, bool at_once, std::function<void()> done);

    /// True once every provider was listed and every own engine looked at, or failed to answer.
    [[nodiscard]] bool ready() const noexcept { return ready_; }
    /// Grows at least once a second while the loop lives.
    [[nodiscard]] std::uint64_t heartbeat() const noexcept { return heartbeat_; }

private:
    void run(std::stop_token stop);
    void tick();
    void apply_revision(config::Config config, std::int64_t revision);
    void note_prices(Now now);
    void put_key(const ledger::KeyRow& row);
    /// What the ledger made of the revocation of `row`.
    [[nodiscard]] Result<void> key_revoked(const ledger::KeyRow& row, Result<void> stored);
    /// Numbers of the budgets it filled in.
    [[nodiscard]] std::vector<std::size_t> seed_budgets(
        gate::Policy& policy, const routing::Catalogue* before, Now now);
    [[nodiscard]] std::optional<std::int64_t> spent_in_books(const config::Budget& budget, Now now);
    void recover(Now now);
    void drain_unnamed();
    void mind_gpus(Now now);
    [[nodiscard]] OwnHardware own_hardware(Now now);
    void policy_stored(std::int64_t row);
    /// Shows the counters of own and rented workers to `speeds_`, and tells the gateway what is
    /// known.
    void mind_speeds(Now now);
    /// Tells the gateway when machines that boot are likely to serve.
    void tell_ready_times(Now now);
    /// Counts electricity in the gate's budgets; the same shares go into the books.
    [[nodiscard]] std::vector<ledger::BudgetShare> count_power(
        const std::string& hardware, Money amount, UtcTime at);
    void publish();
    void add_machines(View& view, Now now) const;
    [[nodiscard]] std::vector<UnknownView> unknown_views(UtcTime now) const;
    void check_freeze();
    void book_reaped(Now now);
    /// What earlier nights found, and when the next is.
    void recall_nights(Now now);
    /// Begins the nightly replay when it is time, and takes its result.
    void look_at_night(Now now);
    void night_over(NightlyResult result);
    [[nodiscard]] std::vector<RuleView> rule_views() const;
    [[nodiscard]] std::vector<SourceView> source_views(Now now);
    /// What the electricity of own hardware costs an hour now; nothing without a tariff.
    [[nodiscard]] Money own_rate(Now now) const;
    [[nodiscard]] std::vector<BudgetView> budget_views(Now now) const;
    [[nodiscard]] MachineView machine_view(const Seat& seat, Now now) const;
    void when_stopped();

    Parts parts_;
    ControlOptions options_;
    Inbox inbox_;
    routing::NameTable names_;
    std::shared_ptr<const routing::Catalogue> catalogue_{};
    UtcTime catalogue_loaded_{};
    std::int64_t control_since_{0};  ///< as in View
    std::optional<std::string> text_{};  ///< of the policy in force
    std::int64_t text_row_{0};           ///< where it stands in the ledger
    std::int64_t newest_policy_{0};      ///< last row of a policy
    std::atomic<int> policies_under_way_{0};
    Prober prober_;
    Fleet fleet_;
    Drivers drivers_;
    Market market_;
    Exposure exposure_;
    KeyLimits key_limits_;
    std::set<NameIx> keys_changing_{};      ///< their new limits are on their way to disk
    std::set<NameIx> keys_revoking_{};      ///< likewise that they are revoked
    std::set<NameIx> keys_still_stored_{};  ///< revoked, but not on disk
    Sources sources_;
    OwnEngines own_engines_;
    PowerMeter power_;
    BootTime power_read_{};
    GpuHistory gpu_history_;
    std::unique_ptr<inference::gpu::Sampler> sampler_{};
    BootTime gpus_since_{};  ///< when it began
    std::shared_ptr<const inference::gpu::Snapshot> gpus_{
        std::make_shared<inference::gpu::Snapshot>()};
    Speeds speeds_;
    EngineWatch engines_;
    Renter renter_;
    std::map<NameIx, BootTime> ready_told_{};  ///< by model
    PaceWatch pace_watch_{fleet_, parts_.clock};
    SpareMemory spare_memory_{give_back_memory};
    gate::Counters counters_{};
    inference::GatewayTotals totals_{};
    BootTime started_{};
    UtcTime started_utc_{};
    BootTime next_sweep_{};
    BootTime next_bill_{};
    std::set<std::string> closed_budgets_{};  ///< whose figures the books could not tell
    BootTime next_reaped_{};
    Heartbeat heartbeat_file_;
    std::optional<Freeze> freeze_{};
    bool recovered_{false};
    bool stopping_{false};
    bool keep_{false};
    std::function<void()> stopped_{};
    std::atomic<bool> queue_event_{false};
    std::atomic<bool> ready_{false};
    std::atomic<std::uint64_t> heartbeat_{0};
    /// Tokens of each source at the last measurement, for tokens per second.
    struct Pace {
        BootTime at{};
        std::map<NameIx, std::int64_t> tokens{};
        std::map<NameIx, std::int64_t> per_second{};
    };
    Pace pace_{};
    std::vector<ledger::RuleReplay> rule_replays_{};  ///< the newest of each scaling entry
    std::optional<UtcTime> last_night_{};
    int quiet_hour_{quiet_hour_at_first};
    BootTime next_night_look_{};
    Nightly nightly_;
    std::jthread thread_;  // last: stopped before anything above goes
};

}  // namespace evenkeel::agent
