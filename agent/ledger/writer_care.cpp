// What the writer does between other work: checkpoints, backups, and the end of old detail.
#include "agent/ledger/backup.hpp"
#include "agent/ledger/writer.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::ledger {

namespace {

constexpr std::int64_t rows_min = 64;
constexpr std::int64_t rows_max = 4'096;
constexpr std::chrono::milliseconds work_wanted{2};  ///< of one batch, before its commit
constexpr std::chrono::minutes pause_when_done{10};
constexpr std::chrono::milliseconds pause_min{10};
constexpr int pause_share = 5;  ///< pauses are so much longer than the batch before
/// The file shrinks when so much of it is empty; less is used again by new rows.
constexpr std::int64_t empty_pages_min = 16'384;
constexpr std::int64_t empty_share = 4;

}  // namespace

void Writer::checkpoint(bool under_load) {
    if (!connection_) {
        return;
    }
    Database& database = connection_->database;
    const int pages = database.wal_pages();
    if (pages < pages_seen_) {  // the WAL began anew
        pages_copied_ = 0;
    }
    pages_seen_ = pages;
    const auto now = Steady::now();
    const bool large =
        (pages - pages_copied_) * ledger_page_bytes >= options_.limits.wal_checkpoint_bytes;
    const bool quiet = !under_load && pages > pages_copied_ &&
                       now - last_commit_ >= options_.limits.checkpoint_after &&
                       now - last_check_ >= options_.limits.checkpoint_after;
    if (!large && !quiet) {
        return;
    }
    last_check_ = now;
    try {
        const auto done = database.checkpoint(false);
        // Counted as tried even when a reader blocks it: try again after as much again, or when
        // it is quiet.
        pages_copied_ = under_load ? pages : std::max(done.copied_pages, 0);
    } catch (const SqlError& error) {
        if (error.is_busy()) {
            return;
        }
        give_way(error);
    }
}

void Writer::start_backup(BackupOp& op) {
    if (backup_runs_.exchange(true)) {
        if (op.done) {
            op.done(fail(Errc::conflict, "a backup is running already"));
        }
        return;
    }
    if (backup_.joinable()) {
        backup_.join();
    }
    backup_ = std::jthread{[this, path = op.path, done = std::move(op.done)] {
        Result<std::int64_t> result = fail(Errc::io_failed, "the backup did not start");
        try {
            Database source{database_file(options_), Database::Mode::read_only, options_.vfs};
            result = write_backup(source, path);
        } catch (const SqlError& error) {
            result = std::unexpected{to_error(error)};
        }
        backup_runs_ = false;
        if (done) {
            done(std::move(result));
        }
    }};
}

void Writer::keep_detail(std::chrono::seconds time) {
    {
        const std::scoped_lock lock{mutex_};
        keep_ = time;
        keep_changed_ = true;
    }
    wake_.notify_one();
}

void Writer::age() {
    const auto now = Steady::now();
    if (keep_now_ == std::chrono::seconds::zero()) {
        next_age_ = Steady::time_point::max();
        return;
    }
    if (now < next_age_) {
        return;
    }
    next_age_ = now + pause_when_done;
    // Rows say what time it is: the agent's clock is not this thread's to read.
    if (!connection_ || trouble_ != Trouble::none || newest_at_ == UtcTime{}) {
        return;
    }
    Store& store = connection_->store;
    std::int64_t deleted = 0;
    try {
        if (stale_) {
            store.load();
        }
        store.begin();
        stale_ = true;
        deleted = store.delete_old(newest_at_ - keep_now_, age_rows_, newest_at_);
        const auto worked = Steady::now() - now;
        store.commit();
        stale_ = false;
        age_rows_ = worked < work_wanted       ? std::min(age_rows_ * 2, rows_max)
                    : worked > 2 * work_wanted ? std::max(age_rows_ / 2, rows_min)
                                               : age_rows_;
        if (deleted == 0) {
            deleted = shrink();
        }
    } catch (const SqlError& error) {
        store.rollback();
        spdlog::warn("ledger: old rows are deleted later: {}", error.what());
        if (error.is_fatal()) {
            give_way(error);
        }
        return;
    }
    if (deleted > 0) {
        last_commit_ = Steady::now();
        next_age_ = last_commit_ +
                    std::max<Steady::duration>(pause_share * (last_commit_ - now), pause_min);
    }
}

/// Gives some empty pages back to the disk when there are many; how many it gave.
std::int64_t Writer::shrink() {
    Database& database = connection_->database;
    const std::int64_t empty = database.integer("PRAGMA freelist_count");
    if (empty < empty_pages_min || empty < database.integer("PRAGMA page_count") / empty_share) {
        return 0;
    }
    database.exec("PRAGMA incremental_vacuum(256)");
    return empty - database.integer("PRAGMA freelist_count");
}

}  // namespace evenkeel::ledger
