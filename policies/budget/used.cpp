#include "policies/budget/used.hpp"

namespace evenkeel::budget {

Used used(const Window& window, std::span<const MachineMoney> machines) noexcept {
    Used used{.booked = std::max(window.spent, window.settled) + window.held};
    for (const MachineMoney& machine : machines) {
        used.booked -= machine.in_window;
        used.machines +=
            machine.lives ? machine_counts(machine.accrued, machine.held) - machine.posted : 0;
    }
    return used;
}

}  // namespace evenkeel::budget
