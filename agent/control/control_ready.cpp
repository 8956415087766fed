#include "agent/control/control.hpp"

/// When machines that boot and engines that load will be there, for clients that wait for them.
namespace evenkeel::agent {

void Control::tell_ready_times(Now now) {
    std::map<NameIx, BootTime> ready;
    for (const auto& [id, seat] : fleet_.seats()) {
        if (!is_coming(seat.machine.state) || seat.machine.end_asked) {
            continue;
        }
        const BootTime at = seat.machine.wanted_at.boot + renter_.boot_time(seat.machine);
        const auto [known, first] = ready.try_emplace(seat.names.model, at);
        // The next that is in time; one that is late tells nothing while another is on its way.
        const bool known_late = known->second <= now.boot;
        if (!first && (at > now.boot) && (known_late || at < known->second)) {
            known->second = at;
        }
    }
    for (const auto& [model, at] : own_engines_.coming()) {
        const auto [known, first] = ready.try_emplace(model, at);
        known->second = std::min(known->second, at);
    }
    for (const auto& [model, at] : ready_told_) {
        if (!ready.contains(model)) {
            parts_.gateway.ready_at(model, std::nullopt);
        }
    }
    for (const auto& [model, at] : ready) {
        const auto told = ready_told_.find(model);
        if (told == ready_told_.end() || told->second != at) {
            parts_.gateway.ready_at(model, at);
        }
    }
    ready_told_ = std::move(ready);
}

}  // namespace evenkeel::agent
