#pragma once

#include "lab/player/trace_file.hpp"
#include "policies/replay/builtin.hpp"

#include <chrono>
#include <string>

/// The shared traces and the world in which policies are compared on them.
namespace evenkeel::replay::figures {

inline OpenRows trace(const std::string& name, int from_h, int to_h) {
    const std::string folder = name == "azure2023_conv" ? EVENKEEL_SOURCE_DIR "/lab/traces/"
                                                        : EVENKEEL_SOURCE_DIR "/data/traces/";
    return window_of(
        lab::player::open_trace(folder + name + ".csv.gz"),
        std::chrono::hours{from_h},
        std::chrono::hours{to_h});
}

/// The reference world with the router before rescue and its companions.
inline Options old_router() {
    Options options = reference_world();
    options.routing = gate::old_router;
    return options;
}

inline double usd_of(Money amount) {
    return static_cast<double>(amount.nanos()) * 1e-9;
}

}  // namespace evenkeel::replay::figures
