#pragma once

#include "agent/ledger/activity.hpp"
#include "agent/ledger/connection.hpp"
#include "agent/ledger/ops.hpp"
#include "agent/ledger/state_dir.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace evenkeel::ledger {

/// Of the ledger file, as SQLite's default has it.
inline constexpr std::int64_t ledger_page_bytes = 4096;

/// The thread that owns the read-write connection: queue in, commits and answers out.
///
/// Trouble is a state, not an exception: a locked file, a full disk and a failing disk keep the
/// accepted operations in memory and are tried again until they pass; meanwhile nothing that would
/// spend money is accepted (I8).
class Writer {
public:
    /// `options` and `zone` must outlive this.
    Writer(const Options& options, const Zone& zone, std::unique_ptr<Connection> connection);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// Queues `what`; false when there is no room for it (nothing was taken, no answer is given).
    [[nodiscard]] bool push(AnyOp&& what);
    [[nodiscard]] bool accepts_paid_work() const noexcept;
    [[nodiscard]] Health health() const;
    [[nodiscard]] bool closed() const;
    /// How long detail is kept from now on; zero: for ever.
    void keep_detail(std::chrono::seconds time);
    [[nodiscard]] Figures figures() const { return activity_.read(); }
    [[nodiscard]] std::uint64_t heartbeat() const noexcept { return heartbeat_.load(); }
    /// Commits what is queued and ends the thread. Gives up on a failing disk after `awaited_wait`;
    /// the error then counts what was not booked.
    Result<void> stop();

private:
    enum class Trouble : std::uint8_t {
        none,
        tight,   ///< works, but the ballast could not be refilled: nearly full
        locked,  ///< another process holds the write lock
        full,    ///< no room for the next commit
        broken,  ///< connection closed after a disk error: to be opened and checked again
    };

    void run();
    void take();
    void attempt();
    void idle();
    /// Applies the first `count` operations one by one, so that one bad row harms only itself.
    void isolate(std::size_t count);
    void commit_first(std::size_t count);
    void finish(std::size_t count, std::vector<Completion>& completions);
    void on_error(const SqlError& error, std::size_t count);
    void give_way(const SqlError& error);
    bool reopen();
    void checkpoint(bool under_load);
    void relax();
    /// Ends what has waited too long, and holds when `holds_now`.
    void expire(bool holds_now);
    void reject(Op& op, const Error& error);
    void start_backup(BackupOp& op);
    void enter(Trouble trouble, std::string problem);
    void enter_tight();
    void publish();
    void drop_rest();
    /// Deletes a few rows that are older than they are kept for, when it is time for it.
    void age();
    std::int64_t shrink();

    using Steady = std::chrono::steady_clock;
    /// Operations in one transaction at most: bounds how long a hold waits behind a backlog.
    static constexpr std::size_t operations_max = 2048;

    const Options& options_;
    const Zone& zone_;
    std::unique_ptr<Connection> connection_;
    Ballast ballast_;
    Activity activity_{};

    // Guarded by mutex_.
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Op> queue_;
    std::size_t awaited_{0};
    bool stopping_{false};
    std::chrono::seconds keep_{0};
    bool keep_changed_{false};
    Health health_;

    std::atomic<std::size_t> queued_{0};
    std::atomic<bool> paid_ok_{true};
    std::atomic<std::uint64_t> heartbeat_{0};
    std::atomic<std::int64_t> requests_{0};

    // Only the thread's own.
    std::deque<Op> work_;
    bool stale_{false};
    Trouble trouble_{Trouble::none};
    std::string problem_;
    std::string rejected_;
    Steady::time_point last_commit_{};
    Steady::time_point last_check_{};
    Steady::time_point stop_asked_{};
    int pages_copied_{0};
    int pages_seen_{0};
    std::int64_t commits_{0};
    std::int64_t slowest_us_{0};
    std::size_t unbooked_{0};
    std::chrono::seconds keep_now_{0};
    UtcTime newest_at_{};  ///< when the newest operation was asked
    Steady::time_point next_age_{Steady::time_point::max()};
    std::int64_t age_rows_{256};
    std::jthread backup_;
    std::atomic<bool> backup_runs_{false};
    std::jthread thread_;
};

}  // namespace evenkeel::ledger
