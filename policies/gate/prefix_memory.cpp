#include "policies/gate/prefix_memory.hpp"

#include <algorithm>

namespace evenkeel::gate {

const PrefixMemory::Entry* PrefixMemory::find(std::uint64_t hash) const noexcept {
    if (empty() || hash == 0) {
        return nullptr;
    }
    const Set& set = sets_[set_of(hash)];
    const auto found = std::ranges::find(set, hash, &Entry::hash);
    return found == set.end() ? nullptr : &*found;
}

void PrefixMemory::put(Entry entry) {
    if (empty()) {
        sets_.resize(sets);
    }
    Set& set = sets_[set_of(entry.hash)];
    auto place = std::ranges::find(set, entry.hash, &Entry::hash);
    if (place == set.end()) {
        place = std::ranges::min_element(set, {}, &Entry::used);  // an empty one was never used
    }
    entry.used = ++uses_;
    *place = entry;
}

}  // namespace evenkeel::gate
