#include "agent/breakeven/answer.hpp"

#include "agent/breakeven/predicted_speed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace evenkeel::agent {

using breakeven::Exact;

namespace {

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

}  // namespace

Result<report::BreakevenAsk> breakeven_ask(const BreakevenWords& words) {
    report::BreakevenAsk ask{.machine = words.machine};
    const auto use = share_of(words.use, "--use");
    const auto residual = share_of(words.residual, "--residual");
    const auto in = amount_of(words.in_mtok, "--in-mtok");
    const auto out = amount_of(words.out_mtok, "--out-mtok");
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
    if (!words.price.empty()) {
        const auto price = parse_money(words.price);
        if (!price || price->nanos() < 0) {
            return fail(
                Errc::invalid_argument,
                fmt::format("--price takes an amount such as \"8300 AUD\", not '{}'", words.price));
        }
        ask.price = *price;
    }
    return ask;
}

Result<std::optional<report::MeasuredUse>> measured_use(
    const config::Config& config, ledger::Reader* reader, UtcTime now) {
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

Result<BreakevenAnswer> breakeven_answer(
    const config::Config& config,
    ledger::Reader* reader,
    std::optional<report::MeasuredUse> measured,
    const report::BreakevenAsk& ask,
    UtcTime now) {
    report::SeenPrice seen = [](const config::Offer&) { return std::nullopt; };
    if (reader != nullptr) {
        seen = report::prices_in(*reader);
    }
    PredictedSpeed speed{config};
    auto input = report::breakeven_input(
        config,
        report::price_rows(config, seen),
        measured,
        ask,
        [&speed](std::string_view gpu, std::string_view model) { return speed.of(gpu, model); },
        now);
    if (!input) {
        return std::unexpected{input.error()};
    }
    std::ranges::copy(speed.notes(), std::back_inserter(input->notes));
    auto comparison = breakeven::compare(input->situation);
    if (!comparison) {
        return std::unexpected{comparison.error()};
    }
    return BreakevenAnswer{
        .input = std::move(*input),
        .measured = std::move(measured),
        .comparison = std::move(*comparison)};
}

}  // namespace evenkeel::agent
