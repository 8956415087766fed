#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// How a provider misbehaves. What the fake clouds (tests/fakes/cloud) can do too has the same name
/// there, so that a story found here can be told there; only `engine_garbage` is called
/// `garbage_completion`, and `node_cut_off` is done to the node's process instead.
namespace evenkeel::simulator {

/// What the books' distance from the provider's is made of: the providers' own constants, the
/// host's, and those of lifecycle::Limits.
namespace bound {
using std::chrono::seconds;
inline constexpr seconds agreed{2};  ///< where nothing is hidden: one call, and the daemon's tick
inline constexpr seconds nothing{0};
inline constexpr seconds list_drag{60};     ///< `list_lag`: a list shows a dead machine so long
inline constexpr seconds client_limit{60};  ///< of a whole call: silence is waited for so long
inline constexpr seconds slow_half{15};     ///< `slow`: to the effect of a call, then its answer
inline constexpr seconds down{120};         ///< a host that crashed is up again, at most
inline constexpr seconds outage{25 * 60};   ///< all faults are over by then
inline constexpr seconds storm{10 * 60};    ///< of 429
inline constexpr seconds revoked{5 * 60};   ///< the key
inline constexpr seconds retry_first{1};    ///< Limits::retry_first
inline constexpr seconds retry_most{60};    ///< Limits::retry_most
inline constexpr seconds poll{5};           ///< Limits::poll
inline constexpr seconds engine_lost{120};  ///< Limits::engine_lost
inline constexpr seconds warm_up{5 * 60};   ///< of simulated_config
/// A look that failed may cost a whole poll; the bound was never wider than this.
inline constexpr seconds missed_look{3};
/// Pauses between fourteen answers lost in a row: doubling from one second, then the longest.
inline constexpr seconds fourteen_pauses = seconds{1 + 2 + 4 + 8 + 16 + 32} + 8 * retry_most;
}  // namespace bound

/// name, faults of the catalogue it plays, and for how long it hides the end or the beginning of a
/// machine: by `bound::agreed` and so many seconds of price the books may differ from the
/// provider's before its bill is read.
///
/// - list_lag: after the delete its lists show the machine for a minute and its GET does not. Which
///   of them is right nobody says; the books believe the dearer one.
/// - delete_500_done, delete_lost, flapping: the delete works and its answer is lost (for
///   delete_lost after client_limit of silence). Nothing tells that from a delete that was lost, so
///   the machine is paid until the next one is answered, and before that comes a pause. For
///   flapping, half of whose answers are lost, pauses add up; more than fourteen in a row come once
///   in 32,768. life_checks.cpp holds each machine against the moment it was told, too.
/// - slow: a create waits for the call that runs (two halves) and works a half later; a delete is
///   answered a half after it worked. When a call under way has its effect is not seen.
/// - human_deletes: the engine answered a probe, was ended, and did not answer the next. When it
///   ended in between nobody says; too little is booked, by up to the pause between looks.
#define EVENKEEL_PERSONALITIES(X)                                  \
    X(none, "", bound::nothing)                                    \
    X(list_lag, "F08", bound::list_drag)                           \
    X(get_lag, "F06", bound::nothing)                              \
    X(create_500_after, "F02", bound::nothing)                     \
    X(create_500_before, "F02", bound::nothing)                    \
    X(create_lost, "F01", bound::nothing)                          \
    X(create_broken_json, "F05", bound::nothing)                   \
    X(delete_204_noop, "F18", bound::nothing)                      \
    X(delete_500_done, "F19", bound::retry_first)                  \
    X(delete_lost, "F20", bound::client_limit + bound::retry_most) \
    X(delete_404_existing, "F21", bound::nothing)                  \
    X(delete_locked, "F22", bound::nothing)                        \
    X(vanishing_placement, "F07", bound::nothing)                  \
    X(storm_429, "F12", bound::nothing)                            \
    X(no_stock, "F11", bound::nothing)                             \
    X(wrong_gpu, "F17", bound::nothing)                            \
    X(fewer_gpus, "F17", bound::nothing)                           \
    X(dearer, "F16", bound::nothing)                               \
    X(empty_list_once, "F29", bound::nothing)                      \
    X(partial_page, "F29", bound::nothing)                         \
    X(slow, "F32", 4 * bound::slow_half)                           \
    X(outage, "F31", bound::nothing)                               \
    X(flapping, "F37", bound::fourteen_pauses)                     \
    X(auth_revoked, "F36", bound::nothing)                         \
    X(name_taken, "F09", bound::nothing)                           \
    X(unknown_status, "F30", bound::nothing)                       \
    X(stopped, "F24", bound::nothing)                              \
    X(human_deletes, "F23 F41", bound::poll)                       \
    X(orphan, "F27", bound::nothing)                               \
    X(foreign, "F26", bound::nothing)                              \
    X(engine_never_healthy, "F38", bound::nothing)                 \
    X(engine_garbage, "F40", bound::nothing)                       \
    X(node_cut_off, "F42", bound::nothing)

enum class Personality : std::uint8_t {
#define EVENKEEL_PERSONALITY(name, faults, hidden) name,
    EVENKEEL_PERSONALITIES(EVENKEEL_PERSONALITY)
#undef EVENKEEL_PERSONALITY
};

struct Traits {
    Personality who{};
    std::string_view name{};
    std::string_view faults{};
    std::chrono::seconds apart{};  ///< the books and the provider's, before its bill, at most
};

inline constexpr std::array personalities{
#define EVENKEEL_PERSONALITY(name, faults, hidden) \
    Traits{Personality::name, #name, faults, bound::agreed + hidden},
    EVENKEEL_PERSONALITIES(EVENKEEL_PERSONALITY)
#undef EVENKEEL_PERSONALITY
};

[[nodiscard]] constexpr const Traits& traits(Personality who) {
    return personalities[static_cast<std::size_t>(who)];
}

[[nodiscard]] constexpr std::optional<Personality> personality_from(std::string_view name) {
    for (const Traits& one : personalities) {
        if (one.name == name) {
            return one.who;
        }
    }
    return std::nullopt;
}

}  // namespace evenkeel::simulator
