#include "agent/report/csv.hpp"
#include "agent/report/rules.hpp"
#include "agent/report/spend.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

constexpr std::array months{
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December"};

/// 49589 -> "49,589".
std::string grouped(std::string digits) {
    const bool negative = digits.starts_with('-');
    const auto point = std::min(digits.find('.'), digits.size());
    for (std::size_t at = point; at > (negative ? 4u : 3u);) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string grouped(std::int64_t number) {
    return grouped(std::to_string(number));
}

/// 61234567 -> "61.2M".
std::string short_count(std::int64_t count) {
    constexpr std::array<std::pair<std::int64_t, char>, 3> units{
        {{1'000'000'000, 'G'}, {1'000'000, 'M'}, {1'000, 'k'}}};
    for (const auto& [size, letter] : units) {
        if (count >= size) {
            const auto tenths = mul_div(count, 10, size, Rounding::half_even).value_or(0);
            return format_decimal(tenths, 1, 1) + letter;
        }
    }
    return std::to_string(count);
}

std::string percent(std::int64_t part, std::int64_t whole) {
    const auto share = whole > 0 ? mul_div(part, 100, whole, Rounding::half_even) : std::nullopt;
    return share ? fmt::format("{} %", *share) : std::string{};
}

std::string ordinal(unsigned day) {
    const bool teen = day % 100 >= 11 && day % 100 <= 13;
    const char* const suffix = teen            ? "th"
                               : day % 10 == 1 ? "st"
                               : day % 10 == 2 ? "nd"
                               : day % 10 == 3 ? "rd"
                                               : "th";
    return fmt::format("{}{}", day, suffix);
}

std::string period(const Spend& spend) {
    const auto first = spend.first;
    const auto last = spend.last;
    const bool whole_start = first.day() == std::chrono::day{1} && first.year() == last.year() &&
                             first.month() == last.month();
    if (first == last && !whole_start) {
        return config::to_text(first);
    }
    if (!whole_start) {
        return fmt::format("{} to {}", config::to_text(first), config::to_text(last));
    }
    const std::string month = fmt::format(
        "{} {}", months[static_cast<unsigned>(first.month()) - 1], static_cast<int>(first.year()));
    const std::chrono::year_month_day_last end{first.year() / first.month() / std::chrono::last};
    return last == std::chrono::year_month_day{end}
               ? month
               : fmt::format("{} to the {}", month, ordinal(static_cast<unsigned>(last.day())));
}

std::string_view kind_word(std::string_view kind) {
    return kind == "rental" ? "rented" : kind == "api" ? "API" : kind;
}

std::string_view phase_word(std::string_view phase) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> words{
        {{"serve", "serving"},
         {"boot", "booting"},
         {"warm", "warming"},
         {"idle", "idle"},
         {"drain", "draining"},
         {"delete", "deleting"},
         {"minimum", "unused minimum"},
         {"adjust", "adjusted to the bill"}}};
    for (const auto& [code, word] : words) {
        if (code == phase) {
            return word;
        }
    }
    return phase;
}

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
        grouped(rounded_text(line.cost, decimals)),
        total ? "" : percent(line.cost.nanos(), spend.total.cost.nanos()),
        line.per_mtok ? grouped(rounded_text(*line.per_mtok, 2)) : "-");
    if (shows_charged(spend)) {
        row += fmt::format(" {:>12}", grouped(rounded_text(line.charged, decimals)));
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
        case SpendBy::tag:
            return "TAG";
    }
    return "";
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
    const int decimals = spend.total.cost.nanos() >= 1'000'000'000 ? 2 : 4;
    std::string text = fmt::format("{}, {}", period(spend), spend.currency.text());
    for (const std::string& rate : spend.rates) {
        text += fmt::format(", {}", rate);
    }
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
    if (!spend.rental.empty()) {
        text += "\nof the rental:";
        for (const PhaseLine& phase : spend.rental) {
            text += fmt::format(
                "  {} {} %",
                phase_word(phase.phase),
                mul_div(phase.share_permille, 1, 10, Rounding::half_even).value_or(0));
        }
        text += fmt::format(
            "      {} {} paid while not serving\n",
            grouped(rounded_text(spend.rental_not_serving, decimals)),
            spend.currency.text());
    }
    if (spend.by == SpendBy::source) {
        text += own_work_text(spend.own, decimals);
    }
    if (spend.api_only) {
        const std::string label = fmt::format("all of it from {} would have been", spend.api_label);
        const std::size_t column = std::max<std::size_t>(label.size(), 40);
        const auto line = [&](std::string_view what, Money amount) {
            text += fmt::format(
                "{:<{}} {:>12}\n", what, column, grouped(rounded_text(amount, decimals)));
        };
        const Money saved = saved_by_own(spend);
        const bool stands_alone =
            spend.rental.empty() || (spend.by == SpendBy::source && !spend.own.lines.empty());
        text += stands_alone ? "\n" : "";
        line(label, *spend.api_only);
        line("you paid", spend.total.cost);
        if (!spend.own.total.wear.is_zero()) {
            line("wear of own hardware", spend.own.total.wear);
        }
        line(saved.nanos() >= 0 ? "saved" : "paid more", saved.nanos() >= 0 ? saved : -saved);
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
            {"share_permille", phase.share_permille}});
    }
    json::array rates;
    for (const std::string& rate : spend.rates) {
        rates.emplace_back(rate);
    }
    json::object out{
        {"schema", "evenkeel.spend/1"},
        {"first", config::to_text(spend.first)},
        {"last", config::to_text(spend.last)},
        {"currency", spend.currency.text()},
        {"rates", std::move(rates)},
        {"by",
         [&] {
             std::string word{heading(spend.by)};
             std::ranges::transform(
                 word, word.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
             return word;
         }()},
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
    json::array rules;
    for (const ledger::RuleReplay& replay : spend.rules) {
        rules.emplace_back(rule_replay_json(replay));
    }
    out["rules"] = std::move(rules);
    return json::serialize(out);
}

std::string spend_csv(const Spend& spend) {
    std::string text =
        "kind,label,synthetic,requests,tokens_in,tokens_out,cost,currency,per_mtok,charged\r\n";
    const auto add = [&](const SpendLine& line) {
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{}\r\n",
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
    return text;
}

}  // namespace evenkeel::report
