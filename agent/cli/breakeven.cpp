#include "agent/cli/breakeven.hpp"

#include "agent/cli/breakeven_text.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/predicted_speed.hpp"
#include "agent/cli/rentals.hpp"
#include "agent/report/breakeven.hpp"
#include "agent/service/clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>

namespace evenkeel::cli {

namespace {

using breakeven::Exact;

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
        const bool alone = arguments.machine.empty() && arguments.use.empty() &&
                           arguments.price.empty() && arguments.residual.empty() &&
                           arguments.in_mtok.empty() && arguments.out_mtok.empty();
        if (!alone) {
            std::cerr << "evenkeel: --table answers the questions of its file; it takes no other "
                         "flags of this command\n";
            return Exit::usage;
        }
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
    PredictedSpeed speed{*config};
    auto input = report::breakeven_input(
        *config,
        report::price_rows(*config, seen),
        *measured,
        *ask,
        [&speed](std::string_view gpu, std::string_view model) { return speed.of(gpu, model); },
        now);
    if (!input) {
        return report(input.error());
    }
    std::ranges::copy(speed.notes(), std::back_inserter(input->notes));
    const auto comparison = breakeven::compare(input->situation);
    if (!comparison) {
        return report(comparison.error());
    }
    if (globals.json) {
        std::cout << report::breakeven_json(*input, *measured, *comparison) << '\n';
    } else {
        std::cout
            << (globals.csv ? breakeven_csv(*comparison, now)
                            : breakeven_text(*input, *measured, *comparison, now));
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
