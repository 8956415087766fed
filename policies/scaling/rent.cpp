#include "policies/scaling/tick.hpp"

#include <algorithm>

/// The tick itself and what it learns from the counters.
namespace evenkeel::scaling {

Tick::Tick(
    const RentState& state,
    const ScalingSnapshot& snapshot,
    const config::Scaling& policy,
    const config::Safety& safety,
    const Constants& constants)
    : seen_{snapshot}, policy_{policy}, safety_{safety}, constants_{constants} {
    out_.state = state;
    boot_ = boot_time(policy, snapshot.boot_measured, constants);
    warm_ = std::max(boot_, constants.warm_floor);
    for (const MachineView& machine : snapshot.machines) {
        pending_ += is_pending(machine) ? 1 : 0;
        ready_ += is_ready(machine) ? 1 : 0;
        // Until the delete is answered it may still be running, and it counts.
        existing_ += machine.state != MachineState::verifying || machine.failed ? 1 : 0;
    }
    for (const OfferView& offer : snapshot.offers) {
        if (reference_ == nullptr || (refusal(offer).code == ReasonCode::none &&
                                      refusal(*reference_).code != ReasonCode::none)) {
            reference_ = &offer;
        }
    }
    waiting_s_ =
        engine_seconds(snapshot.demand.queued_tokens_in, snapshot.demand.queued_tokens_out);
}

Outcome Tick::run() {
    take_signals();
    forget();
    const bool ordered = order();
    if (!ordered) {
        release();
    }
    return std::move(out_);
}

double Tick::engine_seconds(std::int64_t tokens_in, std::int64_t tokens_out) const {
    return reference_ == nullptr
               ? 0.0
               : capacity::least_seconds(reference_->profile, tokens_in, tokens_out) /
                     static_cast<double>(constants_.speed);
}

void Tick::take_signals() {
    RentState& s = out_.state;
    const nanoseconds elapsed = seen_.now.boot - s.taken_at;
    if (!s.started || elapsed < nanoseconds::zero()) {
        s.started = true;
    } else if (elapsed < constants_.period) {
        return;
    } else {
        if (reference_ != nullptr) {
            if (seen_.api_priced) {
                overflow(elapsed);
            } else {
                backlog(elapsed);
            }
        }
        idle(elapsed);
    }
    s.taken_at = seen_.now.boot;
    s.taken = seen_.demand;
    s.worth_taken.clear();
    for (const MachineView& machine : seen_.machines) {
        s.worth_taken[machine.id] = machine.worth;
    }
}

void Tick::overflow(nanoseconds elapsed) {
    RentState& s = out_.state;
    const gate::ModelCounters& now = seen_.demand;
    const gate::ModelCounters& before = s.taken;
    const std::int64_t money =
        add(since(now.overflow_cost, before.overflow_cost),
            since(now.refused_worth, before.refused_worth));
    const double work = engine_seconds(
        since(now.overflow_tokens_in, before.overflow_tokens_in) +
            since(now.refused_tokens_in, before.refused_tokens_in),
        since(now.overflow_tokens_out, before.overflow_tokens_out) +
            since(now.refused_tokens_out, before.refused_tokens_out));
    const double dt = seconds(elapsed);
    // One more machine can do one engine-second a second; the rest is for further ones.
    std::int64_t earned = money;
    if (work > dt) {
        const auto work_ns = static_cast<std::int64_t>(std::min(work * 1e9, 9e18));
        earned = mul_div(money, elapsed.count(), work_ns, Rounding::down).value_or(money);
    }
    const std::int64_t cost = price_of(reference_->hour_report, elapsed, Rounding::up);
    s.debt = std::max<std::int64_t>(0, add(s.debt, earned) - cost);
    average(s.over, work / dt, elapsed, constants_.over_window);
    average(s.worth, static_cast<double>(earned) / dt, elapsed, constants_.over_window);
    average(s.worth_slow, static_cast<double>(earned) / dt, elapsed, constants_.slow_window);
}

void Tick::backlog(nanoseconds elapsed) {
    RentState& s = out_.state;
    const gate::ModelCounters& now = seen_.demand;
    waiting_s_ += engine_seconds(
        since(now.refused_tokens_in, s.taken.refused_tokens_in),
        since(now.refused_tokens_out, s.taken.refused_tokens_out));
    const double rate = seen_.own_rate + ready_ * efficiency();
    const double excess = waiting_s_ - rate * seconds(seen_.patience);
    if (excess <= 0) {
        s.backlog_since.reset();
    } else if (!s.backlog_since) {
        s.backlog_since = seen_.now.boot;
    }
    average(s.over, std::max(0.0, excess) / seconds(warm_), elapsed, constants_.over_window);
    s.debt = 0;
    s.worth = 0;
    s.worth_slow = 0;
}

void Tick::idle(nanoseconds elapsed) {
    RentState& s = out_.state;
    for (const MachineView& machine : seen_.machines) {
        if (!is_ready(machine)) {
            continue;
        }
        const nanoseconds served = std::min(
            elapsed,
            machine.serving_at ? seen_.now.boot - *machine.serving_at : nanoseconds::zero());
        std::int64_t lost = price_of(machine.hour_report, served, Rounding::down);
        if (seen_.api_priced) {
            const auto before = s.worth_taken.find(machine.id);
            lost -= since(machine.worth, before == s.worth_taken.end() ? 0 : before->second);
        } else {
            const nanoseconds empty =
                machine.in_flight > 0
                    ? nanoseconds::zero()
                    : std::clamp(seen_.now.boot - machine.last_busy, nanoseconds::zero(), served);
            lost = 2 * price_of(machine.hour_report, empty, Rounding::down) - lost;
        }
        std::int64_t& sum = s.idle[machine.id];
        sum = std::max<std::int64_t>(0, lost < 0 ? sum + lost : add(sum, lost));
    }
}

void Tick::forget() {
    RentState& s = out_.state;
    std::erase_if(s.idle, [&](const auto& entry) {
        return std::ranges::none_of(seen_.machines, [&](const MachineView& machine) {
            return machine.id == entry.first && is_ready(machine);
        });
    });
    // A wall clock that jumped must not keep an offer or the rule shut for longer.
    std::erase_if(s.sold_out_until, [&](const auto& entry) {
        return entry.second <= seen_.now.utc ||
               entry.second > seen_.now.utc + constants_.stock_memory;
    });
    for (auto& [offer, record] : s.records) {
        if (record.suspended_until > seen_.now.utc + constants_.suspend_most) {
            record.suspended_until = UtcTime{};
        }
    }
    if (s.frozen_until <= seen_.now.utc ||
        s.frozen_until > seen_.now.utc + constants_.failure_window) {
        s.frozen_until = UtcTime{};
    }
}

std::int64_t commit_cost(std::int64_t hour_report, milliseconds boot, milliseconds min_bill) {
    return price_of(hour_report, boot + min_bill, Rounding::up);
}

Outcome step(
    const RentState& state,
    const ScalingSnapshot& snapshot,
    const config::Scaling& policy,
    const config::Safety& safety,
    const Constants& constants) {
    return Tick{state, snapshot, policy, safety, constants}.run();
}

}  // namespace evenkeel::scaling
