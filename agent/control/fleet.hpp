#pragma once

#include "agent/control/inbox.hpp"
#include "agent/control/machine_row.hpp"
#include "agent/control/prober.hpp"
#include "agent/control/provider_runner.hpp"
#include "agent/ledger/books.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/reap/reap_log.hpp"
#include "inference/gateway/gateway.hpp"
#include "policies/lifecycle/machine.hpp"
#include "policies/lifecycle/sweep.hpp"
#include "policies/lifecycle/trust.hpp"
#include "policies/routing/catalogue.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace evenkeel::agent {

/// What a rented machine is at this moment, for the rent rule and for people.
struct Seat {
    lifecycle::Machine machine{};  ///< the committed row
    MachineNames names{};
    std::string source_name{};  ///< "runpod-1": as its requests report it
    std::optional<HoldId> hold{};
    Money commit{};     ///< what the hold set aside
    std::string pin{};  ///< of its certificate, once it was asked for
    Money paid{};       ///< in the ledger: phases and adjustments
    int in_flight{0};
    bool unsaved{false};      ///< the ledger does not take its newest step
    bool offer_again{false};  ///< its newest step was refused and is due once more
    Money served{};           ///< what the closed serve phases cost

    // How the shell drives it.
    bool committing{false};
    Now committing_since{};  ///< of the staged step; the same when it is offered again
    std::optional<lifecycle::Step> staged{};
    bool staged_ran{false};  ///< its effects ran before its commit (ending only)
    /// Set while it is being ended and the ledger takes no step: what it is by now. Calls and the
    /// gate follow it; its events wait to be booked in their order.
    std::optional<lifecycle::Machine> ahead{};
    /// Read by its create call just before it is sent; cleared when that must not happen any more.
    std::shared_ptr<std::atomic<bool>> create_wanted{};
    /// The ledger holds another story of this machine than we do: it is ended without further rows,
    /// and what it cost comes into the books with the provider's bill.
    bool disputed{false};
    /// Its remote id belongs to an older row, so this row is stored without one.
    bool id_taken{false};
    std::deque<lifecycle::Event> waiting{};  ///< at most `waiting_max`
    std::set<lifecycle::CallKind> outstanding{};

    /// Of what it cost up to `now`, the part for time in which it answered: of one that is gone as
    /// the books say it. Nothing before it cost anything.
    [[nodiscard]] std::optional<std::int64_t> useful_percent(Now now) const;
};

/// What an order needs beyond the offer's own data.
struct Order {
    std::string provider{};
    std::string offer{};  ///< name in the configuration
    std::string sku{};
    std::string region{};
    std::string gpu{};
    int gpu_count{1};
    std::string model{};
    Price price{};
    std::chrono::milliseconds min_bill{0};
    Money commit{};  ///< set aside until it is gone
    Reason reason{};
};

/// A machine of a provider's newest list that no row of ours knows, and that is or looks ours.
struct Stranger {
    std::string provider{};
    lifecycle::Finding finding{};  ///< verdict wait, report or look_alike
    /// It carries our mark: only then may it be adopted or destroyed.
    [[nodiscard]] bool ours() const noexcept {
        return finding.verdict != lifecycle::Verdict::look_alike;
    }
};

/// What a person asks of one machine. `name` is its source name ("runpod-1"), its own name or its
/// remote id.
struct NodeCommand {
    enum class Verb : std::uint8_t {
        drain,    ///< finish its requests, then destroy it
        destroy,  ///< at once
        adopt,    ///< a machine in no row: keep it for `model`
    };
    Verb verb{Verb::drain};
    std::string name{};
    std::string provider{};  ///< only there; empty: anywhere
    std::string model{};  ///< adopt: what it is to serve; empty: what that provider's offer serves
};

/// What was begun; the proof comes later.
struct NodeAnswer {
    std::string name{};     ///< its source name from now on
    std::string machine{};  ///< its own name
    std::string provider{};
    std::string remote_id{};
    std::string state{};
    int in_flight{0};
    bool adopted{false};  ///< it was in no row before
};

/// Whether the ledger has a row of `machine` that is not gone.
[[nodiscard]] bool is_live(const ledger::Recovered& recovered, MachineId machine);

/// What the lifecycle needs of a machine as its provider describes it.
[[nodiscard]] lifecycle::Seen to_seen(const providers::RemoteMachine& remote);

/// All rented machines: rows, calls, money. Drives the pure lifecycle: answers become events,
/// events become steps, steps are committed and then have their effects. Lives on the control
/// thread; provider and probe threads reach it through the inbox.
class Fleet {
public:
    /// An ending machine waits no longer for the ledger before it is ended all the same.
    static constexpr std::chrono::seconds ledger_patience{2};

    struct Parts {
        Inbox inbox;
        const Clock& clock;
        ledger::Ledger& ledger;
        ledger::LedgerBooks& books;
        inference::Gateway& gateway;
        Prober& prober;
        routing::NameTable& names;
    };
    struct Settings {
        std::string owner_mark{};     ///< ek-<agent id>
        std::string engine_secret{};  ///< per-machine engine keys are derived from it; never logged
        std::string boot_id{};
        IdGenerator ids;
        /// Empty: each provider has threads of its own. Tests that live in virtual time set it.
        std::function<void(const std::string& provider, ProviderRunner::Lane, ProviderRunner::Job)>
            run_job{};
    };
    /// Told after each committed step: boot times are learnt and orders counted from it.
    using StepListener = std::function<void(const lifecycle::Step&)>;

    Fleet(Parts parts, Settings settings, StepListener listener);
    ~Fleet();

    /// The newest policy; limits follow it at once.
    void apply(std::shared_ptr<const routing::Catalogue> catalogue);
    /// Adds a provider, or gives a known one a new driver.
    void use_provider(const std::string& name, std::shared_ptr<providers::Provider> provider);
    /// Whether it has a machine of ours that is not gone, or an order under way.
    [[nodiscard]] bool uses(const std::string& provider) const;
    /// Whether it is a machine of ours there that is not gone: by its id, or by its name while its
    /// id is not known.
    [[nodiscard]] bool owns(
        const std::string& provider, const providers::RemoteMachine& remote) const;
    [[nodiscard]] ProviderRunner* runner(const std::string& name);

    /// Takes over the machines of the ledger after a start.
    void recover(const ledger::Recovered& recovered);
    /// Machines that ended lately, for display and reconciliation.
    void remember_gone(const std::vector<ledger::MachineView>& machines);

    /// Sets the commit cost aside, writes the intent, then creates. Errors reach the listener as an
    /// order that never became a machine, except a refused hold: then `failed` is called.
    void order(const Order& order, std::function<void(const Error&)> failed);
    void drain(MachineId id, const Reason& reason);
    void destroy(MachineId id, const Reason& reason);
    /// While it is on, no create is sent, whatever was ordered before (frozen, stopping).
    void brake(bool on) noexcept { *brake_ = on; }
    /// Ends all machines: drains (or destroys at once), for a stop of the agent.
    void end_all(bool at_once, const Reason& reason);

    /// Deadlines, work counts, due calls. `counters` are the gateway's of this moment.
    void tick(const gate::Counters& counters);
    /// When `tick` should run next at the latest.
    [[nodiscard]] BootTime next_wake() const noexcept { return next_wake_; }
    /// Lists every provider now and compares with the rows.
    void sweep();
    /// Asks the providers' bills and compares them with what was booked for machines that ended.
    void want_bills();
    /// Every provider's list was asked for and answered, or failed, at least once.
    [[nodiscard]] bool listed_once() const noexcept;

    /// Where the engine of a machine is; an empty place for one that is not there.
    [[nodiscard]] EngineAt engine_of(MachineId id);
    [[nodiscard]] const std::map<MachineId, Seat>& seats() const noexcept { return seats_; }
    [[nodiscard]] const std::deque<Seat>& gone() const noexcept { return gone_; }
    /// Why nothing new may be ordered from a provider now (hold_provider, hold_undeleted); none
    /// when it may.
    [[nodiscard]] Reason closed(const std::string& provider) const;
    /// Orders between hold and intent; they count as machines.
    [[nodiscard]] int ordering() const noexcept { return ordering_; }
    /// Nothing that costs money or could, and every bill compared.
    [[nodiscard]] bool settled() const noexcept;
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }
    /// Bills that differ from our books by more than a hundredth or a whole unit, one sentence
    /// each.
    [[nodiscard]] const std::deque<std::string>& bill_alarms() const noexcept {
        return bill_alarms_;
    }
    /// What may cost money unseen, one sentence each: machines unknown, overdue, not provably
    /// destroyed, without a driver, not in the books, or in no row.
    [[nodiscard]] std::vector<std::string> hazards() const;
    [[nodiscard]] std::vector<Stranger> strangers() const;
    /// What `provider` was asked since the start, and what its bills said.
    [[nodiscard]] ProviderFigures figures(const std::string& provider) const;
    /// Begins what a person asked. Errors: not_found and conflict (ambiguous, already gone or not
    /// adoptable; with the candidates), refused (it does not carry our mark), invalid_argument.
    [[nodiscard]] Result<NodeAnswer> command(const NodeCommand& command);
    /// Books what the reaper did to one machine, `entry` being a delete that was answered. False:
    /// not in the ledger yet, ask again; asking twice changes nothing. `known` says whether the
    /// ledger has a row of that remote id.
    [[nodiscard]] bool book_reaped(const reap::Entry& entry, bool known);
    [[nodiscard]] std::vector<UtcTime> creates_last_hour() const;

private:
    struct ProviderState {
        std::unique_ptr<ProviderRunner> runner{};
        bool listing{false};
        bool list_wanted{false};
        bool listed{false};
        bool billing{false};
        bool bill_wanted{false};
        int bill_failures{0};
        int not_booked{0};  ///< adjustments the ledger did not take, in a row of them
        BootTime bill_after{};
        lifecycle::OrphanWatch watch{};
        std::vector<lifecycle::Finding> strangers{};  ///< of the newest list
        lifecycle::Breaker breaker{};
        std::int64_t destroy_failures{0};
        std::optional<UtcTime> listed_at{};
        std::map<Currency, Money> bill_differences{};
        std::int64_t bill_alarms{0};
    };

    void heard(const std::string& provider, const std::optional<Errc>& error);
    /// Tells the ledger under which source its requests and seconds are reported.
    void note_source(const Seat& seat, std::string label);
    void apply_event(Seat& seat, lifecycle::Event event);
    void commit(Seat& seat, lifecycle::Step step);
    void offer_step(const Seat& seat);
    void committed(MachineId id, const Result<void>& result);
    void not_committed(Seat& seat, const Error& error);
    [[nodiscard]] bool settle_dispute(Seat& seat, const Error& error);
    /// When it is to end (or its time is over) and the ledger is late: ends it without waiting.
    void go_ahead(Seat& seat);
    void ahead_event(Seat& seat, const lifecycle::Event& event);
    void run_effects(Seat& seat, const lifecycle::Step& step);
    void gate_effect(Seat& seat, lifecycle::GateEffect effect);
    void bury(MachineId id);
    void count_create(UtcTime at, UtcTime now);
    void reconcile();
    void pump(Seat& seat);
    void start_call(Seat& seat, lifecycle::CallKind kind);
    void send_create(Seat& seat);
    /// What it must show before it serves.
    [[nodiscard]] inference::engine::Expected expected_of(const lifecycle::Machine& machine) const;
    void list(const std::string& provider);
    void listed(
        const std::string& provider,
        Now asked,
        const Result<std::vector<providers::RemoteMachine>>& result);
    /// Takes a machine that turned up again back from those that ended.
    Seat* revive(MachineId id);
    /// The provider's minimum bill as known from its machines; it then corrects the rest itself.
    [[nodiscard]] std::chrono::milliseconds min_bill_of(const std::string& provider) const;
    [[nodiscard]] Price dearest_of(const std::string& provider) const;
    const Seat& adopt(const lifecycle::Seen& seen, const std::string& provider, ReasonCode why);
    /// Puts a machine that had no row into one; its first step is `event`.
    Seat& place(lifecycle::Machine machine, std::string_view event, std::string_view model);
    [[nodiscard]] Result<NodeAnswer> command(const NodeCommand& command, Seat& seat);
    [[nodiscard]] Result<NodeAnswer> command(const NodeCommand& command, const Stranger& stranger);
    [[nodiscard]] Result<NodeAnswer> keep(const NodeCommand& command, const Stranger& stranger);
    void forget_stranger(const lifecycle::Seen& known);
    void adjust(Seat& seat, const std::string& provider, Money bill);
    void not_adjusted(
        const std::string& provider, MachineId id, Money difference, const Error& error);
    void billed(const std::string& provider, const Result<std::vector<providers::BillLine>>& lines);
    [[nodiscard]] ledger::MachineStep ledger_step(
        const Seat& seat, const lifecycle::Step& step) const;
    [[nodiscard]] std::vector<ledger::BudgetShare> shares(
        const Seat& seat, Money amount, UtcTime at) const;
    [[nodiscard]] lifecycle::Limits limits(const lifecycle::Machine& machine) const;
    [[nodiscard]] const lifecycle::Machine& effective(const Seat& seat) const;
    [[nodiscard]] std::string engine_key(const std::string& machine_name) const;
    [[nodiscard]] EngineAt engine_of(Seat& seat);
    /// Of the certificate it must show; empty where the provider runs the engine itself.
    [[nodiscard]] std::string pin_of(Seat& seat);
    [[nodiscard]] std::string free_source_name(const std::string& provider) const;
    [[nodiscard]] Seat* find(MachineId id);
    void wake_at(BootTime when) noexcept { next_wake_ = std::min(next_wake_, when); }

    Parts parts_;
    Settings settings_;
    StepListener listener_;
    std::shared_ptr<const routing::Catalogue> catalogue_;
    std::map<MachineId, Seat> seats_;
    std::deque<Seat> gone_;
    std::map<std::string, ProviderState> providers_;
    std::vector<UtcTime> creates_;
    std::vector<std::string> warnings_;
    std::deque<std::string> bill_alarms_;
    std::shared_ptr<std::atomic<bool>> brake_{std::make_shared<std::atomic<bool>>(false)};
    int ordering_{0};
    std::set<std::string> names_ordering_;  ///< source names given to orders not yet in seats_
    BootTime next_wake_{};
};

}  // namespace evenkeel::agent
