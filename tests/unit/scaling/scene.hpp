#pragma once

#include "policies/scaling/rent.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::scaling::testing_scene {

using namespace std::chrono_literals;

inline constexpr std::int64_t hour_nanos = 3'600'000'000;  ///< 3.60 USD/h = 0.001 USD a second
inline constexpr std::int64_t per_second = hour_nanos / 3'600;
inline constexpr NameIx offer_a{11};
inline constexpr NameIx offer_b{12};
inline const UtcTime utc0 = UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

/// A model with an own GPU, an API and two offers; nothing runs, nothing waits. Boot 420 s and a
/// minimum of 60 s: a rental commits 0.48 USD.
struct Scene {
    RentState state{};
    ScalingSnapshot snapshot{};
    config::Scaling policy{};
    config::Safety safety{};
    Constants constants{};
    std::vector<Decision> decisions{};

    Scene() {
        policy.name = "burst";
        policy.model = "qwq-32b";
        policy.rule = config::RentRule::break_even_k;
        policy.max = 4;
        policy.max_order = 2;
        policy.max_price = Price::per_hour(Money{5'000'000'000, usd});
        safety.max_machines = 8;
        for (const NameIx name : {offer_a, offer_b}) {
            snapshot.offers.push_back(
                {.offer = name,
                 .price = Price::per_hour(Money{hour_nanos, usd}),
                 .hour_report = hour_nanos,
                 .min_bill = 60s,
                 .price_age = 1min,
                 .in_stock = true,
                 .provider_room = 8,
                 .profile = *capacity::find_profile("h100-32b-fp8")});
        }
        snapshot.now = {.boot = BootTime{100h}, .utc = utc0};
        tick(0s);
    }

    const std::vector<Decision>& tick(std::chrono::milliseconds later) {
        snapshot.now.boot += later;
        snapshot.now.utc += later;
        Outcome outcome = step(state, snapshot, policy, safety, constants);
        state = std::move(outcome.state);
        decisions = std::move(outcome.decisions);
        return decisions;
    }
    /// Overflow worth `money` and `work` engine-seconds, spread evenly over `time`.
    void overflow(std::chrono::seconds time, std::int64_t money, double work) {
        const int ticks = static_cast<int>(time / 5s);
        for (int i = 0; i < ticks; ++i) {
            snapshot.demand.overflowed += 1;
            snapshot.demand.overflow_cost += money / ticks;
            snapshot.demand.overflow_tokens_in +=
                static_cast<std::int64_t>(work / ticks * 7'000);  // prefill alone: easy to count
            tick(5s);
            if (!decisions.empty()) {
                return;
            }
        }
    }
    /// A ready machine that has served for `time`.
    MachineView& ready(std::int64_t id, std::chrono::seconds time) {
        snapshot.machines.push_back(
            {.id = MachineId{id},
             .state = MachineState::serving,
             .ordered_at = snapshot.now.boot - time - 420s,
             .serving_at = snapshot.now.boot - time,
             .last_busy = snapshot.now.boot - time,
             .hour_report = hour_nanos});
        ++snapshot.room.machines_total;
        tick(0s);
        state.started = false;  // the next tick is the base line
        tick(0s);
        return snapshot.machines.back();
    }
    MachineView& booting(std::int64_t id, std::chrono::seconds age) {
        snapshot.machines.push_back(
            {.id = MachineId{id},
             .state = MachineState::booting,
             .ordered_at = snapshot.now.boot - age,
             .hour_report = hour_nanos});
        ++snapshot.room.machines_total;
        return snapshot.machines.back();
    }
    /// A debt that is due on the next tick.
    void make_due(double over = 0.3) {
        state.debt = 480 * per_second + 100 * per_second;
        state.over = over;
        state.worth = 50.0 * per_second;
    }
    int ordered() const {
        int count = 0;
        for (const Decision& decision : decisions) {
            count += decision.kind == DecisionKind::order ? decision.count : 0;
        }
        return count;
    }
    std::optional<Decision> only() const {
        return decisions.size() == 1 ? std::optional{decisions.front()} : std::nullopt;
    }
};

}  // namespace evenkeel::scaling::testing_scene
