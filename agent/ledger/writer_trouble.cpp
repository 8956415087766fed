// What the writer does about a locked file, a full disk and a failing one.
#include "agent/ledger/writer.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::ledger {

namespace {

const char* const disk_full =
    "the disk of the state folder is full: free some space; until then nothing new is paid for";

}  // namespace

void Writer::on_error(const SqlError& error, std::size_t count) {
    connection_->store.rollback();
    if (!error.is_busy() && !error.is_full() && !error.is_fatal()) {
        return isolate(count);
    }
    if (error.is_fatal()) {
        for (std::size_t i = 0; i < count; ++i) {
            work_[i].uncertain = true;
        }
    }
    const bool first = trouble_ != Trouble::full;
    give_way(error);
    if (error.is_full() && first) {
        // The ballast has just been given back: ends can be booked with it, at once.
        const std::size_t left = std::min(work_.size(), operations_max);
        try {
            if (left > 0) {
                commit_first(left);
            }
        } catch (const SqlError& again) {
            connection_->store.rollback();
            if (again.is_fatal()) {
                give_way(again);
            }
        } catch (const std::exception&) {
            connection_->store.rollback();
            isolate(left);
        }
    }
}

/// Enters the state that fits `error`; the work stays queued.
void Writer::give_way(const SqlError& error) {
    if (error.is_busy()) {
        return enter(
            Trouble::locked,
            "another process holds the ledger's write lock: close that sqlite3 shell or backup "
            "tool");
    }
    if (error.is_full()) {
        ballast_.free();
        enter(Trouble::full, disk_full);
        return expire(true);
    }
    connection_.reset();
    enter(
        Trouble::broken,
        fmt::format("the ledger's disk failed ({}): nothing new is paid for", error.what()));
    expire(true);
}

bool Writer::reopen() {
    try {
        auto connection = std::make_unique<Connection>(options_, zone_);
        if (const std::string complaint = check_database(connection->database, options_);
            !complaint.empty()) {
            enter(
                Trouble::broken,
                fmt::format(
                    "the ledger file is damaged ({}): stop the agent and put a backup in its place",
                    complaint));
            return false;
        }
        // A failed sync may have lost pages that still look written. Copying the WAL into the file
        // writes and syncs every one of them anew, so that what is found now is durable.
        const auto copied = connection->database.checkpoint(true);
        if (copied.copied_pages < copied.wal_pages) {
            return false;
        }
        connection->store.load();
        connection_ = std::move(connection);
        stale_ = false;
        trouble_ = Trouble::full;  // until the first commit passes
        spdlog::info("ledger: reopened and verified");
        return true;
    } catch (const SqlError& error) {
        enter(
            Trouble::broken,
            fmt::format("the ledger's disk fails ({}): nothing new is paid for", error.what()));
    } catch (const std::exception& error) {
        enter(Trouble::broken, error.what());
    }
    return false;
}

void Writer::enter(Trouble trouble, std::string problem) {
    if (trouble_ != trouble) {
        spdlog::error("ledger: {}", problem);
    }
    trouble_ = trouble;
    problem_ = std::move(problem);
    publish();
}

void Writer::enter_tight() {
    enter(Trouble::tight, disk_full);
}

/// After a commit that passed: back to normal, once the ballast is back too.
void Writer::relax() {
    if (trouble_ == Trouble::none) {
        return;
    }
    if (ballast_.fill()) {
        spdlog::info("ledger: works again");
        trouble_ = Trouble::none;
        problem_.clear();
    } else if (trouble_ != Trouble::tight) {
        enter_tight();
    }
}

}  // namespace evenkeel::ledger
