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

/// name, faults of the catalogue it plays, and by how many seconds of price the books may differ
/// from the provider's before its bill is read: 2 s, or more where the provider hides the truth for
/// longer than that (a lost answer is waited for, a death is noticed by the next look, failures in
/// a row lengthen the pauses).
#define EVENKEEL_PERSONALITIES(X)     \
    X(none, "", 2)                    \
    X(list_lag, "F08", 65)            \
    X(get_lag, "F06", 2)              \
    X(create_500_after, "F02", 2)     \
    X(create_500_before, "F02", 2)    \
    X(create_lost, "F01", 2)          \
    X(create_broken_json, "F05", 2)   \
    X(delete_204_noop, "F18", 2)      \
    X(delete_500_done, "F19", 4)      \
    X(delete_lost, "F20", 130)        \
    X(delete_404_existing, "F21", 2)  \
    X(delete_locked, "F22", 2)        \
    X(vanishing_placement, "F07", 2)  \
    X(storm_429, "F12", 2)            \
    X(no_stock, "F11", 2)             \
    X(wrong_gpu, "F17", 2)            \
    X(fewer_gpus, "F17", 2)           \
    X(dearer, "F16", 2)               \
    X(empty_list_once, "F29", 2)      \
    X(partial_page, "F29", 2)         \
    X(slow, "F32", 95)                \
    X(outage, "F31", 2)               \
    X(flapping, "F37", 600)           \
    X(auth_revoked, "F36", 2)         \
    X(name_taken, "F09", 2)           \
    X(unknown_status, "F30", 2)       \
    X(stopped, "F24", 2)              \
    X(human_deletes, "F23 F41", 10)   \
    X(orphan, "F27", 130)             \
    X(foreign, "F26", 2)              \
    X(engine_never_healthy, "F38", 2) \
    X(engine_garbage, "F40", 2)       \
    X(node_cut_off, "F42", 2)

enum class Personality : std::uint8_t {
#define EVENKEEL_PERSONALITY(name, faults, apart) name,
    EVENKEEL_PERSONALITIES(EVENKEEL_PERSONALITY)
#undef EVENKEEL_PERSONALITY
};

struct Traits {
    Personality who{};
    std::string_view name{};
    std::string_view faults{};
    std::chrono::seconds apart{};
};

inline constexpr std::array personalities{
#define EVENKEEL_PERSONALITY(name, faults, apart) \
    Traits{Personality::name, #name, faults, std::chrono::seconds{apart}},
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
