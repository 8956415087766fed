#pragma once

#include "inference/dialect/openai.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the gateway itself says to Anthropic clients: errors and the list of models.
namespace evenkeel::inference::dialect {

/// The status an Anthropic client gets: 503 becomes 529, every other one stays.
[[nodiscard]] int messages_status(const ApiError& error) noexcept;

/// `{"type":"error","error":{"type":..,"message":..},"request_id":..}`; our own code, if any,
/// stands in `error.details.error_code`. A prompt too long is said in the words clients look for.
[[nodiscard]] std::string messages_error_json(const ApiError& error, std::string_view request_id);
/// The same as one SSE event, for streams whose status 200 is already out. Nothing follows it.
[[nodiscard]] std::string messages_error_event(const ApiError& error, std::string_view request_id);

/// The status that goes with an error type of Anthropic's, for errors in mid-stream; 500 for an
/// unknown one.
[[nodiscard]] int status_of_messages_error(std::string_view type) noexcept;

[[nodiscard]] std::string messages_models_json(const std::vector<ModelRow>& rows);
/// `created_at` has no meaning for a route and is 1970.
[[nodiscard]] std::string messages_model_json(const ModelRow& row);

}  // namespace evenkeel::inference::dialect
