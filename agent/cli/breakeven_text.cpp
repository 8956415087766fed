#include "agent/cli/breakeven_text.hpp"

#include "agent/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::cli {

using breakeven::Exact;

namespace {

/// "1,374.80".
std::string grouped(const Exact& value) {
    const std::string text = breakeven::to_fixed(value);
    const std::size_t point = text.find('.');
    std::string out;
    for (std::size_t i = 0; i < point; ++i) {
        const std::size_t left = point - i;
        const bool digit_before = i > 0 && text[i - 1] != '-';
        out += digit_before && left % 3 == 0 ? "," : "";
        out += text[i];
    }
    return out + text.substr(point);
}

std::string percent(const Exact& share) {
    const std::string text = breakeven::to_fixed(share * 100, 1);
    return (text.ends_with(".0") ? text.substr(0, text.size() - 2) : text) + " %";
}

std::string headline(const report::BreakevenInput& input, const breakeven::Comparison& comparison) {
    const breakeven::Situation& s = input.situation;
    std::string out;
    if (s.own) {
        out = fmt::format(
            "Own machine '{}' for {} {}: power {} {}/month at {} use ({}), {} {}/kWh\n",
            s.own->name,
            grouped(s.own->price),
            s.own->currency.text(),
            grouped(comparison.power_monthly.value_or(Exact{0})),
            s.report.text(),
            percent(s.use),
            input.use_from,
            breakeven::to_fixed(s.tariff, 4),
            s.tariff_currency.text());
        if (input.wear_monthly) {
            out += fmt::format(
                "Its wear: {} {}/month\n", grouped(*input.wear_monthly), s.report.text());
        }
    }
    std::string assumptions = fmt::format("{} h month", s.hours_per_month);
    if (s.own) {
        assumptions += fmt::format(", resale {}", percent(s.own->residual));
    }
    for (const auto& [pair, rate] : s.rates) {
        assumptions += fmt::format(", {} at {}", pair.first.text(), breakeven::to_fixed(rate, 4));
    }
    if (s.tokens) {
        assumptions += fmt::format(
            ", {} Mtok in and {} out a month ({})",
            grouped(s.tokens->in_mtok),
            grouped(s.tokens->out_mtok),
            input.tokens_from);
    }
    return out + "(" + assumptions + ")\n";
}

std::string months_cell(const breakeven::Row& row) {
    if (row.answer.unit != "months") {
        return "-";
    }
    return row.answer.status == "ok" ? breakeven::to_fixed(*row.answer.expected) + " months"
                                     : row.answer.status;
}

std::string rows_text(const breakeven::Comparison& comparison, bool buys, UtcTime now) {
    using enum Table::Align;
    Table table{
        {{buys ? "INSTEAD OF" : "WAY", left},
         {"PER MONTH", right},
         {"BREAK-EVEN", right},
         {"PRICE SEEN", left}}};
    for (const breakeven::Row& row : comparison.rows) {
        const std::string seen =
            row.seen ? fmt::format(
                           "{} ({}){}",
                           time_text(*row.seen, true).substr(0, 10),
                           duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(
                               now - *row.seen)),
                           row.stale ? " (!)" : "")
                     : "never (!)";
        table.add({row.what, grouped(row.monthly), months_cell(row), seen});
    }
    return table.empty() ? std::string{} : table.text();
}

/// Where `value` stands between `least` and `most`, in columns of a bar.
std::size_t column_of(const Exact& value, const Exact& least, const Exact& most) {
    constexpr int columns = 32;
    const Exact share = most > least ? Exact{(value - least) / (most - least)} : Exact{0};
    return static_cast<std::size_t>(std::stoul(breakeven::to_fixed(share * columns, 0)));
}

/// One line an assumption: its two ends, and where the answer then lies. `|` is the answer as it
/// is.
std::string swings_text(const breakeven::Comparison& comparison) {
    if (!comparison.base) {
        return {};
    }
    const breakeven::Row& base = comparison.rows[*comparison.base];
    Exact least = *base.answer.expected;
    Exact most = least;
    for (const breakeven::Swing& swing : comparison.swings) {
        for (const auto& months : {swing.low_months, swing.high_months}) {
            if (months) {
                least = std::min(least, *months);
                most = std::max(most, *months);
            }
        }
    }
    using enum Table::Align;
    Table table{{{"", left}, {"", right}, {"", right}, {"", left}, {"", right}, {"", right}}};
    const auto cell = [](const std::optional<Exact>& months) {
        return months ? breakeven::to_fixed(*months) : "never";
    };
    const std::size_t middle = column_of(*base.answer.expected, least, most);
    for (const breakeven::Swing& swing : comparison.swings) {
        const auto at = [&](const std::optional<Exact>& months) {
            return column_of(months.value_or(most), least, most);
        };
        const std::size_t from = std::min({at(swing.low_months), at(swing.high_months), middle});
        const std::size_t to = std::max({at(swing.low_months), at(swing.high_months), middle});
        std::string bar(from, ' ');
        bar += std::string(middle - from, '=') + "|" + std::string(to - middle, '=');
        table.add(
            {"  " + swing.what,
             swing.low,
             cell(swing.low_months),
             bar,
             swing.high,
             cell(swing.high_months)});
    }
    const std::string text = table.text();
    return fmt::format(
        "\nWhat matters most ({}, {} months; shorter bars matter less):\n{}",
        base.what,
        breakeven::to_fixed(*base.answer.expected),
        text.substr(text.find('\n') + 1));
}

std::string versus_text(
    const breakeven::Comparison& comparison, const breakeven::Situation& situation) {
    if (comparison.versus.empty()) {
        return {};
    }
    using enum Table::Align;
    Table table{
        {{"RENTING", left},
         {"INSTEAD OF", left},
         {"PAYS FROM", right},
         {"THAT IS", right},
         {"ONE BURST PAYS FROM", right},
         {"AND COSTS", right}}};
    const auto with = [](const std::optional<Exact>& value, const char* unit, int places) {
        return value ? breakeven::to_fixed(*value, places) + unit : std::string{"never"};
    };
    for (const breakeven::RentVersusApi& one : comparison.versus) {
        const bool over = one.month.status == "unreachable";
        table.add(
            {one.rental,
             one.api,
             with(one.month.expected, " Mtok/month", 2) + (over ? " (!)" : ""),
             with(one.month.aux, " tokens/s", 0),
             with(one.burst.expected, " ktok", 0) +
                 (one.burst.status == "unreachable" ? " (!)" : ""),
             with(one.burst.aux, " ", 2) + std::string{situation.report.text()}});
    }
    return fmt::format(
        "\n{}(a month of {} h; one burst works for {} s, boots and drains as its rule says; {}; "
        "(!): "
        "more than the machine makes)\n",
        table.text(),
        situation.hours_per_month,
        breakeven::to_fixed(situation.burst_busy_s, 0),
        situation.tokens ? "tokens in and out as above" : "four tokens in for one out");
}

/// The cheapest of all ways over the horizon, and the next one.
std::string ways_text(
    const report::BreakevenInput& input, const breakeven::Comparison& comparison) {
    if (comparison.ways.size() < 2) {
        return {};
    }
    const breakeven::Way& best = comparison.ways[0];
    const breakeven::Way& next = comparison.ways[1];
    return fmt::format(
        "Over {} months the cheapest of these is {}: {} {}; next is {}: {}.\n",
        input.situation.horizon_months,
        best.what,
        grouped(best.cost),
        input.situation.report.text(),
        next.what,
        grouped(next.cost));
}

std::string rest_text(
    const report::BreakevenInput& input,
    const std::optional<report::MeasuredUse>& measured,
    const breakeven::Comparison& comparison) {
    std::string out;
    for (const breakeven::Reserved& one : comparison.reserved) {
        const std::string against = fmt::format(
            "A reservation of {} at {} against {} at {} {}/h",
            one.reservation.what,
            breakeven::to_fixed(one.reservation.rate),
            one.reservation.against,
            breakeven::to_fixed(one.reservation.list_rate),
            one.reservation.currency.text());
        out += one.answer.expected ? fmt::format(
                                         "{} pays above {} % use ({} h a month).\n",
                                         against,
                                         breakeven::to_fixed(*one.answer.expected),
                                         breakeven::to_fixed(*one.answer.aux, 0))
                                   : against + " never pays.\n";
    }
    out += ways_text(input, comparison);
    if (measured && !measured->per_mtok.empty()) {
        out += "Measured, per Mtok:";
        for (const auto& [kind, cost] : measured->per_mtok) {
            out += fmt::format(" {} {}", kind, breakeven::to_fixed(cost));
        }
        out += fmt::format(" {}\n", input.situation.report.text());
    }
    for (const auto* notes : {&input.notes, &comparison.notes}) {
        for (const std::string& note : *notes) {
            out += "! " + note + "\n";
        }
    }
    return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string breakeven_text(
    const report::BreakevenInput& input,
    const std::optional<report::MeasuredUse>& measured,
    const breakeven::Comparison& comparison,
    UtcTime now) {
    const breakeven::Situation& situation = input.situation;
    return headline(input, comparison) + "\n" +
           rows_text(comparison, situation.own.has_value(), now) + swings_text(comparison) +
           versus_text(comparison, situation) + rest_text(input, measured, comparison);
}

std::string breakeven_csv(const breakeven::Comparison& comparison, UtcTime now) {
    using enum Table::Align;
    Table table{
        {{"INSTEAD_OF", left},
         {"PER_MONTH", right},
         {"STATUS", left},
         {"MONTHS", right},
         {"PRICE_SEEN", left},
         {"AGE_DAYS", right},
         {"STALE", left}}};
    for (const breakeven::Row& row : comparison.rows) {
        const bool months = row.answer.unit == "months" && row.answer.expected;
        table.add(
            {row.what,
             breakeven::to_fixed(row.monthly),
             row.answer.status,
             months ? breakeven::to_fixed(*row.answer.expected) : "",
             row.seen ? time_text(*row.seen, true).substr(0, 10) : "",
             row.seen
                 ? fmt::format("{}", std::chrono::floor<std::chrono::days>(now - *row.seen).count())
                 : "",
             row.stale ? "true" : "false"});
    }
    return table.csv();
}

}  // namespace evenkeel::cli
