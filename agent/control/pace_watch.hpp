#pragma once

#include "agent/control/fleet.hpp"
#include "policies/gate/gate.hpp"
#include "policies/lifecycle/pace.hpp"

#include <map>

namespace evenkeel::agent {

/// Drains rented machines that have become much slower than their GPU should be (FAULTS F46), never
/// more than half of a model's workers at once. Control thread only.
class PaceWatch {
public:
    PaceWatch(Fleet& fleet, const Clock& clock) : fleet_{fleet}, clock_{clock} {}

    /// Call each tick with the gateway's counters; `speed` is the
    /// demo's: above 1 nothing is judged.
    void tick(const gate::Counters& counters, std::int64_t speed);

private:
    struct Watched {
        lifecycle::Pace pace{};
        lifecycle::Speed speed{};  ///< of the newest full window
        bool slow{false};
    };
    void judge(const Seat& seat, const gate::SourceCounters& counted);

    Fleet& fleet_;
    const Clock& clock_;
    std::map<MachineId, Watched> watched_{};
};

}  // namespace evenkeel::agent
