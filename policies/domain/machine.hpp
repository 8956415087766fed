#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace evenkeel {

/// The life of a rented machine (DESIGN section 1). Order matters only for display.
enum class MachineState : std::uint8_t {
    wanted,     ///< intent committed, create not yet asked
    creating,   ///< the one create call is in flight
    unknown,    ///< the create call's outcome is not known: looked up by name, never repeated
    booting,    ///< exists at the provider, engine not reachable yet
    warming,    ///< engine answers, acceptance not passed yet
    serving,    ///< takes requests
    draining,   ///< takes no new requests, finishes the running ones
    deleting,   ///< delete asked, not yet answered
    verifying,  ///< delete answered, proof of absence outstanding
    gone,       ///< proved absent; the end
};

/// Whether it is on its way to serve for the first time.
[[nodiscard]] constexpr bool is_coming(MachineState state) noexcept {
    return state <= MachineState::warming;
}

/// How a machine became `gone`.
enum class GoneHow : std::uint8_t {
    destroyed,      ///< we asked, and absence was proved
    never_created,  ///< the intent never became a machine
    lost,           ///< it disappeared without us
};

/// Which part of a machine's paid life a second belongs to.
enum class Phase : std::uint8_t { boot, warm, serve, idle, drain, del, minimum };

inline constexpr MachineState all_machine_states[] = {
    MachineState::wanted,
    MachineState::creating,
    MachineState::unknown,
    MachineState::booting,
    MachineState::warming,
    MachineState::serving,
    MachineState::draining,
    MachineState::deleting,
    MachineState::verifying,
    MachineState::gone};

[[nodiscard]] constexpr std::string_view to_text(MachineState state) noexcept {
    switch (state) {
        case MachineState::wanted:
            return "wanted";
        case MachineState::creating:
            return "creating";
        case MachineState::unknown:
            return "unknown";
        case MachineState::booting:
            return "booting";
        case MachineState::warming:
            return "warming";
        case MachineState::serving:
            return "serving";
        case MachineState::draining:
            return "draining";
        case MachineState::deleting:
            return "deleting";
        case MachineState::verifying:
            return "verifying";
        case MachineState::gone:
            return "gone";
    }
    return "";
}

[[nodiscard]] constexpr std::optional<MachineState> machine_state_from(std::string_view text) {
    for (const MachineState state : all_machine_states) {
        if (to_text(state) == text) {
            return state;
        }
    }
    return std::nullopt;
}

[[nodiscard]] constexpr std::string_view to_text(GoneHow how) noexcept {
    switch (how) {
        case GoneHow::destroyed:
            return "destroyed";
        case GoneHow::never_created:
            return "never_created";
        case GoneHow::lost:
            return "lost";
    }
    return "";
}

[[nodiscard]] constexpr std::string_view to_text(Phase phase) noexcept {
    switch (phase) {
        case Phase::boot:
            return "boot";
        case Phase::warm:
            return "warm";
        case Phase::serve:
            return "serve";
        case Phase::idle:
            return "idle";
        case Phase::drain:
            return "drain";
        case Phase::del:
            return "delete";
        case Phase::minimum:
            return "minimum";
    }
    return "";
}

}  // namespace evenkeel
