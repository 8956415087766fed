#pragma once

#include "inference/http/server.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Looking at an engine from outside: is it healthy, does it serve the right model, how loaded is
/// it. Coroutines for the control loop's io_context; each is bounded by its limit.
namespace evenkeel::inference::engine {

template <class T>
using Task = http::Task<T>;

enum class Health : std::uint8_t {
    refused,  ///< nothing listens: process starting, vLLM loading, or dead
    loading,  ///< 503: weights are being loaded
    ready,
    sick,  ///< answers, but neither 200 nor 503, or breaks off
};
[[nodiscard]] std::string_view to_text(Health health) noexcept;

/// GET /health. A refused connection is an answer (`refused`), not an error. Errors: timed_out,
/// cancelled.
[[nodiscard]] Task<Health> probe_health(
    std::string host,
    std::uint16_t port,
    std::chrono::milliseconds limit = std::chrono::seconds{3});

/// What an engine showed when it was accepted.
struct Acceptance {
    std::chrono::milliseconds ttft{0};  ///< request sent to first content of a 1-token stream
    std::int64_t completion_tokens{0};
    bool synthetic{false};  ///< it says so itself (`x-synthetic: true`)
};

/// Health, then the model list must hold `model`, then one short streamed completion must bring
/// tokens (FAULTS F40). `key` may be empty. Errors: unavailable (not healthy yet), not_found
/// (model not served), unauthorized, invalid_response (no tokens, garbage), timed_out, cancelled.
/// No error text holds the key or an answer's text.
[[nodiscard]] Task<Acceptance> acceptance(
    std::string host,
    std::uint16_t port,
    std::string key,
    std::string model,
    std::chrono::milliseconds limit = std::chrono::seconds{120});

/// Load signals; nothing where the engine does not say. Absent is unknown, never zero.
struct Metrics {
    std::optional<std::int64_t> running{};
    std::optional<std::int64_t> waiting{};
    std::optional<double> kv_used{};                  ///< 0..1
    std::optional<std::int64_t> prompt_tokens{};      ///< since the engine's start
    std::optional<std::int64_t> generation_tokens{};  ///< since the engine's start
};

/// Reads Prometheus text with the names of vLLM (old and new), llama-server and SGLang; values of
/// one name are summed over labels, except the KV share, whose largest counts. Never fails:
/// unknown lines are skipped.
[[nodiscard]] Metrics parse_metrics(std::string_view text);

/// GET /metrics. Errors: unavailable, timed_out, invalid_response (not 200), cancelled.
[[nodiscard]] Task<Metrics> scrape_metrics(
    std::string host,
    std::uint16_t port,
    std::string key = {},
    std::chrono::milliseconds limit = std::chrono::seconds{3});

}  // namespace evenkeel::inference::engine
