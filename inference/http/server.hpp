#pragma once

#include "inference/http/message.hpp"
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
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// One strict HTTP/1.1 server core, used by the gateway, the admin API, the synthetic engine and
/// the sandbox cloud. It refuses whatever two parsers could read differently (FAULTS F63-F69);
/// Beast's parser of Boost 1.81 accepts several of those, so the head parser is our own and fuzzed.
namespace evenkeel::inference::http {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;  ///< TCP or Unix
template <class T>
using Task = asio::awaitable<Result<T>>;

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
    /// A complete answer with Content-Length. `headers` must not name framing fields
    /// (Content-Length, Transfer-Encoding, Connection, Date) nor hold control characters:
    /// invalid_argument, nothing sent. This and the other writes fail with `unavailable` when the
    /// peer is gone, `timed_out` when it takes no byte for `stall_time`, `cancelled` when the
    /// server stops, `conflict` when an answer has already been begun or ended.
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
    /// For relays, once a raw answer has begun: nothing of head() will be looked at any more, so
    /// its memory is freed while the answer lasts.
    virtual void forget_head() noexcept = 0;
    /// Memory of a body that read_body() gave, for the next ones.
    virtual void give_back(std::string body) noexcept = 0;
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
    ErrorBody error_body{};  ///< empty: {"error":{"message":...}}
    bool reuse_port{false};  ///< several listeners, one a thread, on one TCP port
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

}  // namespace evenkeel::inference::http
