#include "policies/gate/gate.hpp"

#include <benchmark/benchmark.h>
#include <chrono>
#include <vector>

/// What admission costs a request; the daemon pays this under its one mutex.
namespace evenkeel::gate {
namespace {

using namespace std::chrono_literals;

constexpr NameIx model{1};
constexpr NameIx own{20};
constexpr NameIx api{30};

Arrival make_arrival(int key, Now now) {
    Arrival arrival{
        .key = NameIx{100 + key},
        .model = model,
        .api_count = 1,
        .budgets = 7,
        .tokens_in = 800,
        .tokens_out = 200,
        .overflow_at = now.boot + 4s,
        .give_up_at = now.boot + 10s};
    arrival.apis[0] = {
        .source = api, .hold = Money{1'000, usd}, .hold_report = 1'000, .expected_report = 700};
    return arrival;
}

Policy make_policy() {
    Policy policy{.queue_limit = 1'000'000};
    for (int i = 0; i < 3; ++i) {
        policy.budgets.push_back({.name = NameIx{40 + i}, .limit = 1, .refuse_at = -1});
    }
    return policy;
}

/// A request that finds a free slot: arrive, finish.
void free_slot(benchmark::State& state) {
    Gate gate{make_policy()};
    Effects effects;
    Now now{.boot = BootTime{1s}};
    gate.worker_changed({.source = own, .model = model, .slots = 8}, now, effects);
    for (auto _ : state) {
        effects.clear();
        const Handle handle = gate.arrive(make_arrival(0, now), now, effects);
        gate.finish(handle, {}, now, effects);
    }
}
BENCHMARK(free_slot);

/// With so many waiting under 16 keys: one finishes, its successor starts, one more arrives.
void backlog(benchmark::State& state) {
    Gate gate{make_policy()};
    Effects effects;
    Now now{.boot = BootTime{1s}};
    gate.worker_changed({.source = own, .model = model, .slots = 1}, now, effects);
    Handle running = gate.arrive(make_arrival(0, now), now, effects);
    for (int i = 0; i < state.range(0); ++i) {
        gate.arrive(make_arrival(i % 16, now), now, effects);
    }
    int key = 0;
    for (auto _ : state) {
        effects.clear();
        now.boot += 1us;
        gate.finish(running, {}, now, effects);
        running = effects.front().handle;
        gate.arrive(make_arrival(++key % 16, now), now, effects);
    }
}
BENCHMARK(backlog)->Arg(10)->Arg(1'000)->Arg(10'000)->Arg(100'000);

/// Arrives into a long queue and leaves it again.
void arrive_and_cancel(benchmark::State& state) {
    Gate gate{make_policy()};
    Effects effects;
    const Now now{.boot = BootTime{1s}};
    for (int i = 0; i < state.range(0); ++i) {
        gate.arrive(make_arrival(i % 16, now), now, effects);
    }
    for (auto _ : state) {
        effects.clear();
        gate.cancel(gate.arrive(make_arrival(3, now), now, effects), now, effects);
    }
}
BENCHMARK(arrive_and_cancel)->Arg(10)->Arg(10'000);

/// Overflows to an API with three budgets: hold, then settle.
void overflow(benchmark::State& state) {
    Gate gate{make_policy()};
    Effects effects;
    const Now now{.boot = BootTime{1s}};
    gate.worker_changed({.source = api, .kind = SourceKind::api, .slots = 64}, now, effects);
    Arrival arrival = make_arrival(0, now);
    arrival.overflow_at = now.boot;
    for (auto _ : state) {
        effects.clear();
        gate.finish(gate.arrive(arrival, now, effects), {.charged_report = 800}, now, effects);
    }
}
BENCHMARK(overflow);

Policy poor() {
    Policy policy = make_policy();
    policy.budgets[0].refuse_at = 999;
    return policy;
}

/// So many requests that are due and cannot pay.
void crowd(Gate& gate, std::int64_t count, Now& now, Effects& effects) {
    gate.worker_changed({.source = api, .kind = SourceKind::api, .slots = 64}, now, effects);
    for (std::int64_t i = 0; i < count; ++i) {
        gate.arrive(make_arrival(static_cast<int>(i % 16), now), now, effects);
    }
    now.boot += 5s;
    gate.due(now, effects);
}

/// The worst call there is: money is freed while so many due requests cannot pay.
void nobody_can_pay(benchmark::State& state) {
    Now now{.boot = BootTime{1s}};
    Effects effects;
    Gate gate{poor()};
    crowd(gate, state.range(0), now, effects);
    for (auto _ : state) {
        gate.budget_booked(NameIx{40}, 0, now);
        gate.due(now, effects);
    }
}
BENCHMARK(nobody_can_pay)->Arg(10'000);

/// A worker ends below what was set aside, while so many due requests wait for another's money.
void others_wait_for_money(benchmark::State& state) {
    Now now{.boot = BootTime{1s}};
    Effects effects;
    Gate gate{poor()};
    crowd(gate, state.range(0), now, effects);
    gate.worker_changed({.source = NameIx{21}, .model = NameIx{2}, .slots = 1}, now, effects);
    const Arrival charged{
        .key = NameIx{90},
        .model = NameIx{2},
        .internal_budgets = 4,
        .internal_hold = 900,
        .tokens_in = 100,
        .overflow_at = BootTime::max(),
        .give_up_at = BootTime::max()};
    for (auto _ : state) {
        effects.clear();
        gate.finish(gate.arrive(charged, now, effects), {.charged_report = 1}, now, effects);
    }
}
BENCHMARK(others_wait_for_money)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace evenkeel::gate
