#include "policies/gate/state.hpp"

#include <algorithm>
#include <cassert>

namespace evenkeel::gate {

Gate::State::State(const Policy& policy, std::pmr::memory_resource* memory_resource)
    : memory{memory_resource},
      queue_limit{policy.queue_limit},
      budgets{policy},
      slab{memory},
      deadlines{memory},
      model_slots{memory},
      source_slots{memory},
      models{memory},
      sources{memory} {}

// ---- names --------------------------------------------------------------------------------

std::uint32_t Gate::State::model_slot(NameIx name) {
    const auto at = static_cast<std::size_t>(name.value());
    if (at >= model_slots.size()) {
        model_slots.resize(at + 1, nil);
    }
    if (model_slots[at] == nil) {
        model_slots[at] = static_cast<std::uint32_t>(models.size());
        models.push_back({.counters = {.model = name}, .queue = FairQueue{memory}});
    }
    return model_slots[at];
}

void Gate::State::detach(std::uint32_t source) {
    if (sources[source].model != nil) {
        std::erase(models[sources[source].model].workers, source);
        sources[source].model = nil;
    }
}

std::uint32_t Gate::State::source_slot(NameIx name) {
    const auto at = static_cast<std::size_t>(name.value());
    if (at >= source_slots.size()) {
        source_slots.resize(at + 1, nil);
    }
    if (source_slots[at] == nil) {
        source_slots[at] = static_cast<std::uint32_t>(sources.size());
        sources.push_back({.counters = {.source = name, .takes_work = false}});
    }
    return source_slots[at];
}

// ---- placing ------------------------------------------------------------------------------

bool Gate::State::try_worker(std::uint32_t index, Now now, Effects& effects) {
    const Request& request = slab[index];
    if (request.model == nil) {
        return false;
    }
    // Order among workers with room: own first, then the larger free share, then the lower rank.
    const auto better = [](const Source& a, const Source& b) {
        if (a.counters.kind != b.counters.kind) {
            return a.counters.kind == SourceKind::own;
        }
        const std::int64_t share_a = std::int64_t{a.room()} * b.counters.slots;
        const std::int64_t share_b = std::int64_t{b.room()} * a.counters.slots;
        return share_a != share_b ? share_a > share_b : a.rank < b.rank;
    };
    std::uint32_t best = nil;
    for (const std::uint32_t slot : models[request.model].workers) {
        const Source& source = sources[slot];
        const bool allowed = request.may_use(slot) && !(request.arrival.own_only &&
                                                        source.counters.kind == SourceKind::rental);
        if (allowed && source.room() > 0 && (best == nil || better(source, sources[best]))) {
            best = slot;
        }
    }
    if (best == nil) {
        return false;
    }
    grant(index, best, now, effects);
    return true;
}

bool Gate::State::try_apis(
    std::uint32_t index, std::size_t first, std::size_t last, Now now, Effects& effects) {
    Request& request = slab[index];
    for (std::size_t i = first; i < last; ++i) {
        const std::uint32_t slot = request.api_slots[i];
        if (sources[slot].is_api() && sources[slot].room() > 0 && request.may_use(slot) &&
            budgets.allows(request.api_budgets[i], request.arrival.apis[i].hold_report)) {
            request.choice = static_cast<std::uint8_t>(i);
            grant(index, slot, now, effects);
            return true;
        }
    }
    return false;
}

bool Gate::State::place(std::uint32_t index, Now now, Effects& effects) {
    const std::size_t first = slab[index].arrival.apis_first;
    const std::size_t last = slab[index].due ? slab[index].arrival.api_count : first;
    return try_apis(index, 0, first, now, effects) || try_worker(index, now, effects) ||
           try_apis(index, first, last, now, effects);
}

void Gate::State::grant(std::uint32_t index, std::uint32_t slot, Now now, Effects& effects) {
    Request& request = slab[index];
    Source& source = sources[slot];
    assert(source.room() > 0);
    if (request.phase == Phase::queued) {
        leave_queue(index);
    }
    Effect done = effect(EffectKind::grant, index);
    done.source = source.counters.source;
    done.source_kind = source.counters.kind;
    done.reason = grant_reason(request, source, now);
    request.charged = request.budgets;
    if (source.is_api()) {
        const ApiChoice& api = request.arrival.apis[request.choice];
        request.charged = request.api_budgets[request.choice];
        request.hold_report = api.hold_report;
        budgets.hold(request.charged, request.hold_report);
        done.hold = api.hold;
        done.hold_report = api.hold_report;
        done.budgets = request.arrival.budgets | api.budgets;
    }
    request.phase = Phase::granted;
    request.source = slot;
    request.kind = source.counters.kind;
    ++source.counters.in_flight;
    ++source.counters.granted;
    count(request, 1);
    effects.push_back(done);
}

void Gate::State::refuse(std::uint32_t index, Reason reason, Effects& effects) {
    if (slab[index].phase == Phase::queued) {
        leave_queue(index);
    }
    const Request& request = slab[index];
    if (request.model != nil) {
        ModelCounters& counters = models[request.model].counters;
        if (reason.code == ReasonCode::stopping) {
            ++counters.left;
        } else {
            ++counters.refused;
            counters.refused_worth = saturating_add(counters.refused_worth, request.worth());
            counters.refused_tokens_in += request.arrival.tokens_in;
            counters.refused_tokens_out += request.arrival.tokens_out;
        }
    }
    effects.push_back(effect(EffectKind::refuse, index));
    effects.back().reason = reason;
    slab.release(index);
}

Effect Gate::State::effect(EffectKind kind, std::uint32_t index) const {
    const Request& request = slab[index];
    return {
        .kind = kind,
        .handle = slab.handle(index),
        .loop = request.arrival.loop,
        .cookie = request.arrival.cookie};
}

// ---- waiting ------------------------------------------------------------------------------

void Gate::State::wait_or_refuse(std::uint32_t index, bool again, Now now, Effects& effects) {
    const Request& request = slab[index];
    const bool apis_only = request.model == nil;
    if (request.tried_count > 0 && !worker_left(request) && !api_left(request)) {
        refuse(index, {ReasonCode::source_failed, {}}, effects);
    } else if (apis_only && request.arrival.api_count == 0) {
        refuse(index, {ReasonCode::no_source, {}}, effects);
    } else if (request.arrival.give_up_at <= now.boot || (apis_only && money_gone(request, true))) {
        refuse(index, give_up_reason(request, now), effects);
    } else if (!again && queued >= queue_limit) {
        refuse(index, {ReasonCode::queue_full, {queued}}, effects);
    } else {
        enqueue(index, again);
        effects.push_back(effect(EffectKind::queued, index));
    }
}

void Gate::State::enqueue(std::uint32_t index, bool again) {
    Request& request = slab[index];
    request.phase = Phase::queued;
    request.waited = true;
    ++queued;
    if (request.model != nil) {
        FairQueue& queue = models[request.model].queue;
        again ? queue.push_again(slab, index) : queue.push(slab, index);
    }
    wait_for_apis(index, 0, request.due ? request.arrival.api_count : request.arrival.apis_first);
    set_deadline(index);
}

void Gate::State::wait_for_apis(std::uint32_t index, std::size_t first, std::size_t last) {
    const Request& request = slab[index];
    for (std::size_t i = first; i < last; ++i) {
        const auto* const begin = request.api_slots.data();
        const bool twice = std::find(begin, begin + i, request.api_slots[i]) != begin + i;
        if (!twice && request.may_use(request.api_slots[i])) {
            const auto node = static_cast<std::uint32_t>(index * api_choices_max + i);
            push_back(sources[request.api_slots[i]].waiters, node, ApiLinks{&slab});
            slab[index].waiting_at |= static_cast<std::uint8_t>(1u << i);
        }
    }
}

void Gate::State::leave_queue(std::uint32_t index) {
    Request& request = slab[index];
    --queued;
    deadlines.clear(slab, index);
    for (std::size_t i = 0; i < request.arrival.api_count; ++i) {
        if ((request.waiting_at >> i & 1u) != 0) {
            const auto node = static_cast<std::uint32_t>(index * api_choices_max + i);
            unlink(sources[request.api_slots[i]].waiters, node, ApiLinks{&slab});
        }
    }
    request.waiting_at = 0;
    request.phase = Phase::placing;
    if (request.model != nil) {
        models[request.model].queue.remove(slab, index);
    }
}

void Gate::State::set_deadline(std::uint32_t index) {
    const Request& request = slab[index];
    const bool overflows = !request.due && request.arrival.api_count > request.arrival.apis_first;
    deadlines.set(
        slab,
        index,
        overflows ? std::min(request.arrival.overflow_at, request.arrival.give_up_at)
                  : request.arrival.give_up_at);
}

void Gate::State::wake(std::uint32_t index, Now now, Effects& effects) {
    Request& request = slab[index];
    const Arrival& arrival = request.arrival;
    if (!request.due && arrival.overflow_at <= now.boot) {
        request.due = true;
        if (try_apis(index, arrival.apis_first, arrival.api_count, now, effects)) {
            return;
        }
        wait_for_apis(index, arrival.apis_first, arrival.api_count);
    }
    if (arrival.give_up_at <= now.boot) {
        refuse(index, give_up_reason(request, now), effects);
    } else {
        set_deadline(index);
    }
}

// ---- passing freed room on ----------------------------------------------------------------

void Gate::State::serve(std::uint32_t slot, Now now, Effects& effects) {
    if (!sources[slot].is_api()) {
        if (sources[slot].model == nil) {
            return;
        }
        const bool rental = sources[slot].counters.kind == SourceKind::rental;
        FairQueue& queue = models[sources[slot].model].queue;
        while (sources[slot].room() > 0) {
            const std::uint32_t index = queue.next(slab, slot, rental);
            if (index == nil) {
                return;
            }
            grant(index, slot, now, effects);
        }
        return;
    }
    for (std::uint32_t node = sources[slot].waiters.head;
         node != nil && sources[slot].room() > 0;) {
        const auto index = static_cast<std::uint32_t>(node / api_choices_max);
        const std::size_t choice = node % api_choices_max;
        node = ApiLinks{&slab}(node).next;
        // Also looks at earlier choices: freed money may have opened several APIs at once.
        const Request& request = slab[index];
        if (budgets.allows(request.api_budgets[choice], request.arrival.apis[choice].hold_report)) {
            try_apis(index, 0, choice + 1, now, effects);
        }
    }
}

void Gate::State::serve_apis(Now now, Effects& effects) {
    sweep_at = BootTime::max();
    for (std::uint32_t slot = 0; slot < sources.size(); ++slot) {
        if (sources[slot].is_api() && sources[slot].waiters.size > 0) {
            serve(slot, now, effects);
        }
    }
}

void Gate::State::pass_on(std::uint32_t source, bool freed_money, Now now, Effects& effects) {
    serve(source, now, effects);
    if (freed_money) {
        serve_apis(now, effects);
    }
}

bool Gate::State::end_grant(std::uint32_t index, std::int64_t paid, bool uncount, Now now) {
    Request& request = slab[index];
    Source& source = sources[request.source];
    budgets.settle(request.charged, request.hold_report, paid);
    const bool freed = paid < request.hold_report;
    request.hold_report = 0;
    if (uncount) {
        count(request, -1);
    }
    request.phase = Phase::placing;
    if (--source.counters.in_flight == 0) {
        source.counters.last_busy = now.boot;
    }
    return freed;
}

}  // namespace evenkeel::gate
