#include "agent/report/breakeven.hpp"

#include "policies/capacity/known.hpp"
#include "policies/config/tariff.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace evenkeel::report {

using breakeven::Exact;

namespace {

const Exact use_assumed{3, 10};
/// Where no rule of the policy says how old a price may be.
constexpr std::chrono::hours price_age_max{24};

std::map<std::pair<Currency, Currency>, Exact> rates_of(const config::CurrencyRules& rules) {
    std::map<std::pair<Currency, Currency>, Exact> rates;
    for (const auto& [currency, rate] : rules.rates) {
        rates[{currency, rules.report}] = Exact{rate.rate_nanos, 1'000'000'000};
    }
    return rates;
}

/// The mean over a day; nothing without a tariff, or when its lines are in several currencies.
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
            return std::nullopt;
        }
        sum += breakeven::exact_of(*price);
    }
    return std::pair{Exact{sum / config::minutes_of_day}, currency};
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

Result<void> add_own(const config::Config& config, const BreakevenAsk& ask, BreakevenInput& input) {
    breakeven::Situation& situation = input.situation;
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
                "what '{0}' costs is not known: say --price \"6800 {1}\", or write "
                "hardware[].price in evenkeel.yaml",
                hardware->name,
                config.currency.report.text()));
    }
    situation.own = breakeven::OwnHardware{
        .name = hardware->name,
        .price = breakeven::exact_of(*price),
        .currency = price->currency(),
        .residual = ask.residual.value_or(Exact{hardware->residual_millis, 1'000}),
        .active_w = Exact{hardware->busy_milliwatts, 1'000},
        .idle_w = Exact{hardware->idle_milliwatts, 1'000}};
    breakeven::Terms wear;
    wear.rates = situation.rates;
    wear.report_currency = situation.report;
    wear.amount = situation.own->price * (1 - situation.own->residual) / hardware->wear_months;
    wear.amount_currency = situation.own->currency;
    if (const auto worn = breakeven::solve(breakeven::Kind::fx_convert, wear)) {
        input.wear_monthly = worn->expected;
    }
    if (hardware->bought && !ask.price) {
        const auto day = std::chrono::sys_days{*hardware->bought};
        const auto ends = *hardware->bought + std::chrono::months{hardware->wear_months};
        input.notes.push_back(fmt::format(
            "'{}' was bought on {:%Y-%m-%d} and is meant to last until {:%Y-%m-%d}",
            hardware->name,
            fmt::gmtime(std::chrono::system_clock::to_time_t(day)),
            fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::sys_days{ends}))));
    }
    return {};
}

std::optional<Price> meter(const PriceRow& row, std::string_view name) {
    for (const auto& [text, price] : row.prices) {
        if (text == name) {
            return price;
        }
    }
    return std::nullopt;
}

/// How long a burst on this offer boots, drains and is billed at least, by the rule that rents it.
void set_burst(
    const config::Config& config, const std::string& offer, breakeven::RentalOption& rental) {
    const auto rule = std::ranges::find_if(config.scaling, [&](const config::Scaling& one) {
        return std::ranges::find(one.offers, offer) != one.offers.end();
    });
    if (rule == config.scaling.end()) {
        return;
    }
    if (rule->boot) {
        rental.boot_s = Exact{rule->boot->count(), 1'000};
    }
    if (rule->min_bill) {
        rental.min_billed_s = Exact{rule->min_bill->count(), 1'000};
    }
    rental.drain_s = Exact{rule->drain.count(), 1'000};
}

void add_rental(
    const config::Config& config,
    const PriceRow& row,
    const Price& hour,
    const Capacity& capacity,
    UtcTime now,
    breakeven::Situation& situation) {
    breakeven::RentalOption rental{
        .what = fmt::format("{} on {}", row.what, row.provider),
        .gpu = row.what,
        .rate = breakeven::exact_of(hour),
        .currency = hour.currency(),
        .seen = row.seen,
        .stale = !row.seen || now - *row.seen > row.age_max.value_or(price_age_max),
        .capacity_tps = capacity(row.what, row.model)};
    set_burst(config, row.offer, rental);
    const bool twice = std::ranges::any_of(situation.rentals, [&](const auto& other) {
        return other.what == rental.what && other.rate == rental.rate &&
               other.currency == rental.currency;
    });
    if (!twice) {  // several models may be served on one kind of machine
        situation.rentals.push_back(std::move(rental));
    }
}

void add_options(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    const Capacity& capacity,
    UtcTime now,
    BreakevenInput& input) {
    for (const PriceRow& row : prices) {
        if (const auto hour = meter(row, "hour"); hour && config.breakeven.rent) {
            add_rental(config, row, *hour, capacity, now, input.situation);
        } else if (const auto in = meter(row, "in"); in && config.breakeven.api) {
            const auto cached = meter(row, "cached");
            const config::Offer* offer = config.offer(row.offer).offer;
            const std::string what = fmt::format("{} on {}", row.what, row.provider);
            if (offer->is_retired(std::chrono::floor<std::chrono::days>(now))) {
                input.notes.push_back(fmt::format(
                    "{} is left out: it was retired on {}",
                    what,
                    config::to_text(*offer->retires)));
                continue;
            }
            if (!offer->token_price->tiers.empty()) {
                input.notes.push_back(fmt::format(
                    "{} costs more where a prompt has over {} tokens; that is not counted",
                    what,
                    offer->token_price->tiers.front().over));
            }
            input.situation.apis.push_back(
                {.what = what,
                 .in = breakeven::exact_of(*in),
                 .out = breakeven::exact_of(*meter(row, "out")),
                 .cached = cached ? std::optional{breakeven::exact_of(*cached)} : std::nullopt,
                 .batch = Exact{offer->token_price->batch_millis, 1'000},
                 .currency = in->currency(),
                 .seen = row.seen});
        } else if (row.prices.empty()) {
            input.notes.push_back(fmt::format(
                "the price of {} on {} is not known: evenkeel prices refresh {}",
                row.what,
                row.provider,
                row.provider));
        }
    }
}

/// "H100" of a contract is the provider's "gpu-h100x1-80gb".
bool same_gpu(const std::string& written, const std::string& sold) {
    const auto a = capacity::find_gpu(written);
    const auto b = capacity::find_gpu(sold);
    return written == sold || (a && b && a->gpu.name == b->gpu.name && a->count == b->count);
}

void add_reservations(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    UtcTime now,
    BreakevenInput& input) {
    for (const config::Commitment& contract : config.breakeven.commitments) {
        const std::string what = fmt::format("{} on {}", contract.gpu, contract.on);
        const auto end = contract.from + std::chrono::months{contract.months};
        if (UtcTime{std::chrono::sys_days{end}} <= now) {
            input.notes.push_back(fmt::format("the contract for {} has ended", what));
            continue;
        }
        const auto row = std::ranges::find_if(prices, [&](const PriceRow& one) {
            const auto hour = meter(one, "hour");
            return hour && one.provider == contract.on && same_gpu(contract.gpu, one.what) &&
                   hour->currency() == contract.price.currency();
        });
        if (row == prices.end()) {
            input.notes.push_back(fmt::format(
                "the contract for {} has no offer of that GPU and currency beside it", what));
            continue;
        }
        input.situation.reservations.push_back(
            {.what = what,
             .rate = breakeven::exact_of(contract.price),
             .against = fmt::format("{} on {}", row->what, row->provider),
             .list_rate = breakeven::exact_of(*meter(*row, "hour")),
             .currency = contract.price.currency()});
    }
}

std::string measured_over(const MeasuredUse& measured) {
    const auto hours = measured.span.count();
    return hours < 48 ? fmt::format("measured over {} hours", hours)
                      : fmt::format("measured over {} days", (hours + 12) / 24);
}

/// The work to compare: of the own machine where it has done some, else all there was.
void choose_tokens(
    const std::optional<MeasuredUse>& measured, const BreakevenAsk& ask, BreakevenInput& input) {
    breakeven::Situation& situation = input.situation;
    if (ask.in_mtok || ask.out_mtok) {
        situation.tokens = breakeven::Tokens{
            .in_mtok = ask.in_mtok.value_or(Exact{0}), .out_mtok = ask.out_mtok.value_or(Exact{0})};
        input.tokens_from = "as asked";
        return;
    }
    const bool owned =
        measured && situation.own && measured->own_tokens.contains(situation.own->name);
    if (owned) {
        situation.tokens = measured->own_tokens.at(situation.own->name);
        input.tokens_from = fmt::format("'{}', {}", situation.own->name, measured_over(*measured));
    } else if (measured && measured->all_tokens) {
        situation.tokens = measured->all_tokens;
        input.tokens_from = fmt::format("all sources, {}", measured_over(*measured));
    } else {
        input.notes.emplace_back(
            "no tokens were measured: say --in-mtok and --out-mtok (millions a month) to compare "
            "with APIs by the month");
    }
}

void choose_use(
    const std::optional<MeasuredUse>& measured, const BreakevenAsk& ask, BreakevenInput& input) {
    breakeven::Situation& situation = input.situation;
    if (ask.use) {
        situation.use = *ask.use;
        input.use_from = "as asked";
    } else if (measured && situation.own && measured->busy.contains(situation.own->name)) {
        situation.use = measured->busy.at(situation.own->name);
        input.use_from = measured_over(*measured);
    } else {
        situation.use = use_assumed;
        input.use_from = "assumed";
    }
}

}  // namespace

Result<BreakevenInput> breakeven_input(
    const config::Config& config,
    const std::vector<PriceRow>& prices,
    const std::optional<MeasuredUse>& measured,
    const BreakevenAsk& ask,
    const Capacity& capacity,
    UtcTime now) {
    BreakevenInput input;
    breakeven::Situation& situation = input.situation;
    situation.report = config.currency.report;
    situation.rates = rates_of(config.currency);
    situation.hours_per_month = config.breakeven.hours_per_month;
    situation.horizon_months = config.breakeven.horizon_months;
    if (config.breakeven.buy) {
        if (const auto added = add_own(config, ask, input); !added) {
            return std::unexpected{added.error()};
        }
    }
    if (const auto tariff = mean_tariff(config.energy)) {
        situation.tariff = tariff->first;
        situation.tariff_currency = tariff->second;
    } else if (situation.own) {
        input.notes.emplace_back(
            "no energy.tariff, or one in several currencies: power is taken for free");
    }
    add_options(config, prices, capacity, now, input);
    if (config.breakeven.reserve) {
        add_reservations(config, prices, now, input);
    }
    choose_use(measured, ask, input);
    choose_tokens(measured, ask, input);
    return input;
}

}  // namespace evenkeel::report
