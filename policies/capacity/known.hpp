#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// GPUs and models whose sizes are known, so that a configuration need not state them. What is not
/// recognised for certain is not known: nothing here guesses.
namespace evenkeel::capacity {

struct GpuFacts {
    std::string_view name{};     ///< as a person writes it: "RTX 5090"
    std::int64_t vram_bytes{0};  ///< as the driver reports it
};

/// What a text says about a machine's GPUs.
struct GpuMatch {
    GpuFacts gpu{};
    int count{1};
};

/// Recognises a GPU in the owner's or a provider's words: "RTX 5090", "NVIDIA H100 80GB HBM3",
/// "H100 PCIe", "gpu-h100x8-640gb", "gpu_1x_h100_sxm5", "2x RTX 4090". Variants with other memory
/// (laptops, NVL, GH200, slices, the 40 GB A100) are not taken for the one in the table.
[[nodiscard]] std::optional<GpuMatch> find_gpu(std::string_view text);

struct ModelFacts {
    std::string_view name{};
    std::int64_t kv_bytes{0};  ///< of one token, 16-bit cache
    /// The cache has no heads to divide (multi-head latent attention), so with tensor parallelism
    /// every GPU keeps all of it.
    bool kv_on_each_gpu{false};
};

/// Recognises a model by a name clients use, or by that of its weights without the organisation
/// and the quantisation: "qwq-32b", "Qwen/QwQ-32B-AWQ", "llama-3.3-70b-instruct-q4_k_m.gguf".
[[nodiscard]] std::optional<ModelFacts> find_model(std::string_view text);

/// Size in bytes of weights named as on Hugging Face or as a GGUF file: nothing when the model or
/// the quantisation (none, FP8, AWQ, Q4_K_M) is not known for certain.
[[nodiscard]] std::optional<std::int64_t> find_weights_bytes(std::string_view text);

}  // namespace evenkeel::capacity
