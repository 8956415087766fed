#include "agent/cli/breakeven.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/cli/text.hpp"
#include "agent/report/breakeven.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

namespace evenkeel::cli {

namespace {

using breakeven::Exact;

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

/// "30%" or "0.3" as a share. Errors: invalid_argument.
Result<std::optional<Exact>> share_of(const std::string& text, const char* flag) {
    if (text.empty()) {
        return std::optional<Exact>{};
    }
    const bool hundredths = text.ends_with('%');
    auto value = breakeven::parse_exact(hundredths ? text.substr(0, text.size() - 1) : text);
    if (value && hundredths) {
        *value /= 100;
    }
    if (!value || *value < 0) {
        return fail(
            Errc::invalid_argument,
            fmt::format("{} takes a share such as 30% or 0.3, not '{}'", flag, text));
    }
    return std::optional{*value};
}

Result<std::optional<Exact>> amount_of(const std::string& text, const char* flag) {
    if (text.empty()) {
        return std::optional<Exact>{};
    }
    const auto value = breakeven::parse_exact(text);
    if (!value || *value < 0) {
        return fail(
            Errc::invalid_argument,
            fmt::format("{} takes millions of tokens a month such as 76.5, not '{}'", flag, text));
    }
    return std::optional{*value};
}

Result<report::BreakevenAsk> ask_of(const BreakevenArguments& arguments) {
    report::BreakevenAsk ask{.machine = arguments.machine};
    const auto use = share_of(arguments.use, "--use");
    const auto residual = share_of(arguments.residual, "--residual");
    const auto in = amount_of(arguments.in_mtok, "--in-mtok");
    const auto out = amount_of(arguments.out_mtok, "--out-mtok");
    for (const auto* one : {&use, &residual, &in, &out}) {
        if (!*one) {
            return std::unexpected{one->error()};
        }
    }
    if (*use && **use > 1) {
        return fail(Errc::invalid_argument, "--use is at most 100%");
    }
    ask.use = *use;
    ask.residual = *residual;
    ask.in_mtok = *in;
    ask.out_mtok = *out;
    if (!arguments.price.empty()) {
        const auto price = parse_money(arguments.price);
        if (!price || price->nanos() < 0) {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "--price takes an amount such as \"8300 AUD\", not '{}'", arguments.price));
        }
        ask.price = *price;
    }
    return ask;
}

std::string headline(const report::BreakevenInput& input, const breakeven::Comparison& comparison) {
    const breakeven::Situation& s = input.situation;
    std::string out;
    if (s.machine) {
        out = fmt::format(
            "Own machine '{}' for {} {}: power {} {}/month at {} use ({}), {} {}/kWh\n",
            s.machine->name,
            grouped(s.machine->price),
            s.machine->currency.text(),
            grouped(comparison.power_monthly.value_or(Exact{0})),
            s.report.text(),
            percent(s.use),
            input.use_from,
            breakeven::to_fixed(s.tariff, 4),
            s.tariff_currency.text());
    }
    std::string assumptions = fmt::format("{} h month", s.hours_per_month);
    if (s.machine) {
        assumptions += fmt::format(", resale {}", percent(s.machine->residual));
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
    return row.answer.expected ? breakeven::to_fixed(*row.answer.expected) + " months"
                               : row.answer.status;
}

std::string rows_text(const breakeven::Comparison& comparison, bool buys, UtcTime now, bool csv) {
    using enum Table::Align;
    Table table{
        {{buys ? "INSTEAD OF" : "OPTION", left},
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
    return table.empty() ? std::string{} : csv ? table.csv() : table.text();
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

std::string versus_text(const breakeven::Comparison& comparison, const std::string& currency) {
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
             with(one.burst.aux, "", 2) + " " + currency});
    }
    return "\n" + table.text();
}

std::string rest_text(
    const report::BreakevenInput& input,
    const std::optional<report::MeasuredUse>& measured,
    const breakeven::Comparison& comparison) {
    std::string out;
    for (const breakeven::Reserved& one : comparison.reserved) {
        out +=
            one.answer.expected
                ? fmt::format(
                      "A reservation of {} at {} against {} pays above {} % use ({} h a month).\n",
                      one.reservation.what,
                      breakeven::to_fixed(one.reservation.rate),
                      breakeven::to_fixed(one.list_rate),
                      breakeven::to_fixed(*one.answer.expected),
                      breakeven::to_fixed(*one.answer.aux, 0))
                : fmt::format(
                      "A reservation of {} at {} never pays against {}.\n",
                      one.reservation.what,
                      breakeven::to_fixed(one.reservation.rate),
                      breakeven::to_fixed(one.list_rate));
    }
    if (comparison.horizon) {
        out += fmt::format(
            "Over {} months, of buying '{}', {}{} the cheapest is {}: {} {}{}.\n",
            input.situation.horizon_months,
            input.situation.machine->name,
            comparison.rows[*comparison.base].what,
            input.situation.tokens && !input.situation.apis.empty()
                ? " and " + input.situation.apis.front().what
                : "",
            comparison.horizon->status == "api"    ? "the API"
            : comparison.horizon->status == "rent" ? "renting"
                                                   : "buying",
            grouped(*comparison.horizon->expected),
            input.situation.report.text(),
            comparison.horizon->aux
                ? fmt::format(", {} less than the next", grouped(*comparison.horizon->aux))
                : "");
    }
    if (measured && !measured->per_mtok.empty()) {
        out += fmt::format("Measured over {} days, per Mtok:", measured->days);
        for (const auto& [kind, cost] : measured->per_mtok) {
            out += fmt::format(" {} {}", kind, breakeven::to_fixed(cost));
        }
        out += fmt::format(" {}\n", input.situation.report.text());
    }
    for (const std::string& note : input.notes) {
        out += "! " + note + "\n";
    }
    return out.empty() ? out : "\n" + out;
}

/// What the ledger measured; nothing when there is no ledger. Errors: those of the ledger, else.
Result<std::optional<report::MeasuredUse>> measured_in(
    ledger::Reader* reader, const config::Config& config, UtcTime now) {
    if (reader == nullptr) {
        return std::optional<report::MeasuredUse>{};
    }
    const auto zone = ledger::Zone::load(config.report_zone);
    if (!zone) {
        return std::unexpected{zone.error()};
    }
    auto use = report::measure_use(*reader, config, *zone, now);
    if (!use) {
        return std::unexpected{use.error()};
    }
    return std::optional{std::move(*use)};
}

}  // namespace

int breakeven(const Globals& globals, const BreakevenArguments& arguments) {
    if (!arguments.table.empty()) {
        return breakeven_table(globals, arguments.table);
    }
    const auto ask = ask_of(arguments);
    if (!ask) {
        report(ask.error());
        return Exit::usage;
    }
    const agent::SystemClock clock;
    const UtcTime now = clock.read().utc;
    const auto config = read_checked(globals, clock);
    if (!config) {
        std::cerr << "evenkeel: " << config.error().message << '\n';
        return Exit::configuration;
    }
    auto reader = ledger::Reader::open(globals.state);
    if (!reader && reader.error().code != Errc::not_found) {
        return report(reader.error());
    }
    const auto measured = measured_in(reader ? &*reader : nullptr, *config, now);
    if (!measured) {
        return report(measured.error());
    }
    report::SeenPrice seen = [](const config::Offer&) { return std::nullopt; };
    if (reader) {
        seen = report::prices_in(*reader);
    }
    const auto input =
        report::breakeven_input(*config, report::price_rows(*config, seen), *measured, *ask, now);
    if (!input) {
        return report(input.error());
    }
    const auto comparison = breakeven::compare(input->situation);
    if (!comparison) {
        return report(comparison.error());
    }
    const bool buys = input->situation.machine.has_value();
    if (globals.json) {
        std::cout << report::breakeven_json(*input, *measured, *comparison) << '\n';
    } else if (globals.csv) {
        std::cout << rows_text(*comparison, buys, now, true);
    } else {
        std::cout << headline(*input, *comparison) << '\n'
                  << rows_text(*comparison, buys, now, false) << swings_text(*comparison)
                  << versus_text(*comparison, std::string{input->situation.report.text()})
                  << rest_text(*input, *measured, *comparison);
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
