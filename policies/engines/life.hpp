#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// Engines on own GPUs that the daemon starts itself: what to do next with one (life.hpp), and
/// which of several that do not fit together runs (share.hpp). The shell (agent/control) looks,
/// calls `step`, does what it says and looks again: level-triggered, so a lost event loses nothing.
namespace evenkeel::engines {

using std::chrono::milliseconds;

enum class State : std::uint8_t {
    off,       ///< no process; before `not_before` none is started
    starting,  ///< the process lives, and has not answered as wanted yet
    ready,     ///< takes requests
    draining,  ///< takes none, its last ones go on
    falling_asleep,
    asleep,  ///< the process lives, its weights are not on the GPU
    waking,
    stopping,  ///< was told to end
};
[[nodiscard]] std::string_view to_text(State state) noexcept;

/// What is wanted of an engine.
enum class Wish : std::uint8_t {
    run,
    give_way,  ///< leave the GPU to another: asleep where it can, else off
    end,       ///< off
};

/// Every time limit of an engine's life.
struct Limits {
    milliseconds load{std::chrono::minutes{15}};   ///< start to ready
    milliseconds drain{std::chrono::minutes{3}};   ///< then its requests are cut
    milliseconds grace{std::chrono::seconds{15}};  ///< SIGTERM to SIGKILL
    milliseconds hung{std::chrono::seconds{30}};   ///< sick for so long: ended and started again
    milliseconds call{std::chrono::seconds{60}};   ///< to fall asleep, or to wake
    milliseconds back_off_first{std::chrono::seconds{1}};
    milliseconds back_off_max{std::chrono::seconds{60}};
    milliseconds healthy_after{std::chrono::minutes{10}};  ///< ready for so long: failures are over
    bool sleeps{false};
};

/// What is remembered of one engine.
struct Life {
    State state{State::off};
    BootTime since{};                      ///< in this state
    BootTime not_before{};                 ///< off: of the next start
    int failures{0};                       ///< starts in a row that ended badly
    bool failed{false};                    ///< stopping: not because somebody wanted it
    bool cut{false};                       ///< draining: its requests were cut
    bool unloaded{false};                  ///< stopping: it slept
    BootTime signalled{};                  ///< stopping: when it was told last
    std::optional<BootTime> sick_since{};  ///< ready
    friend bool operator==(const Life&, const Life&) = default;
};

/// What is seen of it now.
struct Sight {
    bool alive{false};     ///< a process of it is there, also one of an earlier daemon
    bool accepted{false};  ///< starting: it has answered as wanted since it was started or woken
    bool sick{false};      ///< ready: its probes fail
    std::optional<bool> call{};  ///< how the call to sleep or wake ended
    int in_flight{0};
    bool room{true};  ///< its memory is free, whatever the others are about to do
};

enum class Do : std::uint8_t {
    nothing,
    start,
    admit,     ///< give it requests
    withdraw,  ///< give it no more
    cut,       ///< end the requests it still has
    put_to_sleep,
    wake,
    terminate,  ///< SIGTERM to its group
    kill,       ///< SIGKILL to its group
};

struct Step {
    Life life{};
    Do what{Do::nothing};
};

/// The next step; call it again while it changes something. Failures are starts that did not
/// become ready, exits nobody asked for, and hangs: the pause before the next start doubles from
/// `back_off_first` to `back_off_max`. The row of them ends with `healthy_after`, or when a ready
/// engine is asked to give way.
[[nodiscard]] Step step(
    const Life& life, const Sight& sight, Wish wish, BootTime now, const Limits& limits);

/// The pause before the start after `failures` failures in a row.
[[nodiscard]] milliseconds back_off(int failures, const Limits& limits) noexcept;

}  // namespace evenkeel::engines
