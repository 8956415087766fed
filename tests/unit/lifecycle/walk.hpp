#pragma once

#include "policies/lifecycle/machine.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace evenkeel::lifecycle::testing_walk {

using namespace std::chrono_literals;

inline const UtcTime utc0 = UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

inline Now at(std::chrono::milliseconds since_start) {
    return {.boot = BootTime{1h} + since_start, .utc = utc0 + since_start};
}

inline Seen seen_as(std::string id = "m-1") {
    return {
        .remote_id = std::move(id),
        .name = "ek-0a1b2c3d-x",
        .owner_mark = "ek-0a1b2c3d",
        .running = true,
        .gpu = "H100",
        .gpu_count = 1,
        .price = Price::per_hour(Money{4'410'000'000, usd}),
        .host = "127.0.0.1",
        .port = 4'000,
        .created = utc0};
}

/// A machine and the clock it lives by; remembers every step for the test to look at.
struct Walk {
    Limits limits{};
    std::chrono::milliseconds t{0};
    Machine machine{};
    std::vector<Step> steps{};  ///< durable ones

    Walk() {
        machine = make_machine(
            {.id = MachineId{7},
             .name = "ek-0a1b2c3d-x",
             .owner_mark = "ek-0a1b2c3d",
             .provider = "cloud",
             .offer = "h100",
             .model = "qwq-32b",
             .gpu_wanted = "H100",
             .price = Price::per_hour(Money{4'410'000'000, usd}),
             .min_bill = 60s,
             .boot_id = "boot-a"},
            limits,
            at(0s));
    }
    Now now() const { return at(t); }
    Step feed(const Event& event) {
        Step result = step(machine, event, limits, now());
        machine = result.machine;
        if (result.durable) {
            steps.push_back(result);
        }
        return result;
    }
    Step feed_at(std::chrono::milliseconds time, const Event& event) {
        t = time;
        return feed(event);
    }
    /// Up to and with the given state, on the straight road.
    Walk& reach(MachineState state) {
        if (state == MachineState::wanted) {
            return *this;
        }
        feed(CreateAsked{});
        if (state == MachineState::creating) {
            return *this;
        }
        t += 1s;
        if (state == MachineState::unknown) {
            feed(CreateFailed{.code = Errc::outcome_unknown});
            return *this;
        }
        feed(Created{seen_as()});
        if (state == MachineState::booting) {
            return *this;
        }
        t += 400s;
        feed(EngineReachable{.asked = now()});
        if (state == MachineState::warming) {
            return *this;
        }
        t += 20s;
        feed(Accepted{});
        if (state == MachineState::serving) {
            return *this;
        }
        t += 1'000s;
        if (state == MachineState::draining) {
            feed(Drain{{ReasonCode::rent_release}});
            return *this;
        }
        feed(Destroy{{ReasonCode::asked_by_owner}});
        if (state == MachineState::deleting) {
            return *this;
        }
        t += 2s;
        feed(DestroyAnswered{});
        if (state == MachineState::verifying) {
            return *this;
        }
        t += 1s;
        feed(GetMissing{.asked = now()});
        feed(Listed{.asked = now()});
        t += 60s;
        feed(Listed{.asked = now()});
        return *this;
    }
    Money posted() const {
        Money sum;
        for (const Step& one : steps) {
            for (const PhaseClosed& closed : one.closed) {
                sum += closed.amount;
            }
        }
        return sum;
    }
};

}  // namespace evenkeel::lifecycle::testing_walk
