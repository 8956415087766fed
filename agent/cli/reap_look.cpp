#include "agent/cli/reap_look.hpp"

#include "agent/control/state_files.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/state_dir.hpp"
#include "agent/service/clock.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

namespace evenkeel::cli {

namespace {

/// One thread a provider: one that hangs must not keep another one's machines alive.
std::vector<reap::Findings> run_all(
    const std::vector<Rental>& rentals,
    const ReapBooks& books,
    const reap::Rules& rules,
    const Clock& clock,
    reap::Log* log) {
    std::mutex log_mutex;
    std::vector<reap::Findings> all(rentals.size());
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < rentals.size(); ++i) {
        threads.emplace_back([&, i](std::stop_token stop) {
            const Rental& rental = rentals[i];
            if (!rental.driver) {
                all[i] = {
                    .provider = rental.name,
                    .error = rental.driver.error(),
                    .unseen =
                        reap::overdue_rows(rental.name, books.rows, rules.agent, clock.read().utc)};
                return;
            }
            const auto pause = [](std::chrono::milliseconds time) {
                std::this_thread::sleep_for(time);
                return true;
            };
            reap::Reaper reaper{rules, clock, pause, log, log_mutex};
            all[i] = reaper.run(**rental.driver, rental.name, books.rows, stop);
        });
    }
    for (std::jthread& thread : threads) {
        thread.join();  // its destructor would ask it to stop first
    }
    return all;
}

/// Machines of rows whose provider the configuration no longer has.
void add_unconfigured(
    std::vector<reap::Findings>& all,
    const config::Config& config,
    const ReapBooks& books,
    const reap::Rules& rules,
    UtcTime now) {
    std::vector<std::string> missing;
    for (const reap::Row& row : books.rows) {
        const config::Provider* entry = config.provider(row.provider);
        const bool rents = entry != nullptr && entry->kind == config::ProviderKind::rental;
        if (!rents && std::ranges::find(missing, row.provider) == missing.end()) {
            missing.push_back(row.provider);
        }
    }
    for (const std::string& name : missing) {
        all.push_back(
            {.provider = name,
             .error = Error{Errc::not_found, "the configuration has no such provider any more"},
             .unseen = reap::overdue_rows(name, books.rows, rules.agent, now)});
    }
}

}  // namespace

Result<ReapBooks> read_reap_books(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto summary = reader->summary();
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto machines = reader->machines(now);
    if (!summary || !machines) {
        return std::unexpected{summary ? machines.error() : summary.error()};
    }
    ReapBooks books{.agent_id = summary->agent_id};
    for (const ledger::MachineView& machine : *machines) {
        if (machine.row.state != MachineState::gone) {
            books.rows.push_back(
                {.provider = machine.provider,
                 .name = machine.row.name,
                 .remote_id = machine.row.remote_id,
                 .expires = machine.row.expires});
        }
    }
    return books;
}

reap::Agent state_of_agent(const Globals& globals, UtcTime now) {
    const auto heartbeat = agent::last_heartbeat(globals.state);
    if (heartbeat && *heartbeat <= now + reap::healthy_within) {
        return reap::judge_agent(heartbeat, false, now);
    }
    // No usable sign of life. Taking the lock tells whether somebody holds the state folder; it is
    // given back at once, and taken only here, so that it cannot get into the way of a start.
    const auto lock = ledger::StateLock::take(globals.state);
    return reap::judge_agent(heartbeat, !lock && lock.error().code == Errc::conflict, now);
}

std::vector<reap::Findings> look_at_machines(
    const std::vector<Rental>& rentals,
    const config::Config& config,
    const ReapBooks& books,
    const reap::Rules& rules,
    const Clock& clock,
    reap::Log* log) {
    auto all = run_all(rentals, books, rules, clock, log);
    add_unconfigured(all, config, books, rules, clock.read().utc);
    return all;
}

}  // namespace evenkeel::cli
