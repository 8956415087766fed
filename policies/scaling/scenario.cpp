#include "policies/scaling/scenario.hpp"

#include <cmath>
#include <utility>

namespace evenkeel::scaling {

namespace {

constexpr milliseconds tick_every{1'000};

/// Whole numbers from a rate, without losing what is left over.
class Stream {
public:
    std::int64_t add(double amount) {
        left_ += amount;
        const double whole = std::floor(left_);
        left_ -= whole;
        return static_cast<std::int64_t>(whole);
    }

private:
    double left_{0};
};

struct Streams {
    Stream overflow{}, overflow_in{}, refused{}, refused_in{}, rented{}, rented_in{}, own_in{};
};

bool is_ready(const MachineView& machine) {
    return machine.state == MachineState::serving && !machine.ending;
}

void grow(ScalingSnapshot& world, const Phase& phase, Streams& streams) {
    const double seconds = std::chrono::duration<double>(tick_every).count();
    const double hours = seconds / 3'600;
    // All work as prompt tokens, the plainest kind: so many a second are one machine.
    const double prompt_rate =
        world.offers.empty() ? 0.0 : world.offers.front().profile.prefill_tok_s;
    const auto money = [&](std::int64_t hour) { return static_cast<double>(hour) * hours; };
    const auto tokens = [&](double machines) { return machines * prompt_rate * seconds; };
    gate::ModelCounters& demand = world.demand;
    demand.overflow_cost += streams.overflow.add(money(phase.overflow_hour));
    demand.overflow_tokens_in += streams.overflow_in.add(tokens(phase.overflow_machines));
    demand.refused_worth += streams.refused.add(money(phase.refused_hour));
    demand.refused_tokens_in += streams.refused_in.add(tokens(phase.refused_machines));
    demand.own_tokens_in += streams.own_in.add(tokens(phase.own_machines));
    if (demand.queued == 0) {
        demand.oldest_arrival = world.now.boot;
    }
    demand.queued = phase.waiting;
    demand.queued_tokens_in = phase.waiting_tokens_in;
    demand.queued_tokens_out = phase.waiting_tokens_out;
    const std::int64_t earned = streams.rented.add(money(phase.rented_hour));
    demand.rental_worth += earned;
    demand.rental_tokens_in += streams.rented_in.add(tokens(phase.rented_machines));
    std::int64_t serving = 0;
    for (const MachineView& machine : world.machines) {
        serving += is_ready(machine) ? 1 : 0;
    }
    for (MachineView& machine : world.machines) {
        if (is_ready(machine)) {
            machine.worth += earned / serving;
        }
    }
}

bool repeats(const std::vector<TimedDecision>& made, const Decision& next) {
    return !made.empty() && next.kind == DecisionKind::hold &&
           made.back().decision.kind == DecisionKind::hold &&
           made.back().decision.reason.code == next.reason.code;
}

}  // namespace

std::vector<TimedDecision> play(const Scenario& scenario, std::size_t most) {
    ScalingSnapshot world = scenario.start;
    RentState state = scenario.state;
    Streams streams;
    std::vector<TimedDecision> made;
    milliseconds at{0};
    const auto tick = [&] {
        Outcome outcome = step(state, world, scenario.policy, scenario.safety, scenario.constants);
        state = std::move(outcome.state);
        for (const Decision& decision : outcome.decisions) {
            if (made.size() < most && !repeats(made, decision)) {
                made.push_back({.at = at, .decision = decision});
            }
        }
        return made.size() < most;
    };
    bool goes_on = tick();
    for (const Phase& phase : scenario.phases) {
        for (milliseconds left = phase.length; goes_on && left > milliseconds{0};
             left -= tick_every) {
            at += tick_every;
            world.now.boot += tick_every;
            world.now.utc += tick_every;
            grow(world, phase, streams);
            goes_on = tick();
        }
    }
    return made;
}

}  // namespace evenkeel::scaling
