#include "agent/control/budget_figures.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace evenkeel::agent {

namespace {

/// `team_of(key)`: which team a key belongs to now.
template <class TeamOf>
bool covers(
    const config::BudgetScope& scope,
    const ledger::SpendRow& row,
    const routing::NameTable& names,
    const TeamOf& team_of) {
    const auto is = [&](const std::string& wanted, NameIx ix) {
        return wanted.empty() || (ix != NameIx{} && names.text(ix) == wanted);
    };
    return (scope.kind.empty() || scope.kind == to_text(row.kind)) &&
           is(scope.provider, row.provider) && is(scope.key, row.key) &&
           is(scope.model, row.model) && is(scope.route, row.route) &&
           (scope.team.empty() || (row.key != NameIx{} && team_of(row.key) == scope.team));
}

/// Budgets of whoever asks, and of a model, count what requests are charged; those of whoever
/// serves, and of everything, external money.
bool counts_charges(const config::BudgetScope& scope) {
    return !scope.key.empty() || !scope.team.empty() || !scope.model.empty() ||
           !scope.route.empty();
}

}  // namespace

std::int64_t used_at_start(
    const ledger::Recovered& recovered,
    NameIx name,
    const config::Budget& budget,
    std::int64_t spent,
    const ledger::Zone& zone,
    UtcTime now) {
    std::int64_t used = spent;
    const UtcTime start = ledger::window_start(budget.per, zone, now);
    for (const ledger::BudgetWindow& window : recovered.windows) {
        if (window.budget == name && window.window == start) {
            used = std::max(spent, window.settled) + window.held;
        }
    }
    for (const ledger::OpenHold& open : recovered.machine_holds) {
        const bool lives = std::ranges::any_of(recovered.machines, [&](const auto& machine) {
            return machine.row.id == open.hold.machine;
        });
        for (const ledger::BudgetShare& share : open.hold.budgets) {
            if (share.budget != name) {
                continue;
            }
            const bool counted = share.window == start;
            used += lives && !counted ? share.amount_report : 0;
            used -= !lives && counted ? share.amount_report : 0;  // the fleet gives it back
        }
    }
    return used;
}

Result<std::int64_t> spent_in_window(
    ledger::Reader& reader,
    const config::Config& config,
    const config::Budget& budget,
    const routing::NameTable& names,
    const ledger::Zone& zone,
    UtcTime now) {
    const UtcTime start = ledger::window_start(budget.per, zone, now);
    std::int64_t sum = 0;
    const NameIx name = names.find(routing::NameKind::budget, budget.name);
    if (budget.per == config::BudgetPer::hour) {
        const auto windows = reader.budget_windows(start);
        if (!windows) {
            return std::unexpected{windows.error()};
        }
        for (const ledger::BudgetWindow& window : *windows) {
            const bool same = window.window == start && window.budget == name;
            sum += same ? window.settled : 0;
        }
        return sum;
    }
    const auto rows = reader.spend(ledger::day_number(zone, start), ledger::day_number(zone, now));
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    std::map<NameIx, std::string> teams;
    if (!budget.scope.team.empty()) {
        const auto keys = reader.keys();
        if (!keys) {
            return std::unexpected{keys.error()};
        }
        for (const ledger::KeyRow& key : *keys) {
            teams.emplace(key.ix, key.terms.team);
        }
    }
    const auto team_of = [&](NameIx key) {
        const auto found = teams.find(key);
        return found == teams.end() ? std::string{} : found->second;
    };
    const bool is_charged = routing::is_charged_internally(config, budget.scope.model);
    for (const ledger::SpendRow& row : *rows) {
        const Money amount = counts_charges(budget.scope) ? row.charged : row.paid;
        const bool is_machine = !row.phase.empty();
        if (amount.is_zero() || (is_machine && is_charged) ||
            !covers(budget.scope, row, names, team_of)) {
            continue;
        }
        const auto report = routing::to_report(config.currency, amount, Rounding::up);
        if (!report) {
            return std::unexpected{report.error()};
        }
        sum += *report;
    }
    return sum;
}

}  // namespace evenkeel::agent
