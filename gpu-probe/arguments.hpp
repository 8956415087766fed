#pragma once

#include "policies/domain/error.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::gpu_probe {

/// The longest that a whole run may take.
inline constexpr int seconds_most = 20;

struct Arguments {
    bool json{false};
    bool help{false};
    bool version{false};
    std::optional<int> gpu{};   ///< only this one
    int seconds{seconds_most};  ///< for all GPUs together
};
/// Errors: invalid_argument, with what is taken.
[[nodiscard]] Result<Arguments> parse_arguments(std::span<const std::string_view> words);
[[nodiscard]] std::string_view help_text() noexcept;

/// How the time of a run is divided.
struct TimeShares {
    double copy{0};
    double matrix{0};  ///< of each of the two kinds
    double transfer{0};
    double pattern{0};
};
/// For each of `gpus` GPUs, one after the other; a tenth is kept for allocating and checking.
[[nodiscard]] TimeShares divide_time(int seconds, int gpus) noexcept;

}  // namespace evenkeel::gpu_probe
