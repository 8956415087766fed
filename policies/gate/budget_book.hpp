#pragma once

#include "policies/gate/request.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace evenkeel::gate {

/// What every budget has settled and held, in report nanos, and whether one more hold fits. A set
/// of budgets is a mask, bit i is budget i of the newest policy, and a client key, whose own limit
/// counts beside them. Keys come and go without a policy, and there may be more of them than bits.
/// Internal to gate/.
class BudgetBook {
public:
    /// Throws std::length_error for more than budgets_max budgets.
    explicit BudgetBook(const Policy& policy);

    using Set = BudgetSet;
    /// settled + held + amount <= refuse_at and, of external money, < local_only_at in each of
    /// them.
    [[nodiscard]] bool allows(Set set, std::int64_t amount) const noexcept {
        return !blocker(set, amount);
    }
    /// What a budget that says no looks like now.
    struct Blocker {
        NameIx name{};
        std::int64_t used{0};
        std::int64_t limit{0};
        bool of_key{false};  ///< a key's own
        UtcTime resets{};    ///< when its next window begins
    };
    /// The first budget that says no, the key's own before the others; nothing when all allow it.
    /// `for_good`: that would say no even if every request of ours gave its hold back.
    [[nodiscard]] std::optional<Blocker> blocker(
        Set set, std::int64_t amount, bool for_good = false) const noexcept;

    void hold(Set set, std::int64_t amount) noexcept;
    /// Ends a hold; `paid` is settled instead, in full, whatever was held.
    void settle(Set set, std::int64_t held, std::int64_t paid) noexcept;
    /// Sets (`adds`: adds to) what is settled in the budget, or the key's own, of that name; false
    /// when there is none.
    bool book(NameIx name, std::int64_t settled, bool adds) noexcept;
    /// When the next window of the budget of that name begins; {} = not known.
    [[nodiscard]] UtcTime resets(NameIx name) const noexcept;
    void set_resets(NameIx name, UtcTime resets) noexcept;
    /// The limit of a key's own budget; below zero: none any more. True when it is new: then
    /// nothing is settled in it, and the caller sets aside again what the key's requests hold.
    bool set_key(NameIx key, std::int64_t limit, UtcTime resets, UtcTime now);
    /// Begins the next window of a key's own budget when its time has come: nothing is settled in
    /// it. Until the next `set_key` says when it ends, it goes on.
    void turn(NameIx key, UtcTime now) noexcept;

    /// Takes over `policy`'s budgets; those that keep their name keep what is settled in them, and
    /// what was held before this gate. Masks of live requests must be translated and their holds
    /// set aside again by the caller, those of keys too. Throws std::length_error as the
    /// constructor.
    void replace(const Policy& policy);
    /// Translates a mask of the policy before the last `replace`; removed budgets fall out.
    [[nodiscard]] std::uint64_t from_before(std::uint64_t mask) const noexcept;
    /// Translates a mask of policy `revision`. All budgets, the strictest reading, when that
    /// policy is forgotten.
    [[nodiscard]] std::uint64_t from_revision(
        std::int64_t revision, std::uint64_t mask) const noexcept;

    /// Limits with what is settled and held now.
    void copy_to(std::vector<BudgetLimit>& out) const;

private:
    struct Budget {
        BudgetLimit limit{};   ///< with settled, and held of earlier runs
        std::int64_t held{0};  ///< by requests of this gate
    };
    struct KeyBudget {
        Budget budget{};
        UtcTime resets{};
        bool turned{false};  ///< `resets` has passed
        bool on{false};
    };
    struct Numbering {
        std::int64_t revision{0};
        std::vector<NameIx> names{};
    };

    /// The key's own budget, or null.
    [[nodiscard]] const KeyBudget* own(NameIx key) const noexcept;
    template <class Visit>
    void each(Set set, Visit visit);
    [[nodiscard]] std::uint64_t translate(
        std::span<const NameIx> names, std::uint64_t mask) const noexcept;
    void remember(const Policy& policy);

    std::vector<Budget> budgets_{};
    std::vector<KeyBudget> keys_{};
    std::vector<std::int32_t> key_slots_{};  ///< by NameIx: 0 or 1 + its place in `keys_`
    std::deque<Numbering> numberings_{};     ///< newest last, at most revisions_max + 1
    Numbering before_{};                     ///< of the policy before the last `replace`
};

}  // namespace evenkeel::gate
