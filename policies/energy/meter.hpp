#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

/// Energy of own hardware. Whole microjoules; what is less is carried to the next reading, so that
/// sums lose nothing.
namespace evenkeel::energy {

/// Gaps longer than this (suspend, a stopped process) are not counted by watts: nobody saw what was
/// drawn. What a counter moved meanwhile is.
inline constexpr std::chrono::minutes gap_max{1};

/// Microjoules by what they were drawn for.
struct Split {
    std::int64_t idle{0};       ///< what a GPU draws with nothing to do
    std::int64_t work{0};       ///< what it draws above that while requests are in flight
    std::int64_t host{0};       ///< the stated overhead of the host
    std::int64_t estimated{0};  ///< the part of idle and work that no counter measured
    [[nodiscard]] std::int64_t total() const noexcept { return idle + work + host; }
    Split& operator+=(const Split& other) noexcept;
    friend bool operator==(const Split&, const Split&) = default;
};

/// One look at a GPU.
struct Look {
    BootTime at{};
    std::uint64_t driver_load{0};                      ///< another one begins a counter anew
    std::optional<std::int64_t> energy_millijoules{};  ///< the GPU's own counter
    std::optional<std::int64_t> power_milliwatts{};
    bool working{false};  ///< requests were in flight since the look before
};

/// Takes the readings of one GPU apart. With a counter the sum of all splits is what the counter
/// moved, to the microjoule; without one power is integrated over time and marked as estimated, and
/// gaps of more than a minute are left out. What the GPU draws at rest is learnt from the looks
/// after ten seconds without work; before any of those it is what was stated.
class GpuMeter {
public:
    explicit GpuMeter(std::int64_t idle_milliwatts_stated = 0);
    /// What was drawn since the look before; nothing at the first.
    [[nodiscard]] Split look(const Look& look);
    /// What is drawn until the next look is counted by somebody else.
    void forget() noexcept;
    [[nodiscard]] std::int64_t idle_milliwatts() const noexcept;

private:
    struct Counter {
        BootTime at{};
        std::uint64_t driver_load{0};
        std::int64_t millijoules{0};
    };
    [[nodiscard]] Split by_counter(const Look& look);
    [[nodiscard]] Split by_power(const Look& look);
    [[nodiscard]] Split divide(std::int64_t microjoules, std::chrono::nanoseconds, bool working);
    void learn(std::int64_t microjoules, std::chrono::nanoseconds elapsed, const Look& look);

    std::optional<Look> last_{};
    std::optional<Counter> counter_{};
    bool worked_{false};  ///< since the counter was read
    std::optional<BootTime> quiet_since_{};
    bool learnt_{false};
    std::int64_t idle_microwatts_{0};
    std::int64_t picojoules_{0};  ///< carried
};

/// Energy of hardware that nothing measures, from stated watts. All of it is estimated.
class StatedMeter {
public:
    /// Preconditions: elapsed >= 0, watts >= 0.
    [[nodiscard]] Split run(
        std::chrono::nanoseconds elapsed,
        bool working,
        std::int64_t busy_milliwatts,
        std::int64_t idle_milliwatts);
    /// The host's overhead beside measured GPUs.
    [[nodiscard]] Split host(std::chrono::nanoseconds elapsed, std::int64_t milliwatts);

private:
    std::int64_t idle_picojoules_{0};
    std::int64_t work_picojoules_{0};
    std::int64_t host_picojoules_{0};
};

}  // namespace evenkeel::energy
