#include "inference/dialect/anthropic.hpp"

#include "inference/dialect/json_view.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::inference::dialect {

namespace {

struct StatusType {
    int status;
    std::string_view type;
};
constexpr StatusType status_types[] = {
    {400, "invalid_request_error"},
    {401, "authentication_error"},
    {402, "billing_error"},
    {403, "permission_error"},
    {404, "not_found_error"},
    {409, "conflict_error"},
    {413, "request_too_large"},
    {429, "rate_limit_error"},
    {500, "api_error"},
    {504, "timeout_error"},
    {529, "overloaded_error"},
};

std::string_view type_of(int status) noexcept {
    const auto* found = std::ranges::find(status_types, status, &StatusType::status);
    if (found != std::end(status_types)) {
        return found->type;
    }
    return status >= 500 ? "api_error" : "invalid_request_error";
}

/// By this beginning Anthropic's clients know that they must shorten the conversation.
constexpr std::string_view too_long = "prompt is too long";

}  // namespace

int messages_status(const ApiError& error) noexcept {
    return error.status == 503 ? 529 : error.status;
}

int status_of_messages_error(std::string_view type) noexcept {
    const auto* found = std::ranges::find(status_types, type, &StatusType::type);
    return found == std::end(status_types) ? 500 : found->status;
}

std::string messages_error_json(const ApiError& error, std::string_view request_id) {
    std::string message = error.message;
    if (error.code == "context_length_exceeded" && !message.contains(too_long)) {
        message = fmt::format("{}: {}", too_long, message);
    }
    std::string out;
    JsonWriter json{out};
    json.open('{').text("type", "error").open("error", '{');
    json.text("type", type_of(messages_status(error))).text("message", message);
    if (!error.code.empty()) {
        json.open("details", '{').text("error_code", error.code).close('}');
    }
    json.close('}').text("request_id", request_id).close('}');
    return out;
}

std::string messages_error_event(const ApiError& error, std::string_view request_id) {
    return fmt::format("event: error\ndata: {}\n\n", messages_error_json(error, request_id));
}

std::string messages_model_json(const ModelRow& row) {
    std::string out;
    JsonWriter{out}
        .open('{')
        .text("type", "model")
        .text("id", row.id)
        .text("display_name", row.id)
        .text("created_at", "1970-01-01T00:00:00Z")
        .text("state", row.state)
        .close('}');
    return out;
}

std::string messages_models_json(const std::vector<ModelRow>& rows) {
    std::string out;
    JsonWriter json{out};
    json.open('{').open("data", '[');
    for (const ModelRow& row : rows) {
        json.raw(messages_model_json(row));
    }
    json.close(']').raw("has_more", "false");
    if (rows.empty()) {
        json.raw("first_id", "null").raw("last_id", "null");
    } else {
        json.text("first_id", rows.front().id).text("last_id", rows.back().id);
    }
    json.close('}');
    return out;
}

}  // namespace evenkeel::inference::dialect
