#pragma once

#include "inference/http/server.hpp"
#include "policies/domain/error.hpp"

#include <string>

/// How the admin listener answers in JSON.
namespace evenkeel::agent {

/// Headers of every JSON answer.
[[nodiscard]] const inference::http::Headers& json_headers();
/// {"error":{"code":..,"message":..}}: the code is the name of the Errc, for programs.
[[nodiscard]] std::string error_json(const Error& error);
/// The HTTP status of an error.
[[nodiscard]] int status_of(Errc code);

}  // namespace evenkeel::agent
