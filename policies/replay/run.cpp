#include "policies/replay/simulation.hpp"

#include <algorithm>
#include <utility>

/// The time of a simulation, and what it all came to.
namespace evenkeel::replay {

std::chrono::nanoseconds Simulation::next_time() const {
    Nanos next = std::min(next_tick_, next_machine_);
    if (!api_ends_.empty()) {
        next = std::min(next, api_ends_.top().at);
    }
    const BootTime due = gate_.next_due();
    if (due != BootTime::max()) {
        next = std::min(next, due.time_since_epoch());
    }
    for (const auto& host : hosts_) {
        next = std::min(next, host->next);
    }
    return next;
}

Result<Totals> Simulation::run(RowSource& source) {
    Result<std::span<const TraceRow>> rows = source.next();
    if (!rows) {
        return std::unexpected{std::move(rows.error())};
    }
    begin(rows->empty() ? Nanos{0} : rows->front().at);
    std::size_t at = 0;
    Nanos newest = t_;
    for (;;) {
        if (at == rows->size() && !rows->empty()) {
            at = 0;
            rows = source.next();
            if (!rows) {
                return std::unexpected{std::move(rows.error())};
            }
        }
        if (rows->empty() && alive_ == 0) {
            break;
        }
        const Nanos arrival = rows->empty() ? Nanos::max() : (*rows)[at].at;
        if (arrival < newest) {
            return fail(Errc::invalid_argument, "the rows of a replay must ascend by time");
        }
        t_ = std::max(t_, std::min(arrival, next_time()));
        advance_engines();
        api_ends();
        while (at < rows->size() && (*rows)[at].at <= t_) {
            newest = (*rows)[at].at;
            arrive((*rows)[at++]);
        }
        if (gate_.next_due() <= BootTime{t_}) {
            gate_.due(now(), effects_);
            perform();
        }
        if (next_tick_ <= t_) {
            tick();
        }
        if (next_machine_ <= t_ || some_drain_) {
            machines_due();
        }
    }
    finish_machines();
    return totals();
}

Totals Simulation::totals() const {
    Totals all = sums_;
    for (const auto& host : hosts_) {
        if (!host->rented && options_.power_price.num() > 0) {
            // mW x ms = uJ
            const auto busy_ms = static_cast<std::int64_t>(host->engine.busy_seconds() * 1e3);
            all.own += options_.power_price.cost(
                busy_ms * options_.own_busy_milliwatts, Rounding::half_even);
        }
    }
    all.api = Money{api_nanos_, currency_};
    all.total = all.own + all.rental + all.api;
    all.j = all.total + Money{late_nanos_ * options_.slo.miss_costs, currency_};
    all.wait_s = {
        .p50 = waits_.quantile(0.50), .p95 = waits_.quantile(0.95), .p99 = waits_.quantile(0.99)};
    all.idle_share =
        all.machine_hours > 0 ? std::max(0.0, 1 - rented_busy_s_ / 3'600 / all.machine_hours) : 0.0;
    return all;
}

}  // namespace evenkeel::replay
