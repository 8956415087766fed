#include "inference/gpu/health.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace evenkeel::inference::gpu {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 4> fatal_xids{
    {{48, "an uncorrectable memory error"},
     {79, "it fell off the bus"},
     {94, "a memory error that was contained"},
     {95, "a memory error that was not contained"}}};

constexpr std::string_view remedy = "; reset it or reload the driver";

/// What is wrong now; empty when nothing is.
std::string trouble(const GpuSample& sample) {
    if (sample.state == GpuState::driver_gone) {
        return "the NVIDIA driver is not loaded";
    }
    for (const auto& [xid, meaning] : fatal_xids) {
        for (const int seen : sample.xids) {
            if (seen == xid) {
                return fmt::format(
                    "GPU {} reported Xid {}: {}{}", sample.index, xid, meaning, remedy);
            }
        }
    }
    if (sample.state == GpuState::lost) {
        return fmt::format("GPU {} is lost{}", sample.index, remedy);
    }
    if (sample.ecc_uncorrected.value_or(0) > 0) {
        return fmt::format(
            "GPU {} has {} uncorrected memory error{}{}",
            sample.index,
            *sample.ecc_uncorrected,
            *sample.ecc_uncorrected == 1 ? "" : "s",
            remedy);
    }
    if (sample.remap_pending.value_or(false)) {
        return fmt::format("a memory row of GPU {} waits to be replaced{}", sample.index, remedy);
    }
    return {};
}

}  // namespace

Verdict judge(const Verdict& before, const GpuSample& sample) {
    const bool anew = sample.driver_load != before.driver_load ||
                      (sample.energy_millijoules && before.energy_millijoules &&
                       *sample.energy_millijoules < *before.energy_millijoules);
    Verdict verdict{
        .sick = !anew && before.sick,
        .why = anew ? std::string{} : before.why,
        .driver_load = sample.driver_load,
        .energy_millijoules = sample.energy_millijoules ? sample.energy_millijoules
                              : anew                    ? std::nullopt
                                                        : before.energy_millijoules};
    if (std::string now = trouble(sample); !now.empty() && !verdict.sick) {
        verdict.sick = true;
        verdict.why = std::move(now);
    }
    return verdict;
}

}  // namespace evenkeel::inference::gpu
