#include "policies/gate/state.hpp"

/// Passing freed room and freed money on to those who wait.
namespace evenkeel::gate {

void Gate::State::serve(std::uint32_t slot, Now now, Effects& effects) {
    if (!sources[slot].is_api()) {
        if (sources[slot].model == nil) {
            return;
        }
        serve_worker(slot, now, effects);
        return;
    }
    for (std::uint32_t node = sources[slot].waiters.head;
         node != nil && sources[slot].room() > 0;) {
        const auto index = static_cast<std::uint32_t>(node / api_choices_max);
        const std::size_t choice = node % api_choices_max;
        node = ApiLinks{&slab}(node).next;
        // Also looks at earlier choices: freed money may have opened several APIs at once.
        const Request& request = slab[index];
        if (can_pay(request, choice)) {
            try_apis(index, 0, choice + 1, now, effects);
        }
    }
}

void Gate::State::serve_worker(std::uint32_t slot, Now now, Effects& effects) {
    struct Asker {
        State* state;
        std::uint32_t slot;
        Now now;
    };
    const Asker asker{.state = this, .slot = slot, .now = now};
    Fits fits{.context = &asker, .call = [](const void* context, std::uint32_t index) {
                  const auto* const asks = static_cast<const Asker*>(context);
                  const Request& request = asks->state->slab[index];
                  return asks->state->fits(
                      request, asks->slot, request.due ? Aim::any : Aim::in_time, asks->now);
              }};
    if (queued_charged > 0) {
        fits.can_pay = [](const void* context, std::uint32_t index) {
            State* const state = static_cast<const Asker*>(context)->state;
            return state->may_be_charged(state->slab[index]);
        };
    }
    if (routing.affinity && !models[sources[slot].model].prefixes.empty()) {
        fits.at_home = [](const void* context, std::uint32_t index) {
            const auto* const asks = static_cast<const Asker*>(context);
            return asks->state->home_of(asks->state->slab[index]) == asks->slot;
        };
    }
    const bool rental = sources[slot].counters.kind == SourceKind::rental;
    FairQueue& queue = models[sources[slot].model].queue;
    while (sources[slot].room() > 0) {
        const std::uint32_t index = queue.next(slab, rental, fits);
        if (index == nil) {
            return;
        }
        grant(index, slot, now, effects);
    }
}

void Gate::State::serve_workers(std::uint32_t model, Now now, Effects& effects) {
    for (const SourceKind kind : {SourceKind::own, SourceKind::rental}) {
        for (const std::uint32_t slot : models[model].workers) {
            if (sources[slot].counters.kind == kind) {
                serve_worker(slot, now, effects);
            }
        }
    }
}

void Gate::State::serve_freed(Now now, Effects& effects) {
    sweep_at = BootTime::max();
    budgets.forget_waiting();
    for (std::uint32_t model = 0; queued_charged > 0 && model < models.size(); ++model) {
        if (models[model].queue.size() > 0) {
            serve_workers(model, now, effects);
        }
    }
    for (std::uint32_t slot = 0; slot < sources.size(); ++slot) {
        if (sources[slot].is_api() && sources[slot].waiters.size > 0) {
            serve(slot, now, effects);
        }
    }
}

void Gate::State::pass_on(std::uint32_t source, bool freed_money, Now now, Effects& effects) {
    // Who waits for money goes to an own worker before the slot that has fallen free.
    const bool money_first = freed_money && queued_charged > 0;
    if (money_first) {
        serve_freed(now, effects);
    }
    serve(source, now, effects);
    if (freed_money && !money_first) {
        serve_freed(now, effects);
    }
}

}  // namespace evenkeel::gate
