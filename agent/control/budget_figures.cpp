#include "agent/control/budget_figures.hpp"

#include "policies/budget/scope.hpp"
#include "policies/budget/used.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::agent {

std::int64_t used_at_start(
    const ledger::Recovered& recovered,
    NameIx name,
    const config::Budget& wanted,
    std::int64_t spent,
    const ledger::Zone& zone,
    UtcTime now) {
    const UtcTime start = ledger::window_start(wanted.per, zone, now);
    budget::Window booked{.spent = spent, .settled = spent};
    for (const ledger::BudgetWindow& window : recovered.windows) {
        if (window.budget == name && window.window == start) {
            booked.settled = window.settled;
            booked.held = window.held;
        }
    }
    std::vector<budget::MachineMoney> machines;
    for (const ledger::OpenHold& open : recovered.machine_holds) {
        const bool lives = std::ranges::any_of(recovered.machines, [&](const auto& machine) {
            return machine.row.id == open.hold.machine;
        });
        for (const ledger::BudgetShare& share : open.hold.budgets) {
            if (share.budget == name) {
                machines.push_back(
                    {.held = share.amount_report,
                     .in_window = share.window == start ? share.amount_report : 0,
                     .lives = lives});
            }
        }
    }
    return budget::used(booked, machines).sum();
}

Result<std::int64_t> spent_in_window(
    ledger::Reader& reader,
    const config::Config& config,
    const config::Budget& wanted,
    const routing::NameTable& names,
    const ledger::Zone& zone,
    UtcTime now) {
    const UtcTime start = ledger::window_start(wanted.per, zone, now);
    std::int64_t sum = 0;
    const NameIx name = names.find(routing::NameKind::budget, wanted.name);
    if (wanted.per == config::BudgetPer::hour) {
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
    if (!wanted.scope.team.empty()) {
        const auto keys = reader.keys();
        if (!keys) {
            return std::unexpected{keys.error()};
        }
        for (const ledger::KeyRow& key : *keys) {
            teams.emplace(key.ix, key.terms.team);
        }
    }
    const auto text = [&](NameIx ix) {
        return ix == NameIx{} ? std::string_view{} : std::string_view{names.text(ix)};
    };
    const auto spender_of = [&](const ledger::SpendRow& row) {
        const auto team = teams.find(row.key);
        return budget::Spender{
            .kind = row.kind,
            .provider = text(row.provider),
            .key = text(row.key),
            .team = team == teams.end() ? std::string_view{} : std::string_view{team->second},
            .model = text(row.model),
            .route = text(row.route)};
    };
    const bool is_charged = routing::is_charged_internally(config, wanted.scope.model);
    for (const ledger::SpendRow& row : *rows) {
        const Money amount = budget::counts_charges(wanted.scope) ? row.charged : row.paid;
        const bool is_machine = !row.phase.empty();
        if (amount.is_zero() || (is_machine && is_charged) ||
            !budget::covers(wanted.scope, spender_of(row))) {
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
