#include "policies/gate/state.hpp"

#include <algorithm>

/// A conversation goes back to the worker whose cache holds its beginning, unless that is the
/// busier one.
namespace evenkeel::gate {

void Gate::State::find_home(std::uint32_t index) {
    Request& request = slab[index];
    request.home = nil;
    request.covered = 0;
    if (!routing.affinity || request.model == nil) {
        return;
    }
    const PrefixMemory& prefixes = models[request.model].prefixes;
    for (const PrefixMark& mark : request.arrival.marks) {
        if (mark.hash == 0) {
            return;
        }
        const PrefixMemory::Entry* const entry = prefixes.find(mark.hash);
        if (entry == nullptr || !request.may_use(entry->source)) {
            continue;
        }
        const Source& source = sources[entry->source];
        const std::int64_t covered =
            std::clamp<std::int64_t>(mark.tokens, 0, request.arrival.tokens_in);
        // An engine drops what it used longest ago when its cache is full.
        const bool dropped = source.speed.kv_tokens > 0 &&
                             source.filled - entry->filled + covered > source.speed.kv_tokens;
        if (source.life == entry->life && source.open() && !dropped &&
            !(request.arrival.own_only && source.counters.kind == SourceKind::rental)) {
            request.home = entry->source;
            request.home_life = entry->life;
            request.covered = covered;
            return;
        }
    }
}

std::uint32_t Gate::State::home_of(const Request& request) const noexcept {
    const bool there = request.home != nil && sources[request.home].life == request.home_life;
    return there ? request.home : nil;
}

std::int64_t Gate::State::to_read(const Request& request, std::uint32_t slot) const noexcept {
    return request.arrival.tokens_in - (home_of(request) == slot ? request.covered : 0);
}

void Gate::State::remember(const Request& request) {
    Source& source = sources[request.source];
    source.filled = saturating_add(source.filled, request.to_read + request.arrival.tokens_out);
    if (!routing.affinity || request.model == nil) {
        return;
    }
    // The longest last: it is forgotten last.
    for (std::size_t i = prefix_marks_max; i > 0; --i) {
        if (const std::uint64_t hash = request.arrival.marks[i - 1].hash; hash != 0) {
            models[request.model].prefixes.put(
                {.hash = hash,
                 .source = request.source,
                 .life = source.life,
                 .filled = source.filled});
        }
    }
}

std::uint32_t Gate::State::home_or(
    std::uint32_t best, const Request& request, Aim aim, Now now) const {
    const std::uint32_t home = home_of(request);
    if (home == nil || home == best || !fits(request, home, aim, now)) {
        return best;
    }
    const Source& there = sources[home];
    const Source& other = sources[best];
    if (there.counters.kind != other.counters.kind || there.waiting > 0 || stalls(there, now) ||
        cache_full(request, there) || !bears_one_more(there)) {
        return best;
    }
    const bool known = there.speed.prefill_tok_s > 0 && other.speed.prefill_tok_s > 0;
    return known && first_token_in(request, best, now) < first_token_in(request, home, now) ? best
                                                                                            : home;
}

bool Gate::State::bears_one_more(const Source& source) const {
    double slots = 0;
    double in_flight = 1;
    for (const std::uint32_t slot : models[source.model].workers) {
        const Source& one = sources[slot];
        if (one.open() && one.counters.kind == source.counters.kind) {
            slots += one.counters.slots;
            in_flight += one.counters.in_flight;
        }
    }
    return slots * source.counters.in_flight <= load_bound * in_flight * source.counters.slots;
}

void Gate::State::forget(Source& source) noexcept {
    ++source.life;
    source.filled = 0;
}

}  // namespace evenkeel::gate
