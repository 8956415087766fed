#include "agent/report/breakeven.hpp"

#include "policies/config/tariff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::report {

using breakeven::Exact;

namespace {

const Exact use_assumed{3, 10};
constexpr std::int64_t hours_a_day = 24;

std::map<std::pair<Currency, Currency>, Exact> rates_of(const config::CurrencyRules& rules) {
    std::map<std::pair<Currency, Currency>, Exact> rates;
    for (const auto& [currency, rate] : rules.rates) {
        rates[{currency, rules.report}] = Exact{rate.rate_nanos, 1'000'000'000};
    }
    return rates;
}

/// The mean over a day. Lines of different currencies cannot be averaged: then the last line's.
std::optional<std::pair<Exact, Currency>> mean_tariff(const config::Energy& energy) {
    Exact sum{0};
    Currency currency{};
    for (int minute = 0; minute < config::minutes_of_day; ++minute) {
        const auto price = config::tariff_at(energy, minute);
        if (!price) {
            return std::nullopt;
        }
        if (currency.is_none()) {
            currency = price->currency();
        }
        if (currency != price->currency()) {
            const Price& last = energy.tariff.back().price;
            return std::pair{breakeven::exact_of(last), last.currency()};
        }
        sum += breakeven::exact_of(*price);
    }
    return std::pair{Exact{sum / config::minutes_of_day}, currency};
}

Exact clamped(const Exact& share) {
    return std::clamp(share, Exact{0}, Exact{1});
}

Result<Exact> in_report(const config::CurrencyRules& rules, Money amount) {
    if (amount.is_zero() || amount.currency() == rules.report) {
        return breakeven::exact_of(amount);
    }
    const auto rate = rules.rates.find(amount.currency());
    if (rate == rules.rates.end()) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "there is no rate from {} to {}: add it to currency.rates",
                amount.currency().text(),
                rules.report.text()));
    }
    return Exact{breakeven::exact_of(amount) * rate->second.rate_nanos / 1'000'000'000};
}

const config::Hardware* machine_of(const config::Config& config, const std::string& name) {
    const auto& all = config.hardware;
    const auto found =
        name.empty()
            ? std::ranges::find_if(all, [](const auto& one) { return one.price.has_value(); })
            : std::ranges::find(all, name, &config::Hardware::name);
    if (found != all.end()) {
        return &*found;
    }
    return name.empty() && !all.empty() ? &all.front() : nullptr;
}

Result<void> add_machine(
    const config::Config& config, const BreakevenAsk& ask, breakeven::Situation& situation) {
    const config::Hardware* hardware = machine_of(config, ask.machine);
    if (hardware == nullptr) {
        if (!ask.machine.empty()) {
            return fail(
                Errc::not_found,
                fmt::format("evenkeel.yaml has no hardware called '{}'", ask.machine));
        }
        return {};  // only renting and APIs are compared
    }
    const auto price = ask.price ? ask.price : hardware->price;
    if (!price) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "what '{0}' costs is not known: say --price \"6800 AUD\", or write "
                "hardware[].price "
                "in evenkeel.yaml",
                hardware->name));
    }
    situation.machine = breakeven::Machine{
        .name = hardware->name,
        .price = breakeven::exact_of(*price),
        .currency = price->currency(),
        .residual = ask.residual.value_or(Exact{hardware->residual_millis, 1'000}),
        .active_w = Exact{hardware->busy_milliwatts, 1'000},
        .idle_w = Exact{hardware->idle_milliwatts, 1'000}};
    return {};
}

void add_options(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    UtcTime now,
    breakeven::Situation& situation,
    std::vector<std::string>& notes) {
    const auto meter = [](const PriceRow& row, std::string_view name) -> std::optional<Price> {
        for (const auto& [text, price] : row.prices) {
            if (text == name) {
                return price;
            }
        }
        return std::nullopt;
    };
    for (const PriceRow& row : prices) {
        const std::string what = fmt::format("{} on {}", row.what, row.provider);
        if (const auto hour = meter(row, "hour"); hour && config.breakeven.rent) {
            situation.rentals.push_back(
                {.what = what,
                 .provider = row.provider,
                 .gpu = row.what,
                 .rate = breakeven::exact_of(*hour),
                 .currency = hour->currency(),
                 .seen = row.seen,
                 .stale = row.stale(now)});
        } else if (const auto in = meter(row, "in"); in && config.breakeven.api) {
            const auto cached = meter(row, "cached");
            situation.apis.push_back(
                {.what = what,
                 .in = breakeven::exact_of(*in),
                 .out = breakeven::exact_of(*meter(row, "out")),
                 .cached = cached ? std::optional{breakeven::exact_of(*cached)} : std::nullopt,
                 .currency = in->currency(),
                 .seen = row.seen});
        } else if (row.prices.empty()) {
            notes.push_back(fmt::format(
                "the price of {} is not known: evenkeel prices refresh {}", what, row.provider));
        }
    }
    if (!config.breakeven.reserve) {
        return;
    }
    for (const config::Commitment& commitment : config.breakeven.commitments) {
        situation.reservations.push_back(
            {.what = fmt::format("{} on {}", commitment.gpu, commitment.on),
             .provider = commitment.on,
             .gpu = commitment.gpu,
             .rate = breakeven::exact_of(commitment.price),
             .currency = commitment.price.currency()});
    }
}

void choose_use(
    const std::optional<MeasuredUse>& measured, const BreakevenAsk& ask, BreakevenInput& input) {
    breakeven::Situation& situation = input.situation;
    const auto busy = measured && situation.machine
                          ? measured->busy.find(situation.machine->name)
                          : std::map<std::string, Exact>::const_iterator{};
    if (ask.use) {
        situation.use = *ask.use;
        input.use_from = "as asked";
    } else if (measured && situation.machine && busy != measured->busy.end()) {
        situation.use = busy->second;
        input.use_from = fmt::format("measured over {} days", measured->days);
    } else {
        situation.use = use_assumed;
        input.use_from = "assumed";
    }
    if (ask.in_mtok || ask.out_mtok) {
        situation.tokens = breakeven::Tokens{
            .in_mtok = ask.in_mtok.value_or(Exact{0}), .out_mtok = ask.out_mtok.value_or(Exact{0})};
        input.tokens_from = "as asked";
    } else if (measured && measured->tokens) {
        situation.tokens = measured->tokens;
        input.tokens_from = fmt::format("measured over {} days", measured->days);
    } else {
        input.notes.emplace_back(
            "no tokens were measured: say --in-mtok and --out-mtok (millions a month) to compare "
            "with APIs by the month");
    }
}

}  // namespace

Result<MeasuredUse> measure_use(
    ledger::Reader& reader, const config::Config& config, const ledger::Zone& zone, UtcTime now) {
    const auto days = std::max<std::int64_t>(
        1, std::chrono::floor<std::chrono::days>(config.breakeven.window).count());
    MeasuredUse use{.days = static_cast<int>(days)};
    const auto energy = reader.energy(now - config.breakeven.window);
    const auto spend = reader.spend(
        ledger::day_number(zone, now - std::chrono::days{days - 1}), ledger::day_number(zone, now));
    const auto summary = reader.summary();
    if (!energy || !spend || !summary) {
        return std::unexpected{!energy ? energy.error() : !spend ? spend.error() : summary.error()};
    }
    for (const ledger::EnergyRow& row : *energy) {
        const auto hardware =
            std::ranges::find(config.hardware, row.hardware, &config::Hardware::name);
        if (hardware == config.hardware.end() ||
            hardware->busy_milliwatts <= hardware->idle_milliwatts) {
            continue;
        }
        using std::chrono::microseconds;
        const Exact us{std::chrono::duration_cast<microseconds>(row.to - row.from).count()};
        const Exact milliwatts = Exact{row.microjoules} * 1'000 / us;
        use.busy[row.hardware] = clamped(
            (milliwatts - hardware->idle_milliwatts) /
            (hardware->busy_milliwatts - hardware->idle_milliwatts));
    }
    // A young ledger has not seen the whole window.
    const auto first = summary->first.value_or(now);
    const auto seen = std::max<std::chrono::microseconds>(
        std::min<std::chrono::microseconds>(now - first, config.breakeven.window),
        std::chrono::hours{1});
    const Exact months =
        Exact{seen.count(), std::chrono::microseconds{std::chrono::hours{1}}.count()} /
        config.breakeven.hours_per_month;
    use.days = static_cast<int>(
        (std::chrono::ceil<std::chrono::hours>(seen).count() + hours_a_day - 1) / hours_a_day);
    std::int64_t in = 0;
    std::int64_t cached = 0;
    std::int64_t out = 0;
    std::map<std::string, std::pair<Exact, std::int64_t>> by_kind;
    for (const ledger::SpendRow& row : *spend) {
        in += row.tokens_in;
        cached += row.tokens_cached;
        out += row.tokens_out;
        const auto paid = in_report(config.currency, row.paid);
        if (!paid) {
            return std::unexpected{paid.error()};
        }
        for (const std::string& kind : {std::string{to_text(row.kind)}, std::string{"all"}}) {
            by_kind[kind].first += *paid;
            by_kind[kind].second += row.tokens_in + row.tokens_out;
        }
    }
    if (in + out > 0) {
        use.tokens = breakeven::Tokens{
            .in_mtok = Exact{in, 1'000'000} / months,
            .out_mtok = Exact{out, 1'000'000} / months,
            .cached_fraction = in > 0 ? clamped(Exact{cached, in}) : Exact{0}};
    }
    for (const auto& [kind, sum] : by_kind) {
        if (sum.second > 0) {
            use.per_mtok[kind] = sum.first * 1'000'000 / sum.second;
        }
    }
    return use;
}

Result<BreakevenInput> breakeven_input(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    const std::optional<MeasuredUse>& measured,
    const BreakevenAsk& ask,
    UtcTime now) {
    BreakevenInput input;
    breakeven::Situation& situation = input.situation;
    situation.report = config.currency.report;
    situation.rates = rates_of(config.currency);
    situation.hours_per_month = config.breakeven.hours_per_month;
    situation.horizon_months = config.breakeven.horizon_months;
    if (config.breakeven.buy) {
        if (const auto added = add_machine(config, ask, situation); !added) {
            return std::unexpected{added.error()};
        }
    }
    if (const auto tariff = mean_tariff(config.energy)) {
        situation.tariff = tariff->first;
        situation.tariff_currency = tariff->second;
    } else if (situation.machine) {
        input.notes.emplace_back("no energy.tariff: power is taken for free");
    }
    add_options(config, prices, now, situation, input.notes);
    choose_use(measured, ask, input);
    for (const config::Scaling& rule : config.scaling) {
        if (rule.boot) {
            situation.boot_s = Exact{rule.boot->count(), 1'000};
        }
        situation.drain_s = Exact{rule.drain.count(), 1'000};
        break;
    }
    return input;
}

}  // namespace evenkeel::report
