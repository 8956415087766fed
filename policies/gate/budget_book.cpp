#include "policies/gate/budget_book.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

namespace evenkeel::gate {

namespace {

constexpr std::int64_t uncountable = std::numeric_limits<std::int64_t>::max();

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

const BudgetBook::KeyBudget* BudgetBook::own(NameIx key) const noexcept {
    const auto at = static_cast<std::size_t>(key.value());
    if (key == NameIx{} || at >= key_slots_.size() || key_slots_[at] == 0) {
        return nullptr;
    }
    const KeyBudget& found = keys_[static_cast<std::size_t>(key_slots_[at] - 1)];
    return found.on ? &found : nullptr;
}

/// Calls `visit(budget)` for each budget of `set`.
template <class Visit>
void BudgetBook::each(Set set, Visit visit) {
    each_bit(set.mask, budgets_.size(), [&](std::size_t i) {
        visit(budgets_[i]);
        return true;
    });
    if (const KeyBudget* const key = own(set.key); key != nullptr) {
        visit(keys_[static_cast<std::size_t>(key - keys_.data())].budget);
    }
}

std::int64_t BudgetBook::Budget::used() const noexcept {
    const Wide sum = Wide{limit.settled} + limit.held + held;
    return static_cast<std::int64_t>(std::clamp<Wide>(sum, -uncountable, uncountable));
}

bool BudgetBook::Budget::fits(bool internal, std::int64_t amount, bool for_good) const noexcept {
    const Wide after = Wide{limit.settled} + limit.held + (for_good ? 0 : held) + amount;
    return amount < uncountable && (limit.refuse_at < 0 || after <= limit.refuse_at) &&
           (internal || limit.local_only_at < 0 || after < limit.local_only_at);
}

const BudgetBook::Budget* BudgetBook::first_no(
    Set set, std::int64_t amount, bool for_good) const noexcept {
    const KeyBudget* const key = own(set.key);
    if (key != nullptr &&
        ((key->unknown && !for_good) || !key->budget.fits(set.internal, amount, for_good))) {
        return &key->budget;
    }
    const Budget* found = nullptr;
    each_bit(set.mask, budgets_.size(), [&](std::size_t i) {
        found = budgets_[i].fits(set.internal, amount, for_good) ? nullptr : &budgets_[i];
        return found == nullptr;
    });
    return found;
}

std::optional<BudgetBook::Blocker> BudgetBook::blocker(
    Set set, std::int64_t amount, bool for_good) const noexcept {
    const Budget* const no = first_no(set, amount, for_good);
    if (no == nullptr) {
        return std::nullopt;
    }
    const KeyBudget* const key = own(set.key);
    const bool of_key = key != nullptr && no == &key->budget;
    return Blocker{
        .name = no->limit.name,
        .used = no->used(),
        .limit = no->limit.limit,
        .of_key = of_key,
        .resets = of_key ? key->resets : no->limit.resets,
        .unknown = of_key && key->unknown && !for_good};
}

bool BudgetBook::allows_or_waits(Set set, std::int64_t amount) noexcept {
    const Budget* const no = first_no(set, amount, /*for_good=*/false);
    each(no == nullptr ? Set{} : set, [&](Budget& budget) {
        budget.waited = &budget == no ? waits_ : budget.waited;
    });
    return no == nullptr;
}

void BudgetBook::hold(Set set, std::int64_t amount) noexcept {
    each(set, [amount](Budget& budget) { budget.held += amount; });
}

bool BudgetBook::settle(Set set, std::int64_t held, std::int64_t paid) noexcept {
    bool makes_room = false;
    each(set, [&](Budget& budget) {
        budget.held -= held;
        // What comes back of an estimate may be of a window that has ended: that is no credit here.
        const std::int64_t after = saturating_add(budget.limit.settled, paid);
        budget.limit.settled =
            paid < 0 ? std::max(after, std::min<std::int64_t>(budget.limit.settled, 0)) : after;
        makes_room |= paid < held && budget.waited == waits_;
    });
    return makes_room;
}

bool BudgetBook::book(NameIx name, std::int64_t settled, bool adds) noexcept {
    bool found = false;
    const auto put = [&](Budget& budget) {
        std::int64_t& now = budget.limit.settled;
        now = adds ? saturating_add(now, settled) : settled;
        found = true;
    };
    for (Budget& budget : budgets_) {
        if (budget.limit.name == name) {
            put(budget);
        }
    }
    each({.mask = 0, .key = name}, put);
    return found;
}

UtcTime BudgetBook::resets(NameIx name) const noexcept {
    const auto found =
        std::ranges::find(budgets_, name, [](const Budget& budget) { return budget.limit.name; });
    return found == budgets_.end() ? UtcTime{} : found->limit.resets;
}

void BudgetBook::set_resets(NameIx name, UtcTime resets) noexcept {
    for (Budget& budget : budgets_) {
        if (budget.limit.name == name) {
            budget.limit.resets = resets;
        }
    }
}

bool BudgetBook::set_key(
    NameIx key, std::int64_t limit, UtcTime resets, UtcTime now, bool spent_unknown) {
    const auto at = static_cast<std::size_t>(key.value());
    if (at >= key_slots_.size()) {
        key_slots_.resize(at + 1, 0);
    }
    if (key_slots_[at] == 0) {
        if (limit < 0) {
            return false;
        }
        keys_.emplace_back();
        key_slots_[at] = static_cast<std::int32_t>(keys_.size());
    }
    KeyBudget& own = keys_[static_cast<std::size_t>(key_slots_[at] - 1)];
    const bool is_new = limit >= 0 && (!own.on || spent_unknown);
    if (is_new) {
        own = {.unknown = spent_unknown};
    } else {
        turn(key, now);
    }
    own.turned = own.turned && resets <= now;
    own.on = limit >= 0;
    own.resets = resets;
    own.budget.limit.name = key;
    own.budget.limit.limit = limit;
    own.budget.limit.refuse_at = limit;
    return is_new;
}

void BudgetBook::turn(NameIx key, UtcTime now) noexcept {
    const KeyBudget* const found = own(key);
    if (found == nullptr || found->turned || found->resets == UtcTime{} || now < found->resets) {
        return;
    }
    KeyBudget& turning = keys_[static_cast<std::size_t>(found - keys_.data())];
    turning.budget.limit.settled = 0;
    turning.turned = true;
    turning.unknown = false;  // all of the new window is counted here
}

bool BudgetBook::key_spent(NameIx key, std::int64_t report, UtcTime now) noexcept {
    turn(key, now);
    const KeyBudget* const found = own(key);
    if (found == nullptr || !found->unknown) {
        return false;
    }
    keys_[static_cast<std::size_t>(found - keys_.data())].unknown = false;
    return book(key, report, /*adds=*/true);
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
                if (limit.resets == UtcTime{}) {
                    budget.limit.resets = old.limit.resets;
                }
            }
        }
        fresh.push_back(budget);
    }
    budgets_ = std::move(fresh);
    for (KeyBudget& key : keys_) {
        key.budget.held = 0;
    }
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
        const Wide held = budget.limit.held + budget.held;
        out.back().held =
            static_cast<std::int64_t>(std::clamp<Wide>(held, -uncountable, uncountable));
    }
}

}  // namespace evenkeel::gate
