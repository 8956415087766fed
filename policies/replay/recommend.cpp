#include "policies/replay/recommend.hpp"

#include <algorithm>
#include <tuple>

namespace evenkeel::replay {

std::size_t recommend(std::span<const Totals> totals, std::size_t in_force) {
    const auto best = std::ranges::min_element(
        totals, {}, [](const Totals& one) { return std::tuple{one.j.nanos(), one.total.nanos()}; });
    const Money now = totals[in_force].j;
    const std::int64_t saved = now.nanos() - best->j.nanos();
    const std::int64_t least =
        mul_div(now.nanos(), saving_min_permille, 1'000, Rounding::up).value_or(0);
    return saved <= 0 || saved < least ? in_force : static_cast<std::size_t>(best - totals.begin());
}

}  // namespace evenkeel::replay
