#include "policies/gate/state.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>

/// Who would be in time where, and who is recalled because he will not be.
namespace evenkeel::gate {

namespace {

using std::chrono::nanoseconds;

/// Share of the engine's time that prompts get while sequences decode as well.
constexpr double prompt_share = 0.6;
/// A worker is taken when its first token is expected within so many thousandths of the limit, if
/// the request could not leave it again: a rescue needs no reserve against a wrong guess.
constexpr std::int64_t margin_millis = 900;
/// A worker takes no further prompt while it still has this much to read. What waits in the gate
/// may be overtaken by shorter prompts and go wherever room appears first; what waits at a worker
/// cannot. Half of what the shortest prompts have by default: they get in behind any line.
constexpr double backlog_max_s = 2.5;
/// The API gets so much more time than its first token needs.
constexpr nanoseconds rescue_slack = std::chrono::seconds{1};
/// A request that will be in time after all is looked at again so much later.
constexpr nanoseconds look_again = std::chrono::milliseconds{500};

/// Share of its expected output that a running request fills on average. Above one half, for those
/// found running are longer than those that arrive.
constexpr std::int64_t room_millis = 750;
/// Time over which the share of prompts in an engine's work is averaged.
constexpr double pressure_s = 20;
/// A prompt that takes twice its time and this waits for something else: for room in the cache.
constexpr nanoseconds stall_grace = std::chrono::milliseconds{200};

nanoseconds time_of(double seconds) noexcept {
    constexpr double longest = 1e9;
    return nanoseconds{static_cast<std::int64_t>(std::min(seconds, longest) * 1e9)};
}

/// Latest moment to leave for an API.
BootTime rescue_time(const Arrival& arrival) noexcept {
    return arrival.first_token_by - arrival.api_first_token - rescue_slack;
}

}  // namespace

double Gate::State::prompt_rate(const Source& source, bool shared) noexcept {
    constexpr double least = 1;  // a speed that became unknown meanwhile
    return std::max(least, source.speed.prefill_tok_s * (shared ? prompt_share : 1.0));
}

double Gate::State::backlog(const Source& source, Now now) const {
    if (source.prompts.size == 0) {
        return 0;
    }
    const bool shared = source.counters.in_flight > static_cast<int>(source.prompts.size);
    const double read = std::chrono::duration<double>(now.boot - source.head_since).count() *
                        prompt_rate(source, shared);
    const auto head = static_cast<double>(slab[source.prompts.head].to_read);
    return static_cast<double>(source.prompt_tokens) - std::clamp(read, 0.0, head);
}

double Gate::State::prompt_pressure(const Source& source, Now now) {
    const double since = std::chrono::duration<double>(now.boot - source.pressure_at).count();
    return source.pressure * std::exp(-since / pressure_s);
}

bool Gate::State::stalls(const Source& source, Now now) const {
    if (source.prompts.size == 0) {
        return false;
    }
    const bool shared = source.counters.in_flight > static_cast<int>(source.prompts.size);
    const auto head = static_cast<double>(slab[source.prompts.head].arrival.tokens_in);
    return now.boot - source.head_since >
           stall_grace + 2 * time_of(head / prompt_rate(source, shared));
}

BootTime Gate::State::first_token_at(std::uint32_t index, Now now) const {
    const Source& source = sources[slab[index].source];
    if (stalls(source, now)) {
        return BootTime::max();
    }
    std::int64_t behind = 0;
    int others = 0;
    for (std::uint32_t i = slab[index].order.next; i != nil; i = slab[i].order.next) {
        behind += slab[i].to_read;
        ++others;
    }
    if (others < source.waiting) {
        return BootTime::max();
    }
    const bool shared = source.counters.in_flight > static_cast<int>(source.prompts.size);
    const double left = std::max(0.0, backlog(source, now) - static_cast<double>(behind));
    return now.boot + time_of(left / prompt_rate(source, shared));
}

std::int64_t Gate::State::output_of(const Request& request) const noexcept {
    const Arrival& arrival = request.arrival;
    return routing.output_room && arrival.tokens_out_room > 0 ? arrival.tokens_out_room
                                                              : arrival.tokens_out;
}

nanoseconds Gate::State::first_token_in(const Request& request, std::uint32_t slot, Now now) const {
    const Source& source = sources[slot];
    const double tokens = backlog(source, now) + static_cast<double>(to_read(request, slot));
    return time_of(tokens / prompt_rate(source, source.counters.in_flight > 0));
}

bool Gate::State::cache_full(const Request& request, const Source& source) const noexcept {
    return source.speed.kv_tokens > 0 && source.counters.in_flight > 0 &&
           source.room_used + request.arrival.tokens_in + output_of(request) >
               source.speed.kv_tokens;
}

bool Gate::State::in_time(const Request& request, std::uint32_t slot, Now now) const {
    const Source& source = sources[slot];
    const Arrival& arrival = request.arrival;
    const int running = source.counters.in_flight;
    if (source.waiting > 0 || stalls(source, now)) {
        return false;
    }
    if (cache_full(request, source)) {
        return false;
    }
    const double pressure = std::min(1.0, prompt_pressure(source, now));
    const double step = (source.speed.step_s + source.speed.step_per_seq_s * (running + 1)) /
                        (1 - prompt_share * pressure);
    if (arrival.per_output_token > nanoseconds::zero() &&
        time_of(step) > arrival.per_output_token) {
        return false;
    }
    const double rate = prompt_rate(source, running > 0);
    const double ahead = backlog(source, now);
    if (routing.short_backlog && ahead > backlog_max_s * rate) {
        return false;
    }
    const nanoseconds first = first_token_in(request, slot, now);
    const bool may_leave = routing.rescue && arrival.streams && !request.rescued &&
                           arrival.api_count > arrival.apis_first &&
                           request.tried_count + 1u < tries_max &&
                           request.arrived + arrival.api_first_token < arrival.first_token_by;
    const std::int64_t share = may_leave ? 1'000 : margin_millis;
    const nanoseconds limit = (arrival.first_token_by - request.arrived) / 1'000 * share;
    return now.boot - request.arrived + first <= limit;
}

bool Gate::State::fits(const Request& request, std::uint32_t slot, Aim aim, Now now) const {
    const Source& source = sources[slot];
    if (source.room() <= 0 || !request.may_use(slot) ||
        (request.arrival.own_only && source.counters.kind == SourceKind::rental)) {
        return false;
    }
    const bool known = source.speed.prefill_tok_s > 0;
    if (aim == Aim::any || (aim == Aim::in_time && !(known && request.has_choice()))) {
        return true;
    }
    return known && in_time(request, slot, now);
}

bool Gate::State::goes_behind(const Request& request) const {
    return request.model != nil && !request.due && request.has_choice() &&
           models[request.model].queue.size() > 0 && queued < queue_limit &&
           std::ranges::any_of(
               models[request.model].workers,
               [&](std::uint32_t slot) { return sources[slot].speed.prefill_tok_s > 0; });
}

void Gate::State::prompt_begins(std::uint32_t index, Now now) {
    Request& request = slab[index];
    Source& source = sources[request.source];
    request.to_read = to_read(request, request.source);
    remember(request);
    request.room = request.arrival.tokens_in + output_of(request) * room_millis / 1'000;
    source.room_used += request.room;
    request.begun = source.speed.prefill_tok_s <= 0;
    request.recalled = false;
    if (request.begun) {
        return;
    }
    if (source.prompts.size == 0) {
        source.head_since = now.boot;
    }
    source.pressure = prompt_pressure(source, now) + static_cast<double>(request.to_read) /
                                                         prompt_rate(source, /*shared=*/true) /
                                                         pressure_s;
    source.pressure_at = now.boot;
    push_back(source.prompts, index, OrderLinks{&slab});
    source.prompt_tokens += request.to_read;
    const Arrival& arrival = request.arrival;
    if (!arrival.streams) {
        deadlines.set(slab, index, std::min(first_token_at(index, now), now.boot + look_again));
    } else if (routing.rescue && arrival.first_token_by != BootTime::max()) {
        deadlines.set(slab, index, std::max(rescue_time(arrival), now.boot + look_again));
    }
}

bool Gate::State::prompt_ends(std::uint32_t index, BootTime at) {
    Request& request = slab[index];
    if (request.begun) {
        return false;
    }
    Source& source = sources[request.source];
    if (source.prompts.head == index) {
        source.head_since = at;
    }
    request.begun = true;
    deadlines.clear(slab, index);
    unlink(source.prompts, index, OrderLinks{&slab});
    source.prompt_tokens -= request.to_read;
    return true;
}

bool Gate::State::somebody_else(const Request& request, Now now) const {
    for (const std::uint32_t slot : models[request.model].workers) {
        if (slot != request.source && fits(request, slot, Aim::sure, now)) {
            return true;
        }
    }
    for (std::size_t i = request.arrival.apis_first; i < request.arrival.api_count; ++i) {
        const std::uint32_t slot = request.api_slots[i];
        if (sources[slot].is_api() && sources[slot].room() > 0 && request.may_use(slot) &&
            budgets.allows(request.counts_in(i), request.arrival.apis[i].hold_report)) {
            return true;
        }
    }
    return false;
}

void Gate::State::watch(std::uint32_t index, Now now, Effects& effects) {
    Request& request = slab[index];
    const Arrival& arrival = request.arrival;
    assert(request.phase == Phase::granted && !request.begun);
    const BootTime first = first_token_at(index, now);
    if (!arrival.streams) {
        if (first > now.boot) {
            deadlines.set(slab, index, std::min(first, now.boot + look_again));
            return;
        }
        const std::uint32_t source = request.source;
        prompt_ends(index, now.boot);
        serve(source, now, effects);
        return;
    }
    const bool too_late = now.boot + arrival.api_first_token > arrival.first_token_by;
    if (too_late || request.tried_count + 1u >= tries_max) {
        return;  // nobody would be in time any more: it stays where it is
    }
    if (first > arrival.first_token_by && somebody_else(request, now)) {
        request.recalled = true;
        effects.push_back(effect(EffectKind::recall, index));
        effects.back().source = sources[request.source].counters.source;
        effects.back().source_kind = request.kind;
        return;
    }
    deadlines.set(slab, index, now.boot + look_again);
}

}  // namespace evenkeel::gate
