#pragma once

#include "inference/http/server.hpp"
#include "inference/relay/tls.hpp"
#include "policies/domain/error.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::inference::relay {

namespace asio = boost::asio;
template <class T>
using Task = http::Task<T>;

/// Where a source listens.
struct Endpoint {
    std::string host{};  ///< numeric, or a name
    std::uint16_t port{0};
    std::shared_ptr<const TlsContext> tls{};  ///< none: plain TCP
};

/// One connection to a source, plain or TLS, on one loop. Never blocks: `read_some` and friends say
/// `again`, and the caller waits for readiness. There is no timer inside; whoever waits too long
/// calls `close`, and every pending wait ends. Cancelling a coroutine that waits here closes the
/// connection too.
class Upstream {
public:
    enum class State {
        moved,   ///< `bytes` were read or written
        again,   ///< not now: wait, then call again
        closed,  ///< the peer ended its side in an orderly way
        failed,
    };
    struct Moved {
        State state{State::failed};
        std::size_t bytes{0};
    };

    explicit Upstream(const asio::any_io_executor& executor);
    explicit Upstream(asio::io_context& context) : Upstream{context.get_executor()} {}
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;
    ~Upstream();

    /// Resolves a name if needed, connects and shakes hands. Errors: unavailable (nothing was
    /// sent), unauthorized (certificate or pin; nothing was sent).
    [[nodiscard]] Task<void> connect(const Endpoint& endpoint);
    /// Sends what goes without waiting; how many bytes that was. Most requests are sent so, without
    /// a coroutine of write().
    [[nodiscard]] std::size_t write_now(std::span<const std::string_view> pieces) noexcept;
    /// Sends all pieces but their first `sent` bytes; they live until it returns. Errors:
    /// unavailable.
    [[nodiscard]] Task<void> write(std::span<const std::string_view> pieces, std::size_t sent = 0);
    /// Returns when reading may bring something: bytes, the end, or an error.
    [[nodiscard]] asio::awaitable<void> readable();
    [[nodiscard]] Moved read_some(std::span<char> into) noexcept;
    /// Both in one, for memory that is the caller's own until it returns: a system call less.
    /// `again` is possible.
    [[nodiscard]] asio::awaitable<Moved> receive(std::span<char> into);
    /// On an idle connection: the source has neither sent anything nor closed.
    [[nodiscard]] bool is_quiet() noexcept;
    /// On an idle connection: `then` runs once when the source sends or closes, which it should
    /// not, or with operation_aborted. What it sent may be lost: the connection is of no more use.
    template <class Then>
    void await_unasked(Then then) {
        if (session_ != nullptr) {  // reads whole records only
            socket_.async_wait(asio::ip::tcp::socket::wait_read, std::move(then));
            return;
        }
        socket_.async_read_some(
            asio::buffer(&unasked_, 1),
            [then = std::move(then)](const boost::system::error_code& code, std::size_t) mutable {
                then(code);
            });
    }

    /// Ends the connection and every wait on it. May be called at any time on its loop.
    void close() noexcept;
    [[nodiscard]] bool open() const noexcept { return socket_.is_open(); }
    [[nodiscard]] asio::ip::tcp::socket& socket() noexcept { return socket_; }

    /// For the pool: changes whenever the connection is parked or taken.
    std::uint64_t parking{0};

private:
    struct Session;  ///< TLS

    [[nodiscard]] Task<void> shake_hands(const Endpoint& endpoint);
    [[nodiscard]] asio::awaitable<void> wait(asio::ip::tcp::socket::wait_type what);
    void set_options() noexcept;
    void close_if(const asio::cancellation_state& state) noexcept;

    asio::ip::tcp::socket socket_;
    std::optional<asio::ip::tcp::resolver> resolver_{};
    std::unique_ptr<Session> session_{};
    bool closed_{false};
    char unasked_{0};
};

/// Sends what the socket takes at once, without waiting and without a signal. Nothing when the peer
/// is gone.
[[nodiscard]] std::optional<std::size_t> send_now(
    int fd, std::span<const std::string_view> pieces) noexcept;

}  // namespace evenkeel::inference::relay
