#pragma once

#include "agent/control/view.hpp"
#include "agent/ledger/activity.hpp"
#include "agent/metrics/families.hpp"
#include "policies/domain/machine.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

/// From what the agent knows to values of metrics. Pure: no clock, no I/O.
namespace evenkeel::agent::metrics {

/// Phases a machine can be in; an unused minimum is posted, but no machine is in it.
inline constexpr std::array open_phases{
    Phase::boot, Phase::warm, Phase::serve, Phase::idle, Phase::drain, Phase::del};

/// Everything an answer is made of.
struct Known {
    const View& view;
    const ledger::Figures& booked;
    std::string_view commit{};
    bool reload_ok{true};
    bool chain_ok{true};
    /// By index; does not fall when a driver is loaded again.
    std::map<int, std::int64_t> gpu_millijoules{};
};

void collect(const Known& known, Families& out);

// Its parts.
void collect_requests(const Known& known, Families& out);
void collect_money(const Known& known, Families& out);
void collect_machines(const Known& known, Families& out);
void collect_gpus(const Known& known, Families& out);

}  // namespace evenkeel::agent::metrics
