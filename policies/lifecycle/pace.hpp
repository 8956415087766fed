#pragma once

#include "policies/capacity/service_model.hpp"
#include "policies/domain/id.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Whether a worker is as fast as its GPU should be (FAULTS F46: heat or a neighbour takes most of
/// it). Estimates only: nothing here is money.
namespace evenkeel::lifecycle {

/// A worker that gives a stream less than this share of what its engine's model says is slow. The
/// model leaves prompts out, so the bar is low: four fifths must be gone.
inline constexpr double slow_share = 0.2;
/// A look is taken over at least so long, and over at least so many finished requests: tokens are
/// counted when a request ends, and a few long ones say nothing.
inline constexpr std::chrono::seconds pace_window{60};
inline constexpr int pace_finished_min = 5;

/// Cumulative counters of one worker at one moment.
struct PaceLook {
    BootTime at{};
    int in_flight{0};
    std::int64_t finished{0};
    std::int64_t tokens_out{0};
};

/// What has been seen of one worker since the window began.
struct Pace {
    std::optional<PaceLook> first{};
    BootTime last{};
    int in_flight{0};          ///< since `last`
    double stream_seconds{0};  ///< in flight, summed over the window
};

/// How fast one stream was over a window, and should have been.
struct Speed {
    double tokens_per_s{0};
    double expected{0};
    [[nodiscard]] bool slow() const noexcept { return tokens_per_s < slow_share * expected; }
};

/// Takes a look in; gives the speed when a window is full, and begins the next.
[[nodiscard]] std::optional<Speed> look(
    Pace& pace, const PaceLook& now, const capacity::Profile& profile);

/// One worker of a model, for `ejected`.
struct PoolMember {
    MachineId machine{};  ///< none for an own worker: it is never ejected
    bool serves{true};    ///< takes work
    bool slow{false};
};

/// Which slow rented machines are to go, so that never more than half of the pool is missing:
/// those that left already count. `pool` holds every worker of one model, own ones too.
[[nodiscard]] std::vector<MachineId> ejected(std::span<const PoolMember> pool);

}  // namespace evenkeel::lifecycle
