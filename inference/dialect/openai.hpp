#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/reason.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the gateway itself says: refusals for clients of both dialects, and, in OpenAI's shape, how
/// they and the list of models are written.
namespace evenkeel::inference::dialect {

/// No SDK may be told to wait longer: they obey any value literally.
inline constexpr std::chrono::seconds retry_after_max{30};
inline constexpr std::size_t upstream_message_max = 2'000;

/// One refusal, complete: what the client's SDK branches on and what a person reads.
struct ApiError {
    int status{500};
    std::string type{"server_error"};
    std::string code{};   ///< empty: null
    std::string param{};  ///< empty: null
    std::string message{};
    std::optional<std::chrono::seconds> retry_after{};  ///< `Retry-After`, 1 s .. retry_after_max
    std::optional<bool> should_retry{};                 ///< `x-should-retry`
    /// `x-evenkeel-eta`: until a machine that boots is ready; not less than `retry_after`.
    std::optional<std::chrono::seconds> eta{};
    /// Of from_upstream: the API's own spending limit is reached, so it will refuse for days.
    /// Asking it again is of no use; another source is.
    bool provider_out_of_budget{false};
};

/// `{"error":{"message":..,"type":..,"param":..,"code":..}}`
[[nodiscard]] std::string to_json(const ApiError& error);
/// The same as one SSE event, for streams whose status 200 is already out. No `[DONE]` follows.
[[nodiscard]] std::string to_event(const ApiError& error);

// Refusals, in the order in which a request can meet them.
[[nodiscard]] ApiError bad_key();
[[nodiscard]] ApiError too_many_bad_keys();
[[nodiscard]] ApiError no_such_path();
/// Files and batches.
[[nodiscard]] ApiError no_batches();
[[nodiscard]] ApiError wrong_method(std::string_view allowed);
/// `param` may be empty.
[[nodiscard]] ApiError bad_request(std::string message, std::string param);
/// An `Idempotency-Key` that stood over another request before.
[[nodiscard]] ApiError key_used_otherwise();
/// Too many requests under one `Idempotency-Key` wait for its answer.
[[nodiscard]] ApiError key_in_use();
/// Of Exchange::read_body: refused -> 413, timed_out -> 408, else 400.
[[nodiscard]] ApiError bad_body(const Error& error, std::int64_t body_bytes_max);
/// Of routing::plan: not_found -> 404 model_not_found, refused -> 403, unavailable -> 503.
[[nodiscard]] ApiError no_route(const Error& error);
/// Of the gate. `wait`: when a retry may succeed, cut to 1 s .. retry_after_max. `starting`: no
/// worker of the model is up, but one may come. `eta`: when, if that is known; `wait` is then no
/// longer than that.
[[nodiscard]] ApiError refused(
    const Reason& reason,
    std::chrono::seconds wait,
    bool starting,
    std::optional<std::chrono::seconds> eta = {});
[[nodiscard]] ApiError ledger_closed();
/// The source could not be reached, or broke off before its answer began.
[[nodiscard]] ApiError source_failed();
/// No first byte within the limit.
[[nodiscard]] ApiError source_late();
/// In mid-answer: broke off, stalled, or was taken away.
[[nodiscard]] ApiError source_cut();
[[nodiscard]] ApiError source_stalled();
[[nodiscard]] ApiError shutting_down();

/// An engine's or API's own refusal, said again in one shape: numeric codes become null, long
/// texts are cut, a too long prompt gets `context_length_exceeded`. 401 and 403 are about *our*
/// key and become 502; other 5xx become 502 or 503, and so does Anthropic's 529. A 429 for an API
/// account without money becomes `insufficient_quota`. `retry_after` is the upstream's, if any.
/// Both dialects' bodies are understood.
[[nodiscard]] ApiError from_upstream(
    int status, std::string_view body, std::optional<std::chrono::seconds> retry_after);

struct ModelRow {
    std::string_view id{};
    std::string_view state{};  ///< ready | starting | cold
};
/// `created` has no meaning for a route and is 0.
[[nodiscard]] std::string models_json(const std::vector<ModelRow>& rows);
[[nodiscard]] std::string model_json(const ModelRow& row);

}  // namespace evenkeel::inference::dialect
