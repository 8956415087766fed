#include "agent/cli/replay_table.hpp"

#include "agent/cli/text.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <utility>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

json::object to_json(const ReplayColumn& column) {
    json::object out{{"policy", column.name}, {"model", column.world.model}};
    for (const auto& member : totals_json(column.totals)) {
        out.insert(member);
    }
    return out;
}

json::object history_json(const agent::Demand& demand, const std::string& model) {
    const agent::ModelDemand of = demand.of(model);
    return {
        {"since", providers::format_rfc3339(demand.span.since)},
        {"until", providers::format_rfc3339(demand.span.until)},
        {"first", providers::format_rfc3339(of.first)},
        {"last", providers::format_rfc3339(of.last)},
        {"requests", of.requests},
        {"size_unknown", of.requests - of.sized},
        {"model_unknown", demand.nameless},
        {"other_models", demand.all().requests - of.requests},
        {"tokens_in", of.tokens_in},
        {"tokens_cached", of.tokens_cached},
        {"tokens_out", of.tokens_out}};
}

std::string days_text(std::chrono::microseconds span) {
    using std::chrono::days;
    using std::chrono::hours;
    const auto whole = std::chrono::round<hours>(span);
    return whole < days{2} ? fmt::format("{} hours", whole.count())
                           : fmt::format("{} days", std::chrono::round<days>(span).count());
}

std::string heading(const ReplayAnswer& answer) {
    const std::string requests = count_text(answer.columns.back().totals.requests);
    const std::string& model = answer.columns.back().world.model;
    if (!answer.history) {
        return fmt::format(
            "{} requests for {} from the trace (sizes and times only)\n", requests, model);
    }
    return fmt::format(
        "{}, {} requests for {} from the ledger (no prompts are stored; sizes and times only)\n",
        days_text(answer.history->span.until - answer.history->span.since),
        requests,
        answer.history_model);
}

std::string table_text(const std::vector<ReplayColumn>& columns) {
    const replay::Totals& last = columns.back().totals;
    const std::string currency{last.total.currency().text()};
    std::vector<std::pair<std::string, Table::Align>> heads{{"", Table::Align::left}};
    const bool both = columns.size() > 1;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        heads.emplace_back(
            !both ? columns[i].name : (i == 0 ? std::string{"NOW"} : "DRAFT"), Table::Align::right);
    }
    if (both) {
        heads.emplace_back("", Table::Align::right);
    }
    Table table{std::move(heads)};
    const auto row = [&](const std::string& label, const auto& cell) {
        std::vector<std::string> cells{label};
        for (const ReplayColumn& column : columns) {
            cells.push_back(cell(column.totals));
        }
        if (both) {
            cells.emplace_back();
        }
        table.add(std::move(cells));
    };
    const auto money = [&](const std::string& label, Money replay::Totals::* part, bool change) {
        std::vector<std::string> cells{label};
        for (const ReplayColumn& column : columns) {
            cells.push_back(rounded_text(column.totals.*part));
        }
        if (both) {
            cells.push_back(
                change ? change_text(columns.front().totals.*part, last.*part) : std::string{});
        }
        table.add(std::move(cells));
    };
    money(
        currency.empty() ? "cost" : fmt::format("cost ({})", currency),
        &replay::Totals::total,
        true);
    money("  own", &replay::Totals::own, false);
    money("  rented", &replay::Totals::rental, false);
    money("  API", &replay::Totals::api, false);
    money("J (cost + price of being late)", &replay::Totals::j, true);
    row("p50 / p95 / p99 wait", [](const replay::Totals& t) {
        return fmt::format("{:.1f}/{:.1f}/{:.1f} s", t.wait_s.p50, t.wait_s.p95, t.wait_s.p99);
    });
    row("within the limit",
        [](const replay::Totals& t) { return fmt::format("{:.2f} %", 100 * share_within(t)); });
    row("gave up", [](const replay::Totals& t) { return count_text(t.refused); });
    row("machine starts",
        [](const replay::Totals& t) { return fmt::format("{}", t.machine_starts); });
    row("machine hours",
        [](const replay::Totals& t) { return fmt::format("{:.1f}", t.machine_hours); });
    row("idle share of them",
        [](const replay::Totals& t) { return fmt::format("{:.0f} %", 100 * t.idle_share); });
    return table.text();
}

}  // namespace

double share_within(const replay::Totals& totals) noexcept {
    return totals.requests == 0
               ? 1.0
               : static_cast<double>(totals.within_limit) / static_cast<double>(totals.requests);
}

std::string change_text(Money before, Money after) {
    if (before.nanos() == 0) {
        return "";
    }
    const double percent = 100.0 * static_cast<double>(after.nanos() - before.nanos()) /
                           static_cast<double>(before.nanos());
    return fmt::format("{:+.0f} %", percent);
}

json::object totals_json(const replay::Totals& t) {
    return {
        {"requests", t.requests},
        {"answered",
         json::object{
             {"own", t.answered_own}, {"rental", t.answered_rental}, {"api", t.answered_api}}},
        {"refused", t.refused},
        {"currency", t.total.currency().text()},
        {"cost",
         json::object{
             {"own", amount_text(t.own)},
             {"rental", amount_text(t.rental)},
             {"api", amount_text(t.api)},
             {"total", amount_text(t.total)}}},
        {"j", amount_text(t.j)},
        {"wait_s",
         json::object{{"p50", t.wait_s.p50}, {"p95", t.wait_s.p95}, {"p99", t.wait_s.p99}}},
        {"within_limit", share_within(t)},
        {"machine_starts", t.machine_starts},
        {"machine_hours", t.machine_hours},
        {"idle_share", t.idle_share}};
}

std::vector<std::string> history_notes(const agent::Demand& demand, const std::string& model) {
    const agent::ModelDemand of = demand.of(model);
    std::vector<std::string> notes;
    if (const std::int64_t unsized_ones = of.requests - of.sized; unsized_ones > 0) {
        notes.push_back(
            of.sized == 0
                ? fmt::format("no request has a known size, {} are left out", unsized_ones)
                : fmt::format(
                      "{} requests were refused or given up before their size was known, and are "
                      "taken to be of the mean size of the others, {} tokens in and {} out",
                      count_text(unsized_ones),
                      count_text(of.mean_in()),
                      count_text(of.mean_out())));
    }
    if (of.tokens_cached > 0 && of.tokens_in > 0) {
        notes.push_back(fmt::format(
            "{:.0f} % of the prompt tokens were cached when they were asked, and are read "
            "anew here",
            100.0 * static_cast<double>(of.tokens_cached) / static_cast<double>(of.tokens_in)));
    }
    if (const std::int64_t others = demand.all().requests - of.requests; others > 0) {
        notes.push_back(fmt::format(
            "{} requests for other models went elsewhere (--model replays those of one)",
            count_text(others)));
    }
    if (demand.nameless > 0) {
        notes.push_back(fmt::format(
            "{} requests ended before their model was known, and are left out",
            count_text(demand.nameless)));
    }
    return notes;
}

std::string replay_json(const ReplayAnswer& answer) {
    json::object out{{"schema", "evenkeel.replay/1"}};
    for (const auto& member : to_json(answer.columns.back())) {
        out.insert(member);
    }
    if (answer.bound) {
        out["bound"] = amount_text(*answer.bound);
    }
    if (answer.columns.size() > 1) {
        out["now"] = to_json(answer.columns.front());
    }
    json::array assumptions;
    for (const std::string& sentence : answer.columns.back().world.assumptions) {
        assumptions.emplace_back(sentence);
    }
    if (answer.history) {
        out["history"] = history_json(*answer.history, answer.history_model);
        for (const std::string& note : history_notes(*answer.history, answer.history_model)) {
            assumptions.emplace_back(note);
        }
    }
    out["assumes"] = std::move(assumptions);
    return json::serialize(out) + "\n";
}

std::string replay_text(const ReplayAnswer& answer) {
    std::string out = heading(answer) + table_text(answer.columns);
    if (answer.bound) {
        out += fmt::format(
            "No policy can cost less than {} {} (J).\n",
            rounded_text(*answer.bound),
            answer.columns.back().totals.total.currency().text());
    }
    out += fmt::format(
        "Assumes today's prices and the {}; queueing is simulated, arrivals are not changed by "
        "waiting.\n",
        answer.history ? "measured speed of each offer, its seed's where none is measured"
                       : "seeds' speeds");
    for (const std::string& sentence : answer.columns.back().world.assumptions) {
        out += fmt::format("Assumes: {}.\n", sentence);
    }
    if (answer.history) {
        for (const std::string& note : history_notes(*answer.history, answer.history_model)) {
            out += fmt::format("Of the ledger: {}.\n", note);
        }
    }
    return out;
}

}  // namespace evenkeel::cli
