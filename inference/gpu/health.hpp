#pragma once

#include "inference/gpu/gpu.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace evenkeel::inference::gpu {

/// Whether a GPU can be trusted with work, and what must be remembered to say so.
struct Verdict {
    bool sick{false};
    std::string why{};  ///< a sentence with what to do; empty unless sick
    std::uint64_t driver_load{0};
    std::optional<std::int64_t> energy_millijoules{};  ///< of the last look
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// Judges one look after the verdict `before`. A GPU is sick when it is lost, with uncorrected
/// memory errors or a memory row that waits for a reset, and after Xid 48, 79, 94 or 95 (NVIDIA's
/// "GPU Xid errors": double-bit ECC, fallen off the bus, contained and uncontained memory error).
/// It stays sick until the driver was loaded again or the GPU was reset, which both start its
/// energy counter anew.
[[nodiscard]] Verdict judge(const Verdict& before, const GpuSample& sample);

}  // namespace evenkeel::inference::gpu
