#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

/// What a budget has used of its window: one rule for the daemon that refuses and the report that
/// says whether the budget holds. Nano-units of the report currency.
namespace evenkeel::budget {

/// What the books have of one window of a budget.
struct Window {
    std::int64_t spent{0};    ///< what its scope has cost, whatever the budget was then
    std::int64_t settled{0};  ///< booked under its name
    std::int64_t held{0};     ///< set aside under its name, for requests and machines alike
};

/// A rented machine, or what is still set aside for one that is gone.
struct MachineMoney {
    std::int64_t held{0};       ///< set aside for it; 0: nothing
    std::int64_t in_window{0};  ///< of `held`, what Window::held counts already
    std::int64_t accrued{0};    ///< what it has cost so far, by the clock
    std::int64_t posted{0};     ///< of that, what is booked
    bool lives{true};           ///< what is held for one that is gone will be given back
};

struct Used {
    std::int64_t booked{0};    ///< the scope's cost, and what is set aside for requests
    std::int64_t machines{0};  ///< what living machines count beyond what is booked of them
    [[nodiscard]] std::int64_t sum() const noexcept { return booked + machines; }
};

/// A machine counts with the larger of what was set aside for it and what it has cost so far:
/// never with both.
[[nodiscard]] constexpr std::int64_t machine_counts(
    std::int64_t accrued, std::int64_t held) noexcept {
    return std::max(accrued, held);
}

/// What was booked under the budget's name, or what its scope has cost if that is more; what is set
/// aside for requests; and each machine once.
[[nodiscard]] Used used(const Window& window, std::span<const MachineMoney> machines) noexcept;

}  // namespace evenkeel::budget
