#include "agent/service/spare_memory.hpp"

#include <algorithm>
#include <malloc.h>

namespace evenkeel::agent {

void SpareMemory::tick(std::int64_t connections, BootTime now) {
    most_ = std::max(most_, connections);
    const std::int64_t moved = std::max(connections, last_) - std::min(connections, last_);
    if (moved > most_ / 64) {
        last_ = connections;
        changed_ = now;
        return;
    }
    if (most_ - connections >= crowd && connections <= most_ / 2 && now - changed_ >= quiet) {
        most_ = connections;
        give_back_();
    }
}

void give_back_memory() {
    ::malloc_trim(0);
}

}  // namespace evenkeel::agent
