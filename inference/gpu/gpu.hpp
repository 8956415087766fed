#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The GPUs of this host as the NVIDIA driver shows them. The driver's library is opened while the
/// program runs, with declarations of our own: no toolkit and no driver is needed to build or run.
namespace evenkeel::inference::gpu {

/// What does not change while a driver is loaded.
struct GpuInfo {
    int index{0};  ///< as the driver counts, and as `hardware.gpus` names it
    std::string uuid{};
    std::string name{};
    std::int64_t memory_bytes{0};
    std::int64_t power_limit_milliwatts{0};  ///< enforced now; 0 = the driver does not say
    std::string driver{};                    ///< version
    bool mig{false};  ///< cut into instances: utilisation and some counters are not shown then
};

enum class GpuState : std::uint8_t {
    present,
    lost,         ///< fell off the bus or wants a reset; the driver still answers for the others
    driver_gone,  ///< the driver was unloaded, or is being reloaded
};
[[nodiscard]] std::string_view to_text(GpuState state) noexcept;

/// Why a GPU runs below its highest clock; bits of `GpuSample::throttle`.
inline constexpr std::uint64_t throttle_power_cap = 0x04;     ///< at its power limit
inline constexpr std::uint64_t throttle_hardware = 0x08;      ///< thermal, brake or power supply
inline constexpr std::uint64_t throttle_thermal = 0x20;       ///< too warm: slowed by the driver
inline constexpr std::uint64_t throttle_thermal_hard = 0x40;  ///< too hot: slowed by the hardware
inline constexpr std::uint64_t throttle_power_brake = 0x80;   ///< the power supply asked for it
inline constexpr std::uint64_t throttle_idle = 0x01;          ///< nothing to do: no trouble
/// The reasons for people: "power cap, thermal"; empty when none slows it down.
[[nodiscard]] std::string throttle_text(std::uint64_t reasons);

struct GpuProcess {
    std::int64_t pid{0};
    std::optional<std::int64_t> memory_bytes{};
};

/// One look at one GPU. Empty: this driver or this card does not say.
struct GpuSample {
    int index{0};
    GpuState state{GpuState::present};
    /// Grows when the driver was loaded again: what was wrong before may be mended.
    std::uint64_t driver_load{0};
    std::optional<std::int64_t> memory_used_bytes{};
    /// Share of the last interval in which any kernel ran. Says nothing about how full an engine
    /// is: one request shows 100. For people only.
    std::optional<int> utilisation_percent{};
    std::optional<std::int64_t> power_milliwatts{};
    std::optional<std::int64_t> energy_millijoules{};  ///< since the driver was loaded
    std::optional<int> temperature_c{};
    std::optional<int> sm_clock_mhz{};
    std::optional<int> memory_clock_mhz{};
    std::optional<std::uint64_t> throttle{};
    std::optional<std::int64_t> ecc_uncorrected{};  ///< since the driver was loaded
    std::optional<bool> remap_pending{};  ///< a memory row waits for a reset to be replaced
    std::vector<int> xids{};              ///< driver errors since the last look
    std::optional<std::vector<GpuProcess>> processes{};
};

/// The driver's library. Not safe for use by several threads; calls block in the driver. Survives
/// GPUs that get lost and a driver that is reloaded: the library is then opened anew.
class Nvml {
public:
    /// Errors: not_found (no NVIDIA driver on this host: an answer, no failure), unavailable (the
    /// library is there, its kernel driver is not loaded or does not match it; try again later),
    /// invalid_response (not the library it should be).
    [[nodiscard]] static Result<std::unique_ptr<Nvml>> load(std::string path = "libnvidia-ml.so.1");
    ~Nvml();
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    /// All GPUs the driver lists now; one that is lost from the start is not among them.
    [[nodiscard]] std::vector<GpuInfo> gpus();
    /// Looks at one GPU. A GPU that is not listed is `lost`.
    [[nodiscard]] GpuSample sample(int index);
    /// How many times the driver was loaded as far as was seen; 1 after `load`.
    [[nodiscard]] std::uint64_t driver_load() const noexcept;

private:
    struct Impl;
    explicit Nvml(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// A GPU that no telemetry is read from.
struct OtherGpu {
    std::string card{};    ///< "card0"
    std::string vendor{};  ///< "AMD", "Intel"
};
/// Display adapters of other makers under `drm`.
[[nodiscard]] std::vector<OtherGpu> other_gpus(const std::filesystem::path& drm = "/sys/class/drm");
/// One line for people about a host without NVIDIA telemetry: why, what else is there, and what
/// the watts are taken from then.
[[nodiscard]] std::string without_nvml(const Error& why, const std::vector<OtherGpu>& others);

}  // namespace evenkeel::inference::gpu
