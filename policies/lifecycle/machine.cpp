#include "policies/lifecycle/machine.hpp"

#include "policies/lifecycle/internal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace evenkeel::lifecycle {

namespace {

using std::chrono::nanoseconds;

milliseconds divided(milliseconds time, std::int64_t speed) {
    return std::max(milliseconds{1}, time / std::max<std::int64_t>(1, speed));
}

/// A number in [0, 1) that depends on nothing but its arguments.
double jitter(MachineId id, int attempt) {
    std::uint64_t x = static_cast<std::uint64_t>(id.value()) +
                      0x9E37'79B9'7F4A'7C15u * static_cast<std::uint64_t>(attempt + 1);
    x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9u;
    x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EBu;
    return static_cast<double>((x ^ (x >> 31)) >> 11) / 9'007'199'254'740'992.0;
}

/// Every failed call in a row doubles the pause; up to a quarter is taken off so that machines do
/// not knock in step.
milliseconds pause(const Machine& machine, const Limits& limits) {
    if (machine.attempts <= 0) {
        return milliseconds{0};
    }
    const int doublings = std::min(machine.attempts - 1, 20);
    const milliseconds full =
        std::min(limits.retry_most, limits.retry_first * (std::int64_t{1} << doublings));
    const double kept = 1.0 - 0.25 * jitter(machine.id, machine.attempts);
    return milliseconds{static_cast<std::int64_t>(static_cast<double>(full.count()) * kept)};
}

BootTime earliest(const Machine& machine, milliseconds least, const Limits& limits) {
    return std::max(machine.called_at + std::max(least, pause(machine, limits)), machine.hold_off);
}

/// A list that is to omit it: at once, or proof_gap after the first one that did.
Call prove(const Machine& machine, const Limits& limits) {
    BootTime at = earliest(machine, milliseconds{0}, limits);
    at = std::max(at, settled_at(machine, limits));
    if (machine.omitted_first) {
        at = std::max(at, machine.omitted_first->boot + limits.proof_gap);
    }
    return {.kind = CallKind::prove, .not_before = at};
}

Call while_verifying(const Machine& machine, const Limits& limits) {
    if (machine.missing_get) {
        return prove(machine, limits);
    }
    BootTime at = earliest(machine, milliseconds{0}, limits);
    const BootTime settled = settled_at(machine, limits);
    if (machine.called_at < settled) {
        at = std::min(at, std::max(settled, machine.hold_off));
    }
    return {.kind = CallKind::get, .not_before = at};
}

Call while_booting(const Machine& machine, const Limits& limits) {
    if (machine.missing_get && machine.state == MachineState::booting) {
        return prove(machine, limits);
    }
    const bool has_address = !machine.host.empty() && machine.port > 0;
    if (!has_address || asks_provider_next(machine)) {
        return {.kind = CallKind::get, .not_before = earliest(machine, limits.poll, limits)};
    }
    return {
        .kind = CallKind::probe,
        .not_before = std::max(machine.called_at + limits.probe, machine.hold_off)};
}

Call while_serving(const Machine& machine, const Limits& limits) {
    if (machine.missing_get) {
        return prove(machine, limits);
    }
    if (machine.omitted_first || (machine.engine_down && !machine.asked_provider)) {
        return {.kind = CallKind::get, .not_before = earliest(machine, limits.probe, limits)};
    }
    if (machine.state == MachineState::draining) {
        return {};
    }
    const milliseconds every = machine.engine_down ? limits.probe : limits.poll;
    return {.kind = CallKind::probe, .not_before = machine.called_at + every};
}

/// Moves a reading of both clocks, taken before the host booted, to this boot's scale. UTC tells
/// how long ago it was; it cannot be less than the host has been up.
void rebase(Now& stamp, Now now) {
    const nanoseconds uptime = now.boot.time_since_epoch();
    const nanoseconds by_utc = now.utc - stamp.utc;
    stamp.boot = now.boot - std::max(by_utc, uptime);
}
void rebase(std::optional<Now>& stamp, Now now) {
    if (stamp) {
        rebase(*stamp, now);
    }
}

}  // namespace

Limits make_limits(
    const config::Scaling& scaling, const config::Safety& safety, std::int64_t speed) {
    Limits limits;
    for (milliseconds* time :
         {&limits.create_give_up,
          &limits.settle,
          &limits.idle_after,
          &limits.poll,
          &limits.probe,
          &limits.engine_lost,
          &limits.redelete,
          &limits.retry_first,
          &limits.retry_most,
          &limits.alarm,
          &limits.undeleted}) {
        *time = divided(*time, speed);
    }
    limits.warm_up = scaling.warm_up;
    limits.drain = scaling.drain;
    limits.max_life = scaling.max_life;
    limits.proof_gap = safety.proof_gap;
    return limits;
}

std::string machine_name(std::string_view owner_mark, MachineId id) {
    std::string text = id_to_text(id.value());
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return fmt::format("{}-{}", owner_mark, text);
}

Machine make_machine(const Intent& intent, const Limits& limits, Now now) {
    Machine machine;
    machine.id = intent.id;
    machine.name = intent.name;
    machine.owner_mark = intent.owner_mark;
    machine.provider = intent.provider;
    machine.offer = intent.offer;
    machine.sku = intent.sku;
    machine.region = intent.region;
    machine.model = intent.model;
    machine.gpu_wanted = intent.gpu_wanted;
    machine.gpu_count_wanted = intent.gpu_count_wanted;
    machine.intent_price = intent.price;
    machine.min_bill = intent.min_bill;
    machine.boot_id = intent.boot_id;
    machine.wanted_at = now;
    machine.state_at = now;
    machine.alive_at = now;
    machine.expires = now.utc + limits.max_life + limits.drain;
    return machine;
}

Machine rebased(Machine machine, std::string_view boot_id, Now now) {
    if (machine.boot_id == boot_id) {
        return machine;
    }
    for (Now* stamp :
         {&machine.wanted_at, &machine.state_at, &machine.phase_at, &machine.alive_at}) {
        rebase(*stamp, now);
    }
    for (std::optional<Now>* stamp :
         {&machine.billed_from,
          &machine.serving_at,
          &machine.end_asked,
          &machine.delete_asked,
          &machine.delete_answered,
          &machine.gone_at}) {
        rebase(*stamp, now);
    }
    machine.boot_id = boot_id;
    return machine;
}

Step after_restart(
    const Machine& machine, std::string_view boot_id, const Limits& limits, Now now) {
    Stepper stepper{rebased(machine, boot_id, now), limits, now};
    Machine& m = stepper.machine();
    if (m.state == MachineState::gone) {
        return stepper.done();
    }
    const bool rebooted = machine.boot_id != boot_id;
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    m.engine_down.reset();
    m.idle_since.reset();
    m.probe_failures = 0;
    m.asked_provider = false;
    const bool live = m.state == MachineState::booting || m.state == MachineState::warming ||
                      m.state == MachineState::serving || m.state == MachineState::draining;
    if (live) {
        m.alive_at = now;  // newer proofs of life were lost, and too little must not be booked
    }
    // A delete may have been sent and have worked.
    m.attempts = m.state == MachineState::deleting ? 1 : 0;
    m.called_at = BootTime{};
    m.hold_off = BootTime{};
    m.alarmed = false;
    if (m.state == MachineState::wanted) {
        stepper.never_created("not_asked", {ReasonCode::machine_not_asked});
    } else if (m.state == MachineState::creating) {
        stepper.go(MachineState::unknown, "restarted", {});
    } else if (rebooted) {
        stepper.note("rebooted", {});
    }
    if (takes_work(m, limits)) {
        stepper.out().gate = GateEffect::start;
    }
    return stepper.done();
}

std::string_view to_text(CallKind kind) noexcept {
    switch (kind) {
        case CallKind::none:
            return "none";
        case CallKind::create:
            return "create";
        case CallKind::look_up:
            return "look_up";
        case CallKind::get:
            return "get";
        case CallKind::probe:
            return "probe";
        case CallKind::accept:
            return "accept";
        case CallKind::destroy:
            return "destroy";
        case CallKind::prove:
            return "prove";
    }
    return "";
}

Call wanted_call(const Machine& machine, const Limits& limits, Now now) {
    Call call;
    switch (machine.state) {
        case MachineState::wanted:
            call = {CallKind::create, earliest(machine, milliseconds{0}, limits)};
            break;
        case MachineState::unknown:
            call = {CallKind::look_up, earliest(machine, milliseconds{0}, limits)};
            break;
        case MachineState::booting:
            call = while_booting(machine, limits);
            break;
        case MachineState::warming:
            call = {CallKind::accept, machine.called_at + limits.probe};
            break;
        case MachineState::serving:
        case MachineState::draining:
            call = while_serving(machine, limits);
            break;
        case MachineState::deleting:
            call = {CallKind::destroy, earliest(machine, milliseconds{0}, limits)};
            break;
        case MachineState::verifying:
            call = while_verifying(machine, limits);
            break;
        case MachineState::creating:
        case MachineState::gone:
            break;
    }
    // A first call of a state has no answer to wait after.
    if (call.kind != CallKind::none && machine.called_at == BootTime{}) {
        call.not_before = call.kind == CallKind::prove ? call.not_before : now.boot;
    }
    return call;
}

BootTime next_deadline(const Machine& machine, const Limits& limits) {
    const BootTime from = machine.billed_from ? machine.billed_from->boot : BootTime::max();
    const auto after = [](BootTime time, milliseconds limit) {
        return time == BootTime::max() ? time : time + limit;
    };
    switch (machine.state) {
        case MachineState::wanted:
            return machine.wanted_at.boot + limits.create_give_up;
        case MachineState::creating:
            return after(from, limits.warm_up);
        case MachineState::booting:
        case MachineState::warming:
            return warm_up_from(machine).boot + limits.warm_up;
        case MachineState::serving: {
            BootTime next = after(from, limits.max_life);
            if (machine.engine_down) {
                next = std::min(next, machine.engine_down->boot + limits.engine_lost);
            }
            if (machine.phase == Phase::serve && machine.idle_since) {
                next = std::min(next, machine.idle_since->boot + limits.idle_after);
            }
            return next;
        }
        case MachineState::draining:
            return machine.state_at.boot + limits.drain;
        case MachineState::deleting:
        case MachineState::verifying:
            return machine.alarmed || !machine.delete_asked
                       ? BootTime::max()
                       : machine.delete_asked->boot + limits.alarm;
        case MachineState::unknown:
        case MachineState::gone:
            return BootTime::max();
    }
    return BootTime::max();
}

bool takes_work(const Machine& machine, const Limits& limits) noexcept {
    return machine.state == MachineState::serving && !machine.end_asked &&
           machine.probe_failures < limits.probe_failures;
}

bool costs_money(const Machine& machine) noexcept {
    return machine.state != MachineState::wanted && machine.state != MachineState::gone;
}

Money accrued(const Machine& machine, Now now) {
    if (!machine.billed_from || machine.state == MachineState::gone) {
        return machine.posted;
    }
    const Price& price = machine.real_price ? *machine.real_price : machine.intent_price;
    const nanoseconds elapsed = now.boot - machine.billed_from->boot;
    return price.cost_of(std::max<nanoseconds>(elapsed, machine.min_bill), Rounding::up);
}

Listed listed_for(const Machine& machine, std::span<const Seen> list, bool complete, Now asked) {
    Listed listed{.asked = asked, .complete = complete};
    const Seen* ours = nullptr;
    if (!machine.remote_id.empty()) {
        const auto found = std::ranges::find(list, machine.remote_id, &Seen::remote_id);
        ours = found != list.end() ? &*found : nullptr;
    }
    const auto is_named = [&](const Seen& seen) {
        return seen.name == machine.name && seen.owner_mark == machine.owner_mark;
    };
    if (ours == nullptr && machine.remote_id.empty()) {
        for (const Seen& seen : list) {
            if (is_named(seen) &&
                (ours == nullptr || seen.created < ours->created ||
                 (seen.created == ours->created && seen.remote_id < ours->remote_id))) {
                ours = &seen;
            }
        }
    }
    for (const Seen& seen : list) {
        if (is_named(seen) && &seen != ours && seen.remote_id != machine.remote_id) {
            listed.duplicates.push_back(seen.remote_id);
        }
    }
    if (ours != nullptr) {
        listed.entry = *ours;
    }
    return listed;
}

}  // namespace evenkeel::lifecycle
