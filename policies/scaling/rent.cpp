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
    period_ = policy.rule == config::RentRule::level_memory && snapshot.api_priced
                  ? constants.level_period
                  : constants.period;
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
    price_s_ = reference_ == nullptr ? 0.0 : static_cast<double>(reference_->hour_report) / 3'600;
    waiting_s_ =
        engine_seconds(snapshot.demand.queued_tokens_in, snapshot.demand.queued_tokens_out);
}

Outcome Tick::run() {
    take_signals();
    forget();
    if (by_levels()) {
        set_worths();
    }
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

void Tick::gather() {
    RentState& s = out_.state;
    nanoseconds elapsed{0};
    if (s.started) {
        elapsed = std::max(seen_.now.boot - s.taken_at, nanoseconds::zero());
    } else {
        // Counters of a new process began at zero, and so did everything that is in them.
        const nanoseconds stopped = seen_.now.utc - s.at;
        const bool goes_on = s.at != UtcTime{} && stopped >= nanoseconds::zero() &&
                             stopped <= constants_.restart_gap;
        if (goes_on) {
            elapsed = stopped;
        } else {
            s.gathered = {};
            s.backlog_for.reset();
            s.waits_for.reset();
            s.taken = seen_.demand;
            for (const MachineView& machine : seen_.machines) {
                s.worth_taken[machine.id] = machine.worth;
            }
        }
        s.started = true;
    }
    const gate::ModelCounters& now = seen_.demand;
    const gate::ModelCounters& before = s.taken;
    Gathered& sum = s.gathered;
    sum.time += elapsed;
    if (s.backlog_for) {
        *s.backlog_for += elapsed;
    }
    const bool waits = policy_.start_when && now.queued > 0 &&
                       seen_.now.boot - now.oldest_arrival > policy_.start_when->wait_over;
    s.waits_for = !waits        ? std::nullopt
                  : s.waits_for ? std::optional{*s.waits_for + elapsed}
                                : std::optional{nanoseconds::zero()};
    sum.overflow += now.overflow_cost - before.overflow_cost;
    sum.overflow += now.refused_worth - before.refused_worth;
    sum.refused_in += now.refused_tokens_in - before.refused_tokens_in;
    sum.refused_out += now.refused_tokens_out - before.refused_tokens_out;
    sum.overflow_in += now.overflow_tokens_in - before.overflow_tokens_in;
    sum.overflow_out += now.overflow_tokens_out - before.overflow_tokens_out;
    sum.rented += now.rental_worth - before.rental_worth;
    sum.rented_in += now.rental_tokens_in - before.rental_tokens_in;
    sum.rented_out += now.rental_tokens_out - before.rental_tokens_out;
    sum.own_in += now.own_tokens_in - before.own_tokens_in;
    sum.own_out += now.own_tokens_out - before.own_tokens_out;
    std::map<MachineId, std::int64_t> worth_taken;
    for (const MachineView& machine : seen_.machines) {
        const auto known = s.worth_taken.find(machine.id);
        sum.worth[machine.id] += machine.worth - (known == s.worth_taken.end() ? 0 : known->second);
        worth_taken[machine.id] = machine.worth;
    }
    s.worth_taken = std::move(worth_taken);
    s.taken = now;
    s.taken_at = seen_.now.boot;
    s.at = seen_.now.utc;
}

void Tick::take_signals() {
    RentState& s = out_.state;
    gather();
    const nanoseconds elapsed = s.gathered.time;
    if (elapsed < period_ || elapsed == nanoseconds::zero()) {
        return;
    }
    taken_ = true;
    level_time_ = elapsed;
    if (reference_ != nullptr) {
        if (by_levels()) {
            take_levels(elapsed);
        } else if (seen_.api_priced) {
            overflow(elapsed);
        } else {
            backlog(elapsed);
        }
    }
    idle(elapsed);
    s.gathered = {};
}

void Tick::overflow(nanoseconds elapsed) {
    RentState& s = out_.state;
    const Gathered& sum = s.gathered;
    const std::int64_t money = std::max<std::int64_t>(0, sum.overflow);
    const double work = std::max(
        0.0, engine_seconds(sum.overflow_in + sum.refused_in, sum.overflow_out + sum.refused_out));
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
    waiting_s_ += engine_seconds(s.gathered.refused_in, s.gathered.refused_out);
    const double rate = seen_.own_rate + ready_ * efficiency();
    const double excess = waiting_s_ - rate * seconds(seen_.patience);
    if (excess <= 0) {
        s.backlog_for.reset();
    } else if (!s.backlog_for) {
        s.backlog_for = nanoseconds::zero();
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
            const auto earned = s.gathered.worth.find(machine.id);
            lost -= earned == s.gathered.worth.end() ? 0 : earned->second;
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
