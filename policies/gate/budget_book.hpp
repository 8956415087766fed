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
    /// An amount that is beyond counting (the end of its range) fits none.
    [[nodiscard]] bool allows(Set set, std::int64_t amount) const noexcept {
        return first_no(set, amount, /*for_good=*/false) == nullptr;
    }
    /// The same for somebody who will wait: `settle` says when the budget that said no has more
    /// room.
    [[nodiscard]] bool allows_or_waits(Set set, std::int64_t amount) noexcept;
    /// Nobody waits any more, until `allows_or_waits` says no again.
    void forget_waiting() noexcept { ++waits_; }
    /// What a budget that says no looks like now.
    struct Blocker {
        NameIx name{};
        std::int64_t used{0};
        std::int64_t limit{0};
        bool of_key{false};   ///< a key's own
        UtcTime resets{};     ///< when its next window begins
        bool unknown{false};  ///< it says no until what was spent before is known
    };
    /// The first budget that says no, the key's own before the others; nothing when all allow it.
    /// `for_good`: that would say no even if every request of ours gave its hold back, and nothing
    /// had been spent that is not known yet.
    [[nodiscard]] std::optional<Blocker> blocker(
        Set set, std::int64_t amount, bool for_good = false) const noexcept;

    void hold(Set set, std::int64_t amount) noexcept;
    /// Ends a hold; `paid` is settled instead, in full, whatever was held. True when that makes
    /// room in a budget that somebody waits for.
    bool settle(Set set, std::int64_t held, std::int64_t paid) noexcept;
    /// Sets (`adds`: adds to) what is settled in the budget, or the key's own, of that name; false
    /// when there is none.
    bool book(NameIx name, std::int64_t settled, bool adds) noexcept;
    /// When the next window of the budget of that name begins; {} = not known.
    [[nodiscard]] UtcTime resets(NameIx name) const noexcept;
    void set_resets(NameIx name, UtcTime resets) noexcept;
    /// The limit of a key's own budget; below zero: none any more. True when it is new, as it also
    /// is with `spent_unknown`: then nothing is settled in it, and the caller sets aside again what
    /// the key's requests hold.
    bool set_key(NameIx key, std::int64_t limit, UtcTime resets, UtcTime now, bool spent_unknown);
    /// Adds what was spent before a `set_key` that did not know it. False when there is nothing to
    /// learn, as once the window has turned.
    bool key_spent(NameIx key, std::int64_t report, UtcTime now) noexcept;
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
    using Wide = __int128;  ///< no sum of holds leaves it, so that each can be taken back
    struct Budget {
        BudgetLimit limit{};      ///< with settled, and held of earlier runs
        Wide held{0};             ///< by requests of this gate
        std::uint64_t waited{0};  ///< `waits_` when it last said no to somebody who waits

        [[nodiscard]] std::int64_t used() const noexcept;  ///< settled and held
        [[nodiscard]] bool fits(bool internal, std::int64_t amount, bool for_good) const noexcept;
    };
    struct KeyBudget {
        Budget budget{};
        UtcTime resets{};
        bool turned{false};   ///< `resets` has passed
        bool unknown{false};  ///< so is what was spent before; what is settled counts from then on
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
    /// The budget that `blocker` describes, or null.
    [[nodiscard]] const Budget* first_no(
        Set set, std::int64_t amount, bool for_good) const noexcept;
    [[nodiscard]] std::uint64_t translate(
        std::span<const NameIx> names, std::uint64_t mask) const noexcept;
    void remember(const Policy& policy);

    std::vector<Budget> budgets_{};
    std::vector<KeyBudget> keys_{};
    std::vector<std::int32_t> key_slots_{};  ///< by NameIx: 0 or 1 + its place in `keys_`
    std::deque<Numbering> numberings_{};     ///< newest last, at most revisions_max + 1
    Numbering before_{};                     ///< of the policy before the last `replace`
    std::uint64_t waits_{1};
};

}  // namespace evenkeel::gate
