#include "agent/ledger/writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace evenkeel::ledger {

namespace {

/// Room beyond `queue_max` for what must not be turned away: releases, machine steps, names.
constexpr std::size_t reserve_max = 8192;
constexpr std::chrono::milliseconds idle_beat{250};

/// Answers with `error` whoever waits for `op`.
void answer_error(AnyOp& op, const Error& error) {
    std::visit(
        [&](auto& what) {
            if constexpr (requires { what.done; }) {
                if (what.done) {
                    what.done(std::unexpected{error});
                }
            }
        },
        op);
}

}  // namespace

Writer::Writer(const Options& options, const Zone& zone, std::unique_ptr<Connection> connection)
    : options_{options},
      zone_{zone},
      connection_{std::move(connection)},
      ballast_{options.dir / "ballast", options.limits.ballast_bytes},
      keep_{options.keep_detail},
      keep_changed_{true} {
    if (!ballast_.fill()) {
        enter_tight();
    }
    activity_.add(connection_->store.take_booked(), connection_->store.names());
    publish();
    thread_ = std::jthread{[this] { run(); }};
    ::pthread_setname_np(thread_.native_handle(), "ledger");
}

Writer::~Writer() {
    static_cast<void>(stop());
}

bool Writer::push(AnyOp&& what) {
    const bool paid = std::holds_alternative<HoldOp>(what) || std::holds_alternative<TopUpOp>(what);
    const bool record = std::holds_alternative<RecordOp>(what);
    const Limits& limits = options_.limits;
    const std::size_t room = paid     ? limits.queue_paid_max
                             : record ? limits.queue_max
                                      : limits.queue_max + reserve_max;
    const bool awaited = is_awaited(what);
    bool wake = false;
    {
        const std::scoped_lock lock{mutex_};
        if (stopping_ || queued_.load() >= room || (paid && !paid_ok_.load())) {
            return false;
        }
        queued_.fetch_add(1);
        queue_.push_back(
            {.what = std::move(what), .at = options_.clock->read().utc, .queued = Steady::now()});
        awaited_ += awaited ? 1 : 0;
        wake = awaited || queue_.size() == 1 || queue_.size() == limits.batch_rows;
    }
    if (wake) {
        wake_.notify_one();
    }
    if (record) {
        requests_.fetch_add(1, std::memory_order_relaxed);
    }
    return true;
}

bool Writer::accepts_paid_work() const noexcept {
    return paid_ok_.load() && queued_.load() < options_.limits.queue_paid_max;
}

Health Writer::health() const {
    Health health;
    {
        const std::scoped_lock lock{mutex_};
        health = health_;
    }
    health.queued = queued_.load();
    health.requests = requests_.load();
    return health;
}

bool Writer::closed() const {
    const std::scoped_lock lock{mutex_};
    return stopping_;
}

Result<void> Writer::stop() {
    {
        const std::scoped_lock lock{mutex_};
        if (stopping_ && !thread_.joinable()) {
            return {};
        }
        stopping_ = true;
        paid_ok_ = false;
    }
    wake_.notify_one();
    thread_.join();
    if (backup_.joinable()) {
        backup_.join();
    }
    if (unbooked_ > 0) {
        return fail(
            Errc::io_failed, fmt::format("{} rows could not be booked: {}", unbooked_, problem_));
    }
    return {};
}

// ---- the thread -----------------------------------------------------------------------------

void Writer::run() {
    stop_asked_ = Steady::time_point::max();
    for (;;) {
        take();
        heartbeat_.fetch_add(1, std::memory_order_relaxed);
        const bool stopping = stop_asked_ != Steady::time_point::max();
        if (!work_.empty()) {
            attempt();
        } else if (stopping) {
            break;
        } else {
            idle();
        }
        if (!stopping) {
            age();
        }
        publish();
        if (stopping && !work_.empty() && trouble_ != Trouble::none && trouble_ != Trouble::tight &&
            Steady::now() - stop_asked_ > options_.limits.awaited_wait) {
            break;
        }
    }
    drop_rest();
    try {
        if (connection_) {
            static_cast<void>(connection_->database.checkpoint(true));
        }
    } catch (const SqlError& error) {
        spdlog::warn("ledger: last checkpoint failed, the WAL keeps the rows: {}", error.what());
    }
    connection_.reset();
    publish();
}

void Writer::take() {
    std::unique_lock lock{mutex_};
    const bool patient = trouble_ == Trouble::none || trouble_ == Trouble::tight;
    if (!patient) {
        wake_.wait_for(lock, options_.limits.retry, [&] {
            return stopping_ && stop_asked_ == Steady::time_point::max();
        });
    } else if (work_.empty()) {
        const auto ready = [&] {
            return stopping_ || keep_changed_ || awaited_ > 0 ||
                   queue_.size() >= options_.limits.batch_rows;
        };
        const auto first = [&] {
            return queue_.empty() ? Steady::time_point::max()
                                  : queue_.front().queued + options_.limits.batch_time;
        };
        const auto beat = std::min(Steady::now() + idle_beat, next_age_);
        while (!ready() && Steady::now() < std::min(first(), beat)) {
            wake_.wait_until(lock, std::min(first(), beat));
        }
    }
    if (stopping_ && stop_asked_ == Steady::time_point::max()) {
        stop_asked_ = Steady::now();
    }
    if (std::exchange(keep_changed_, false)) {
        keep_now_ = keep_;
        next_age_ = Steady::now();
    }
    if (!queue_.empty()) {
        newest_at_ = std::max(newest_at_, queue_.back().at);
    }
    std::move(queue_.begin(), queue_.end(), std::back_inserter(work_));
    queue_.clear();
    awaited_ = 0;
}

void Writer::commit_first(std::size_t count) {
    std::vector<Completion> completions;
    const auto begun = Steady::now();
    Store& store = connection_->store;
    if (stale_) {
        store.load();
        stale_ = false;
    }
    store.begin();
    stale_ = true;  // whatever is thrown from here on leaves memory ahead of the file
    for (std::size_t i = 0; i < count; ++i) {
        store.apply(work_[i], completions);
    }
    store.commit();
    stale_ = false;
    last_commit_ = Steady::now();
    ++commits_;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(last_commit_ - begun);
    slowest_us_ = std::max<std::int64_t>(slowest_us_, took.count());
    activity_.add(store.take_booked(), store.names(), static_cast<std::int64_t>(count), took);
    finish(count, completions);
}

void Writer::finish(std::size_t count, std::vector<Completion>& completions) {
    queued_.fetch_sub(count);  // first: whoever is answered may look at the room
    for (const Completion& completion : completions) {
        completion();
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (auto* backup = std::get_if<BackupOp>(&work_.front().what)) {
            start_backup(*backup);
        }
        work_.pop_front();
    }
}

void Writer::attempt() {
    if (trouble_ == Trouble::broken && !reopen()) {
        expire(false);
        return;
    }
    if (trouble_ == Trouble::locked || trouble_ == Trouble::full) {
        expire(false);
    }
    const std::size_t count = std::min(work_.size(), operations_max);
    if (count == 0) {
        return;
    }
    try {
        commit_first(count);
        relax();
        checkpoint(true);
    } catch (const SqlError& error) {
        on_error(error, count);
    } catch (const std::exception&) {
        connection_->store.rollback();
        isolate(count);
    }
}

void Writer::isolate(std::size_t count) {
    for (; count > 0; --count) {
        try {
            commit_first(1);
        } catch (const SqlError& error) {
            connection_->store.rollback();
            if (error.is_busy() || error.is_full() || error.is_fatal()) {
                return give_way(error);
            }
            reject(work_.front(), to_error(error));
        } catch (const std::exception& error) {
            connection_->store.rollback();
            reject(work_.front(), {Errc::invalid_argument, error.what()});
        }
    }
}

void Writer::reject(Op& op, const Error& error) {
    if (!is_awaited(op.what)) {
        rejected_ = fmt::format("a row could not be booked: {}", error.message);
        spdlog::error("ledger: {}", rejected_);
        publish();
    }
    answer_error(op.what, error);
    work_.pop_front();
    queued_.fetch_sub(1);
}

void Writer::idle() {
    if (trouble_ == Trouble::broken && !reopen()) {
        return;
    }
    if (trouble_ == Trouble::locked) {
        try {  // nobody asks for anything: find out whether the lock is still there
            connection_->store.begin();
            connection_->store.rollback();
        } catch (const SqlError& error) {
            if (!error.is_busy()) {
                give_way(error);
            }
            return;
        }
    }
    relax();
    checkpoint(false);
}

void Writer::expire(bool holds_now) {
    const auto now = Steady::now();
    const Error error{trouble_ == Trouble::locked ? Errc::unavailable : Errc::io_failed, problem_};
    std::deque<Op> kept;
    for (Op& op : work_) {
        const bool old = now - op.queued > options_.limits.awaited_wait;
        auto* const hold = std::get_if<HoldOp>(&op.what);
        const bool ends = is_awaited(op.what) && (old || (holds_now && hold != nullptr));
        if (!ends || (op.uncertain && hold == nullptr)) {
            kept.push_back(std::move(op));
            continue;
        }
        answer_error(op.what, error);
        if (op.uncertain && hold->id != HoldId{}) {
            // It may be on disk: given back as soon as the file can be read.
            op.what = ReleaseOp{hold->id};
            kept.push_back(std::move(op));
        } else {
            queued_.fetch_sub(1);
        }
    }
    work_ = std::move(kept);
}

void Writer::drop_rest() {
    std::deque<Op> rest;
    {
        const std::scoped_lock lock{mutex_};
        rest = std::move(queue_);
        queue_.clear();
    }
    std::move(rest.begin(), rest.end(), std::back_inserter(work_));
    const Error error{Errc::cancelled, "the ledger was closed before this was booked"};
    for (Op& op : work_) {
        unbooked_ += std::holds_alternative<BarrierOp>(op.what) ? 0 : 1;
        answer_error(op.what, error);
    }
    work_.clear();
    queued_.store(0);
}

void Writer::publish() {
    const std::int64_t wal =
        connection_ ? connection_->database.wal_pages() * ledger_page_bytes : 0;
    const bool alarm = wal > options_.limits.wal_alarm_bytes;
    const std::scoped_lock lock{mutex_};
    if (alarm && !health_.wal_alarm) {
        spdlog::warn("ledger: wal_bytes={} a reader keeps the WAL from shrinking", wal);
    }
    health_.writable = trouble_ == Trouble::none || trouble_ == Trouble::locked;
    health_.problem = !problem_.empty()    ? problem_
                      : !rejected_.empty() ? rejected_
                      : alarm ? "a reader of the ledger runs for very long and keeps its WAL file "
                                "from shrinking: end that sqlite3 shell or report"
                              : "";
    health_.wal_alarm = alarm;
    health_.wal_bytes = wal;
    health_.transactions = connection_ ? connection_->store.transactions() : health_.transactions;
    health_.commits = commits_;
    health_.slowest_commit_us = slowest_us_;
    paid_ok_ = health_.writable && !stopping_;
}

}  // namespace evenkeel::ledger
