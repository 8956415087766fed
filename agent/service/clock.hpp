#pragma once

#include "policies/domain/time.hpp"

namespace evenkeel::agent {

/// The real clocks: CLOCK_BOOTTIME for durations (it counts while the host sleeps, and rented
/// machines bill meanwhile), CLOCK_REALTIME for rows. Stateless and thread-safe.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Now read() const override;
};

}  // namespace evenkeel::agent
