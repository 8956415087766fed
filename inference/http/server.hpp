#pragma once

#include "policies/domain/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// One strict HTTP/1.1 server core, used by the gateway, the admin API, the synthetic engine and
/// the sandbox cloud. It refuses whatever two parsers could read differently (FAULTS F63-F69);
/// Beast's parser of Boost 1.81 accepts several of those, so the head parser is our own and fuzzed.
namespace evenkeel::inference::http {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;  ///< TCP or Unix
template <class T>
using Task = asio::awaitable<Result<T>>;

struct Field {
    std::string_view name{};   ///< as sent; compare with `iequals`
    std::string_view value{};  ///< trimmed
};

/// A parsed request head. Views point into the connection's buffer: valid until the handler
/// returns.
struct RequestHead {
    std::string_view method{};
    std::string_view target{};  ///< origin-form, as sent
    std::string_view path{};    ///< before '?'; no "..", no "//", no %2e, no %2f
    std::string_view query{};
    std::span<const Field> fields{};
    std::optional<std::uint64_t> content_length{};
    bool chunked{false};
    bool keep_alive{true};
    bool expect_continue{false};
    int minor{1};

    /// Value of the first field called `name` (any case); empty when absent.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

struct Limits {
    std::size_t header_bytes{32 * 1024};
    std::size_t fields{128};
    std::size_t target_bytes{8 * 1024};
    std::size_t body_bytes{32 * 1024 * 1024};
    int connections{10'000};
    int connections_per_address{4'096};
    std::chrono::milliseconds header_time{10'000};  ///< first byte to end of head, in total
    std::chrono::milliseconds body_time{60'000};    ///< whole body
    std::chrono::milliseconds idle_time{75'000};    ///< between requests
    std::chrono::milliseconds stall_time{60'000};   ///< a write that moves no byte
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One request and its one answer. Lives on the connection's coroutine; the handler awaits its
/// methods one at a time. An answer not begun when the handler returns becomes a 500; an answer
/// begun but not ended closes the connection, so that truncation is visible.
class Exchange {
public:
    virtual ~Exchange() = default;
    [[nodiscard]] virtual const RequestHead& head() const noexcept = 0;
    /// The peer's address without port, for limits and logs; "unix" for a Unix socket.
    [[nodiscard]] virtual std::string_view peer() const noexcept = 0;
    /// Reads the whole body (de-chunked; sends 100 Continue when asked for). Errors:
    /// invalid_argument (bad framing), refused (too large: answer 413), timed_out (answer 408),
    /// cancelled. After an error the connection closes once answered.
    [[nodiscard]] virtual Task<std::string> read_body() = 0;
    /// A complete answer with Content-Length. `headers` must not name framing fields.
    virtual Task<void> respond(int status, const Headers& headers, std::string_view body) = 0;
    /// Begins a streamed answer: chunked for HTTP/1.1, close-delimited for 1.0.
    virtual Task<void> begin_stream(int status, const Headers& headers) = 0;
    /// One piece of a streamed answer, sent at once.
    virtual Task<void> write(std::string_view bytes) = 0;
    virtual Task<void> end_stream() = 0;
    /// For relays: sends `bytes` exactly as they are (a head and framing made by the caller).
    /// `last` says that the message is complete; `reusable` whether the connection may go on.
    virtual Task<void> write_raw(
        std::span<const std::string_view> pieces, bool last, bool reusable) = 0;
    /// True once any byte of an answer was handed to the socket.
    [[nodiscard]] virtual bool begun() const noexcept = 0;
    /// Resolves when the peer has closed or reset the connection, or with `cancelled` when the
    /// caller cancels it (readable data of a pipelined request is not "gone"). Must not run at the
    /// same time as `read_body`.
    [[nodiscard]] virtual Task<void> peer_gone() = 0;
    [[nodiscard]] virtual Socket& socket() noexcept = 0;
};

/// Answers one request. Exceptions end the connection and are logged.
using Handler = std::function<asio::awaitable<void>(Exchange&)>;

/// Body of an error the server itself finds (bad framing, 404-less protocol errors): status and
/// sentence in, JSON body in the listener's dialect out.
using ErrorBody = std::function<std::string(int status, std::string_view sentence)>;

struct ServerOptions {
    Limits limits{};
    ErrorBody error_body{};
    bool reuse_port{false};
};

/// Listens on one address within one io_context (one thread). Not thread-safe except `stop`.
class Server {
public:
    virtual ~Server() = default;
    /// Where it listens, with the real port when 0 was asked for.
    [[nodiscard]] virtual std::string address() const = 0;
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
    [[nodiscard]] virtual int connections() const noexcept = 0;
    /// Stops accepting, closes idle connections at once, lets running exchanges end for up to
    /// `drain`, then cancels them. `done` runs on the io_context when the last one ended.
    virtual void stop(std::chrono::milliseconds drain, std::function<void()> done) = 0;
};

/// Starts listening on "host:port" (numeric host; port 0 picks one) or "unix:/path" (mode 0660,
/// stale socket files are replaced). Errors: conflict (address in use), io_failed.
[[nodiscard]] Result<std::unique_ptr<Server>> listen(
    asio::io_context& context, const std::string& address, Handler handler, ServerOptions options);

[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;
/// Standard reason phrase; "Unknown" for others.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace evenkeel::inference::http
