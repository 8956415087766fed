#include "policies/gate/deadlines.hpp"

#include <algorithm>

namespace evenkeel::gate {

namespace {

/// Stale entries that are tolerated whatever the number of valid ones.
constexpr std::size_t stale_slack = 64;

}  // namespace

void Deadlines::set(Slab& slab, std::uint32_t index, BootTime at) {
    clear(slab, index);
    if (at == BootTime::max()) {
        return;
    }
    slab[index].deadline = ++stamps_;
    ++valid_;
    heap_.push_back({.at = at, .stamp = stamps_, .index = index});
    std::ranges::push_heap(heap_, later);
}

void Deadlines::clear(Slab& slab, std::uint32_t index) {
    if (slab[index].deadline == 0) {
        return;
    }
    slab[index].deadline = 0;
    --valid_;
    drop_stale(slab);
}

std::uint32_t Deadlines::pop(Slab& slab, BootTime now) {
    if (heap_.empty() || heap_.front().at > now) {
        return nil;
    }
    const std::uint32_t index = heap_.front().index;
    clear(slab, index);
    return index;
}

/// Keeps the top valid, so that `next` needs no search, and the heap small.
void Deadlines::drop_stale(const Slab& slab) {
    const auto stale = [&](const Entry& entry) {
        return slab[entry.index].deadline != entry.stamp;
    };
    if (heap_.size() > 2 * valid_ + stale_slack) {
        std::erase_if(heap_, stale);
        std::ranges::make_heap(heap_, later);
    }
    while (!heap_.empty() && stale(heap_.front())) {
        std::ranges::pop_heap(heap_, later);
        heap_.pop_back();
    }
}

}  // namespace evenkeel::gate
