#include "policies/gate/gate.hpp"

#include "policies/gate/state.hpp"

#include <algorithm>
#include <cassert>

namespace evenkeel::gate {

Gate::Gate(const Policy& policy, std::pmr::memory_resource* memory)
    : state_{std::make_unique<State>(policy, memory)} {}
Gate::~Gate() = default;
Gate::Gate(Gate&&) noexcept = default;
Gate& Gate::operator=(Gate&&) noexcept = default;

Handle Gate::arrive(const Arrival& arrival, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.make();
    Request& request = state.slab[index];
    request.arrival = arrival;
    request.arrived = now.boot;
    request.arrival.tokens_in = std::clamp<std::int64_t>(arrival.tokens_in, 0, request_tokens_max);
    request.arrival.tokens_out =
        std::clamp<std::int64_t>(arrival.tokens_out, 0, request_tokens_max);
    request.arrival.api_count =
        std::min<std::uint8_t>(arrival.api_count, static_cast<std::uint8_t>(api_choices_max));
    request.arrival.apis_first = std::min(arrival.apis_first, request.arrival.api_count);
    request.budgets = state.budgets.from_revision(arrival.revision, arrival.budgets);
    for (std::size_t i = 0; i < request.arrival.api_count; ++i) {
        ApiChoice& api = request.arrival.apis[i];
        api.hold_report = std::max<std::int64_t>(api.hold_report, 0);
        api.expected_report = std::max<std::int64_t>(api.expected_report, 0);
        request.api_slots[i] = state.source_slot(api.source);
        request.api_budgets[i] =
            request.budgets | state.budgets.from_revision(arrival.revision, api.budgets);
    }
    if (arrival.model != NameIx{}) {
        request.model = state.model_slot(arrival.model);
        ++state.models[request.model].counters.arrived;
    }
    request.worth = request.arrival.api_count == 0 ? 0 : request.arrival.apis[0].expected_report;
    state.find_home(index);
    request.due = request.model == nil || arrival.overflow_at <= now.boot;
    const Handle handle = state.slab.handle(index);
    state.budgets.turn(arrival.key, now.utc);
    if (request.has_internal_price()) {
        request.internal_budgets =
            state.budgets.from_revision(arrival.revision, arrival.internal_budgets);
        request.due |= state.no_money_for_workers(request, /*for_good=*/true).has_value();
    }
    const auto refusal = state.limits.refusal(request.entry(), now.boot);
    request.metered = !state.stopping && !refusal;
    if (request.metered) {
        state.limits.enter(request.entry(), now.boot);
    }
    if (state.stopping) {
        state.refuse(index, {ReasonCode::stopping, {}}, now, effects);
    } else if (refusal) {
        state.refuse(index, *refusal, now, effects);
    } else if (state.goes_behind(request)) {
        const std::uint32_t model = request.model;
        if (!state.try_apis(index, 0, request.arrival.apis_first, now, effects)) {
            state.wait_or_refuse(index, /*again=*/false, now, effects);
            state.serve_workers(model, now, effects);
        }
    } else if (!state.place(index, now, effects)) {
        state.wait_or_refuse(index, /*again=*/false, now, effects);
    }
    return handle;
}

void Gate::cancel(Handle handle, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil) {
        return;
    }
    Request& request = state.slab[index];
    if (request.model != nil) {
        ++state.models[request.model].counters.left;
    }
    if (request.phase == Phase::queued) {
        state.leave_queue(index);
        state.release(index, now);
        return;
    }
    const std::uint32_t source = request.source;
    const bool freed = state.end_grant(index, 0, /*uncount=*/true, now);
    ++state.sources[source].counters.cancelled;
    state.release(index, now);
    state.pass_on(source, freed, now, effects);
}

void Gate::finish(Handle handle, const Finish& finish, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil || state.slab[index].phase != Phase::granted) {
        return;
    }
    const std::uint32_t source = state.slab[index].source;
    const bool freed = state.end_grant(index, finish.charged_report, /*uncount=*/false, now);
    SourceCounters& counters = state.sources[source].counters;
    ++(finish.answered ? counters.finished : counters.failed);
    state.count_tokens(index, finish);
    state.release(index, now);
    state.pass_on(source, freed, now, effects);
}

void Gate::retry(Handle handle, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil || state.slab[index].phase != Phase::granted) {
        return;
    }
    const bool freed = state.end_grant(index, 0, /*uncount=*/true, now);
    state.try_another(index, freed, now, effects);
}

void Gate::go_on(
    Handle handle, BootTime give_up_at, const Finish& so_far, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil || state.slab[index].phase != Phase::granted) {
        return;
    }
    const bool freed = state.end_grant(index, so_far.charged_report, /*uncount=*/true, now);
    state.count_tokens(index, so_far);
    state.slab[index].charged_before += so_far.charged_report;
    Arrival& arrival = state.slab[index].arrival;
    arrival.api_count = arrival.apis_first = 0;
    arrival.overflow_at = arrival.first_token_by = BootTime::max();
    arrival.give_up_at = give_up_at;
    state.try_another(index, freed, now, effects);
}

bool Gate::top_up(Handle handle, std::int64_t more_report) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil || state.slab[index].phase != Phase::granted || more_report < 0) {
        return false;
    }
    Request& request = state.slab[index];
    const bool has_hold = request.kind == SourceKind::api || request.has_internal_price();
    std::int64_t hold = 0;
    if (!has_hold || __builtin_add_overflow(request.hold_report, more_report, &hold) ||
        !state.budgets.allows(request.counts_now(), more_report)) {
        return false;
    }
    request.hold_report = hold;
    state.budgets.hold(request.counts_now(), more_report);
    return true;
}

void Gate::first_token(Handle handle, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil) {
        return;
    }
    const Request& request = state.slab[index];
    if (request.phase == Phase::granted && request.kind != SourceKind::api &&
        state.prompt_ends(index, now.boot)) {
        state.serve(request.source, now, effects);
    }
}

void Gate::leave(Handle handle, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t index = state.slab.find(handle);
    if (index == nil || state.slab[index].phase != Phase::granted || !state.slab[index].recalled) {
        return;
    }
    Request& request = state.slab[index];
    const std::uint32_t source = request.source;
    const bool freed = state.end_grant(index, 0, /*uncount=*/true, now);
    ++state.sources[source].counters.recalled;
    ++state.models[request.model].counters.rescued;
    request.waited = true;
    request.rescued = true;
    request.tried[request.tried_count++] = source;
    state.find_home(index);
    if (state.stopping || !state.try_worker(index, State::Aim::sure, now, effects)) {
        request.due = true;  // its patience is long over
        state.place_again(index, now, effects);
    }
    state.pass_on(source, freed, now, effects);
}

void Gate::worker_changed(const Worker& worker, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t slot = state.source_slot(worker.source);
    State::Source& source = state.sources[slot];
    if (!source.known) {
        source.known = true;
        source.counters.last_busy = now.boot;
    }
    if ((source.open() && !worker.takes_work) || worker.model != source.counters.model) {
        State::forget(source);
    }
    state.detach(slot);
    source.counters.kind = worker.kind;
    source.counters.model = worker.model;
    source.counters.slots = std::max(worker.slots, 0);
    source.counters.takes_work = worker.takes_work;
    source.rank = worker.rank;
    source.speed = worker.speed;
    if (worker.kind != SourceKind::api && worker.model != NameIx{}) {
        const std::uint32_t model = state.model_slot(worker.model);
        source.model = model;
        state.models[model].workers.push_back(slot);
    }
    state.serve(slot, now, effects);
}

void Gate::worker_load(
    NameIx name, std::int64_t cache_tokens, int waiting, Now now, Effects& effects) {
    State& state = *state_;
    const std::uint32_t slot = state.source_slot(name);
    State::Source& source = state.sources[slot];
    const bool eased = cache_tokens < source.room_used || waiting < source.waiting;
    source.room_used = std::max<std::int64_t>(cache_tokens, 0);
    source.waiting = std::max(waiting, 0);
    if (eased) {
        state.serve(slot, now, effects);
    }
}

bool Gate::worker_removed(NameIx name) {
    State& state = *state_;
    const auto at = static_cast<std::size_t>(name.value());
    if (at >= state.source_slots.size() || state.source_slots[at] == nil) {
        return true;
    }
    const std::uint32_t slot = state.source_slots[at];
    State::Source& source = state.sources[slot];
    if (source.open() || source.counters.in_flight > 0) {
        return false;
    }
    state.detach(slot);
    State::forget(source);
    source.known = false;
    return true;
}

void Gate::apply(const Policy& policy, Now now, Effects& effects) {
    State& state = *state_;
    state.budgets.replace(policy);
    state.limits.replace(policy.limits);
    state.queue_limit = policy.queue_limit;
    state.routing = policy.routing;
    for (std::uint32_t index = 0; index < state.slab.size(); ++index) {
        Request& request = state.slab[index];
        if (request.phase == Phase::unused) {
            continue;
        }
        request.budgets = state.budgets.from_before(request.budgets);
        for (std::uint64_t& mask : request.api_budgets) {
            mask = state.budgets.from_before(mask);
        }
        request.internal_budgets = state.budgets.from_before(request.internal_budgets);
        request.charged = state.budgets.from_before(request.charged);
        state.budgets.hold(request.counts_now(), request.hold_report);
    }
    state.serve_freed(now, effects);
}

void Gate::budget_booked(NameIx name, std::int64_t settled_report, Now now, UtcTime resets) {
    if (state_->budgets.book(name, settled_report, /*adds=*/false)) {
        state_->sweep_at = std::min(state_->sweep_at, now.boot);
    }
    if (resets != UtcTime{}) {
        state_->budgets.set_resets(name, resets);
    }
}

UtcTime Gate::budget_resets(NameIx name) const {
    return state_->budgets.resets(name);
}

void Gate::budget_added(NameIx name, std::int64_t report, Now now) {
    if (state_->budgets.book(name, report, /*adds=*/true) && report < 0) {
        state_->sweep_at = std::min(state_->sweep_at, now.boot);
    }
}

void Gate::key_changed(const KeyLimits& limits, Now now, Effects& effects) {
    State& state = *state_;
    const NameIx key = limits.rate.name;
    state.limits.set(limits.rate);
    if (state.budgets.set_key(key, limits.money, limits.resets, now.utc, limits.spent_unknown)) {
        for (std::uint32_t index = 0; index < state.slab.size(); ++index) {
            const Request& request = state.slab[index];
            if (request.phase != Phase::unused && request.arrival.key == key) {
                const BudgetSet own{.mask = 0, .key = key};
                state.budgets.hold(own, request.hold_report);
                state.budgets.settle(own, 0, request.charged_before);
            }
        }
    }
    state.serve_freed(now, effects);
}

void Gate::key_spent(NameIx key, std::int64_t report, Now now) {
    if (state_->budgets.key_spent(key, report, now.utc)) {
        state_->sweep_at = std::min(state_->sweep_at, now.boot);
    }
}

void Gate::recall(NameIx key, NameIx route, std::int64_t tokens, BootTime at) {
    const std::int64_t counted = std::clamp<std::int64_t>(tokens, 0, 2 * request_tokens_max);
    state_->limits.recall({.key = key, .route = route, .tokens = counted}, at);
}

void Gate::stop(Now now, Effects& effects) {
    State& state = *state_;
    state.stopping = true;
    for (std::uint32_t index = 0; index < state.slab.size(); ++index) {
        if (state.slab[index].phase == Phase::queued) {
            state.refuse(index, {ReasonCode::stopping, {}}, now, effects);
        }
    }
}

void Gate::due(Now now, Effects& effects) {
    State& state = *state_;
    if (state.sweep_at <= now.boot) {
        state.serve_freed(now, effects);
    }
    for (;;) {
        const std::uint32_t index = state.deadlines.pop(state.slab, now.boot);
        if (index == nil) {
            return;
        }
        state.wake(index, now, effects);
    }
}

BootTime Gate::next_due() const {
    const BootTime sweep = state_->queued > 0 ? state_->sweep_at : BootTime::max();
    return std::min(sweep, state_->deadlines.next());
}

void Gate::counters(Counters& out) const {
    const State& state = *state_;
    out.models.clear();
    for (const State::Model& model : state.models) {
        out.models.push_back(model.counters);
        ModelCounters& counters = out.models.back();
        counters.queued = model.queue.size();
        counters.queued_tokens_in = model.queue.tokens_in();
        counters.queued_tokens_out = model.queue.tokens_out();
        counters.oldest_arrival = model.queue.oldest(state.slab);
    }
    out.sources.clear();
    for (const State::Source& source : state.sources) {
        if (source.known) {
            out.sources.push_back(source.counters);
        }
    }
    state.budgets.copy_to(out.budgets);
}

}  // namespace evenkeel::gate
