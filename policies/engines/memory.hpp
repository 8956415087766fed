#pragma once

#include "policies/config/config.hpp"

#include <cstdint>
#include <optional>

namespace evenkeel::engines {

/// What a sleeping engine (vLLM, level 1) keeps of each GPU: its context, no weights and no cache.
inline constexpr std::int64_t asleep_gpu_bytes = std::int64_t{3} << 29;

/// The memory of all GPUs of a machine; nothing where neither `vram` nor the GPU's name tells it.
[[nodiscard]] std::optional<std::int64_t> room_bytes(const config::Hardware& hardware);

/// What an engine takes of it: `start.memory`, else for llama.cpp, which sets the cache of all its
/// slots aside at the start, the sum of weights, cache and overhead. Nothing where it is not known:
/// vLLM and SGLang take a share of the whole memory, whatever they load.
[[nodiscard]] std::optional<std::int64_t> engine_bytes(
    const config::Provider& provider,
    const config::Model& model,
    const config::Offer& offer,
    const config::Hardware& hardware);

}  // namespace evenkeel::engines
