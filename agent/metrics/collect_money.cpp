#include "agent/metrics/collect.hpp"
#include "agent/metrics/pace.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace evenkeel::agent::metrics {

namespace {

/// "hour"; "input_mtok", "cached_mtok"; of a tier "output_mtok_over_200000".
std::string unit_of(std::string_view meter) {
    constexpr std::string_view over = " over ";
    const std::size_t tier = meter.find(over);
    const std::string_view plain = meter.substr(0, tier);
    std::string unit{plain == "in" ? "input" : plain == "out" ? "output" : plain};
    if (plain != "hour" && plain != "power") {
        unit += "_mtok";
    }
    if (tier != std::string_view::npos) {
        unit += "_over_";
        unit += meter.substr(tier + over.size());
    }
    return unit;
}

/// What will be posted sooner or later begins at zero: a counter that appears with its first amount
/// would hide it from rate() and increase().
void add_zeros(const View& view, std::map<ledger::Figures::MoneyKey, Money>& money) {
    const auto begin =
        [&money](
            const std::string& source, SourceKind kind, std::string_view phase, Currency currency) {
            money.try_emplace(
                {source, std::string{to_text(kind)}, std::string{phase}, currency},
                Money{0, currency});
        };
    for (const MachineView& machine : view.machines) {
        if (machine.rate.currency().is_none()) {
            continue;  // its price is not known yet
        }
        for (const Phase phase : open_phases) {
            begin(machine.name, SourceKind::rental, to_text(phase), machine.rate.currency());
        }
    }
    for (const SourceView& source : view.sources) {
        // An API is named after its offer.
        const auto offer = std::ranges::find(view.prices, source.name, &report::PriceRow::offer);
        if (source.kind == to_text(SourceKind::api) && offer != view.prices.end() &&
            !offer->prices.empty()) {
            const Currency currency = offer->prices.front().second.currency();
            begin(source.name, SourceKind::api, "request", currency);
        }
    }
}

void add_prices(const View& view, Families& out) {
    for (const report::PriceRow& row : view.prices) {
        for (const auto& [meter, at] : row.prices) {
            const std::string unit = unit_of(meter);
            const Families::Labels labels{row.offer, unit, at.currency().text()};
            out.add(price, labels, amount_of(at.per_display_unit()));
            if (row.seen) {
                out.add(price_seen, labels, seconds_of(*row.seen));
            }
            if (row.age_max) {
                out.add(price_age_limit, labels, static_cast<double>(row.age_max->count()) / 1e3);
            }
        }
    }
    for (const auto& [currency, rate] : view.currency.rates) {
        out.add(fx_rate, {currency.text()}, seconds_of(std::chrono::sys_days{rate.as_of}));
    }
}

}  // namespace

void collect_money(const Known& known, Families& out) {
    const View& view = known.view;
    auto money = known.booked.money;
    add_zeros(view, money);
    for (const auto& [names, amount] : money) {
        const auto& [source, kind, phase, currency] = names;
        out.add(cost, {source, kind, phase, currency.text()}, amount_of(amount));
    }
    for (const auto& [names, amount] : known.booked.credit) {
        out.add(cost_credit, {names.first, names.second.text()}, amount_of(amount));
    }
    const std::string_view report = view.currency.report.text();
    out.add(cost_rate, {to_text(SourceKind::rental), report}, amount_of(view.cost_rate));
    out.add(cost_rate, {to_text(SourceKind::own), report}, amount_of(view.own_rate));
    if (view.max_per_day) {
        out.add(rental_daily_limit, {report}, amount_of(*view.max_per_day));
    }
    for (const BudgetView& budget : view.budgets) {
        const Families::Labels labels{budget.name, report};
        out.add(budget_limit, labels, amount_of(budget.limit));
        out.add(budget_spent, labels, amount_of(budget.spent));
        const std::int64_t end =
            spent_at_end(budget.spent.nanos(), budget.from, budget.until, view.made);
        out.add(budget_forecast, labels, amount_of(Money{end, view.currency.report}));
    }
    add_prices(view, out);
}

}  // namespace evenkeel::agent::metrics
