#include "policies/gate/state.hpp"

#include <algorithm>
#include <cassert>

namespace evenkeel::gate {

Gate::State::State(const Policy& policy, std::pmr::memory_resource* memory_resource)
    : memory{memory_resource},
      queue_limit{policy.queue_limit},
      routing{policy.routing},
      budgets{policy},
      limits{memory},
      slab{memory},
      deadlines{memory},
      model_slots{memory},
      source_slots{memory},
      models{memory},
      sources{memory} {
    limits.replace(policy.limits);
}

// ---- names --------------------------------------------------------------------------------

std::uint32_t Gate::State::model_slot(NameIx name) {
    const auto at = static_cast<std::size_t>(name.value());
    if (at >= model_slots.size()) {
        model_slots.resize(at + 1, nil);
    }
    if (model_slots[at] == nil) {
        model_slots[at] = static_cast<std::uint32_t>(models.size());
        models.push_back(
            {.counters = {.model = name},
             .queue = FairQueue{memory},
             .prefixes = PrefixMemory{memory}});
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

bool Gate::State::try_worker(std::uint32_t index, Aim aim, Now now, Effects& effects) {
    const Request& request = slab[index];
    if (request.model == nil || !may_be_charged(request)) {
        return false;
    }
    // Order among workers that fit: own first; then, where both are known to be in time, the lower
    // rank, so that the newest machine is the first to fall idle; then the larger free share.
    const auto better = [](const Source& a, const Source& b) {
        if (a.counters.kind != b.counters.kind) {
            return a.counters.kind == SourceKind::own;
        }
        const bool known = a.speed.prefill_tok_s > 0 && b.speed.prefill_tok_s > 0;
        if (known && a.rank != b.rank) {
            return a.rank < b.rank;
        }
        const std::int64_t share_a = std::int64_t{a.room()} * b.counters.slots;
        const std::int64_t share_b = std::int64_t{b.room()} * a.counters.slots;
        return share_a != share_b ? share_a > share_b : a.rank < b.rank;
    };
    std::uint32_t best = nil;
    for (const std::uint32_t slot : models[request.model].workers) {
        const Source& source = sources[slot];
        if (source.room() > 0 && (best == nil || better(source, sources[best])) &&
            fits(request, slot, aim, now)) {
            best = slot;
        }
    }
    if (best == nil) {
        return false;
    }
    grant(index, home_or(best, request, aim, now), now, effects);
    return true;
}

bool Gate::State::try_apis(
    std::uint32_t index, std::size_t first, std::size_t last, Now now, Effects& effects) {
    Request& request = slab[index];
    for (std::size_t i = first; i < last; ++i) {
        const std::uint32_t slot = request.api_slots[i];
        if (sources[slot].is_api() && sources[slot].room() > 0 && request.may_use(slot) &&
            can_pay(request, i)) {
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
    return try_apis(index, 0, first, now, effects) ||
           try_worker(index, Aim::in_time, now, effects) ||
           try_apis(index, first, last, now, effects) ||
           (slab[index].due && try_worker(index, Aim::any, now, effects));
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
    request.charged = 0;
    if (source.is_api()) {
        const ApiChoice& api = request.arrival.apis[request.choice];
        request.charged = request.api_budgets[request.choice];
        request.hold_report = api.hold_report;
        budgets.hold(request.counts_in(request.choice), request.hold_report);
        done.hold = api.hold;
        done.hold_report = api.hold_report;
        done.budgets = request.arrival.budgets | api.budgets;
    } else if (request.has_internal_price()) {
        request.charged = request.internal_budgets;
        request.hold_report = request.arrival.internal_hold;
        budgets.hold(request.counts_internally(), request.hold_report);
        done.hold_report = request.hold_report;
        done.budgets = request.arrival.internal_budgets;
    }
    request.phase = Phase::granted;
    request.source = slot;
    request.kind = source.counters.kind;
    request.returned = home_of(request) == slot;
    ++source.counters.in_flight;
    ++source.counters.granted;
    count(request, 1);
    if (!source.is_api()) {
        prompt_begins(index, now);
    }
    effects.push_back(done);
}

void Gate::State::try_another(std::uint32_t index, bool freed_money, Now now, Effects& effects) {
    Request& request = slab[index];
    const std::uint32_t source = request.source;
    ++sources[source].counters.failed;
    request.waited = true;
    request.worker_failed |= request.kind != SourceKind::api;
    request.tried[request.tried_count++] = source;
    find_home(index);
    request.due |= request.arrival.overflow_at <= now.boot || !worker_left(request);
    place_again(index, now, effects);
    pass_on(source, freed_money, now, effects);
}

void Gate::State::place_again(std::uint32_t index, Now now, Effects& effects) {
    if (stopping) {
        refuse(index, {ReasonCode::stopping, {}}, now, effects);
    } else if (slab[index].tried_count == tries_max) {
        refuse(index, {ReasonCode::source_failed, {}}, now, effects);
    } else if (!place(index, now, effects)) {
        wait_or_refuse(index, /*again=*/true, now, effects);
    }
}

void Gate::State::refuse(std::uint32_t index, Reason reason, Now now, Effects& effects) {
    if (slab[index].phase == Phase::queued) {
        leave_queue(index);
    }
    const Request& request = slab[index];
    if (request.model != nil) {
        ModelCounters& counters = models[request.model].counters;
        if (reason.code == ReasonCode::stopping || !request.metered) {
            ++counters.left;
        } else {
            ++counters.refused;
            counters.refused_worth = saturating_add(counters.refused_worth, request.worth);
            counters.refused_tokens_in += request.arrival.tokens_in;
            counters.refused_tokens_out += request.arrival.tokens_out;
        }
    }
    effects.push_back(effect(EffectKind::refuse, index));
    effects.back().reason = reason;
    release(index, now);
}

void Gate::State::count_tokens(std::uint32_t index, const Finish& part) {
    const auto within = [](std::int64_t tokens) {
        return std::clamp(tokens, -request_tokens_max, request_tokens_max);
    };
    Request& request = slab[index];
    SourceCounters& counters = sources[request.source].counters;
    counters.tokens_in += std::max<std::int64_t>(part.tokens_in, 0);
    counters.tokens_out += std::max<std::int64_t>(part.tokens_out, 0);
    request.tokens_used += within(part.tokens_in) + within(part.tokens_out);
}

void Gate::State::release(std::uint32_t index, Now now) {
    const Request& request = slab[index];
    if (request.metered) {
        const std::int64_t tokens =
            std::clamp<std::int64_t>(request.tokens_used, 0, 2 * request_tokens_max);
        limits.leave(request.entry(), tokens, now.boot);
    }
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
        refuse(index, {ReasonCode::source_failed, {}}, now, effects);
    } else if (apis_only && request.arrival.api_count == 0) {
        refuse(index, {ReasonCode::no_source, {}}, now, effects);
    } else if (
        request.arrival.give_up_at <= now.boot ||
        ((apis_only || no_money_for_workers(request, /*for_good=*/true)) &&
         money_gone(request, /*for_good=*/true))) {
        refuse(index, give_up_reason(request, now), now, effects);
    } else if (!again && queued >= queue_limit) {
        refuse(index, {ReasonCode::queue_full, {queued}}, now, effects);
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
    queued_charged += request.has_internal_price() ? 1 : 0;
    if (request.model != nil) {
        FairQueue& queue = models[request.model].queue;
        again ? queue.push_again(slab, index) : queue.push(slab, index, routing.short_first);
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
    queued_charged -= request.has_internal_price() ? 1 : 0;
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
    if (request.phase == Phase::granted) {
        watch(index, now, effects);
        return;
    }
    const Arrival& arrival = request.arrival;
    if (!request.due && arrival.overflow_at <= now.boot) {
        request.due = true;
        if (try_apis(index, arrival.apis_first, arrival.api_count, now, effects) ||
            try_worker(index, Aim::any, now, effects)) {
            return;
        }
        wait_for_apis(index, arrival.apis_first, arrival.api_count);
    }
    if (arrival.give_up_at <= now.boot) {
        refuse(index, give_up_reason(request, now), now, effects);
    } else {
        set_deadline(index);
    }
}

bool Gate::State::end_grant(std::uint32_t index, std::int64_t charged, bool uncount, Now now) {
    Request& request = slab[index];
    Source& source = sources[request.source];
    const bool is_counted = request.kind == SourceKind::api || request.has_internal_price();
    bool freed = false;
    if (is_counted) {
        budgets.turn(request.arrival.key, now.utc);  // its money counts when it is spent
        freed = budgets.settle(request.counts_now(), request.hold_report, charged);
    }
    request.hold_report = 0;
    if (uncount) {
        count(request, -1);
    }
    if (request.kind != SourceKind::api) {
        if (!prompt_ends(index, now.boot) && source.prompts.size > 0 && stalls(source, now)) {
            source.head_since = now.boot;  // it has room now
        }
        source.room_used = std::max<std::int64_t>(0, source.room_used - request.room);
        request.room = 0;
        request.recalled = false;
    }
    request.phase = Phase::placing;
    if (--source.counters.in_flight == 0) {
        source.counters.last_busy = now.boot;
        source.room_used = 0;  // whatever its engine said before
        source.waiting = 0;
    }
    return freed;
}

}  // namespace evenkeel::gate
