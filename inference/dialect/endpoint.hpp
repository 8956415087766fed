#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace evenkeel::inference::dialect {

/// Whose shapes are spoken: of requests, answers, streams and errors.
enum class Dialect : std::uint8_t { openai, anthropic };

/// What a client asks for by its path, and what a source is asked for.
enum class Endpoint : std::uint8_t { chat, completions, embeddings, responses, messages };
inline constexpr std::array endpoints{
    Endpoint::chat,
    Endpoint::completions,
    Endpoint::embeddings,
    Endpoint::responses,
    Endpoint::messages};
inline constexpr std::size_t endpoint_count = endpoints.size();

/// Below the base path of a server: "/chat/completions" of "/v1".
[[nodiscard]] constexpr std::string_view path_of(Endpoint endpoint) noexcept {
    switch (endpoint) {
        case Endpoint::chat:
            return "/chat/completions";
        case Endpoint::completions:
            return "/completions";
        case Endpoint::embeddings:
            return "/embeddings";
        case Endpoint::responses:
            return "/responses";
        case Endpoint::messages:
            return "/messages";
    }
    return "";
}

[[nodiscard]] constexpr Dialect dialect_of(Endpoint endpoint) noexcept {
    return endpoint == Endpoint::messages ? Dialect::anthropic : Dialect::openai;
}

/// What a source that speaks `dialect` is asked when a client asks for `endpoint`: the same, or
/// what it can be translated to; nothing when it has no counterpart there.
[[nodiscard]] constexpr std::optional<Endpoint> asked_of(
    Dialect dialect, Endpoint endpoint) noexcept {
    if (dialect_of(endpoint) == dialect) {
        return endpoint;
    }
    if (endpoint == Endpoint::chat) {
        return Endpoint::messages;
    }
    if (endpoint == Endpoint::messages) {
        return Endpoint::chat;
    }
    return std::nullopt;
}

}  // namespace evenkeel::inference::dialect
