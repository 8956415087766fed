#include "agent/reap/judge.hpp"

#include "policies/lifecycle/sweep.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::reap {

namespace {

constexpr std::string_view family = "ek-";  ///< every agent's mark and names begin with it

std::chrono::minutes patience(Agent agent) noexcept {
    return agent == Agent::dead ? overdue_alone : overdue_beside_agent;
}

/// By remote id at this provider, else by its name at any: two entries may be one account.
const Row* row_of(
    std::string_view provider, const providers::RemoteMachine& machine, std::span<const Row> rows) {
    const auto by_id = std::ranges::find_if(rows, [&](const Row& row) {
        return row.provider == provider && !row.remote_id.empty() &&
               row.remote_id == machine.remote_id;
    });
    if (by_id != rows.end()) {
        return &*by_id;
    }
    const std::string orphan_name = fmt::format("{}~{}", machine.name, machine.remote_id);
    const auto by_name = std::ranges::find_if(rows, [&](const Row& row) {
        const bool other = row.provider != provider;
        return (row.name == machine.name && (row.remote_id.empty() || other)) ||
               row.name == orphan_name;
    });
    return by_name == rows.end() ? nullptr : &*by_name;
}

std::string ended_at(UtcTime time) {
    const std::time_t whole =
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    return fmt::format("should have ended at {:%Y-%m-%d %H:%M} UTC", fmt::gmtime(whole));
}

}  // namespace

std::string_view to_text(Agent agent) noexcept {
    switch (agent) {
        case Agent::healthy:
            return "healthy";
        case Agent::unsure:
            return "unsure";
        case Agent::dead:
            return "dead";
    }
    return "";
}

std::string_view to_text(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::foreign:
            return "foreign";
        case Verdict::look_alike:
            return "look_alike";
        case Verdict::kept:
            return "kept";
        case Verdict::watched:
            return "watched";
        case Verdict::reported:
            return "reported";
        case Verdict::overdue:
            return "overdue";
        case Verdict::orphan:
            return "orphan";
    }
    return "";
}

Agent judge_agent(std::optional<UtcTime> heartbeat, bool locked, UtcTime now) noexcept {
    if (!heartbeat || *heartbeat > now + healthy_within) {
        return locked ? Agent::unsure : Agent::dead;
    }
    const auto age = now - *heartbeat;
    return age <= healthy_within ? Agent::healthy : age <= dead_after ? Agent::unsure : Agent::dead;
}

std::vector<Judgement> judge(
    std::string_view provider,
    std::span<const providers::RemoteMachine> list,
    std::span<const Row> rows,
    std::string_view owner_mark,
    Agent agent,
    UtcTime now,
    std::chrono::milliseconds grace,
    config::UnknownMachine unknown) {
    std::vector<Judgement> judgements;
    for (const providers::RemoteMachine& machine : list) {
        Judgement one{.machine = machine};
        if (owner_mark.empty() || machine.owner_mark != owner_mark) {
            const bool alike =
                machine.name.starts_with(family) || machine.owner_mark.starts_with(family);
            one.verdict = alike ? Verdict::look_alike : Verdict::foreign;
            one.why = alike ? "not marked as this agent's: never touched" : "not ours";
            judgements.push_back(std::move(one));
            continue;
        }
        const Row* row = row_of(provider, machine, rows);
        if (machine.expires != UtcTime{}) {
            one.expires = machine.expires;
        }
        if (row != nullptr && row->expires != UtcTime{}) {
            one.expires = std::min(row->expires, one.expires.value_or(row->expires));
        }
        if (one.expires && now - *one.expires > patience(agent)) {
            one.verdict = Verdict::overdue;
            one.why = ended_at(*one.expires);
        } else if (row != nullptr) {
            one.verdict = Verdict::kept;
            one.why = one.expires && now > *one.expires ? "its end has come: the agent has its turn"
                                                        : "its end has not come";
        } else if (const auto born = lifecycle::born_of(machine.created, machine.name, now);
                   born && now - *born < grace) {
            one.verdict = Verdict::watched;
            one.why = "made just now: an agent that starts may be writing its row";
        } else if (agent == Agent::dead && unknown == config::UnknownMachine::alert) {
            one.verdict = Verdict::reported;
            one.why =
                "in no row of the ledger, and safety.unknown_machine says to alert only; "
                "evenkeel nodes adopt or destroy decides";
        } else if (agent == Agent::dead) {
            one.verdict = Verdict::orphan;
            one.why = "in no row of the ledger, and the agent does not run";
        } else {
            one.verdict = Verdict::watched;
            one.why = "in no row of the ledger; the running agent deals with it";
        }
        judgements.push_back(std::move(one));
    }
    return judgements;
}

std::vector<Row> overdue_rows(
    std::string_view provider, std::span<const Row> rows, Agent agent, UtcTime now) {
    std::vector<Row> overdue;
    for (const Row& row : rows) {
        if (row.provider == provider && row.expires != UtcTime{} &&
            now - row.expires > patience(agent)) {
            overdue.push_back(row);
        }
    }
    return overdue;
}

}  // namespace evenkeel::reap
