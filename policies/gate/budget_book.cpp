#include "policies/gate/budget_book.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

namespace evenkeel::gate {

namespace {

bool fits(const BudgetLimit& limit, std::int64_t used) noexcept {
    return (limit.refuse_at < 0 || used <= limit.refuse_at) &&
           (limit.local_only_at < 0 || used < limit.local_only_at);
}

/// Calls `visit(i)` for each bit of `mask` below `count`; stops when it returns false.
template <class Visit>
void each_bit(std::uint64_t mask, std::size_t count, Visit visit) {
    for (; mask != 0; mask &= mask - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(mask));
        if (bit >= count || !visit(bit)) {
            return;
        }
    }
}

}  // namespace

BudgetBook::BudgetBook(const Policy& policy) {
    replace(policy);
}

std::optional<BudgetBook::Blocker> BudgetBook::blocker(
    std::uint64_t mask, std::int64_t amount) const noexcept {
    std::optional<Blocker> found;
    each_bit(mask, budgets_.size(), [&](std::size_t i) {
        const BudgetLimit& limit = budgets_[i].limit;
        const std::int64_t used =
            saturating_add(saturating_add(limit.settled, limit.held), budgets_[i].held);
        if (!fits(limit, saturating_add(used, amount))) {
            found = {.name = limit.name, .used = used, .limit = limit.limit};
        }
        return !found;
    });
    return found;
}

bool BudgetBook::closed_for_good(std::uint64_t mask, std::int64_t amount) const noexcept {
    bool closed = false;
    each_bit(mask, budgets_.size(), [&](std::size_t i) {
        const BudgetLimit& limit = budgets_[i].limit;
        closed = !fits(limit, saturating_add(saturating_add(limit.settled, limit.held), amount));
        return !closed;
    });
    return closed;
}

void BudgetBook::hold(std::uint64_t mask, std::int64_t amount) noexcept {
    each_bit(mask, budgets_.size(), [&](std::size_t i) {
        budgets_[i].held = saturating_add(budgets_[i].held, amount);
        return true;
    });
}

void BudgetBook::settle(std::uint64_t mask, std::int64_t held, std::int64_t paid) noexcept {
    each_bit(mask, budgets_.size(), [&](std::size_t i) {
        budgets_[i].held = saturating_add(budgets_[i].held, -held);
        budgets_[i].limit.settled = saturating_add(budgets_[i].limit.settled, paid);
        return true;
    });
}

bool BudgetBook::book(NameIx name, std::int64_t settled, bool adds) noexcept {
    for (Budget& budget : budgets_) {
        if (budget.limit.name == name) {
            budget.limit.settled = adds ? saturating_add(budget.limit.settled, settled) : settled;
            return true;
        }
    }
    return false;
}

void BudgetBook::replace(const Policy& policy) {
    if (policy.budgets.size() > budgets_max) {
        throw std::length_error{"a policy has more budgets than the gate can number"};
    }
    std::vector<Budget> fresh;
    fresh.reserve(policy.budgets.size());
    for (const BudgetLimit& limit : policy.budgets) {
        Budget budget{.limit = limit};
        for (const Budget& old : budgets_) {
            if (old.limit.name == limit.name) {
                budget.limit.settled = old.limit.settled;
                budget.limit.held = old.limit.held;
            }
        }
        fresh.push_back(budget);
    }
    budgets_ = std::move(fresh);
    remember(policy);
}

void BudgetBook::remember(const Policy& policy) {
    if (!numberings_.empty()) {
        before_ = numberings_.back();
    }
    std::erase_if(
        numberings_, [&](const Numbering& old) { return old.revision == policy.revision; });
    Numbering numbering{.revision = policy.revision};
    for (const BudgetLimit& limit : policy.budgets) {
        numbering.names.push_back(limit.name);
    }
    numberings_.push_back(std::move(numbering));
    if (numberings_.size() > revisions_max + 1) {
        numberings_.pop_front();
    }
}

std::uint64_t BudgetBook::translate(
    std::span<const NameIx> names, std::uint64_t mask) const noexcept {
    std::uint64_t translated = 0;
    each_bit(mask, names.size(), [&](std::size_t i) {
        for (std::size_t now = 0; now < budgets_.size(); ++now) {
            if (budgets_[now].limit.name == names[i]) {
                translated |= std::uint64_t{1} << now;
            }
        }
        return true;
    });
    return translated;
}

std::uint64_t BudgetBook::from_before(std::uint64_t mask) const noexcept {
    return translate(before_.names, mask);
}

std::uint64_t BudgetBook::from_revision(std::int64_t revision, std::uint64_t mask) const noexcept {
    if (numberings_.back().revision == revision) {
        return mask;
    }
    for (const Numbering& old : numberings_) {
        if (old.revision == revision) {
            return translate(old.names, mask);
        }
    }
    return std::numeric_limits<std::uint64_t>::max();
}

void BudgetBook::copy_to(std::vector<BudgetLimit>& out) const {
    out.clear();
    for (const Budget& budget : budgets_) {
        out.push_back(budget.limit);
        out.back().held = saturating_add(budget.limit.held, budget.held);
    }
}

}  // namespace evenkeel::gate
