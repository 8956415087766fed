#pragma once

#include "policies/gate/gate.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// A gate with a clock and short names, shared by the gate's tests.
namespace evenkeel::gate::desk {

using namespace std::chrono_literals;

inline constexpr NameIx qwq{1};
inline constexpr NameIx other_model{2};
inline constexpr NameIx ann{10};
inline constexpr NameIx ben{11};
inline constexpr NameIx own{20};
inline constexpr NameIx own2{21};
inline constexpr NameIx rented{22};
inline constexpr NameIx nano{30};
inline constexpr NameIx claude{31};
inline constexpr NameIx all{40};
inline constexpr NameIx team{41};

inline constexpr std::int64_t cent = 10'000'000;

inline BootTime at(std::chrono::nanoseconds since_start) {
    return BootTime{1000s + since_start};
}

/// Waits at most 10 s for a worker of qwq; no API.
inline Arrival ask(NameIx key = ann) {
    return {
        .key = key,
        .model = qwq,
        .tokens_in = 100,
        .tokens_out = 50,
        .overflow_at = BootTime::max(),
        .give_up_at = at(10s)};
}

/// Adds an API that may cost `hold` and probably costs half of it.
inline Arrival with_api(Arrival arrival, NameIx api, std::int64_t hold, std::uint64_t budgets = 0) {
    arrival.apis[arrival.api_count++] = {
        .source = api,
        .budgets = budgets,
        .hold = Money{hold, usd},
        .hold_report = hold,
        .expected_report = hold / 2};
    return arrival;
}

/// May overflow to nano after 4 s, for at most ten cents, counted in budget 0.
inline Arrival ask_or_buy(NameIx key = ann) {
    Arrival arrival = with_api(ask(key), nano, 10 * cent);
    arrival.overflow_at = at(4s);
    arrival.budgets = 1;
    return arrival;
}

/// Only nano may answer.
inline Arrival buy(std::int64_t hold = 10 * cent) {
    Arrival arrival = with_api(ask(), nano, hold);
    arrival.model = NameIx{};
    arrival.overflow_at = at(0s);
    arrival.budgets = 1;
    return arrival;
}

/// A worker of qwq is charged for it, ten cents at most, in budget 0.
inline Arrival charged(NameIx key = ann, std::int64_t hold = 10 * cent) {
    Arrival arrival = ask(key);
    arrival.internal_hold = hold;
    arrival.internal_budgets = 1;
    return arrival;
}

/// 150 tokens of `key` by `route`.
inline Arrival by(NameIx route, NameIx key = ann) {
    Arrival arrival = ask(key);
    arrival.route = route;
    return arrival;
}

inline BudgetLimit budget(NameIx name, std::int64_t limit) {
    return {.name = name, .limit = limit, .refuse_at = limit};
}

class Desk {
public:
    explicit Desk(Policy policy = {}) : gate{std::move(policy)} {}

    Handle arrive(Arrival arrival) {
        arrival.cookie = ++cookies;
        return gate.arrive(arrival, now, fresh());
    }
    void cancel(Handle handle) { gate.cancel(handle, now, fresh()); }
    void finish(Handle handle, Finish how = {}) { gate.finish(handle, how, now, fresh()); }
    void retry(Handle handle) { gate.retry(handle, now, fresh()); }
    void go_on(Handle handle, BootTime give_up_at, Finish so_far = {}) {
        gate.go_on(handle, give_up_at, so_far, now, fresh());
    }
    void worker(NameIx source, SourceKind kind, int slots, bool takes_work = true, int rank = 0) {
        gate.worker_changed(
            {.source = source,
             .kind = kind,
             .model = kind == SourceKind::api ? NameIx{} : qwq,
             .slots = slots,
             .rank = rank,
             .takes_work = takes_work},
            now,
            fresh());
    }
    void apply(Policy policy) { gate.apply(std::move(policy), now, fresh()); }
    void stop() { gate.stop(now, fresh()); }
    /// Moves the clock to `since_start` and lets what is due happen.
    void run_to(std::chrono::nanoseconds since_start) {
        now.boot = at(since_start);
        gate.due(now, fresh());
    }
    [[nodiscard]] Counters counters() const {
        Counters out;
        gate.counters(out);
        return out;
    }
    [[nodiscard]] ModelCounters model(NameIx name = qwq) const {
        for (const ModelCounters& found : counters().models) {
            if (found.model == name) {
                return found;
            }
        }
        return {};
    }
    [[nodiscard]] SourceCounters source(NameIx name) const {
        for (const SourceCounters& found : counters().sources) {
            if (found.source == name) {
                return found;
            }
        }
        return {};
    }
    /// The effects of the last call in one line: "grant 1 on 20 own_free, queued 2".
    [[nodiscard]] std::string said() const {
        std::string text;
        for (const Effect& effect : effects) {
            text += text.empty() ? "" : ", ";
            const std::string who = std::to_string(effect.cookie);
            switch (effect.kind) {
                case EffectKind::grant:
                    text += "grant " + who + " on " + std::to_string(effect.source.value()) + " " +
                            std::string{to_text(effect.reason.code)};
                    break;
                case EffectKind::queued:
                    text += "queued " + who;
                    break;
                case EffectKind::recall:
                    text += "recall " + who + " from " + std::to_string(effect.source.value());
                    break;
                case EffectKind::refuse:
                    text += "refuse " + who + " " + std::string{to_text(effect.reason.code)};
                    break;
            }
        }
        return text;
    }

    Gate gate;
    Now now{.boot = at(0s)};
    Effects effects{};
    std::uint64_t cookies{0};

private:
    Effects& fresh() {
        effects.clear();
        return effects;
    }
};

/// A budget, as counters show it.
struct Room {
    std::int64_t settled{0};
    std::int64_t held{0};
    friend bool operator==(Room, Room) = default;
};

inline Room room_of(const Desk& desk, std::size_t budget = 0) {
    const BudgetLimit found = desk.counters().budgets.at(budget);
    return {found.settled, found.held};
}

}  // namespace evenkeel::gate::desk
