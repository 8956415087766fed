// `evenkeel reap`: the dead-man's switch that needs no running agent.
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/cli/spending.hpp"
#include "agent/cli/text.hpp"
#include "agent/control/state_files.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/ledger/state_dir.hpp"
#include "agent/reap/reaper.hpp"
#include "agent/service/clock.hpp"
#include "policies/domain/duration.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <thread>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// What the ledger says; read only, because the agent may hold it.
struct Books {
    std::string agent_id{};
    std::vector<reap::Row> rows{};
};

Result<Books> read_books(const Globals& globals) {
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
    Books books{.agent_id = summary->agent_id};
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

bool is_agent_id(const std::string& text) {
    return text.size() == 8 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
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

json::object to_json(const reap::Judgement& one) {
    json::object object{
        {"remote_id", one.machine.remote_id},
        {"name", one.machine.name},
        {"gpu", one.machine.gpu},
        {"verdict", to_text(one.verdict)},
        {"why", one.why}};
    object["expires"] =
        one.expires ? json::value(providers::format_rfc3339(*one.expires)) : json::value(nullptr);
    return object;
}

std::string to_json(
    const std::vector<reap::Findings>& all, reap::Agent agent, bool dry_run, int status) {
    json::array providers;
    for (const reap::Findings& findings : all) {
        json::array seen;
        for (const reap::Judgement& one : findings.seen) {
            seen.emplace_back(to_json(one));
        }
        json::array ended;
        for (const reap::Ended& one : findings.ended) {
            json::object object = to_json(one.judged);
            object["gone"] = one.gone;
            object["trouble"] = one.trouble;
            ended.emplace_back(std::move(object));
        }
        json::array unseen;
        for (const reap::Row& row : findings.unseen) {
            unseen.emplace_back(json::object{{"name", row.name}, {"remote_id", row.remote_id}});
        }
        json::object object{
            {"provider", findings.provider},
            {"machines", std::move(seen)},
            {"ended", std::move(ended)},
            {"overdue_unseen", std::move(unseen)}};
        object["error"] =
            findings.error ? json::value(findings.error->message) : json::value(nullptr);
        providers.emplace_back(std::move(object));
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.reap/1"},
        {"agent", to_text(agent)},
        {"dry_run", dry_run},
        {"money_hazard", status == Exit::money_hazard},
        {"providers", std::move(providers)}});
}

void print(const reap::Findings& findings, bool dry_run, bool quiet) {
    if (findings.error) {
        std::cerr << fmt::format(
            "evenkeel: {}: its machines cannot be listed: {}\n",
            findings.provider,
            findings.error->message);
    }
    for (const reap::Row& row : findings.unseen) {
        std::cerr << fmt::format(
            "evenkeel: {}: {} ({}) is past its end and cannot be looked at\n",
            findings.provider,
            row.name,
            row.remote_id.empty() ? "no id known" : row.remote_id);
    }
    for (const reap::Ended& one : findings.ended) {
        std::cout << fmt::format(
            "{} {} {}: {}{}\n",
            findings.provider,
            one.judged.machine.remote_id,
            dry_run    ? "would be destroyed"
            : one.gone ? "destroyed, proved gone"
                       : "NOT proved gone",
            one.judged.why,
            one.trouble.empty() || dry_run ? "" : "; " + one.trouble);
    }
    if (quiet) {
        return;
    }
    for (const reap::Judgement& one : findings.seen) {
        if (!must_end(one.verdict)) {
            std::cout << fmt::format(
                "{} {} left alone: {}\n", findings.provider, one.machine.remote_id, one.why);
        }
    }
}

int exit_of(const std::vector<reap::Findings>& all) {
    int status = Exit::done;
    for (const reap::Findings& findings : all) {
        const bool left =
            std::ranges::any_of(findings.ended, [](const reap::Ended& one) { return !one.gone; });
        const bool reported = std::ranges::any_of(findings.seen, [](const reap::Judgement& one) {
            return one.verdict == reap::Verdict::reported;
        });
        if (left || reported || !findings.unseen.empty()) {
            return Exit::money_hazard;
        }
        if (findings.error) {
            status = Exit::provider_failed;
        }
    }
    return status;
}

/// One thread a provider: one that hangs must not keep another one's machines alive.
std::vector<reap::Findings> run_all(
    const std::vector<Rental>& rentals,
    const Books& books,
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
    const Books& books,
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

int reap(const Globals& globals, const ReapArguments& arguments) {
    const agent::SystemClock clock;
    const auto wait = parse_duration(arguments.wait);
    if (!wait) {
        report(wait.error());
        return Exit::usage;
    }
    if (!arguments.agent_id.empty() && !is_agent_id(arguments.agent_id)) {
        std::cerr << "evenkeel: an agent id has eight digits of 0-9 and a-f\n";
        return Exit::usage;
    }
    const auto config = read_checked(globals, clock);
    if (!config) {
        std::cerr << "evenkeel: " << config.error().message << '\n';
        return Exit::configuration;
    }
    auto books = read_books(globals);
    if (!books && books.error().code == Errc::not_found && arguments.agent_id.empty()) {
        if (!globals.quiet) {
            std::cerr << "evenkeel: there is no ledger, so nothing was ever rented from here\n";
        }
        return Exit::done;
    }
    if (!books && arguments.agent_id.empty()) {
        std::cerr
            << "evenkeel: the ledger cannot be read, so it is not known which machines are ours; "
               "name the agent with --agent-id\n";
        return report(books.error());
    }
    Books known = books.value_or(Books{});
    if (!arguments.agent_id.empty()) {
        known.agent_id = arguments.agent_id;
    }
    const reap::Agent agent = state_of_agent(globals, clock.read().utc);
    const reap::Rules rules{
        .owner_mark = "ek-" + known.agent_id,
        .agent = agent,
        .dry_run = arguments.dry_run,
        .wait = *wait,
        .proof_gap = config->safety.proof_gap,
        .grace = config->safety.orphan_grace,
        // Without a ledger that could know rows, only a person who named the agent asks.
        .unknown = arguments.agent_id.empty() ? config->safety.unknown_machine
                                              : config::UnknownMachine::destroy};
    std::optional<reap::Log> log;
    if (!arguments.dry_run) {
        auto opened = reap::Log::open(globals.state);
        if (opened) {
            log.emplace(std::move(*opened));
        } else if (opened.error().code == Errc::conflict) {
            return report(opened.error());
        } else {
            std::cerr << "evenkeel: " << opened.error().message
                      << "; machines are destroyed all the same, and what they cost comes with the "
                         "provider's bill\n";
        }
    }
    const auto rentals = make_rentals(globals, *config, rules.owner_mark, clock);
    auto all = run_all(rentals, known, rules, clock, log ? &*log : nullptr);
    add_unconfigured(all, *config, known, rules, clock.read().utc);
    const int status = exit_of(all);
    const bool acted = std::ranges::any_of(
        all, [](const reap::Findings& findings) { return !findings.ended.empty(); });
    if (acted && agent != reap::Agent::dead) {
        std::cerr
            << "evenkeel: WARNING: the agent runs and left machines past their end; look at its "
               "log: journalctl -u evenkeel\n";
    }
    if (globals.json) {
        std::cout << to_json(all, agent, arguments.dry_run, status) << '\n';
        return status;
    }
    for (const reap::Findings& findings : all) {
        print(findings, arguments.dry_run, globals.quiet);
    }
    if (!acted && status == Exit::done && !globals.quiet) {
        std::cout << fmt::format("nothing to reap (agent: {})\n", to_text(agent));
    }
    return status;
}

}  // namespace evenkeel::cli
