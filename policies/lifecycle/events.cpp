#include "policies/lifecycle/internal.hpp"

#include <algorithm>

/// What each event does; the durable steps themselves are in step.cpp.
namespace evenkeel::lifecycle {

namespace {

using std::chrono::nanoseconds;

bool is_definite(Errc code) {
    return code == Errc::unavailable || code == Errc::timed_out || code == Errc::rate_limited ||
           code == Errc::cancelled;
}
bool is_refusal(Errc code) {
    return code == Errc::no_capacity || code == Errc::rejected || code == Errc::unauthorized ||
           code == Errc::not_found || code == Errc::refused || code == Errc::invalid_argument;
}

}  // namespace

// ---- events -----------------------------------------------------------------------------------

void Stepper::on(const CreateAsked&) {
    if (out_.machine.state == MachineState::wanted) {
        go(MachineState::creating, "create_asked", {});
    }
}

void Stepper::on(const Created& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::creating || m.state == MachineState::unknown) {
        adopt(event.seen, "created");
    } else if (m.remote_id.empty()) {
        present(event.seen, now_);
    } else if (m.remote_id != event.seen.remote_id) {
        out_.destroy_duplicates.push_back(event.seen.remote_id);
    }
}

void Stepper::on(const CreateFailed& event) {
    Machine& m = out_.machine;
    if (m.state != MachineState::creating) {
        return;
    }
    if (is_refusal(event.code)) {
        never_created(
            "create_refused",
            event.code == Errc::no_capacity
                ? Reason{ReasonCode::machine_no_capacity}
                : Reason{ReasonCode::machine_refused, {static_cast<std::int64_t>(event.code)}});
        return;
    }
    if (!is_definite(event.code)) {
        go(MachineState::unknown, "create_unknown", {});
        return;
    }
    if (m.end_asked) {
        never_created("create_not_sent", m.end_reason);
        return;
    }
    // Nothing was sent, so the same intent may be asked again. Nothing was billed either.
    const int attempts = m.attempts;
    close_phase(now_, nanoseconds::zero());
    go(MachineState::wanted, "create_not_sent", {});
    m.billed_from.reset();
    m.attempts = attempts;
    answered(true, event.retry_after);
}

void Stepper::on(const Listed& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::wanted || m.state == MachineState::creating) {
        return;  // the create call's own answer is still to come
    }
    out_.destroy_duplicates = event.duplicates;
    const bool asked_for =
        m.state == MachineState::unknown || (m.state == MachineState::verifying && m.missing_get);
    if (event.entry) {
        if (m.state == MachineState::unknown) {
            m.confirmed = true;
            adopt(*event.entry, "found");
            return;
        }
        present(*event.entry, event.asked);
    } else if (event.complete) {
        absent(false, event.asked);
    }
    if (!out_.durable && asked_for) {
        answered(true);
    }
}

void Stepper::on(const Got& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::booting && asks_provider_next(m)) {
        ++m.probe_failures;
    }
    m.asked_provider = m.engine_down.has_value();
    const bool verifying = m.state == MachineState::verifying;
    present(event.seen, event.asked);
    if (!out_.durable) {
        looked(verifying);
    }
}

void Stepper::on(const GetMissing& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::booting && asks_provider_next(m)) {
        ++m.probe_failures;
    }
    if (m.engine_down) {
        // Silent, and the provider does not know it: no more requests, whatever that proves.
        const bool worked = takes_work(m, limits_);
        m.asked_provider = true;
        ++m.probe_failures;
        if (worked && !takes_work(m, limits_)) {
            out_.gate = GateEffect::stop;
        }
    }
    absent(true, event.asked);
    if (!out_.durable) {
        looked(!m.missing_get);
    }
}

void Stepper::on(const CallFailed& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::booting && event.kind == CallKind::get && asks_provider_next(m)) {
        ++m.probe_failures;
    }
    m.asked_provider = m.asked_provider || (event.kind == CallKind::get && m.engine_down);
    looked(true, event.retry_after);
}

void Stepper::on(const EngineReachable& event) {
    Machine& m = out_.machine;
    if (!is_live()) {
        return;
    }
    m.confirmed = true;
    if (event.asked.boot > m.alive_at.boot) {
        m.alive_at = event.asked;
    }
    if (m.state == MachineState::booting) {
        m.probe_failures = 0;
        go(MachineState::warming, "engine_reachable", {});
        return;
    }
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    m.asked_provider = false;
    const bool was_out = m.probe_failures >= limits_.probe_failures;
    m.probe_failures = 0;
    m.engine_down.reset();
    answered(false);
    if (was_out && takes_work(m, limits_)) {
        out_.gate = GateEffect::start;
    }
}

void Stepper::on(const EngineUnreachable&) {
    Machine& m = out_.machine;
    if (!is_live()) {
        return;
    }
    const bool worked = takes_work(m, limits_);
    ++m.probe_failures;
    m.asked_provider = false;
    m.called_at = now_.boot;
    if (m.state == MachineState::serving && !m.engine_down) {
        m.engine_down = now_;
    }
    if (worked && !takes_work(m, limits_)) {
        out_.gate = GateEffect::stop;
    }
}

void Stepper::on(const Accepted&) {
    Machine& m = out_.machine;
    if (m.state != MachineState::warming) {
        return;
    }
    go(MachineState::serving, "accepted", {});
    if (!m.serving_at) {
        m.serving_at = now_;
    }
    m.probe_failures = 0;
    m.engine_down.reset();
    m.idle_since = now_;
    out_.gate = GateEffect::start;
}

void Stepper::on(const Rejected&) {
    if (out_.machine.state == MachineState::warming) {
        destroy("rejected", {ReasonCode::machine_rejected}, GateEffect::none);
    }
}

void Stepper::on(const Drain& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::serving) {
        end_wanted(event.reason);
        go(MachineState::draining, "drain", event.reason);
        out_.gate = GateEffect::stop;
    } else if (m.state != MachineState::draining) {
        on(Destroy{.reason = event.reason});
    }
}

void Stepper::on(const Drained&) {
    if (out_.machine.state == MachineState::draining) {
        destroy("drained", out_.machine.end_reason, GateEffect::none);
    }
}

void Stepper::on(const Destroy& event) {
    Machine& m = out_.machine;
    switch (m.state) {
        case MachineState::wanted:
            never_created("not_wanted", event.reason);
            break;
        case MachineState::creating:
        case MachineState::unknown:
            if (!m.end_asked) {
                end_wanted(event.reason);
                note("end_asked", event.reason);
            }
            break;
        case MachineState::booting:
        case MachineState::warming:
            destroy("destroy", event.reason, GateEffect::none);
            break;
        case MachineState::serving:
        case MachineState::draining:
            destroy("destroy", event.reason, GateEffect::cancel);
            break;
        case MachineState::deleting:
        case MachineState::verifying:
        case MachineState::gone:
            break;
    }
}

void Stepper::on(const DestroyAnswered& event) {
    Machine& m = out_.machine;
    if (m.state != MachineState::deleting) {
        return;
    }
    if (event.answer == DestroyAnswer::failed) {
        answered(true, event.retry_after);
        return;
    }
    const bool first = m.attempts == 0 && !m.delete_answered;
    m.delete_answered = now_;
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    const bool done = event.answer == DestroyAnswer::done;
    if (done) {
        m.confirmed = true;
    } else if (first) {
        m.gone_how = GoneHow::lost;  // our first delete finds it gone: somebody else ended it
    }
    go(MachineState::verifying, done ? "deleted" : "delete_missing", m.end_reason);
}

void Stepper::on(const Reaped& event) {
    Machine& m = out_.machine;
    if (m.state == MachineState::verifying && m.gone_how == GoneHow::lost) {
        // We had found it missing; now it is known who ended it, and until when it is paid.
        m.gone_how = GoneHow::destroyed;
        m.delete_answered = event.answered;
        note("reaped", {ReasonCode::machine_reaped});
        return;
    }
    if (m.state == MachineState::wanted || m.state == MachineState::verifying ||
        m.state == MachineState::gone) {
        return;  // nothing was asked, or a delete of ours was answered and is being proved
    }
    if (m.remote_id.empty()) {
        m.remote_id = event.remote_id;
    }
    m.confirmed = true;  // the reaper listed it
    if (m.alive_at.boot > event.answered.boot) {
        m.alive_at = event.answered;  // a restart had to assume that it still lives
    }
    end_wanted({ReasonCode::machine_reaped});
    if (!m.delete_asked) {
        m.delete_asked = event.answered;
    }
    m.delete_answered = event.answered;
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    if (m.phase) {
        close_phase(event.answered, elapsed_at(event.answered));
    }
    const bool served = m.state == MachineState::serving || m.state == MachineState::draining;
    go(MachineState::verifying, "reaped", m.end_reason);
    out_.gate = served ? GateEffect::cancel : GateEffect::none;
}

void Stepper::on(const Work& event) {
    Machine& m = out_.machine;
    if (m.state != MachineState::serving) {
        return;
    }
    if (event.in_flight == 0) {
        if (!m.idle_since) {
            m.idle_since = now_;
        }
        return;
    }
    m.idle_since.reset();
    if (m.phase == Phase::idle) {
        note("busy", {});
        change_phase(Phase::serve, now_);
    }
}

// ---- deadlines --------------------------------------------------------------------------------

void Stepper::deadlines() {
    Machine& m = out_.machine;
    const nanoseconds age = elapsed_at(now_);
    switch (m.state) {
        case MachineState::wanted:
            if (now_.boot - m.wanted_at.boot >= limits_.create_give_up) {
                never_created(
                    "create_given_up",
                    {ReasonCode::machine_unreachable, {limits_.create_give_up.count()}});
            }
            break;
        case MachineState::creating:
            if (age >= limits_.warm_up) {
                go(MachineState::unknown, "create_silent", {});
            }
            break;
        case MachineState::booting:
        case MachineState::warming:
            if (now_.boot - warm_up_from(m).boot >= limits_.warm_up) {
                destroy(
                    "boot_late",
                    {ReasonCode::machine_boot_late, {limits_.warm_up.count()}},
                    GateEffect::none);
            }
            break;
        case MachineState::serving:
            if (m.engine_down && now_.boot - m.engine_down->boot >= limits_.engine_lost) {
                destroy(
                    "engine_lost",
                    {ReasonCode::machine_engine_lost, {limits_.engine_lost.count()}},
                    GateEffect::cancel);
            } else if (age >= life_granted()) {
                on(Drain{
                    .reason = {
                        ReasonCode::rent_max_life,
                        {milliseconds_of(age), limits_.max_life.count()}}});
            } else if (
                m.phase == Phase::serve && m.idle_since &&
                now_.boot - m.idle_since->boot >= limits_.idle_after) {
                // The idle time began when the last request ended, not when we were sure of it.
                note("idle", {});
                change_phase(
                    Phase::idle, m.idle_since->boot < m.phase_at.boot ? m.phase_at : *m.idle_since);
            }
            break;
        case MachineState::draining:
            if (now_.boot - m.state_at.boot >= limits_.drain) {
                destroy("drain_over", m.end_reason, GateEffect::cancel);
            }
            break;
        case MachineState::deleting:
        case MachineState::verifying:
            if (!m.alarmed && m.delete_asked && now_.boot - m.delete_asked->boot >= limits_.alarm) {
                m.alarmed = true;
                out_.alarm = true;
            }
            break;
        case MachineState::unknown:
        case MachineState::gone:
            break;
    }
}

void Stepper::apply(const Event& event) {
    std::visit([this](const auto& one) { on(one); }, event);
    if (!out_.durable) {
        deadlines();
    }
}

Step step(const Machine& machine, const Event& event, const Limits& limits, Now now) {
    Stepper stepper{machine, limits, now};
    stepper.apply(event);
    return stepper.done();
}

}  // namespace evenkeel::lifecycle
