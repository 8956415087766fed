#pragma once

#include <cstdint>
#include <string_view>

namespace evenkeel {

/// Who answers a request, and how it is paid for.
enum class SourceKind : std::uint8_t {
    own,     ///< the owner's GPU: power and wear
    rental,  ///< a rented machine: by the second, busy or not
    api,     ///< somebody else's model: by the token
};

[[nodiscard]] constexpr std::string_view to_text(SourceKind kind) noexcept {
    switch (kind) {
        case SourceKind::own:
            return "own";
        case SourceKind::rental:
            return "rental";
        case SourceKind::api:
            return "api";
    }
    return "";
}

/// Tokens of one answer. `prompt` includes the cached ones, as in OpenAI's usage object.
struct Usage {
    std::int64_t prompt{0};
    std::int64_t cached{0};
    std::int64_t cache_write{0};
    std::int64_t completion{0};
    bool estimated{false};  ///< counted by us, not reported by the engine

    friend constexpr bool operator==(const Usage&, const Usage&) = default;
};

/// How a request ended. Every request ends exactly once.
enum class Outcome : std::uint8_t {
    answered,     ///< a full answer
    client_gone,  ///< the client went away first
    refused,      ///< no budget, no room in time, shutting down: nothing was sent upstream
    invalid,      ///< the request itself was wrong (4xx)
    failed,       ///< the source failed before the first byte of the answer
    cut,          ///< the source failed mid-answer; the client got a typed error
};

[[nodiscard]] constexpr std::string_view to_text(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::answered:
            return "answered";
        case Outcome::client_gone:
            return "client_gone";
        case Outcome::refused:
            return "refused";
        case Outcome::invalid:
            return "invalid";
        case Outcome::failed:
            return "failed";
        case Outcome::cut:
            return "cut";
    }
    return "";
}

}  // namespace evenkeel
