#include "policies/lifecycle/trust.hpp"

namespace evenkeel::lifecycle {

namespace {

bool is_failure(Errc code) noexcept {
    switch (code) {
        case Errc::timed_out:
        case Errc::outcome_unknown:
        case Errc::unavailable:
        case Errc::rate_limited:
        case Errc::unauthorized:
        case Errc::invalid_response:
            return true;
        case Errc::no_capacity:
        case Errc::rejected:
        case Errc::not_found:
        case Errc::conflict:
        case Errc::refused:
        case Errc::invalid_argument:
        case Errc::corrupt:
        case Errc::io_failed:
        case Errc::cancelled:
            return false;
    }
    return true;
}

}  // namespace

void heard(Breaker& breaker, const std::optional<Errc>& error, Now now) noexcept {
    if (error == Errc::cancelled) {
        return;  // we stopped it ourselves: that says nothing about the provider
    }
    if (error && is_failure(*error)) {
        ++breaker.failures;
        breaker.successes = 0;
        const bool opens = breaker.failures >= breaker_failures || *error == Errc::unauthorized;
        if (opens && !breaker.open) {
            breaker.open = true;
            breaker.since = now.boot;
        }
        if (opens) {
            breaker.needed = breaker_successes;
        }
        return;
    }
    breaker.failures = 0;
    ++breaker.successes;
    if (breaker.successes >= breaker.needed) {
        breaker.open = false;
    }
}

std::optional<BootTime> undeleted_since(
    const Machine& machine, const Limits& limits, Now now) noexcept {
    const bool wanted =
        machine.state == MachineState::deleting || machine.state == MachineState::verifying;
    if (!wanted || !machine.delete_asked ||
        now.boot - machine.delete_asked->boot < limits.undeleted) {
        return std::nullopt;
    }
    return machine.delete_asked->boot;
}

bool ends_by_fault(const Machine& machine) noexcept {
    if (!machine.end_asked) {
        return false;
    }
    switch (machine.end_reason.code) {
        case ReasonCode::machine_boot_late:
        case ReasonCode::machine_rejected:
        case ReasonCode::machine_dearer:
        case ReasonCode::machine_lost:
        case ReasonCode::machine_orphan:
        case ReasonCode::machine_duplicate:
        case ReasonCode::machine_wrong_gpu:
        case ReasonCode::machine_stopped:
        case ReasonCode::machine_engine_lost:
            return true;
        default:
            return false;
    }
}

bool ends_by_choice(const Machine& machine) noexcept {
    switch (machine.end_reason.code) {
        case ReasonCode::rent_boot_cancelled:
        case ReasonCode::rent_over_max:
        case ReasonCode::agent_stopping:
        case ReasonCode::asked_by_owner:
        case ReasonCode::machine_not_asked:
        case ReasonCode::machine_orphan:
        case ReasonCode::machine_reaped:
            return true;
        default:
            return false;
    }
}

}  // namespace evenkeel::lifecycle
