// `evenkeel reap`: the dead-man's switch that needs no running agent.
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/reap_look.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/cli/spending.hpp"
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

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

bool is_agent_id(const std::string& text) {
    return text.size() == 8 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
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
    auto books = read_reap_books(globals);
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
    ReapBooks known = books.value_or(ReapBooks{});
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
    const auto all = look_at_machines(rentals, *config, known, rules, clock, log ? &*log : nullptr);
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
