#include "agent/report/csv.hpp"
#include "agent/report/figures.hpp"
#include "agent/report/savings.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

std::string_view work_word(std::string_view what) {
    return what == "all"      ? "everything"
           : what == "own"    ? "own work"
           : what == "rental" ? "rented work"
                              : "API work";
}

/// "rented work, 3.2 h": tokens elsewhere, or hours elsewhere.
std::string work_text(const SavingsLine& line) {
    return line.kind == "rental"
               ? fmt::format("rented {}", time_figure(line.rented))
               : std::string{work_word(line.what)};
}

std::string offer_text(const SavingsLine& line) {
    std::string text = line.offer;
    if (!line.gpu.empty()) {
        text += fmt::format(" ({})", line.gpu);
    }
    text += line.synthetic ? " (synthetic)" : "";
    return text + (line.tokens_other_model > 0 ? " (*)" : "");
}

/// Where the prices come from and how old they were: "seen 2026-11-09, up to 14 days old".
std::string age_text(const PriceAge& age, const ledger::Zone& zone) {
    if (!age.last) {
        return "-";
    }
    std::string text = config::to_text(zone.day(*age.last));
    if (age.configured) {
        text += ", configured";
    }
    if (age.age_days_max > 0) {
        text += fmt::format(
            ", {} day{} old at most", age.age_days_max, age.age_days_max == 1 ? "" : "s");
    }
    if (age.days_later > 0) {
        text += fmt::format(
            "; (!) {} of {} day{} before any price",
            age.days_later,
            age.days,
            age.days == 1 ? "" : "s");
    }
    return text;
}

json::value time_json(const std::optional<UtcTime>& time) {
    return time ? json::value(providers::format_rfc3339(*time)) : json::value(nullptr);
}

json::object part_json(const SavingsPart& part) {
    return {
        {"what", part.what},
        {"tokens_in", part.tokens_in},
        {"tokens_cached", part.tokens_cached},
        {"tokens_out", part.tokens_out},
        {"rented_s", whole_seconds(part.rented)},
        {"paid", amount_text(part.paid)},
        {"wear", amount_text(part.wear)},
        {"cost", amount_text(part.cost())}};
}

json::array prices_json(const std::vector<Price>& prices) {
    json::array array;
    for (const Price& price : prices) {
        array.emplace_back(to_text(price));
    }
    return array;
}

json::object line_json(const SavingsLine& line) {
    json::object age{
        {"from", line.age.configured ? "configuration" : "ledger"},
        {"days", line.age.days},
        {"days_seen", line.age.days_seen},
        {"days_earlier", line.age.days_earlier},
        {"days_later", line.age.days_later},
        {"age_days_max", line.age.age_days_max}};
    age["seen_first"] = time_json(line.age.first);
    age["seen_last"] = time_json(line.age.last);
    return {
        {"what", line.what},
        {"offer", line.offer},
        {"kind", line.kind},
        {"model", line.model},
        {"gpu", line.gpu},
        {"synthetic", line.synthetic},
        {"tokens_in", line.tokens_in},
        {"tokens_out", line.tokens_out},
        {"tokens_other_model", line.tokens_other_model},
        {"rented_s", whole_seconds(line.rented)},
        {"cost", amount_text(line.cost)},
        {"paid", amount_text(line.paid)},
        {"saved", amount_text(line.saved())},
        {"prices", prices_json(line.prices)},
        {"price", std::move(age)}};
}

/// The answer before the table: what the extremes would have been, and what was paid.
std::string headline(const Savings& savings, int decimals) {
    const SavingsLine* const dearest = savings.dearest();
    const SavingsLine* const cheapest = savings.cheapest();
    if (dearest == nullptr) {
        return "no API is known that could have answered instead\n";
    }
    std::string text;
    const auto row = [&](const std::string& what, Money amount) {
        text += fmt::format("{:<58} {:>12}\n", what, money_figure(amount, decimals));
    };
    const auto would = [&](std::string_view which, const SavingsLine& line) {
        row(fmt::format("everything at {}{} would have been", which, offer_text(line)), line.cost);
    };
    would(dearest == cheapest ? "" : "the dearest API, ", *dearest);
    if (dearest != cheapest) {
        would("the cheapest API, ", *cheapest);
    }
    const SavingsPart& all = savings.parts.front();
    row("you paid", all.paid);
    if (!all.wear.is_zero()) {
        row("wear of own hardware", all.wear);
    }
    const auto against = [&](std::string_view which, const SavingsLine& line) {
        const Money saved = line.saved();
        const bool paid_more = saved.nanos() < 0;
        row(fmt::format(
                "{}{}",
                paid_more ? "paid too much" : "saved",
                which.empty() ? "" : fmt::format(" against the {}", which)),
            paid_more ? -saved : saved);
    };
    against(dearest == cheapest ? "" : "dearest", *dearest);
    if (dearest != cheapest) {
        against("cheapest", *cheapest);
    }
    return text;
}

}  // namespace

std::string savings_text(const Savings& savings) {
    const int decimals = decimals_for(savings.parts.front().cost());
    std::string text =
        head_text(savings.first, savings.last, savings.currency, savings.rates) +
        "          alternatives not taken\n\n";
    if (savings.parts.size() == 1) {
        return text + "nothing was asked and nothing was spent in this time\n";
    }
    text += headline(savings, decimals);
    if (!savings.lines.empty()) {
        std::size_t width = 10;
        for (const SavingsLine& line : savings.lines) {
            width = std::max(width, offer_text(line).size());
        }
        text += fmt::format(
            "\n{:<16} {:<{}} {:>12} {:>12} {:>12}  {}\n",
            "WORK",
            "INSTEAD AT",
            width,
            "WOULD BE",
            "WAS",
            "SAVED",
            "PRICE SEEN");
        for (const SavingsLine& line : savings.lines) {
            text += fmt::format(
                "{:<16} {:<{}} {:>12} {:>12} {:>12}  {}\n",
                work_text(line),
                offer_text(line),
                width,
                money_figure(line.cost, decimals),
                money_figure(line.paid, decimals),
                money_figure(line.saved(), decimals),
                age_text(line.age, savings.zone));
        }
    }
    text += savings.notes.empty() ? "" : "\n";
    for (const std::string& note : savings.notes) {
        text += note + "\n";
    }
    return text;
}

std::string savings_json(const Savings& savings) {
    json::array parts;
    for (const SavingsPart& part : savings.parts) {
        parts.emplace_back(part_json(part));
    }
    json::array lines;
    for (const SavingsLine& line : savings.lines) {
        lines.emplace_back(line_json(line));
    }
    json::object root{
        {"schema", "evenkeel.savings/1"},
        {"first", config::to_text(savings.first)},
        {"last", config::to_text(savings.last)},
        {"currency", savings.currency.text()},
        {"rates", texts_json(savings.rates)},
        {"parts", std::move(parts)},
        {"lines", std::move(lines)},
        {"notes", texts_json(savings.notes)}};
    const auto extreme = [](const SavingsLine* line) {
        return line ? json::value(line_json(*line)) : json::value(nullptr);
    };
    root["cheapest"] = extreme(savings.cheapest());
    root["dearest"] = extreme(savings.dearest());
    return json::serialize(root);
}

std::string savings_csv(const Savings& savings) {
    std::string text =
        "what,offer,kind,model,gpu,synthetic,tokens_in,tokens_out,tokens_other_model,rented_s,cost,"
        "paid,saved,currency,price_from,seen_first,seen_last,days,days_seen,days_earlier,"
        "days_later,age_days_max\r\n";
    const auto time = [](const std::optional<UtcTime>& at) {
        return at ? providers::format_rfc3339(*at) : std::string{};
    };
    for (const SavingsLine& line : savings.lines) {
        text += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{},"
            "{},{},{},{},{},{},{},{},{},{},{}\r\n",
            line.what,
            csv_field(line.offer),
            line.kind,
            csv_field(line.model),
            csv_field(line.gpu),
            line.synthetic,
            line.tokens_in,
            line.tokens_out,
            line.tokens_other_model,
            whole_seconds(line.rented),
            amount_text(line.cost),
            amount_text(line.paid),
            amount_text(line.saved()),
            savings.currency.text(),
            line.age.configured ? "configuration" : "ledger",
            time(line.age.first),
            time(line.age.last),
            line.age.days,
            line.age.days_seen,
            line.age.days_earlier,
            line.age.days_later,
            line.age.age_days_max);
    }
    return text;
}

}  // namespace evenkeel::report
