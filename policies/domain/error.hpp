#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace evenkeel {

/// What a caller may do about a failure; the only thing control flow branches on.
enum class Errc {
    timed_out,         ///< no answer within the limit, and nothing can have happened
    outcome_unknown,   ///< lost answer or 5xx after the request was sent: reconcile, never repeat
    unavailable,       ///< refused, reset before sending, 5xx on a read: safe to retry later
    rate_limited,      ///< 429: retry after `retry_after`
    no_capacity,       ///< the seller has no such machine now: try another offer
    rejected,          ///< our request is wrong: do not repeat it, tell the owner
    unauthorized,      ///< bad or missing credential: stop and tell the owner
    not_found,         ///< the thing asked for does not exist
    conflict,          ///< the thing changed meanwhile, or somebody else holds it
    refused,           ///< a budget, cap or policy says no
    invalid_argument,  ///< input that a person or a client must mend
    invalid_response,  ///< the peer broke its contract
    corrupt,           ///< stored data does not verify: stop spending
    io_failed,         ///< disk or operating system failure
    cancelled,         ///< we are stopping
};

/// The name of `code` as written in logs, for example "outcome_unknown".
[[nodiscard]] std::string_view to_text(Errc code) noexcept;
/// The code of such a name; nothing for any other text.
[[nodiscard]] std::optional<Errc> errc_from_text(std::string_view text) noexcept;

/// An expected failure: a code to branch on and a sentence for people. Never holds a secret, a
/// prompt or an upstream body.
struct Error {
    Errc code{Errc::invalid_response};
    std::string message{};
    std::optional<std::chrono::milliseconds> retry_after{};
};

template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for the failing return: `return fail(Errc::unavailable, "connect: refused");`.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
    return std::unexpected{Error{.code = code, .message = std::move(message)}};
}

}  // namespace evenkeel
