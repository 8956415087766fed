#include "inference/gateway/speech.hpp"

#include "inference/dialect/anthropic.hpp"
#include "inference/dialect/messages_stream.hpp"
#include "inference/dialect/responses_stream.hpp"
#include "inference/dialect/stream.hpp"
#include "inference/dialect/translate_answer.hpp"
#include "inference/dialect/translate_request.hpp"
#include "inference/dialect/translate_stream.hpp"
#include "policies/domain/id.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace evenkeel::inference {

using dialect::Dialect;
using dialect::Endpoint;

namespace {

/// In the vendor's form: "msg_06F3..." or "chatcmpl-06F3...".
std::string answer_id(const Speech& speech) {
    const bool is_message = speech.endpoint == Endpoint::messages;
    std::string_view id = speech.request_id;
    id.remove_prefix(id.starts_with(request_id_prefix) ? request_id_prefix.size() : 0);
    return fmt::format("{}{}", is_message ? "msg_" : "chatcmpl-", id);
}

dialect::AnswerHead head_of(const Speech& speech, std::string_view id) {
    return {.id = id, .model = speech.client_model, .created = speech.created};
}

}  // namespace

std::expected<Outgoing, dialect::ScanError> translate_request(
    const Speech& speech,
    std::string_view body,
    std::string_view seller_model,
    std::int64_t max_tokens) {
    auto said =
        speech.asked == Endpoint::messages
            ? dialect::messages_from_chat(
                  body, {.model = seller_model, .max_tokens_default = max_tokens})
            : dialect::chat_from_messages(body, {.model = seller_model, .top_k = speech.is_engine});
    if (!said) {
        return std::unexpected{std::move(said.error())};
    }
    return Outgoing{
        .body = std::move(said->body),
        .dropped = fmt::format("{}", fmt::join(said->dropped, ", "))};
}

std::unique_ptr<dialect::AnswerStream> follow_stream(
    const Speech& speech, const dialect::RequestScan& scan) {
    if (!speech.translates()) {
        switch (speech.endpoint) {
            case Endpoint::messages:
                return std::make_unique<dialect::MessagesStream>();
            case Endpoint::responses:
                return std::make_unique<dialect::ResponsesStream>();
            default:
                return std::make_unique<dialect::EventStream>(!scan.include_usage && scan.stream);
        }
    }
    const std::string id = answer_id(speech);
    const dialect::AnswerHead head = head_of(speech, id);
    if (speech.endpoint == Endpoint::messages) {
        return std::make_unique<dialect::MessagesFromChat>(
            head, scan.prompt_tokens, speech.request_id);
    }
    return std::make_unique<dialect::ChatFromMessages>(head, scan.include_usage);
}

std::optional<Usage> usage_of(Endpoint asked, std::string_view body) {
    if (asked == Endpoint::messages) {
        return dialect::messages_usage(body);
    }
    return dialect::answer_usage(body);
}

std::optional<Usage> usage_of_tail(Endpoint asked, std::string_view tail) {
    // The tail begins in the middle of the object: complete it to one that can be read.
    const std::size_t at = tail.rfind(R"("usage")");
    return at == std::string_view::npos ? std::nullopt
                                        : usage_of(asked, fmt::format("{{{}", tail.substr(at)));
}

std::optional<std::string> translate_answer(const Speech& speech, std::string_view body) {
    const std::string id = answer_id(speech);
    const dialect::AnswerHead head = head_of(speech, id);
    return speech.endpoint == Endpoint::messages ? dialect::messages_answer(body, head)
                                                 : dialect::chat_answer(body, head);
}

int status_for(Dialect dialect, const dialect::ApiError& error) {
    return dialect == Dialect::anthropic ? dialect::messages_status(error) : error.status;
}

std::string error_body(
    Dialect dialect, const dialect::ApiError& error, std::string_view request_id) {
    return dialect == Dialect::anthropic ? dialect::messages_error_json(error, request_id)
                                         : dialect::to_json(error);
}

std::string error_event(
    Dialect dialect, const dialect::ApiError& error, std::string_view request_id) {
    return dialect == Dialect::anthropic ? dialect::messages_error_event(error, request_id)
                                         : dialect::to_event(error);
}

std::string models_body(Dialect dialect, const std::vector<dialect::ModelRow>& rows, bool as_list) {
    if (dialect == Dialect::anthropic) {
        return as_list ? dialect::messages_models_json(rows)
                       : dialect::messages_model_json(rows.front());
    }
    return as_list ? dialect::models_json(rows) : dialect::model_json(rows.front());
}

std::string_view id_header(Dialect dialect) noexcept {
    return dialect == Dialect::anthropic ? "request-id" : "X-Request-Id";
}

}  // namespace evenkeel::inference
