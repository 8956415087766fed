#include "agent/control/pace_watch.hpp"

#include "agent/control/renter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace evenkeel::agent {

void PaceWatch::judge(const Seat& seat, const gate::SourceCounters& counted) {
    const auto profile = rental_profile(seat.machine.gpu, seat.machine.model);
    if (!profile) {
        return;
    }
    Watched& watched = watched_[seat.machine.id];
    const auto seen = lifecycle::look(
        watched.pace,
        {.at = clock_.read().boot,
         .in_flight = counted.in_flight,
         .finished = counted.finished,
         .tokens_out = counted.tokens_out},
        *profile);
    if (!seen) {
        return;
    }
    watched.speed = *seen;
    watched.slow = seen->slow();
    if (watched.slow) {
        spdlog::warn(
            "machine={} is slow: {:.1f} tokens a second and stream, {:.1f} expected",
            seat.machine.name,
            seen->tokens_per_s,
            seen->expected);
    }
}

void PaceWatch::tick(const gate::Counters& counters, std::int64_t speed) {
    if (speed > 1) {
        return;  // in a sped-up world this host is the limit, not the GPU that is played
    }
    std::map<NameIx, std::vector<lifecycle::PoolMember>> pools;
    std::map<NameIx, const Seat*> rented;
    for (const auto& [id, seat] : fleet_.seats()) {
        rented[seat.names.source] = &seat;
    }
    for (const gate::SourceCounters& counted : counters.sources) {
        if (counted.kind == SourceKind::api) {
            continue;
        }
        lifecycle::PoolMember member{.serves = counted.takes_work};
        if (const auto found = rented.find(counted.source); found != rented.end()) {
            const Seat& seat = *found->second;
            member.machine = seat.machine.id;
            if (seat.machine.state == MachineState::serving) {
                judge(seat, counted);
                member.slow = watched_[seat.machine.id].slow;
            }
        }
        pools[counted.model].push_back(member);
    }
    std::erase_if(
        watched_, [&](const auto& entry) { return !fleet_.seats().contains(entry.first); });
    for (const auto& [model, pool] : pools) {
        for (const MachineId id : lifecycle::ejected(pool)) {
            const lifecycle::Speed& seen = watched_[id].speed;
            fleet_.drain(
                id,
                Reason{
                    ReasonCode::machine_slow,
                    {static_cast<std::int64_t>(seen.tokens_per_s),
                     static_cast<std::int64_t>(seen.expected)}});
        }
    }
}

}  // namespace evenkeel::agent
