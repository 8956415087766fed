#pragma once

#include "inference/http/client.hpp"
#include "inference/relay/upstream.hpp"

#include <functional>
#include <string_view>

namespace evenkeel::inference::engine {

/// What an exchange hands over while it arrives; both may be empty.
struct Receiver {
    std::function<void(const http::ClientResponse&)> on_head{};  ///< once, before the body
    std::function<void(std::string_view)> on_data{};             ///< body without its framing
};

/// One HTTP/1.1 exchange on a fresh connection over the relay's transport, plain or TLS, within
/// `limit` in all. Without `on_data` the body, up to `body_max`, is in the response. Errors:
/// unavailable (refused, or closed before an answer), unauthorized (certificate or pin: nothing was
/// sent), timed_out, invalid_response (malformed, cut short, too large), invalid_argument (a header
/// that cannot be sent), cancelled.
[[nodiscard]] relay::Task<http::ClientResponse> exchange(
    relay::Endpoint endpoint,
    http::ClientRequest request,
    std::chrono::milliseconds limit,
    std::size_t body_max,
    Receiver receiver = {});

}  // namespace evenkeel::inference::engine
