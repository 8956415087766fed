#include "agent/control/exposure.hpp"

#include "policies/budget/used.hpp"

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

/// Bits of the budgets without a scope, of kind `kind`, and those for which `names` holds.
template <class Names>
std::uint64_t budgets_where(
    const config::Config& config, std::string_view kind, const Names& names) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < config.budgets.size(); ++i) {
        const config::BudgetScope& scope = config.budgets[i].scope;
        const bool all = scope == config::BudgetScope{};
        bits |= all || scope.kind == kind || names(scope) ? std::uint64_t{1} << i : 0;
    }
    return bits;
}

}  // namespace

std::uint64_t own_budgets(const config::Config& config, std::string_view hardware) {
    std::string_view provider;
    for (const config::Provider& entry : config.providers) {
        if (entry.hardware == hardware) {
            provider = provider.empty() ? std::string_view{entry.name} : "*";  // shared: nobody's
        }
    }
    return budgets_where(config, "own", [&](const config::BudgetScope& scope) {
        return !scope.provider.empty() && scope.provider == provider;
    });
}

std::uint64_t rental_budgets(
    const config::Config& config, std::string_view provider, std::string_view model) {
    const bool is_charged = routing::is_charged_internally(config, model);
    return budgets_where(config, "rental", [&](const config::BudgetScope& scope) {
        return (!scope.provider.empty() && scope.provider == provider) ||
               (!scope.model.empty() && scope.model == model && !is_charged);
    });
}

void Exposure::apply(std::shared_ptr<const routing::Catalogue> catalogue, Now now) {
    const std::shared_ptr<const routing::Catalogue> before =
        std::exchange(catalogue_, std::move(catalogue));
    std::map<NameIx, UtcTime> windows;
    for (std::size_t i = 0; i < catalogue_->budgets.size(); ++i) {
        const NameIx name = catalogue_->budgets[i];
        const config::Budget& budget = catalogue_->config.budgets[i];
        windows[name] = ledger::window_start(budget.per, zone_, now.utc);
        for (std::size_t k = 0; before && k < before->budgets.size(); ++k) {
            // The same window goes on: a change of the clock meanwhile opens no old one again.
            if (before->budgets[k] == name && before->config.budgets[k].per == budget.per) {
                windows[name] = windows_[name];
            }
        }
    }
    windows_ = std::move(windows);
    if (day_number_ == 0) {
        day_number_ = ledger::day_number(zone_, now.utc);
    }
}

void Exposure::start_day(std::int64_t spent_report, Now now) {
    day_number_ = ledger::day_number(zone_, now.utc);
    day_spent_ = spent_report;
}

void Exposure::known(MachineId machine, std::int64_t report) {
    told_[machine] = report;
}

void Exposure::add(const Seat& seat, std::int64_t target) {
    std::int64_t& told = told_[seat.machine.id];
    const std::int64_t delta = target - told;
    if (delta == 0) {
        return;
    }
    told = target;
    day_spent_ += delta;
    const std::uint64_t bits =
        rental_budgets(catalogue_->config, seat.machine.provider, seat.machine.model);
    for (std::size_t i = 0; i < catalogue_->budgets.size(); ++i) {
        if ((bits >> i & 1) != 0) {
            gateway_.budget_added(catalogue_->budgets[i], delta);
        }
    }
}

template <class Spent>
std::int64_t Exposure::beyond(const Fleet& fleet, std::size_t budget, const Spent& spent) const {
    std::int64_t sum = 0;
    for (const auto& [id, seat] : fleet.seats()) {
        const auto told = told_.find(id);
        const bool covers =
            budget == all_budgets ||
            (rental_budgets(catalogue_->config, seat.machine.provider, seat.machine.model) >>
                 budget &
             1) != 0;
        if (told == told_.end() || !covers) {
            continue;
        }
        const std::int64_t known =
            routing::to_report(catalogue_->config.currency, spent(seat), Rounding::up).value_or(0);
        sum += std::max<std::int64_t>(0, told->second - known);
    }
    return sum;
}

/// What is set aside and not spent yet: it goes on counting in a new window, so that giving it back
/// there cannot make room that does not exist.
std::int64_t Exposure::carried(const Fleet& fleet, Now now, std::size_t budget) const {
    return beyond(
        fleet, budget, [&](const Seat& seat) { return lifecycle::accrued(seat.machine, now); });
}

std::int64_t Exposure::unposted(const Fleet& fleet, std::size_t budget) const {
    return beyond(fleet, budget, [](const Seat& seat) { return seat.paid; });
}

UtcTime Exposure::window_end(std::size_t budget) const {
    return ledger::window_end(
        catalogue_->config.budgets[budget].per, zone_, windows_.at(catalogue_->budgets[budget]));
}

void Exposure::tick(const Fleet& fleet, Now now) {
    const std::int64_t day = ledger::day_number(zone_, now.utc);
    if (day > day_number_) {
        day_number_ = day;
        day_spent_ = carried(fleet, now, all_budgets);
    }
    for (std::size_t i = 0; i < catalogue_->budgets.size(); ++i) {
        const UtcTime start =
            ledger::window_start(catalogue_->config.budgets[i].per, zone_, now.utc);
        UtcTime& known = windows_[catalogue_->budgets[i]];
        if (start > known) {  // never back: a clock that jumps back opens no old window again
            known = start;
            gateway_.budget_booked(catalogue_->budgets[i], carried(fleet, now, i), window_end(i));
        }
    }
    const config::CurrencyRules& rules = catalogue_->config.currency;
    rate_ = 0;
    for (const auto& [id, seat] : fleet.seats()) {
        const Money cost = lifecycle::accrued(seat.machine, now);
        const std::int64_t accrued = routing::to_report(rules, cost, Rounding::up).value_or(0);
        const std::int64_t held =
            seat.hold ? routing::to_report(rules, seat.commit, Rounding::up).value_or(0) : 0;
        add(seat, budget::machine_counts(accrued, held));
        if (lifecycle::costs_money(seat.machine)) {
            const Price& price = seat.machine.real_price.value_or(seat.machine.intent_price);
            rate_ += routing::to_report(rules, price.per_display_unit(), Rounding::up).value_or(0);
        }
    }
    for (const Seat& seat : fleet.gone()) {
        if (told_.contains(seat.machine.id)) {
            add(seat, routing::to_report(rules, seat.paid, Rounding::half_even).value_or(0));
        }
    }
}

std::optional<std::int64_t> Exposure::headroom(
    const gate::Counters& counters, const std::string& provider, const std::string& model) const {
    std::optional<std::int64_t> least;
    const std::uint64_t bits = rental_budgets(catalogue_->config, provider, model);
    for (std::size_t i = 0; i < catalogue_->budgets.size(); ++i) {
        const auto budget =
            std::ranges::find(counters.budgets, catalogue_->budgets[i], &gate::BudgetLimit::name);
        if ((bits >> i & 1) == 0 || budget == counters.budgets.end()) {
            continue;
        }
        for (const auto& [percent, action] : catalogue_->config.budgets[i].at) {
            if (action == config::BudgetAction::warn) {
                continue;
            }
            const auto stop = mul_div(budget->limit, percent, 100, Rounding::down);
            const std::int64_t left = stop.value_or(0) - budget->settled - budget->held;
            least = least ? std::min(*least, left) : left;
        }
    }
    return least;
}

}  // namespace evenkeel::agent
