#pragma once

#include "agent/ledger/activity.hpp"
#include "agent/ledger/rows.hpp"
#include "agent/ledger/tx_rows.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace evenkeel::ledger {

/// The ledger's own limits; every one has a name.
struct Limits {
    std::size_t queue_max{65'536};       ///< operations waiting; beyond it `record` says false
    std::size_t queue_paid_max{49'152};  ///< beyond it holds are refused: room for settlements
    std::size_t batch_rows{256};         ///< lazy rows that start a commit at once
    std::chrono::milliseconds batch_time{20};       ///< longest wait of a lazy row for its commit
    std::chrono::milliseconds awaited_wait{5'000};  ///< a hold gives up when the file stays locked
    std::chrono::milliseconds retry{250};           ///< between attempts on a full or locked disk
    std::chrono::milliseconds checkpoint_after{500};  ///< of quiet with something in the WAL
    std::int64_t wal_checkpoint_bytes{4 << 20};  ///< WAL size that is checkpointed also under load
    std::int64_t wal_alarm_bytes{256 << 20};     ///< WAL size that raises the alarm (F81)
    std::int64_t ballast_bytes{8 << 20};         ///< freed when the disk is full (F74)
    std::int64_t check_bytes{64 << 20};          ///< file size up to which a start checks all pages
    std::int64_t check_rows{256};  ///< newest transactions whose hashes a start checks
};

struct Options {
    std::filesystem::path dir{};  ///< the state folder; made with mode 0700 when missing
    const Clock* clock{nullptr};  ///< must outlive the ledger
    std::string zone{"UTC"};      ///< meta.report_zone: whose days `day` columns count
    Currency report{usd};         ///< currency of budget windows
    std::vector<FxRate> rates{};  ///< turn budget windows over when `report` was changed
    std::uint8_t gateway{0};
    /// How long requests, ended holds and the events of machines that are gone stay; zero: for
    /// ever.
    std::chrono::seconds keep_detail{0};
    Limits limits{};
    std::string vfs{};  ///< SQLite VFS by name; empty = the system's (tests inject faults)
};

/// What a restart needs, read once by `open`.
struct Recovered {
    std::string agent_id{};        ///< 8 hex digits made at the first start
    bool created{false};           ///< this start made the ledger
    std::vector<NameRow> names{};  ///< ascending, without holes from 1
    struct Machine {
        MachineRow row{};
        MachineEvent last{};
        std::vector<PhaseRow> phases{};
        Money paid{};  ///< posted so far, adjustments included
    };
    std::vector<Machine> machines{};  ///< all that are not gone
    std::vector<OpenHold> machine_holds{};
    std::vector<RentStateRow> rent_states{};
    std::vector<KeyRow> keys{};           ///< revoked ones included
    std::vector<BudgetWindow> windows{};  ///< of the last 62 days
    std::int64_t last_id{0};              ///< largest id stored anywhere: seed of IdGenerator
    std::int64_t policy_revision{0};      ///< 0: none stored yet
};

/// How the writer is doing; a copy.
struct Health {
    bool writable{true};    ///< false: the disk is full or failing (I8)
    std::string problem{};  ///< one sentence with what to do; empty when all is well
    bool wal_alarm{false};  ///< a long reader keeps the WAL from shrinking (F81)
    std::int64_t wal_bytes{0};
    std::size_t queued{0};
    std::int64_t transactions{0};  ///< rows of `tx`
    std::int64_t requests{0};      ///< requests recorded since the start
    std::int64_t commits{0};       ///< since the start
    std::int64_t slowest_commit_us{0};
};

template <class T>
using Done = std::function<void(Result<T>)>;

/// The books: one SQLite file, one writer thread that owns the only read-write connection.
///
/// Every call may come from any thread, copies what it needs, and returns at once: no caller ever
/// waits for the disk (except `flush`, `close` and `open`). Operations take effect in the order of
/// the calls. Two classes of commit (DESIGN section 6): *awaited* operations start a commit as soon
/// as the writer is idle and take everything queued along; *lazy* ones ride along, or are committed
/// after `batch_time` or `batch_rows`. `done` runs on the writer's thread after the commit reached
/// the disk, or with an error when nothing was booked; it must be quick, must not throw and must
/// not call `flush` or `close`. What is refused at once (no room, closed) is answered on the
/// calling thread, before the call returns. An empty `done` is allowed.
///
/// Errors of `done`: conflict (another step got there first, a name is taken), refused (no new paid
/// work now: queue or disk full), unavailable (file locked by a foreign process longer than
/// `awaited_wait`), io_failed (disk full or failing), invalid_argument (our own mistake, such as
/// postings of two currencies), cancelled (closed before it ran).
class Ledger {
public:
    /// Opens or makes the ledger in `options.dir`: takes the lock, refuses what cannot be trusted,
    /// migrates with a backup before, checks, and turns holds of a crashed run into spending.
    /// Never overwrites a file it did not make. Errors: conflict (another process has the lock),
    /// refused (network file system, wrong owner, newer schema, foreign file), corrupt, io_failed,
    /// invalid_argument (zone).
    [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(Options options);
    /// Closes without losing what was accepted.
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    [[nodiscard]] const Recovered& recovered() const noexcept;

    // ---- requests ---------------------------------------------------------------------------

    /// Awaited. The paid call's first byte may be written only after success.
    void hold(Hold hold, Done<HoldId> done);
    /// Awaited. Sets `more` aside beside an open hold, `more_report` in each of its budgets.
    /// Errors: not_found (no such open hold), invalid_argument (not above zero, another currency),
    /// else as `hold`.
    void top_up(HoldId hold, Money more, std::int64_t more_report, Done<void> done);
    /// Lazy. Gives an unused hold back; unknown or ended holds are ignored.
    void release(HoldId hold);
    /// Lazy, never lost once accepted. Books the request once: a second record with the same id is
    /// ignored. False: the queue is full; the caller keeps the record and tries again.
    [[nodiscard]] bool record(Request request);
    /// Whether a hold would be accepted now. Lock-free.
    [[nodiscard]] bool accepts_paid_work() const noexcept;

    // ---- machines ---------------------------------------------------------------------------

    /// Awaited. One transaction: row, event, phases with postings, decision.
    void machine_step(MachineStep step, Done<void> done);
    /// Awaited. Reconciliation with the provider's bill.
    void adjust(Adjustment adjustment, Done<void> done);
    /// Lazy. What a provider says a machine cost, known to a row or not; the newest word stays.
    void bill_seen(BillSeen bill);

    // ---- decisions and state ----------------------------------------------------------------

    /// Lazy.
    void decision(Decision decision);
    /// Lazy; replaces the state stored for `state.model`.
    void rent_state(RentStateRow state);
    /// Lazy. A second one of the same entry and time changes nothing.
    void rule_replay(RuleReplay replay);
    /// Lazy. A second power post for the same hardware and moment changes nothing.
    void power(PowerPost post);
    /// Lazy. What a GPU did in one minute, added to its hour; a second one of that minute changes
    /// nothing. Minutes are kept for a week, hours for 400 days.
    void gpu_minute(GpuRollup minute);
    /// Lazy. Numbers are never reused: storing another text under a known number is an error that
    /// makes the ledger unhealthy.
    void name(NameRow name);
    /// Lazy; replaces what is known about the source.
    void source(SourceInfo source);
    /// Lazy; skips a price that equals the newest row and is less than an hour newer.
    void price_seen(PriceSeen seen);
    /// Lazy; skips a rate that equals the newest row.
    void fx_seen(FxRate rate);
    /// Awaited. Stores the configuration's text (it holds names of credentials, never secrets) and
    /// returns its revision: a new number, or the last one when the text did not change.
    void policy(std::string text, std::string author, Done<std::int64_t> done);

    // ---- client keys ------------------------------------------------------------------------

    /// Awaited. A revoked key of that name is replaced: its requests stay under the name. Errors:
    /// conflict when a living key has that name.
    void add_key(KeyRow key, Done<void> done);
    /// Awaited. What a living key may do from now on. Errors: not_found.
    void key_terms(std::string name, KeyTerms terms, Done<void> done);
    /// Awaited. Errors: not_found.
    void revoke_key(std::string name, Done<void> done);

    // ---- care -------------------------------------------------------------------------------

    /// Awaited. A consistent copy of everything committed so far, made while work goes on, checked
    /// after it was written, moved to `path` only then. Gives its size in bytes. Never overwrites.
    /// `done` runs on the backup's own thread; one backup at a time (conflict).
    void backup(std::filesystem::path path, Done<std::int64_t> done);
    [[nodiscard]] Health health() const;
    /// How long detail is kept from now on (Options::keep_detail). It is deleted in small batches
    /// between other work, the oldest first; no sum changes.
    void keep_detail(std::chrono::seconds time);
    /// What was booked since this was opened, holds of an earlier run that lapsed included. A copy.
    [[nodiscard]] Figures figures() const;
    /// The zone whose days are booked, for budget windows and reports.
    [[nodiscard]] const Zone& zone() const noexcept;
    /// Grows at least once a second while the writer thread is alive and not stuck in the disk.
    [[nodiscard]] std::uint64_t heartbeat() const noexcept;
    /// Waits until everything accepted before this call is on disk, or says why it is not.
    [[nodiscard]] Result<void> flush();
    /// Commits what was accepted, checkpoints and closes the file; the lock goes with the object.
    /// Later calls answer `cancelled`. An error says how much is still unbooked, and why.
    Result<void> close();

    struct Impl;  ///< known to agent/ledger only

private:
    explicit Ledger(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// Name of the database file within the state folder.
inline constexpr const char* ledger_file = "ledger.db";

}  // namespace evenkeel::ledger
