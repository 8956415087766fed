#pragma once

#include "policies/engines/life.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace evenkeel::engines {

/// After so many failures in a row an engine takes nobody's place, and keeps none ...
inline constexpr int hopeless_after = 3;
/// ... for so long after the last; then it is tried again.
inline constexpr milliseconds hopeless_for{std::chrono::minutes{10}};

/// One engine among those that share the memory of one machine's GPUs.
struct Tenant {
    Wish wish{Wish::give_way};  ///< until now
    State state{State::off};
    bool unloaded{false};  ///< stopping: it slept
    BootTime since{};      ///< in this state
    int failures{0};
    std::int64_t memory_bytes{0};  ///< while its weights are loaded
    std::int64_t asleep_bytes{0};  ///< while it sleeps
    bool sleeps{false};
    int in_flight{0};
    std::int64_t waiting{0};  ///< requests in the queue of its model
    BootTime oldest{};        ///< arrival of the first of them
    milliseconds load{0};     ///< from start, or from waking, to ready
    milliseconds least_stay{0};
};

/// What an engine holds of the memory now, whatever is wanted of it.
[[nodiscard]] std::int64_t held_bytes(const Tenant& tenant) noexcept;

/// Whether `memory_bytes` of this one are free beside what all others hold now: nothing is started
/// or woken before, so two that do not fit are never loaded at once.
[[nodiscard]] bool has_room(
    std::span<const Tenant> tenants, std::size_t which, std::int64_t room_bytes) noexcept;

/// Who is to have the memory. Where all fit, all run. Else requests that wait for a model that is
/// not loaded are a debt in request-seconds (how many, times how long on average); it is loaded in
/// the place of others when
/// - they have been ready for their least stay (or fail again and again),
/// - no engine is on its way in or out already, and
/// - the debt has reached what the swap costs those who use the others now: each of their requests
///   would wait until this one has loaded and theirs is loaded again. Idle ones cost nothing.
/// Idle engines give way first, then those with the fewest requests; the one that is longest ready
/// before others. Sleepers end where what they keep is missing. An engine that does not fit alone
/// never runs. Gives a wish for each tenant.
[[nodiscard]] std::vector<Wish> share(
    std::span<const Tenant> tenants, std::int64_t room_bytes, BootTime now);

}  // namespace evenkeel::engines
