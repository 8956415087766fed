#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What evenkeel-gpu-probe has measured of one GPU, and what it means. Pure.
namespace evenkeel::gpu_probe {

/// Zero where something was not measured.
struct Figures {
    int index{0};
    std::string uuid{};
    std::string name{};
    std::int64_t memory_bytes{0};
    double copy_bytes_s{0};  ///< read and written, by a copy kernel; the best of several
    double bf16_flops_s{0};  ///< dense products with 32-bit sums, by cuBLAS; the best of several
    double fp16_flops_s{0};
    double to_device_bytes_s{0};  ///< from pinned memory
    double from_device_bytes_s{0};
    std::int64_t pattern_bytes{0};       ///< of memory that patterns were written to and read from
    std::int64_t pattern_errors{0};      ///< words of 8 bytes that came back otherwise
    std::int64_t product_entries{0};     ///< of matrix products that were checked
    std::int64_t product_errors{0};      ///< rows of them that were wrong
    std::optional<int> sm_clock_mhz{};   ///< the lowest under load
    std::optional<int> temperature_c{};  ///< the highest
    std::optional<std::int64_t> power_milliwatts{};  ///< the highest
    std::string throttled{};     ///< why it ran below its highest clock: "power cap, thermal"
    bool hardware_fault{false};  ///< the driver reported memory or link errors
    std::string trouble{};       ///< why it was not measured to the end
    double seconds{0};
};

enum class Verdict : std::uint8_t {
    good,
    slow,    ///< right answers, below the floors
    failed,  ///< could not be measured
    lemon,   ///< wrong answers, or errors of the hardware: do not use it
};
[[nodiscard]] std::string_view to_text(Verdict verdict) noexcept;

/// Shares of the data sheet below which a GPU is called slow. A sound card copies at 0.85 to 0.95
/// of its bandwidth and multiplies at 0.6 to 0.9 of its rate, by its power limit.
inline constexpr double copy_share_least = 0.75;
inline constexpr double matrix_share_least = 0.50;

/// What was reached of the data sheet's figures; nothing for cards it does not have, and for what
/// was not measured.
struct Shares {
    std::optional<double> copy{};
    std::optional<double> bf16{};
    std::optional<double> fp16{};
};
[[nodiscard]] Shares shares_of(const Figures& figures);

[[nodiscard]] Verdict verdict_of(const Figures& figures);
/// A sentence for people; empty for a good one.
[[nodiscard]] std::string reason_of(const Figures& figures);

/// Exit statuses: the worst of all GPUs.
enum Exit : int { done = 0, not_measured = 1, usage = 2, below_floor = 3, wrong_answers = 4 };
/// `not_measured` when there is no GPU.
[[nodiscard]] int exit_of(const std::vector<Figures>& all);

}  // namespace evenkeel::gpu_probe
