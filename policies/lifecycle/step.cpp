#include "policies/lifecycle/internal.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace evenkeel::lifecycle {

namespace {

using std::chrono::nanoseconds;

/// Exactly compared; another currency cannot be compared and counts as dearer.
bool is_dearer(const Price& real, const Price& intent) {
    if (real.currency() != intent.currency() || real.unit() != intent.unit()) {
        return true;
    }
    return static_cast<__int128>(real.num()) * intent.den() >
           static_cast<__int128>(intent.num()) * real.den();
}

std::optional<Phase> phase_of(MachineState state) {
    switch (state) {
        case MachineState::wanted:
        case MachineState::gone:
            return std::nullopt;
        case MachineState::creating:
        case MachineState::unknown:
        case MachineState::booting:
            return Phase::boot;
        case MachineState::warming:
            return Phase::warm;
        case MachineState::serving:
            return Phase::serve;
        case MachineState::draining:
            return Phase::drain;
        case MachineState::deleting:
        case MachineState::verifying:
            return Phase::del;
    }
    return std::nullopt;
}

}  // namespace

BootTime settled_at(const Machine& machine, const Limits& limits) {
    const Now& from = machine.billed_from ? *machine.billed_from : machine.wanted_at;
    return from.boot + limits.settle;
}

Stepper::Stepper(const Machine& machine, const Limits& limits, Now now)
    : limits_{limits}, now_{now} {
    out_.machine = machine;
    out_.from = machine.state;
    out_.to = machine.state;
}

// ---- money ------------------------------------------------------------------------------------

const Price& Stepper::price() const {
    const Machine& m = out_.machine;
    return m.real_price ? *m.real_price : m.intent_price;
}

nanoseconds Stepper::elapsed_at(Now at) const {
    const Machine& m = out_.machine;
    return m.billed_from ? std::max(at.boot - m.billed_from->boot, nanoseconds::zero())
                         : nanoseconds::zero();
}

/// Closes the open phase at `to`, with everything up to `elapsed` posted.
void Stepper::close_phase(Now to, nanoseconds elapsed) {
    Machine& m = out_.machine;
    if (!m.phase) {
        return;
    }
    const Money amount = phase_amount(price(), elapsed, m.posted);
    out_.closed.push_back(
        {.no = m.phase_no,
         .phase = *m.phase,
         .from = m.phase_at,
         .to = to.boot < m.phase_at.boot ? m.phase_at : to,
         .amount = amount});
    m.posted += amount;
    m.phase.reset();
}

void Stepper::open_phase(Phase phase, Now from) {
    Machine& m = out_.machine;
    m.phase = phase;
    m.phase_at = from;
    ++m.phase_no;
    out_.opened = PhaseOpened{.no = m.phase_no, .phase = phase, .from = from};
}

void Stepper::change_phase(std::optional<Phase> phase, Now at) {
    Machine& m = out_.machine;
    if (m.phase == phase) {
        return;
    }
    close_phase(at, elapsed_at(at));
    if (phase) {
        open_phase(*phase, at);
    }
}

// ---- durable steps ----------------------------------------------------------------------------

void Stepper::note(std::string_view event, const Reason& reason) {
    assert(!out_.durable);
    out_.durable = true;
    out_.event = event;
    out_.reason = reason;
    ++out_.machine.step;
}

void Stepper::go(MachineState state, std::string_view event, const Reason& reason) {
    note(event, reason);
    Machine& m = out_.machine;
    m.state = state;
    m.state_at = now_;
    m.called_at = BootTime{};
    m.hold_off = BootTime{};
    out_.to = state;
    if (state == MachineState::creating) {
        m.billed_from = now_;
    } else {
        m.attempts = 0;  // a create that could not be sent is tried with a growing pause
    }
    if (phase_of(state) != phase_of(out_.from)) {
        change_phase(phase_of(state), now_);
    }
}

void Stepper::never_created(std::string_view event, const Reason& reason) {
    note(event, reason);
    Machine& m = out_.machine;
    if (m.end_reason.code == ReasonCode::none) {
        m.end_reason = reason;
    }
    close_phase(now_, nanoseconds::zero());
    m.state = MachineState::gone;
    m.state_at = now_;
    m.gone_at = now_;
    m.gone_how = GoneHow::never_created;
    out_.to = m.state;
}

void Stepper::end_wanted(const Reason& reason) {
    Machine& m = out_.machine;
    if (!m.end_asked) {
        m.end_asked = now_;
        m.end_reason = reason;
    }
}

void Stepper::destroy(std::string_view event, const Reason& reason, GateEffect gate) {
    Machine& m = out_.machine;
    end_wanted(reason);
    if (!m.delete_asked) {
        m.delete_asked = now_;
    }
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    go(MachineState::deleting, event, m.end_reason);
    out_.gate = gate;
}

/// Proved absent: closes the books. A machine we destroyed is paid until its delete was answered
/// or it was seen alive, whichever is later; a lost one until its last proof of life. One that only
/// its create call ever spoke of was never placed: nothing is owed, unless a bill says so later.
void Stepper::finish() {
    Machine& m = out_.machine;
    if (!m.confirmed) {
        return never_created("proved_gone", m.end_reason);
    }
    note("proved_gone", m.end_reason);
    Now end = m.alive_at;
    if (m.gone_how == GoneHow::destroyed && m.delete_answered &&
        m.delete_answered->boot > end.boot) {
        end = *m.delete_answered;
    }
    const nanoseconds elapsed = elapsed_at(end);
    close_phase(end, elapsed);
    const Money rest = minimum_amount(price(), m.min_bill, elapsed, m.posted);
    if (!rest.is_zero()) {
        ++m.phase_no;
        const Now from = out_.closed.empty() ? end : out_.closed.back().to;
        Now to = from;
        to.boot += m.min_bill - elapsed;
        to.utc += std::chrono::duration_cast<std::chrono::microseconds>(m.min_bill - elapsed);
        out_.closed.push_back(
            {.no = m.phase_no, .phase = Phase::minimum, .from = from, .to = to, .amount = rest});
        m.posted += rest;
    }
    m.state = MachineState::gone;
    m.state_at = now_;
    m.gone_at = now_;
    out_.to = m.state;
}

// ---- what the provider says -------------------------------------------------------------------

bool Stepper::is_live() const {
    switch (out_.machine.state) {
        case MachineState::booting:
        case MachineState::warming:
        case MachineState::serving:
        case MachineState::draining:
            return true;
        default:
            return false;
    }
}

void Stepper::answered(bool failed, std::optional<milliseconds> retry_after) {
    Machine& m = out_.machine;
    m.called_at = now_.boot;
    m.attempts = failed ? m.attempts + 1 : 0;
    if (retry_after) {
        m.hold_off = std::max(m.hold_off, now_.boot + *retry_after);
    }
}

void Stepper::looked(bool failed, std::optional<milliseconds> retry_after) {
    Machine& m = out_.machine;
    if (m.state != MachineState::deleting) {
        answered(failed, retry_after);
    } else if (retry_after) {
        // Questions are put off for longer than deletes: no longer than a delete would be.
        m.hold_off = std::max(m.hold_off, now_.boot + std::min(*retry_after, limits_.retry_most));
    }
}

std::chrono::nanoseconds Stepper::life_granted() const {
    const Machine& m = out_.machine;
    const nanoseconds now_allowed = limits_.max_life;
    if (m.expires == UtcTime{}) {
        return now_allowed;
    }
    // A difference of two stored times: no step of the wall clock shortens it (F85). An adopted
    // machine is billed from before it was wanted, and its life began then.
    const UtcTime born =
        m.billed_from ? std::min(m.wanted_at.utc, m.billed_from->utc) : m.wanted_at.utc;
    const nanoseconds written = m.expires - born - limits_.drain;
    return std::min(now_allowed, std::max(written, nanoseconds::zero()));
}

std::optional<Reason> Stepper::wrong(const Seen& seen) const {
    const Machine& m = out_.machine;
    // The first price read back is what it costs; later the provider may state its list price of
    // the day, and that ends no machine.
    const std::optional<Price>& price = m.real_price ? m.real_price : seen.price;
    if (price && is_dearer(*price, m.intent_price)) {
        return Reason{
            ReasonCode::machine_dearer,
            {price->per_display_unit().nanos(), m.intent_price.per_display_unit().nanos()}};
    }
    const bool other_gpu = !m.gpu_wanted.empty() && !seen.gpu.empty() && seen.gpu != m.gpu_wanted;
    if (other_gpu || (seen.gpu_count > 0 && seen.gpu_count < m.gpu_count_wanted)) {
        return Reason{ReasonCode::machine_wrong_gpu};
    }
    if (seen.stopped) {
        return Reason{ReasonCode::machine_stopped};
    }
    return std::nullopt;
}

void Stepper::read_back(const Seen& seen) {
    Machine& m = out_.machine;
    if (seen.price && !m.real_price) {
        m.real_price = seen.price;
    }
    if (!seen.gpu.empty()) {
        m.gpu = seen.gpu;
        m.gpu_count = seen.gpu_count;
    }
    if (!seen.host.empty() && seen.port > 0) {
        m.host = seen.host;
        m.port = seen.port;
    }
}

/// The create call's machine is known now.
void Stepper::adopt(const Seen& seen, std::string_view event) {
    Machine& m = out_.machine;
    m.remote_id = seen.remote_id;
    read_back(seen);
    m.alive_at = now_;
    if (const auto reason = wrong(seen)) {
        destroy(event, *reason, GateEffect::none);
    } else if (m.end_asked) {
        destroy(event, m.end_reason, GateEffect::none);
    } else {
        go(MachineState::booting, event, {});
    }
}

/// It existed at some moment after `asked`.
void Stepper::present(const Seen& seen, Now asked) {
    Machine& m = out_.machine;
    const bool first_sight = !m.confirmed;
    m.confirmed = true;
    if (asked.boot > m.alive_at.boot) {
        m.alive_at = asked;
    }
    m.missing_get.reset();
    m.omitted_first.reset();
    m.omitted_last.reset();
    if (is_live()) {
        const std::pair before{m.host, m.port};
        const bool priced = m.real_price.has_value();
        read_back(seen);
        if (const auto reason = wrong(seen)) {
            destroy(to_text(reason->code), *reason, GateEffect::cancel);
        } else if (
            first_sight || before != std::pair{m.host, m.port} ||
            priced != m.real_price.has_value()) {
            note("read_back", {});
        }
        return;
    }
    if (m.state == MachineState::gone && m.gone_at && asked.boot > m.gone_at->boot) {
        // The proof was wrong, or a create took effect very late: it is ours, so it ends.
        m.remote_id = seen.remote_id;
        m.gone_at.reset();
        m.gone_how = GoneHow::destroyed;
        m.delete_asked = now_;
        m.delete_answered.reset();
        m.alarmed = false;
        if (!m.billed_from) {
            m.billed_from = now_;
        }
        destroy("reappeared", {ReasonCode::machine_orphan}, GateEffect::none);
        return;
    }
    if (m.state == MachineState::deleting) {
        m.gone_how = GoneHow::destroyed;
    }
    if (m.state == MachineState::verifying && m.delete_answered &&
        asked.boot >= m.delete_answered->boot) {
        m.gone_how = GoneHow::destroyed;
        if (now_.boot - m.state_at.boot >= limits_.redelete) {
            go(MachineState::deleting, "still_there", m.end_reason);
        }
    }
}

/// A GET said missing, or a complete list omitted it, at some moment after `asked`.
void Stepper::absent(bool by_get, Now asked) {
    Machine& m = out_.machine;
    if (asked.boot < settled_at(m, limits_) || asked.boot < m.alive_at.boot) {
        return;
    }
    if (m.state == MachineState::verifying &&
        (!m.delete_answered || asked.boot < m.delete_answered->boot)) {
        return;
    }
    if (by_get) {
        if (!m.missing_get) {
            m.missing_get = asked;
        }
    } else if (!m.omitted_first) {
        m.omitted_first = asked;
        m.omitted_last = asked;
    } else {
        m.omitted_last = std::max(
            *m.omitted_last, asked, [](const Now& a, const Now& b) { return a.boot < b.boot; });
    }
    conclude_absence();
}

void Stepper::conclude_absence() {
    Machine& m = out_.machine;
    const bool listed_out =
        m.omitted_first && m.omitted_last->boot - m.omitted_first->boot >= limits_.proof_gap;
    if (!listed_out) {
        return;
    }
    if (m.state == MachineState::unknown) {
        never_created(
            "never_seen", {ReasonCode::machine_never_seen, {milliseconds_of(elapsed_at(now_))}});
        return;
    }
    if (!m.missing_get) {
        return;
    }
    if (m.state == MachineState::verifying) {
        finish();
    } else if (is_live()) {
        // Paid until its last proof of life; still asked to be deleted once.
        m.gone_how = GoneHow::lost;
        close_phase(m.alive_at, elapsed_at(m.alive_at));
        const bool served = m.state == MachineState::serving || m.state == MachineState::draining;
        destroy("lost", {ReasonCode::machine_lost}, served ? GateEffect::cancel : GateEffect::none);
    }
}

}  // namespace evenkeel::lifecycle
