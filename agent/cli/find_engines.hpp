#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Engines that already run on this host, found by asking the ports they usually have.
namespace evenkeel::cli {

/// llama-server and vLLM by default, Evenkeel's examples, the synthetic engine, SGLang, Ollama.
inline constexpr std::array<std::uint16_t, 6> engine_ports{8000, 8080, 8091, 9931, 30000, 11434};

struct FoundModel {
    std::string id{};         ///< as the engine calls it
    std::int64_t context{0};  ///< tokens of one request; 0 = it does not say
};

struct FoundEngine {
    std::string kind{};  ///< llama.cpp | vllm | sglang | ollama | synthetic | openai
    std::uint16_t port{0};
    std::vector<FoundModel> models{};
    int slots{0};           ///< requests at once; 0 = it does not say
    bool wants_key{false};  ///< it answers only with one
};

/// The engine behind `GET /v1/models`; nothing when `body` is no list of models. The kind is told
/// by owned_by; `props` is llama-server's `/props`, empty elsewhere.
[[nodiscard]] std::optional<FoundEngine> engine_from(
    std::string_view body, std::string_view props, std::uint16_t port);

/// Asks `ports` on loopback, all at once.
[[nodiscard]] std::vector<FoundEngine> find_engines(
    const std::vector<std::uint16_t>& ports, std::chrono::milliseconds limit);

}  // namespace evenkeel::cli
