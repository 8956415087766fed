#include "agent/report/budget_use.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace evenkeel::report {

namespace {

bool is_named(NameIx ix, const std::string& text, const Names& names) {
    const auto found = names.find(ix);
    return found != names.end() && found->second == text;
}

/// What of a hold the window of a budget counts; in the stored currency.
std::int64_t share_of(
    const ledger::OpenHold& open, const config::Budget& wanted, UtcTime start, const Names& names) {
    std::int64_t sum = 0;
    for (const ledger::BudgetShare& share : open.hold.budgets) {
        const bool counts = share.window == start && is_named(share.budget, wanted.name, names);
        sum += counts ? share.amount_report : 0;
    }
    return sum;
}

}  // namespace

Result<BudgetBooks> BudgetBooks::read(ledger::Reader& reader, UtcTime since) {
    BudgetBooks books;
    auto windows = reader.budget_windows(since);
    auto holds = reader.machine_holds();
    const auto meta = reader.meta();
    if (!windows || !holds || !meta) {
        return std::unexpected{
            !windows ? windows.error() : !holds ? holds.error() : meta.error()};
    }
    books.windows_ = *std::move(windows);
    books.holds_ = *std::move(holds);
    books.stored_ = meta->report;
    return books;
}

Result<budget::Used> BudgetBooks::used(
    const config::Budget& wanted,
    UtcTime start,
    Money spent,
    bool counts_machines,
    const std::vector<LivingMachine>& machines,
    const Names& names,
    Rates& rates) const {
    std::optional<Error> wrong;
    const auto converted = [&](Money amount) {
        const auto turned = rates.convert(amount);
        if (!turned) {
            wrong = turned.error();
        }
        return turned ? turned->nanos() : 0;
    };
    const auto stored = [&](std::int64_t nanos) { return converted(Money{nanos, stored_}); };
    budget::Window window{.spent = spent.nanos(), .settled = spent.nanos()};
    for (const ledger::BudgetWindow& row : windows_) {
        if (row.window == start && is_named(row.budget, wanted.name, names)) {
            window.settled = stored(row.settled);
            window.held = stored(row.held);
        }
    }
    if (wanted.per == config::BudgetPer::hour) {
        window.spent = window.settled;  // roll-ups know days: of an hour only what has its name
    }
    std::vector<budget::MachineMoney> counted;
    for (const LivingMachine& machine : machines) {
        const bool covers = counts_machines && budget::covers(wanted.scope, machine.spender);
        budget::MachineMoney money;
        for (const ledger::OpenHold& open : holds_) {
            if (open.hold.machine == machine.id) {
                const std::int64_t share = stored(share_of(open, wanted, start, names));
                money.in_window += share;
                money.held += covers ? converted(open.hold.amount) : share;
            }
        }
        if (covers) {
            money.posted = machine.posted.nanos();
            money.accrued = money.posted + machine.unbooked.nanos();
        }
        counted.push_back(money);
    }
    for (const ledger::OpenHold& open : holds_) {
        const bool lives = std::ranges::any_of(
            machines, [&](const auto& machine) { return machine.id == open.hold.machine; });
        if (!lives) {
            counted.push_back(
                {.in_window = stored(share_of(open, wanted, start, names)), .lives = false});
        }
    }
    if (wrong) {
        return std::unexpected{*std::move(wrong)};
    }
    return budget::used(window, counted);
}

}  // namespace evenkeel::report
