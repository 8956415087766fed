#pragma once

#include "inference/dialect/answer_stream.hpp"
#include "inference/dialect/endpoint.hpp"
#include "inference/dialect/openai.hpp"
#include "inference/dialect/scan.hpp"
#include "policies/domain/source.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What of a request depends on the dialects of its two sides: the client speaks that of its
/// endpoint, the source its own. Where they are the same, bytes pass; else they are translated.
namespace evenkeel::inference {

/// One request to one source.
struct Speech {
    dialect::Endpoint endpoint{dialect::Endpoint::chat};  ///< the client's
    dialect::Endpoint asked{dialect::Endpoint::chat};     ///< the source's
    bool is_engine{false};                                ///< the source is an own or rented worker
    std::string_view client_model{};                      ///< as the client wrote it
    std::string_view request_id{};                        ///< ours: "req_06F3..."
    std::int64_t created{0};                              ///< seconds since 1970
    [[nodiscard]] bool translates() const noexcept { return endpoint != asked; }
};

/// What is sent in place of the client's body.
struct Outgoing {
    std::string body{};
    std::string dropped{};  ///< fields without a counterpart, "logprobs, seed"; empty: none
};
/// Precondition: `speech.translates()`. `max_tokens`: the ceiling where the client set none and the
/// source wants one. Errors become a 400.
[[nodiscard]] std::expected<Outgoing, dialect::ScanError> translate_request(
    const Speech& speech,
    std::string_view body,
    std::string_view seller_model,
    std::int64_t max_tokens);

/// Follows a streamed answer of the source on its way to the client.
[[nodiscard]] std::unique_ptr<dialect::AnswerStream> follow_stream(
    const Speech& speech, const dialect::RequestScan& scan);

/// What a whole answer of the source says about usage, if anything.
[[nodiscard]] std::optional<Usage> usage_of(dialect::Endpoint asked, std::string_view body);
/// The same of the last bytes of an answer that was not kept.
[[nodiscard]] std::optional<Usage> usage_of_tail(dialect::Endpoint asked, std::string_view tail);

/// A whole answer in the client's dialect; nothing when it is none of the source's.
/// Precondition: `speech.translates()`.
[[nodiscard]] std::optional<std::string> translate_answer(
    const Speech& speech, std::string_view body);

// What we say ourselves.
[[nodiscard]] int status_for(dialect::Dialect dialect, const dialect::ApiError& error);
[[nodiscard]] std::string error_body(
    dialect::Dialect dialect, const dialect::ApiError& error, std::string_view request_id);
[[nodiscard]] std::string error_event(
    dialect::Dialect dialect, const dialect::ApiError& error, std::string_view request_id);
[[nodiscard]] std::string models_body(
    dialect::Dialect dialect, const std::vector<dialect::ModelRow>& rows, bool as_list);
/// The header that carries our id of the request: "X-Request-Id" or "request-id".
[[nodiscard]] std::string_view id_header(dialect::Dialect dialect) noexcept;

}  // namespace evenkeel::inference
