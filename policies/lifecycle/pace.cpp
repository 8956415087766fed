#include "policies/lifecycle/pace.hpp"

#include <algorithm>

namespace evenkeel::lifecycle {

std::optional<Speed> look(Pace& pace, const PaceLook& now, const capacity::Profile& profile) {
    if (!pace.first) {
        pace = {.first = now, .last = now.at, .in_flight = now.in_flight};
        return std::nullopt;
    }
    const auto seconds = [](BootClock::duration span) {
        return std::chrono::duration<double>(span).count();
    };
    pace.stream_seconds += pace.in_flight * seconds(now.at - pace.last);
    pace.last = now.at;
    pace.in_flight = now.in_flight;
    const auto window = now.at - pace.first->at;
    const std::int64_t finished = now.finished - pace.first->finished;
    if (window < pace_window || finished < pace_finished_min || pace.stream_seconds <= 0) {
        return std::nullopt;
    }
    const double batch = std::max(1.0, pace.stream_seconds / seconds(window));
    const Speed seen{
        .tokens_per_s =
            static_cast<double>(now.tokens_out - pace.first->tokens_out) / pace.stream_seconds,
        .expected = 1.0 / (profile.alpha_s + profile.beta_s * batch)};
    pace = {.first = now, .last = now.at, .in_flight = now.in_flight};
    return seen;
}

std::vector<MachineId> ejected(std::span<const PoolMember> pool) {
    const auto missing = static_cast<std::size_t>(
        std::ranges::count_if(pool, [](const PoolMember& member) { return !member.serves; }));
    const std::size_t most = pool.size() / 2;
    std::vector<MachineId> out;
    for (const PoolMember& member : pool) {
        const bool rented = member.machine != MachineId{};
        if (rented && member.serves && member.slow && missing + out.size() < most) {
            out.push_back(member.machine);
        }
    }
    return out;
}

}  // namespace evenkeel::lifecycle
