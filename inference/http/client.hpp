#pragma once

#include "inference/http/server.hpp"

/// A small coroutine HTTP/1.1 client for loopback and engines: probes, metrics, the trace player.
/// Not the relay (which has its own pool) and not for providers (libcurl).
namespace evenkeel::inference::http {

struct ClientRequest {
    std::string method{"GET"};
    std::string target{"/"};
    Headers headers{};
    std::string body{};
};

struct ClientResponse {
    int status{0};
    Headers headers{};
    std::string body{};
    /// Value of the first header called `name` (any case); empty when absent.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// One exchange on a fresh connection to "host:port" (numeric) or "unix:/path", within `limit` in
/// all; bodies up to `body_max`. Errors: invalid_argument (address, or a header that frames or
/// holds control characters), unavailable (refused, or closed before an answer), timed_out,
/// invalid_response (malformed, cut short, too large), cancelled.
[[nodiscard]] Task<ClientResponse> fetch(
    std::string address,
    ClientRequest request,
    std::chrono::milliseconds limit,
    std::size_t body_max = 8 * 1024 * 1024);

/// As `fetch`, but hands each piece of the (de-chunked) body to `on_data` as it arrives; the body
/// of the returned response is empty. `on_head` runs once before.
[[nodiscard]] Task<ClientResponse> fetch_stream(
    std::string address,
    ClientRequest request,
    std::chrono::milliseconds limit,
    std::function<void(const ClientResponse&)> on_head,
    std::function<void(std::string_view)> on_data);

}  // namespace evenkeel::inference::http
