#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace evenkeel::agent {

/// Gives memory back to the system when a crowd of clients has left. The allocator keeps what they
/// used, since something small lives on in the midst of it; returning whole free pages from there
/// takes a walk over everything, so it is done once for a crowd. One thread.
class SpareMemory {
public:
    /// Fewer connections than this leave too little behind to be worth the walk.
    static constexpr std::int64_t crowd = 256;
    /// How long the number must not have risen again, nor fallen further.
    static constexpr std::chrono::seconds quiet{3};

    explicit SpareMemory(std::function<void()> give_back) : give_back_{std::move(give_back)} {}

    /// Call each tick with the number of open client connections.
    void tick(std::int64_t connections, BootTime now);

private:
    std::function<void()> give_back_;
    std::int64_t most_{0};  ///< since memory was given back
    std::int64_t last_{0};
    BootTime changed_{};
};

/// Of the whole process. Other threads may wait for the allocator meanwhile, milliseconds.
void give_back_memory();

}  // namespace evenkeel::agent
