#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_lines.hpp"
#include "policies/budget/scope.hpp"
#include "policies/budget/used.hpp"

#include <vector>

/// What budgets have used of their windows, as the daemon reckons it: inside of agent/report only.
namespace evenkeel::report {

/// A machine that is not gone. Amounts in the report currency.
struct LivingMachine {
    MachineId id{};
    budget::Spender spender{};
    Money unbooked{};  ///< what it has cost since its last booking
    Money posted{};    ///< what is booked of it
};

/// Windows of budgets, and what is set aside for machines.
class BudgetBooks {
public:
    /// Windows that began at `since` or later. Errors: those of the reader.
    [[nodiscard]] static Result<BudgetBooks> read(ledger::Reader& reader, UtcTime since);
    /// Of the window of `wanted` that began at `start`, in nano-units of the report currency.
    /// `spent`: what its scope has cost in it. `counts_machines`: they are not charged by their
    /// work instead. Errors: a currency without a rate.
    [[nodiscard]] Result<budget::Used> used(
        const config::Budget& wanted,
        UtcTime start,
        Money spent,
        bool counts_machines,
        const std::vector<LivingMachine>& machines,
        const Names& names,
        Rates& rates) const;

private:
    std::vector<ledger::BudgetWindow> windows_{};
    std::vector<ledger::OpenHold> holds_{};
    Currency stored_{};  ///< of windows and shares
};

}  // namespace evenkeel::report
