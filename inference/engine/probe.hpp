#pragma once

#include "inference/engine/kinds.hpp"
#include "inference/http/server.hpp"
#include "inference/relay/upstream.hpp"

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
/// An engine of that kind that answers so works: some have no path that says how they are.
[[nodiscard]] inline bool works(const Kind& kind, Health health) noexcept {
    return health == Health::ready || (health == Health::sick && !kind.health_is_sure);
}

/// An engine as its probes reach it: the relay's endpoint (plain, or TLS with the node's pin) and
/// the key it wants.
struct Target {
    relay::Endpoint endpoint{};
    std::string key{};                   ///< sent as Bearer; empty = none
    const Kind* kind{&kind_of("vllm")};  ///< how it is looked at; rented nodes run vLLM's paths
};

/// GET its health path. A refused connection is an answer (`refused`), not an error. The key is
/// sent too: a rented node counts it as a sign of life. Errors: unauthorized (the certificate is
/// not the pinned one, nothing was sent; or the key is refused), timed_out, cancelled.
[[nodiscard]] Task<Health> probe_health(
    Target target, std::chrono::milliseconds limit = std::chrono::seconds{3});

/// What an engine must show before it gets traffic.
struct Expected {
    std::string model{};             ///< exact name it must serve
    std::int64_t context_tokens{0};  ///< least context; not checked when 0 or when it does not say
    /// Least tokens per second of one stream alone, in thousandths; 0 = not checked. Measured over
    /// `speed_tokens` output tokens, from the first to the last.
    std::int64_t speed_min_milli{0};
    int speed_tokens{64};  ///< 2 to 1,024; only with a floor
};

/// What an engine showed when it was accepted.
struct Acceptance {
    std::chrono::milliseconds ttft{0};  ///< request sent to first content of the trial stream
    std::int64_t completion_tokens{0};
    std::int64_t context_tokens{
        0};                       ///< as its model list states it (vLLM, llama.cpp); 0 = unstated
    std::int64_t speed_milli{0};  ///< tokens per second in thousandths; 0 = not measured
    bool synthetic{false};        ///< it says so itself (`x-synthetic: true`)
};

/// Health, then the model list must hold the model with enough context, then a short streamed
/// completion must bring tokens (FAULTS F40), fast enough when a floor is given. Errors:
/// unavailable (not healthy yet), not_found (model not served), unauthorized (pin or key), rejected
/// (context too small, or too slow: this machine will not get better), invalid_response (no tokens,
/// garbage), timed_out, cancelled. No error text holds the key or an answer's text.
[[nodiscard]] Task<Acceptance> acceptance(
    Target target, Expected expected, std::chrono::milliseconds limit = std::chrono::seconds{120});

/// Load signals; nothing where the engine does not say. Absent is unknown, never zero.
struct Metrics {
    std::optional<std::int64_t> running{};
    std::optional<std::int64_t> waiting{};
    std::optional<double> kv_used{};                  ///< 0..1
    std::optional<std::int64_t> prompt_tokens{};      ///< since the engine's start
    std::optional<std::int64_t> generation_tokens{};  ///< since the engine's start
    std::optional<std::int64_t> kv_tokens{};          ///< room of the whole cache
};

/// Reads Prometheus text with the names of vLLM (old and new), llama-server and SGLang; values of
/// one name are summed over labels, except the KV share, whose largest counts. Never fails:
/// unknown lines are skipped.
[[nodiscard]] Metrics parse_metrics(std::string_view text);

/// GET its metrics path. Errors: unavailable, unauthorized, timed_out, invalid_response (not 200),
/// cancelled.
[[nodiscard]] Task<Metrics> scrape_metrics(
    Target target, std::chrono::milliseconds limit = std::chrono::seconds{3});

/// POST without a body (sleep, wake up): done when it is answered 200. Errors: unavailable,
/// unauthorized, timed_out, invalid_response (not 200), cancelled.
[[nodiscard]] Task<bool> post(Target target, std::string path, std::chrono::milliseconds limit);

}  // namespace evenkeel::inference::engine
