#include "policies/scaling/tick.hpp"

#include <algorithm>

/// Which machine to give back, and which boot to end.
namespace evenkeel::scaling {

const MachineView* Tick::least_valuable() const {
    const MachineView* worst = nullptr;
    for (const MachineView& machine : seen_.machines) {
        if (is_ready(machine) &&
            (worst == nullptr || lost_by(machine) > lost_by(*worst) ||
             (lost_by(machine) == lost_by(*worst) && machine.ordered_at > worst->ordered_at))) {
            worst = &machine;
        }
    }
    return worst;
}

const MachineView* Tick::youngest_pending() const {
    const MachineView* youngest = nullptr;
    for (const MachineView& machine : seen_.machines) {
        if (is_pending(machine) &&
            (youngest == nullptr || machine.ordered_at > youngest->ordered_at)) {
            youngest = &machine;
        }
    }
    return youngest;
}

void Tick::release() {
    const int live = pending_ + ready_;
    if (live > policy_.max) {
        const MachineView* machine = pending_ > 0 ? youngest_pending() : least_valuable();
        give_back(*machine, {ReasonCode::rent_over_max, {live, policy_.max}});
        return;
    }
    if (live <= policy_.min) {
        return;
    }
    if (pending_ > 0) {
        cancel_boot();
        return;
    }
    if (release_after_idle_stop()) {
        return;
    }
    if (by_levels()) {
        release_by_level();
    } else {
        release_by_loss();
    }
}

bool Tick::release_after_idle_stop() {
    if (!policy_.idle_stop) {
        return false;
    }
    for (const MachineView& machine : seen_.machines) {
        if (!is_ready(machine) || machine.in_flight > 0 || !machine.serving_at) {
            continue;
        }
        const nanoseconds still = seen_.now.boot - std::max(machine.last_busy, *machine.serving_at);
        if (still >= *policy_.idle_stop) {
            give_back(
                machine, {ReasonCode::rent_idle_stop, {ms_of(still), policy_.idle_stop->count()}});
            return true;
        }
    }
    return false;
}

milliseconds Tick::min_bill() const {
    return policy_.min_bill.value_or(
        reference_ != nullptr ? reference_->min_bill : milliseconds{0});
}

bool Tick::is_settled(const MachineView& machine) const {
    return machine.serving_at &&
           seen_.now.boot - *machine.serving_at >= std::max(min_bill(), boot_);
}

void Tick::release_by_loss() {
    const MachineView* machine = least_valuable();
    if (machine == nullptr) {
        return;
    }
    const std::int64_t again = price_of(machine->hour_report, warm_, Rounding::up);
    const std::int64_t limit =
        mul_div(again, policy_.keep_warm_millis, 1'000, Rounding::up).value_or(most);
    if (is_settled(*machine) && lost_by(*machine) >= limit) {
        give_back(*machine, {ReasonCode::rent_release, {lost_by(*machine), limit}});
    }
}

void Tick::cancel_boot() {
    const RentState& s = out_.state;
    const MachineView* machine = youngest_pending();
    const nanoseconds age = seen_.now.boot - machine->ordered_at;
    const auto level = static_cast<std::size_t>(pending_ + ready_ - 1);
    const bool levels = by_levels();
    if (levels && level >= worths_.size()) {
        return;
    }
    const std::int64_t debt = levels ? s.memory.levels[level].debt : s.debt;
    if (policy_.rule == config::RentRule::never || debt > 0 || seen_.demand.queued > 0 ||
        s.backlog_for || age < min_bill() || age < constants_.over_window) {
        return;
    }
    const nanoseconds left = std::max<nanoseconds>(boot_ - age, nanoseconds::zero());
    const std::int64_t cost = price_of(machine->hour_report, left + min_bill(), Rounding::up);
    const double worth = levels ? worths_[level] : s.worth;
    const double saving = seen_.api_priced ? worth * seconds(warm_) : (s.over > 0.02 ? 1e18 : 0.0);
    if (saving < static_cast<double>(cost)) {
        give_back(*machine, {ReasonCode::rent_boot_cancelled});
    }
}

}  // namespace evenkeel::scaling
