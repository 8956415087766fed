#include "inference/gpu/gpu.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace evenkeel::inference::gpu {

namespace {

/// PCI vendor ids, as /sys writes them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> vendors{
    {{"0x1002", "AMD"}, {"0x10de", "NVIDIA"}, {"0x8086", "Intel"}}};

}  // namespace

std::string_view to_text(GpuState state) noexcept {
    switch (state) {
        case GpuState::present:
            return "present";
        case GpuState::lost:
            return "lost";
        case GpuState::driver_gone:
            return "driver_gone";
    }
    return "";
}

std::string throttle_text(std::uint64_t reasons) {
    constexpr std::array<std::pair<std::uint64_t, std::string_view>, 5> words{
        {{throttle_power_cap, "power cap"},
         {throttle_hardware, "hardware"},
         {throttle_thermal, "thermal"},
         {throttle_thermal_hard, "thermal (hardware)"},
         {throttle_power_brake, "power brake"}}};
    std::vector<std::string_view> found;
    for (const auto& [bit, word] : words) {
        if ((reasons & bit) != 0) {
            found.push_back(word);
        }
    }
    return fmt::format("{}", fmt::join(found, ", "));
}

std::vector<OtherGpu> other_gpus(const std::filesystem::path& drm) {
    std::vector<OtherGpu> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{drm, error}) {
        const std::string card = entry.path().filename();
        // card0, not its outputs (card0-DP-1) or renderD128.
        if (!card.starts_with("card") || card.find('-') != std::string::npos) {
            continue;
        }
        std::string id;
        std::ifstream{entry.path() / "device" / "vendor"} >> id;
        for (const auto& [known, vendor] : vendors) {
            if (id == known) {
                found.push_back({card, std::string{vendor}});
            }
        }
    }
    std::ranges::sort(found, {}, &OtherGpu::card);
    return found;
}

std::string without_nvml(const Error& why, const std::vector<OtherGpu>& others) {
    std::string text = fmt::format(
        "{}: no GPU is watched, and own power is taken from hardware.power", why.message);
    for (const OtherGpu& gpu : others) {
        text += gpu.vendor == "NVIDIA"
                    ? fmt::format("; {} is an NVIDIA card without its driver", gpu.card)
                    : fmt::format("; {} is from {}, which is not read", gpu.card, gpu.vendor);
    }
    return text;
}

}  // namespace evenkeel::inference::gpu
