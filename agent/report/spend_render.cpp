#include "agent/report/csv.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/rules.hpp"
#include "agent/report/spend.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

std::string name_of(const SpendLine& line) {
    return fmt::format("{}{}", line.label, line.synthetic ? " (synthetic)" : "");
}

/// Beside its cost, where lines are those of budgets that count what is charged.
bool shows_charged(const Spend& spend) {
    return spend.has_internal && (spend.by == SpendBy::model || spend.by == SpendBy::key ||
                                  spend.by == SpendBy::route || spend.by == SpendBy::tag);
}

std::string row_of(const SpendLine& line, const Spend& spend, std::size_t width, int decimals) {
    const bool total = &line == &spend.total;
    const std::string first = total ? line.label
                              : line.kind.empty()
                                  ? name_of(line)
                                  : fmt::format("{:<6} {}", kind_word(line.kind), name_of(line));
    std::string row = fmt::format(
        "{:<{}}  {:>9} {:>5}  {:>8} / {:<7} {:>12} {:>7} {:>10}",
        first,
        width,
        grouped(line.requests),
        total ? "" : percent(line.requests, spend.total.requests),
        short_count(line.tokens_in),
        short_count(line.tokens_out),
        money_figure(line.cost, decimals),
        total ? "" : percent(line.cost.nanos(), spend.total.cost.nanos()),
        line.per_mtok ? money_figure(*line.per_mtok, 2) : "-");
    if (shows_charged(spend)) {
        row += fmt::format(" {:>12}", money_figure(line.charged, decimals));
    }
    row.erase(row.find_last_not_of(' ') + 1);
    return row + "\n";
}

std::string_view heading(SpendBy by) {
    switch (by) {
        case SpendBy::source:
            return "SOURCE";
        case SpendBy::model:
            return "MODEL";
        case SpendBy::key:
            return "KEY";
        case SpendBy::route:
            return "ROUTE";
        case SpendBy::provider:
            return "PROVIDER";
        case SpendBy::machine:
            return "MACHINE";
        case SpendBy::tag:
            return "TAG";
    }
    return "";
}

/// The sentence of the rental, and each phase of it as a line.
std::string rental_text(const Spend& spend, int decimals) {
    if (spend.rental.empty()) {
        return {};
    }
    std::string text = "\nof the rental:";
    Money all{0, spend.currency};
    std::chrono::nanoseconds time{0};
    for (const PhaseLine& phase : spend.rental) {
        all += phase.cost;
        time += phase.time;
        text += fmt::format(
            "  {} {} %",
            phase_word(phase.phase),
            mul_div(phase.share_permille, 1, 10, Rounding::half_even).value_or(0));
    }
    text += fmt::format(
        "      {} {} paid while not serving\n\n",
        money_figure(spend.rental_not_serving, decimals),
        spend.currency.text());
    const auto line = [&](std::string_view what,
                          const std::string& lasted,
                          Money cost,
                          std::string_view share) {
        std::string row = fmt::format(
            "{:<22} {:>12} {:>12} {:>7}", what, lasted, money_figure(cost, decimals), share);
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + "\n";
    };
    text += fmt::format("{:<22} {:>12} {:>12} {:>7}\n", "RENTED TIME", "TIME", "COST", "SHARE");
    for (const PhaseLine& phase : spend.rental) {
        line(
            phase_word(phase.phase),
            phase.phase == "adjust" ? "-" : time_figure(phase.time),
            phase.cost,
            percent(phase.share_permille, 1'000));
    }
    line("total", time_figure(time), all, "");
    return text;
}

json::object json_line(const SpendLine& line) {
    return {
        {"kind", line.kind},
        {"label", line.label},
        {"synthetic", line.synthetic},
        {"requests", line.requests},
        {"tokens_in", line.tokens_in},
        {"tokens_out", line.tokens_out},
        {"cost", amount_text(line.cost)},
        {"charged", amount_text(line.charged)},
        {"per_mtok", line.per_mtok ? json::value(amount_text(*line.per_mtok)) : nullptr}};
}

/// Against the API for everything; what own hardware lost in worth is a cost too.
Money saved_by_own(const Spend& spend) {
    return *spend.api_only - spend.total.cost - spend.own.total.wear;
}

}  // namespace

std::string spend_text(const Spend& spend) {
    const int decimals = decimals_for(spend.total.cost);
    std::string text = head_text(spend.first, spend.last, spend.currency, spend.rates);
    text += fmt::format(
        "          source: ledger, {} request{}\n\n",
        grouped(spend.total.requests),
        spend.total.requests == 1 ? "" : "s");
    if (spend.lines.empty()) {
        return text + "nothing was asked and nothing was spent in this time\n";
    }
    std::size_t width = 18;
    for (const SpendLine& line : spend.lines) {
        width = std::max(width, name_of(line).size() + (line.kind.empty() ? 0 : 7));
    }
    text += fmt::format(
        "{:<{}}  {:>9} {:>5}  {:>8}   {:<7} {:>12} {:>7} {:>10}{}\n",
        heading(spend.by),
        width,
        "REQUESTS",
        "",
        "TOKENS",
        "IN/OUT",
        "COST",
        "SHARE",
        "PER MTOK",
        shows_charged(spend) ? "      CHARGED" : "");
    for (const SpendLine& line : spend.lines) {
        text += row_of(line, spend, width, decimals);
    }
    text += row_of(spend.total, spend, width, decimals);
    if (spend.by == SpendBy::tag) {
        text += "\nA request with several tags counts in the row of each, once in the total.\n";
    }
    text += rental_text(spend, decimals);
    if (spend.by == SpendBy::source) {
        text += own_work_text(spend.own, decimals);
    }
    if (spend.api_only) {
        const std::string label = fmt::format("all of it from {} would have been", spend.api_label);
        const std::size_t column = std::max<std::size_t>(label.size(), 40);
        const auto line = [&](std::string_view what, Money amount) {
            text += fmt::format(
                "{:<{}} {:>12}\n", what, column, money_figure(amount, decimals));
        };
        const Money saved = saved_by_own(spend);
        text += "\n";
        line(label, *spend.api_only);
        line("you paid", spend.total.cost);
        if (!spend.own.total.wear.is_zero()) {
            line("wear of own hardware", spend.own.total.wear);
        }
        line(saved.nanos() >= 0 ? "saved" : "paid more", saved.nanos() >= 0 ? saved : -saved);
    }
    text += spend.notes.empty() ? "" : "\n";
    for (const std::string& note : spend.notes) {
        text += note + "\n";
    }
    text += spend.rules.empty() ? "" : "\n";
    for (const ledger::RuleReplay& replay : spend.rules) {
        text += rule_replay_text(replay, spend.zone);
    }
    return text;
}

std::string spend_json(const Spend& spend) {
    json::array lines;
    for (const SpendLine& line : spend.lines) {
        lines.emplace_back(json_line(line));
    }
    json::array phases;
    for (const PhaseLine& phase : spend.rental) {
        phases.emplace_back(json::object{
            {"phase", phase.phase},
            {"cost", amount_text(phase.cost)},
            {"share_permille", phase.share_permille},
            {"time_s", whole_seconds(phase.time)}});
    }
    json::object out{
        {"schema", "evenkeel.spend/1"},
        {"first", config::to_text(spend.first)},
        {"last", config::to_text(spend.last)},
        {"currency", spend.currency.text()},
        {"rates", texts_json(spend.rates)},
        {"by", to_text(spend.by)},
        {"lines", std::move(lines)},
        {"total", json_line(spend.total)},
        {"rental",
         json::object{
             {"phases", std::move(phases)},
             {"not_serving", amount_text(spend.rental_not_serving)}}},
        {"own", own_work_json(spend.own)}};
    if (spend.api_only) {
        out["api_only"] = json::object{
            {"label", spend.api_label},
            {"cost", amount_text(*spend.api_only)},
            {"saved", amount_text(saved_by_own(spend))}};
    } else {
        out["api_only"] = nullptr;
    }
    out["notes"] = texts_json(spend.notes);
    json::array rules;
    for (const ledger::RuleReplay& replay : spend.rules) {
        rules.emplace_back(rule_replay_json(replay));
    }
    out["rules"] = std::move(rules);
    return json::serialize(out);
}

std::string spend_csv(const Spend& spend) {
    std::string text =
        "kind,label,synthetic,requests,tokens_in,tokens_out,cost,currency,per_mtok,charged,time_s"
        "\r\n";
    const auto add = [&](const SpendLine& line) {
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},\r\n",
            line.kind,
            csv_field(line.label),
            line.synthetic,
            line.requests,
            line.tokens_in,
            line.tokens_out,
            amount_text(line.cost),
            spend.currency.text(),
            line.per_mtok ? amount_text(*line.per_mtok) : "",
            amount_text(line.charged));
    };
    for (const SpendLine& line : spend.lines) {
        add(line);
    }
    add(spend.total);
    // Parts of the rental above, not money beside it.
    for (const PhaseLine& phase : spend.rental) {
        text += fmt::format(
            "phase,{},,,,,{},{},,,{}\r\n",
            phase.phase,
            amount_text(phase.cost),
            spend.currency.text(),
            whole_seconds(phase.time));
    }
    return text;
}

}  // namespace evenkeel::report
