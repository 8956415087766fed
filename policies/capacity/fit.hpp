#pragma once

#include <cstdint>

/// Whether a model fits a machine's GPU memory, and how many sequences at once: weights + KV cache
/// + a fixed overhead for each GPU. Whole bytes throughout, so the same question always has the
/// same answer.
namespace evenkeel::capacity {

inline constexpr std::int64_t gib_bytes = std::int64_t{1} << 30;
inline constexpr std::int64_t gb_bytes = 1'000'000'000;
/// Share of the memory that engines take (vLLM's --gpu-memory-utilization), in thousandths.
inline constexpr int util_millis_default = 900;
/// What context, activations and graphs take on each GPU beside weights and KV.
inline constexpr std::int64_t gpu_overhead_bytes = 3 * gib_bytes / 2;

/// The GPUs of one machine, all alike.
struct GpuMemory {
    std::int64_t vram_bytes{0};  ///< of each, as the driver reports it
    int gpus{1};
    int util_millis{util_millis_default};
    std::int64_t overhead_bytes{gpu_overhead_bytes};  ///< of each
};

/// What a model takes.
struct ModelSize {
    std::int64_t weights_bytes{0};
    std::int64_t kv_bytes{0};  ///< of one token of one sequence
};

/// `hundredths` hundredths of a GiB in bytes, rounded to the nearest: 3184 is 31.84 GiB.
[[nodiscard]] constexpr std::int64_t gib_hundredths(std::int64_t hundredths) noexcept {
    return (hundredths * gib_bytes + 50) / 100;
}

/// KV bytes a token of grouped-query attention: K and V of every layer and KV head.
[[nodiscard]] constexpr std::int64_t gqa_kv_bytes(
    std::int64_t layers,
    std::int64_t kv_heads,
    std::int64_t head_dim,
    std::int64_t bytes) noexcept {
    return 2 * layers * kv_heads * head_dim * bytes;
}
/// The same of multi-head latent attention (DeepSeek): one latent vector and one rotary key a
/// layer.
[[nodiscard]] constexpr std::int64_t mla_kv_bytes(
    std::int64_t layers, std::int64_t rank, std::int64_t rope_dim, std::int64_t bytes) noexcept {
    return layers * (rank + rope_dim) * bytes;
}

/// Bytes engines use of all GPUs together: VRAM x util, rounded down.
[[nodiscard]] std::int64_t usable_bytes(const GpuMemory& memory) noexcept;

/// Bytes left for the KV cache. Negative: the weights do not fit, and so much is missing.
[[nodiscard]] std::int64_t kv_room(const GpuMemory& memory, std::int64_t weights_bytes) noexcept;

/// How many sequences of `tokens` each fit beside the weights; 0 where not even one does. A token
/// without KV bytes, or a sequence without tokens, counts as one byte.
[[nodiscard]] std::int64_t sequences(
    const GpuMemory& memory, const ModelSize& model, std::int64_t tokens) noexcept;

/// Weights, overhead and the KV cache of `sequences` sequences of `tokens` each: what the GPUs must
/// hold. INT64_MAX where that is beyond the range.
[[nodiscard]] std::int64_t needed_bytes(
    const GpuMemory& memory,
    const ModelSize& model,
    std::int64_t tokens,
    std::int64_t sequences) noexcept;

}  // namespace evenkeel::capacity
