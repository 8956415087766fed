#pragma once

#include <chrono>
#include <cstdint>

/// Used inside replay/ only.
namespace evenkeel::replay {

/// What somebody who decides on machines may look at.
struct FleetSeen {
    std::chrono::nanoseconds now{};
    std::int64_t arrived{0};  ///< requests since the start
    std::int64_t busy{0};     ///< requests on own and rented workers now
    std::int64_t waiting{0};  ///< requests held
    int booting{0};           ///< rented machines
    int serving{0};
};

/// Says how many machines there should be, at times of its own choice.
class Planner {
public:
    virtual ~Planner() = default;
    /// When to ask next; nanoseconds::max(): never again.
    [[nodiscard]] virtual std::chrono::nanoseconds next() const = 0;
    /// Machines that should exist from now on, booting ones included. Called at `next` or later.
    [[nodiscard]] virtual int machines(const FleetSeen& seen) = 0;
};

}  // namespace evenkeel::replay
