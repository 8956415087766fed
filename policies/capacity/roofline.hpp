#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// How fast a model can be on a GPU that never ran it, from the memory's bandwidth alone: each
/// token of a stream reads all weights that take part and the stream's cache once, so
///
///     tokens/s of one stream  <=  bandwidth / (active weights + KV bytes x length)
///     tokens/s of b streams   <=  b / ((active weights + b x KV bytes x length) / bandwidth)
///
/// and never more than the arithmetic allows: rate x 0.4 / (2 x active parameters). Engines reach
/// 60 to 80 % of the bound; published figures lie between 53 % (70B Q4, llama.cpp on an H100 PCIe:
/// 25.0 of 47 tokens/s, github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference) and 88 % (32B bf16
/// on an RTX PRO 6000: 24.0 of 27, treeru.com/en/blog/awq-quantization-speed-comparison). All of it
/// is prediction, also from a measured bandwidth: only an engine's own tokens are a measurement.
namespace evenkeel::capacity {

/// What is taken of the bound as likely.
inline constexpr double roofline_reached = 0.70;
/// What is taken of the matrix rate as likely in an engine.
inline constexpr double compute_reached = 0.40;

/// How fast the GPUs of one machine are, together.
struct CardSpeed {
    double bytes_s{0};      ///< memory bandwidth
    double flops_s{0};      ///< dense 16-bit matrix products; 0 = not known
    bool measured{false};   ///< by evenkeel-gpu-probe; else of the data sheet
    std::string_view of{};  ///< the card as the data sheet calls it
};

/// The data sheet's figures of the GPUs that `text` names ("2x RTX 5090": of both together, as
/// tensor parallelism reads from both). Nothing for cards that find_gpu does not know for certain.
[[nodiscard]] std::optional<CardSpeed> datasheet_speed(std::string_view text);

/// What one token takes.
struct TokenWork {
    std::int64_t weights_bytes{0};  ///< read for each step: of mixtures, the active ones
    std::int64_t kv_bytes{0};       ///< of one token of context
    double parameters{0};           ///< active; 0 = not known: arithmetic does not bound
};
/// Of weights named as for find_weights_bytes. `weights_bytes` above zero states their size.
/// Nothing when their size is not known for certain.
[[nodiscard]] std::optional<TokenWork> work_of(
    std::string_view weights, std::int64_t weights_bytes = 0, std::int64_t kv_bytes = 0);

struct Prediction {
    double bound_tok_s{0};      ///< of one stream: nothing is faster
    double single_tok_s{0};     ///< of one stream, likely
    double aggregate_tok_s{0};  ///< of all streams together, likely
    double prefill_tok_s{0};    ///< prompt tokens, likely; 0 = not known
    std::int64_t streams{1};
    bool measured_bandwidth{false};
};
/// Streams of `length` tokens each. Precondition: bandwidth and weights above zero.
[[nodiscard]] Prediction predict(
    const CardSpeed& card, const TokenWork& work, std::int64_t length, std::int64_t streams);

/// Tokens a second where for each answer token `prompts` prompt tokens are read; nothing where the
/// prompt rate is not known.
[[nodiscard]] std::optional<double> mixed_tok_s(const Prediction& prediction, double prompts);

/// "about 63 tokens/s for one stream, 230 for 4 (prediction from 1,792 GB/s of the data sheet)".
[[nodiscard]] std::string to_text(const Prediction& prediction, const CardSpeed& card);

}  // namespace evenkeel::capacity
