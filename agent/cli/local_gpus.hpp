#pragma once

#include "agent/cli/doctor_rules.hpp"
#include "agent/cli/first_config.hpp"

#include <string>
#include <vector>

namespace evenkeel::cli {

/// The GPUs of this host as the driver shows them now.
struct LocalGpus {
    std::vector<FoundGpu> found{};
    std::vector<GpuFacts> facts{};  ///< how each is
    std::string without{};          ///< why nothing is known; empty: the driver answered
};
/// `library`: the driver's, by its usual name when empty.
[[nodiscard]] LocalGpus look_at_gpus(const std::string& library = {});

}  // namespace evenkeel::cli
