#pragma once

#include "policies/domain/error.hpp"
#include "providers/http/rate_headers.hpp"
#include "providers/http/secret.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace evenkeel::providers {

struct HttpRequest {
    std::string method{"GET"};  ///< GET, POST, PUT or DELETE
    std::string target{"/"};    ///< path and query, already encoded, for example "/v1/machines"
    std::string body{};         ///< JSON; sent when not empty, and with every POST and PUT
};

struct HttpResponse {
    int status{0};
    std::string body{};  ///< inflated, at most the client's limit
    std::optional<std::chrono::milliseconds> retry_after{};  ///< the header, if it was there
    std::vector<RateHint> rate{};  ///< what the server said about its rate limits
};

/// One blocking HTTP exchange with one server. One object belongs to one thread at a time.
class HttpClient {
public:
    virtual ~HttpClient() = default;
    /// Sends `request` once, never again. Any complete answer is a success, whatever its status;
    /// redirects are not followed. Errors:
    /// - unavailable: nothing reached the server (name, connect or TLS failure); or a GET got no
    ///   complete answer in time. Safe to ask again later.
    /// - outcome_unknown: something was sent and no complete answer came back (POST, PUT, DELETE):
    ///   it may have happened. A stop request after sending ends here too.
    /// - cancelled: `stop` was requested, and nothing was sent or it was a GET.
    /// - invalid_response: the answer to a GET broke HTTP or a limit (size, encoding).
    /// - invalid_argument: the request itself is not sendable.
    [[nodiscard]] virtual Result<HttpResponse> send(
        const HttpRequest& request, std::stop_token stop) = 0;
};

struct HttpOptions {
    /// "https://host[:port][/prefix]"; "http://" only to 127.0.0.0/8, [::1] or localhost, or with
    /// `unix_socket`. No user information, query or fragment.
    std::string base_url{};
    /// Connect to this Unix socket instead of the host in `base_url` (which then only fills the
    /// Host header; "http://localhost" will do).
    std::string unix_socket{};
    Secret bearer{};  ///< sent as `Authorization: Bearer ...` when not empty
    std::chrono::milliseconds connect_limit{10'000};  ///< name, connect and TLS together
    std::chrono::milliseconds total_limit{60'000};    ///< the whole exchange
    std::size_t body_bytes_max{8 * 1024 * 1024};      ///< of an answer, after inflation too
    std::size_t header_bytes_max{64 * 1024};          ///< all header lines of an answer together
    std::string ca_file{};  ///< PEM of the authorities to trust instead of the system's
    std::string version{};  ///< User-Agent becomes "evenkeel/<version>"; empty: the build's own
};

/// A client over libcurl with one handle. TLS is always verified. Proxies named by the environment
/// are used for https only (inside their tunnel the key stays ours). Errors: invalid_argument for
/// a base_url that is not allowed, with the reason.
[[nodiscard]] Result<std::unique_ptr<HttpClient>> make_curl_client(HttpOptions options);

}  // namespace evenkeel::providers
