#pragma once

#include "policies/config/config.hpp"
#include "policies/config/settings.hpp"
#include "policies/plan/worst_case.hpp"

#include <span>
#include <string>
#include <vector>

namespace evenkeel::plan {

/// Something that a person has to name before it is done.
struct Confirmation {
    std::string name{};  ///< what to name: a budget, or the key of a limit
    std::string why{};   ///< a sentence without a full stop
    friend bool operator==(const Confirmation&, const Confirmation&) = default;
};

/// A machine that is not gone.
struct Running {
    std::string name{};
    std::string model{};
    std::string provider{};
};

/// What a change of the configuration does, apart from the change itself.
struct Assessment {
    WorstCase before{};
    WorstCase after{};
    std::vector<std::string> at_once{};     ///< machines that start or stop; empty: none
    std::vector<std::string> at_restart{};  ///< keys that wait for a restart of the agent
    std::vector<std::string> warnings{};    ///< sentences
    std::vector<Confirmation> confirm{};    ///< each once; empty: nothing to confirm
};

/// Names under which a rise of the worst case is confirmed.
inline constexpr std::string_view rentals_name = "rentals-per-day";
inline constexpr std::string_view apis_name = "apis-per-day";

/// Compares two configurations; `found` is changes() of their settings.
///
/// To be confirmed: a limit that disappears (a budget, what it stops, its scope; safety.max_rate,
/// safety.max_per_day; max_cost and stay of a route), and a worst case that rises by more than
/// half.
[[nodiscard]] Assessment assess(
    const config::Config& before,
    const config::Config& after,
    std::span<const config::Change> found,
    std::span<const Running> machines);

}  // namespace evenkeel::plan
