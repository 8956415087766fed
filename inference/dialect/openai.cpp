#include "inference/dialect/openai.hpp"

#include "inference/dialect/scan.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

using std::chrono::seconds;

constexpr std::size_t upstream_body_max = 64 * 1024;
/// Some of OpenAI's clients know by these words, not by the code, that they must shorten the
/// prompt.
constexpr std::string_view context_words = "maximum context length";

seconds bounded(seconds wait) {
    return std::clamp(wait, seconds{1}, retry_after_max);
}

void append_nullable(std::string& out, std::string_view text) {
    if (text.empty()) {
        out += "null";
    } else {
        append_json_string(out, text);
    }
}

ApiError server_error(int status, std::string_view code, std::string message) {
    return {
        .status = status,
        .type = "server_error",
        .code = std::string{code},
        .param = {},
        .message = std::move(message),
        .retry_after = {},
        .should_retry = {}};
}

ApiError busy(int status, std::string_view code, std::string message, seconds wait) {
    ApiError error = server_error(status, code, std::move(message));
    error.retry_after = bounded(wait);
    return error;
}

/// What an upstream error body says, as far as it can be understood.
struct UpstreamError {
    std::string message{};
    std::string type{};
    std::string code{};
    std::string param{};
    std::string detail{};  ///< Anthropic's `details.error_code`
};

std::string text_of(const boost::json::object& object, std::string_view key) {
    const boost::json::value* value = object.if_contains(key);
    if (value == nullptr || !value->is_string()) {
        return {};
    }
    return std::string{value->get_string()};
}

UpstreamError read_upstream(std::string_view body) {
    boost::system::error_code code;
    boost::json::parse_options options;
    options.max_depth = depth_max;
    const boost::json::value parsed =
        boost::json::parse(body.substr(0, upstream_body_max), code, {}, options);
    if (code || !parsed.is_object()) {
        return {};
    }
    const boost::json::object* object = &parsed.get_object();
    if (const auto* inner = object->if_contains("error"); inner != nullptr) {
        if (inner->is_string()) {
            return {
                .message = std::string{inner->get_string()},
                .type = {},
                .code = {},
                .param = {},
                .detail = {}};
        }
        if (inner->is_object()) {
            object = &inner->get_object();
        }
    }
    const auto* details = object->if_contains("details");
    return {
        .message = text_of(*object, "message"),
        .type = text_of(*object, "type"),
        .code = text_of(*object, "code"),
        .param = text_of(*object, "param"),
        .detail = details != nullptr && details->is_object()
                      ? text_of(details->get_object(), "error_code")
                      : std::string{}};
}

/// The account behind our key has reached its limit, as either vendor says it.
bool out_of_budget(const UpstreamError& error) {
    return error.detail == "enforced_spend_limit_reached" ||
           error.detail == "contract_spend_limit_reached" || error.code == "insufficient_quota" ||
           error.type == "insufficient_quota";
}

bool speaks_of_context(const UpstreamError& error) {
    if (error.code == "context_length_exceeded" || error.type == "exceed_context_size_error") {
        return true;
    }
    constexpr std::string_view signs[] = {
        "context length", "context size", "input tokens", "prompt is too long"};
    return std::ranges::any_of(signs, [&error](std::string_view sign) {
        return error.message.find(sign) != std::string::npos;
    });
}

std::string cut(std::string text) {
    if (text.size() > upstream_message_max) {
        text.resize(upstream_message_max);
        text += "...";
    }
    return text;
}

}  // namespace

std::string to_json(const ApiError& error) {
    std::string out = R"({"error":{"message":)";
    if (error.code == "context_length_exceeded" && !error.message.contains(context_words)) {
        append_json_string(out, fmt::format("Over the {}: {}", context_words, error.message));
    } else {
        append_json_string(out, error.message);
    }
    out += R"(,"type":)";
    append_json_string(out, error.type);
    out += R"(,"param":)";
    append_nullable(out, error.param);
    out += R"(,"code":)";
    append_nullable(out, error.code);
    out += "}}";
    return out;
}

std::string to_event(const ApiError& error) {
    return fmt::format("data: {}\n\n", to_json(error));
}

ApiError bad_key() {
    return {
        .status = 401,
        .type = "authentication_error",
        .code = "invalid_api_key",
        .param = {},
        .message =
            "A valid key is needed: send 'Authorization: Bearer <key>' or 'x-api-key: <key>'. Keys "
            "are "
            "made with 'evenkeel keys create NAME'.",
        .retry_after = {},
        .should_retry = {}};
}

ApiError too_many_bad_keys() {
    return {
        .status = 429,
        .type = "rate_limit_error",
        .code = "rate_limit_exceeded",
        .param = {},
        .message = "Too many requests without a valid key came from this address.",
        .retry_after = seconds{5},
        .should_retry = false};
}

ApiError no_such_path() {
    return {
        .status = 404,
        .type = "invalid_request_error",
        .code = "unknown_url",
        .param = {},
        .message =
            "There is nothing at this address. Served are POST /v1/chat/completions, "
            "/v1/completions, /v1/embeddings, /v1/responses, /v1/messages and "
            "/v1/messages/count_tokens, and GET /v1/models.",
        .retry_after = {},
        .should_retry = {}};
}

ApiError no_batches() {
    return {
        .status = 404,
        .type = "invalid_request_error",
        .code = "unsupported_endpoint",
        .param = {},
        .message =
            "Files and batches are not served here: send the requests one by one; with the header "
            "x-evenkeel-deadline they may wait.",
        .retry_after = {},
        .should_retry = false};
}

ApiError wrong_method(std::string_view allowed) {
    return {
        .status = 405,
        .type = "invalid_request_error",
        .code = "method_not_allowed",
        .param = {},
        .message = fmt::format("Use {} here.", allowed),
        .retry_after = {},
        .should_retry = {}};
}

ApiError bad_request(std::string message, std::string param) {
    return {
        .status = 400,
        .type = "invalid_request_error",
        .code = {},
        .param = std::move(param),
        .message = std::move(message),
        .retry_after = {},
        .should_retry = {}};
}

ApiError key_in_use() {
    ApiError error = busy(
        429,
        "idempotency_key_in_use",
        "Many requests with this Idempotency-Key wait for its answer already.",
        seconds{5});
    error.type = "rate_limit_error";
    return error;
}

ApiError key_used_otherwise() {
    ApiError error = bad_request(
        "This Idempotency-Key was used for another request: use a new one for a new body.",
        "Idempotency-Key");
    error.status = 422;
    error.code = "idempotency_key_reused";
    error.should_retry = false;
    return error;
}

ApiError bad_body(const Error& error, std::int64_t body_bytes_max) {
    ApiError out = bad_request("The body does not follow HTTP/1.1 framing.", {});
    if (error.code == Errc::refused) {
        out.status = 413;
        out.code = "request_too_large";
        out.message = fmt::format("The body is larger than {} bytes.", body_bytes_max);
    } else if (error.code == Errc::timed_out) {
        out.status = 408;
        out.code = "request_timeout";
        out.message = "The body did not arrive in time.";
    }
    return out;
}

ApiError no_route(const Error& error) {
    switch (error.code) {
        case Errc::not_found:
            return {
                .status = 404,
                .type = "invalid_request_error",
                .code = "model_not_found",
                .param = "model",
                .message = error.message,
                .retry_after = {},
                .should_retry = {}};
        case Errc::unavailable:
            return busy(503, "overloaded", error.message, retry_after_max);
        case Errc::refused:
            return {
                .status = 403,
                .type = "permission_error",
                .code = "route_refused",
                .param = {},
                .message = error.message,
                .retry_after = {},
                .should_retry = false};
        default:
            return bad_request(error.message, {});
    }
}

ApiError refused(const Reason& reason, seconds wait, bool starting, std::optional<seconds> eta) {
    wait = std::min(wait, eta.value_or(wait));
    switch (reason.code) {
        case ReasonCode::queue_full: {
            ApiError error = busy(
                429,
                "rate_limit_exceeded",
                fmt::format("{} requests wait already.", reason.args[0]),
                wait);
            error.type = "rate_limit_error";
            error.eta = eta;
            return error;
        }
        case ReasonCode::budget_spent:
            return {
                .status = 429,
                .type = "insufficient_quota",
                .code = "insufficient_quota",
                .param = {},
                .message =
                    "A budget of this gateway is used up, and no source that it does not count "
                    "became free in time.",
                .retry_after = {},
                .should_retry = false};
        case ReasonCode::stopping:
            return shutting_down();
        case ReasonCode::cost_over:
            return no_route(
                {.code = Errc::refused, .message = sentence(reason, {}), .retry_after = {}});
        case ReasonCode::source_failed:
            return source_failed();
        default:
            break;
    }
    ApiError error =
        starting ? busy(503, "engine_starting", "A worker for this model is not up yet.", wait)
                 : busy(503, "overloaded", "No source became free in time.", wait);
    error.eta = eta;
    return error;
}

ApiError ledger_closed() {
    return busy(
        503,
        "overloaded",
        "No new paid work is taken now (spending is frozen, or the ledger cannot be written), and "
        "nothing else serves this model.",
        seconds{10});
}

ApiError source_failed() {
    return server_error(502, "source_failed", "Every source tried failed before it answered.");
}

ApiError source_late() {
    return server_error(504, "source_timeout", "The source did not answer in time.");
}

ApiError source_cut() {
    return server_error(502, "source_cut", "The source broke off in the middle of its answer.");
}

ApiError source_stalled() {
    return server_error(504, "source_stalled", "The source stopped in the middle of its answer.");
}

ApiError shutting_down() {
    return busy(503, "shutting_down", "The gateway is shutting down.", seconds{5});
}

ApiError from_upstream(int status, std::string_view body, std::optional<seconds> retry_after) {
    const UpstreamError upstream = read_upstream(body);
    if (status == 401 || status == 403) {
        return server_error(
            502, "source_refused", "The source did not accept the gateway's own credential.");
    }
    if (status == 402 || (status == 429 && !retry_after && out_of_budget(upstream))) {
        ApiError error = server_error(
            429, "insufficient_quota", "The spending limit of the gateway's account is reached.");
        error.type = "insufficient_quota";
        error.should_retry = false;
        error.provider_out_of_budget = true;
        return error;
    }
    if (status == 429) {
        ApiError error = busy(
            429,
            "rate_limit_exceeded",
            "The source takes no more requests now.",
            retry_after.value_or(seconds{2}));
        error.type = "rate_limit_error";
        return error;
    }
    if (status == 503 || status == 529) {  // 529 is Anthropic's word for "overloaded"
        return busy(
            503, "overloaded", "The source is not ready now.", retry_after.value_or(seconds{5}));
    }
    if (status >= 500 || status < 400) {
        return server_error(
            502, "source_failed", fmt::format("The source answered with status {}.", status));
    }
    ApiError error = bad_request(
        upstream.message.empty() ? fmt::format("The source refused this request ({}).", status)
                                 : cut(upstream.message),
        upstream.param);
    error.status = status;
    error.code = upstream.code;
    if (speaks_of_context(upstream)) {
        error.status = 400;
        error.code = "context_length_exceeded";
        error.param = "messages";
    } else if (status == 404) {
        // Our catalogue and the engine disagree about its name for the model: not the client's.
        return server_error(502, "source_failed", "The source does not know this model.");
    }
    return error;
}

std::string model_json(const ModelRow& row) {
    std::string out = R"({"id":)";
    append_json_string(out, row.id);
    out += R"(,"object":"model","created":0,"owned_by":"evenkeel","state":)";
    append_json_string(out, row.state);
    out += "}";
    return out;
}

std::string models_json(const std::vector<ModelRow>& rows) {
    std::string out = R"({"object":"list","data":[)";
    for (const ModelRow& row : rows) {
        if (out.back() != '[') {
            out.push_back(',');
        }
        out += model_json(row);
    }
    out += "]}";
    return out;
}

}  // namespace evenkeel::inference::dialect
