#include "agent/cli/plan_replay.hpp"

#include "agent/cli/replay_table.hpp"
#include "agent/cli/text.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::days plan_days{30};

void add(replay::Totals& to, const replay::Totals& more) {
    to.requests += more.requests;
    to.answered_own += more.answered_own;
    to.answered_rental += more.answered_rental;
    to.answered_api += more.answered_api;
    to.refused += more.refused;
    to.within_limit += more.within_limit;
    to.own += more.own;
    to.rental += more.rental;
    to.api += more.api;
    to.total += more.total;
    to.j += more.j;
    const double hours = to.machine_hours + more.machine_hours;
    to.idle_share =
        hours > 0
            ? (to.idle_share * to.machine_hours + more.idle_share * more.machine_hours) / hours
            : 0;
    to.machine_starts += more.machine_starts;
    to.machine_hours = hours;
}

std::string too_little(const agent::ModelDemand& demand) {
    const auto hours = std::chrono::round<std::chrono::hours>(demand.length());
    return fmt::format(
        "too little history: {} requests in {} hours; it takes {} in {} days",
        count_text(demand.replayed()),
        hours.count(),
        count_text(agent::history_requests_min),
        agent::history_length_min.count());
}

/// What is worth a replay: models that both sides know and that somebody asked for.
std::vector<agent::Subject> subjects_of(
    const std::filesystem::path& state,
    const Sides& sides,
    const agent::Demand& demand,
    const std::vector<ledger::RuleReplay>& rules,
    PlanReplay& out) {
    const agent::Speeds speeds{state};
    std::array configs{sides.running.loaded.config, sides.draft.loaded.config};
    for (config::Config& config : configs) {
        agent::follow_rules(config, rules);
    }
    std::vector<agent::Subject> subjects;
    for (const auto& [model, asked] : demand.models) {
        if (asked.replayed() == 0) {
            continue;
        }
        agent::Subject subject{.model = model};
        for (const config::Config& config : configs) {
            const bool is_draft = &config == &configs.back();
            auto world = agent::replay_world(
                config, model, std::chrono::floor<std::chrono::days>(demand.span.until), &speeds);
            const auto usable =
                world ? replay::replay(std::vector<replay::TraceRow>{}, world->options)
                      : std::unexpected{world.error()};
            if (!usable) {
                out.left_out.push_back(fmt::format(
                    "{}: {}{}", model, is_draft ? "in the draft, " : "", usable.error().message));
                break;
            }
            subject.worlds.push_back(std::move(world->options));
            if (is_draft) {
                for (std::string& sentence : world->assumptions) {
                    out.assumptions.push_back(fmt::format("{}: {}", model, sentence));
                }
            }
        }
        if (subject.worlds.size() == 2) {
            subjects.push_back(std::move(subject));
        }
    }
    return subjects;
}

std::string line(
    std::string_view label, std::string_view what, std::string_view values, std::string_view more) {
    std::string out = fmt::format("{:<8}{:<28}{:<26}{}", label, what, values, more);
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
}

std::string pair_text(Money before, Money after) {
    return fmt::format("{} -> {}", money_text(before), money_text(after));
}

std::int64_t days_of(agent::Span span) {
    return std::chrono::round<std::chrono::days>(span.until - span.since).count();
}

/// In the currency of the other sums, so that nothing is not shown without one.
Money in_currency(Money amount, const replay::Totals& one, const replay::Totals& other) {
    const Currency currency =
        one.total.currency().is_none() ? other.total.currency() : one.total.currency();
    return amount.is_zero() ? Money{0, currency} : amount;
}

}  // namespace

PlanReplay replay_plan(
    const std::filesystem::path& state,
    ledger::Reader& reader,
    const Sides& sides,
    UtcTime now,
    const agent::ReplayLimit& limit) {
    const config::Config& running = sides.running.loaded.config;
    PlanReplay out{.asked = {now - plan_days, now}};
    const auto demand = agent::read_demand(reader, running, out.asked);
    if (!demand) {
        out.none = demand.error().message;
        return out;
    }
    out.demand = *demand;
    if (!agent::is_enough(demand->all())) {
        out.none = too_little(demand->all());
        return out;
    }
    const auto rules = reader.rule_replays();
    if (!rules) {
        out.none = rules.error().message;
        return out;
    }
    std::vector<agent::Subject> subjects = subjects_of(state, sides, *demand, *rules, out);
    if (subjects.empty()) {
        out.none = fmt::format("nothing can be replayed ({})", fmt::join(out.left_out, "; "));
        return out;
    }
    auto done = agent::replay_newest(reader, running, *demand, subjects, limit);
    if (!done) {
        out.none = done.error().message;
        return out;
    }
    out.demand = std::move(*done);
    const auto busiest = std::ranges::max_element(subjects, {}, [](const agent::Subject& subject) {
        return subject.totals.front().requests;
    });
    out.busiest = busiest->model;
    out.before.wait_s = busiest->totals.front().wait_s;
    out.after.wait_s = busiest->totals.back().wait_s;
    for (const agent::Subject& subject : subjects) {
        add(out.before, subject.totals.front());
        add(out.after, subject.totals.back());
    }
    return out;
}

std::string plan_replay_text(const PlanReplay& replay) {
    if (!replay.none.empty()) {
        return fmt::format("Replay  {}\n", replay.none);
    }
    const replay::Totals& before = replay.before;
    const replay::Totals& after = replay.after;
    const bool is_whole = replay.demand.span == replay.asked;
    const auto money = [&](Money replay::Totals::* part) {
        return pair_text(
            in_currency(before.*part, before, after), in_currency(after.*part, before, after));
    };
    const std::string change = change_text(before.total, after.total);
    std::string out = line(
        "Replay",
        is_whole ? fmt::format("of the last {} days", days_of(replay.asked))
                 : fmt::format(
                       "of the newest {} of {} days",
                       days_of(replay.demand.span),
                       days_of(replay.asked)),
        money(&replay::Totals::total),
        fmt::format(
            "{}{}p95 wait {:.1f} s -> {:.1f} s{}",
            change,
            change.empty() ? "" : ", ",
            before.wait_s.p95,
            after.wait_s.p95,
            replay.demand.models.size() > 1 ? fmt::format(" ({})", replay.busiest) : ""));
    out += line("", "own power", money(&replay::Totals::own), "");
    out += line(
        "",
        "rentals",
        money(&replay::Totals::rental),
        fmt::format("{} -> {} machine starts", before.machine_starts, after.machine_starts));
    out += line("", "APIs", money(&replay::Totals::api), "");
    out += line(
        "",
        "J, with what lateness costs",
        money(&replay::Totals::j),
        fmt::format(
            "{:.2f} % -> {:.2f} % within the limit",
            100 * share_within(before),
            100 * share_within(after)));
    if (!is_whole) {
        out += line(
            "",
            "(the others would take too long; evenkeel replay --since 30d takes them all)",
            "",
            "");
    }
    for (const std::string& model : replay.left_out) {
        out += line("", fmt::format("without {}", model), "", "");
    }
    return out;
}

json::object plan_replay_json(const PlanReplay& replay) {
    const agent::ModelDemand all = replay.demand.all();
    json::object out{
        {"asked_since", providers::format_rfc3339(replay.asked.since)},
        {"since", providers::format_rfc3339(replay.demand.span.since)},
        {"until", providers::format_rfc3339(replay.demand.span.until)},
        {"requests", all.requests},
        {"size_unknown", all.requests - all.sized},
        {"none", nullptr}};
    if (!replay.none.empty()) {
        out["none"] = replay.none;
        return out;
    }
    out["before"] = totals_json(replay.before);
    out["after"] = totals_json(replay.after);
    out["wait_model"] = replay.busiest;
    for (const auto& [key, texts] :
         {std::pair{"left_out", &replay.left_out}, std::pair{"assumes", &replay.assumptions}}) {
        json::array list;
        for (const std::string& text : *texts) {
            list.emplace_back(text);
        }
        out[key] = std::move(list);
    }
    return out;
}

}  // namespace evenkeel::cli
