#include "inference/relay/upstream.hpp"

#include "inference/relay/tls_session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace evenkeel::inference::relay {

namespace {

using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// A peer that vanished without a word is noticed within about 25 s (F43).
constexpr int keep_idle_seconds = 10;
constexpr int keep_interval_seconds = 5;
constexpr int keep_probes = 3;
constexpr int unacknowledged_ms = 25'000;

constexpr std::size_t pieces_at_once = 32;
constexpr std::size_t bytes_at_once = 256 * 1024;  ///< then others have their turn

}  // namespace

/// TLS over the socket.
struct Upstream::Session {
    TlsSession tls;
    bool wants_write{false};  ///< the last read needs the socket to be writable
};

Upstream::Upstream(const asio::any_io_executor& executor) : socket_{executor} {}
Upstream::~Upstream() = default;

void Upstream::set_options() noexcept {
    const int fd = socket_.native_handle();
    const auto set = [fd](int level, int name, int value) {
        static_cast<void>(::setsockopt(fd, level, name, &value, sizeof(value)));
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, keep_idle_seconds);
    set(IPPROTO_TCP, TCP_KEEPINTVL, keep_interval_seconds);
    set(IPPROTO_TCP, TCP_KEEPCNT, keep_probes);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms);
}

Task<void> Upstream::connect(const Endpoint& endpoint) {
    ErrorCode code;
    const auto address = asio::ip::make_address(endpoint.host, code);
    if (!code) {
        const tcp::endpoint target{address, endpoint.port};
        std::tie(code) = co_await socket_.async_connect(target, use_tuple);
    } else {
        resolver_.emplace(socket_.get_executor());
        const std::string service = fmt::format("{}", endpoint.port);
        const auto [failed, found] =
            co_await resolver_->async_resolve(endpoint.host, service, use_tuple);
        resolver_.reset();
        if (failed || closed_) {
            co_return fail(
                Errc::unavailable, fmt::format("the name is unknown: {}", failed.message()));
        }
        tcp::endpoint used;
        std::tie(code, used) = co_await asio::async_connect(socket_, found, use_tuple);
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    close_if(state);
    if (code || closed_) {
        close();
        co_return fail(Errc::unavailable, fmt::format("no connection: {}", code.message()));
    }
    set_options();
    if (endpoint.tls == nullptr) {
        co_return Result<void>{};
    }
    auto shaken = co_await shake_hands(endpoint);
    if (!shaken) {
        close();
    }
    co_return shaken;
}

Task<void> Upstream::shake_hands(const Endpoint& endpoint) {
    auto made = TlsSession::make(*endpoint.tls, socket_.native_handle(), endpoint.host);
    if (!made) {
        co_return std::unexpected{made.error()};
    }
    session_ = std::make_unique<Session>(std::move(*made));
    for (;;) {
        const TlsSession::Step step = session_->tls.handshake();
        if (step == TlsSession::Step::moved) {
            co_return Result<void>{};
        }
        if (step == TlsSession::Step::want_read) {
            co_await wait(tcp::socket::wait_read);
        } else if (step == TlsSession::Step::want_write) {
            co_await wait(tcp::socket::wait_write);
        } else {
            co_return std::unexpected{session_->tls.handshake_error()};
        }
        if (closed_) {
            co_return fail(Errc::unavailable, "the TLS handshake was given up");
        }
    }
}

asio::awaitable<void> Upstream::wait(tcp::socket::wait_type what) {
    if (!closed_) {
        co_await socket_.async_wait(what, use_tuple);
        const auto state = co_await asio::this_coro::cancellation_state;
        close_if(state);
    }
}

std::size_t Upstream::write_now(std::span<const std::string_view> pieces) noexcept {
    std::size_t bytes = 0;
    for (const std::string_view piece : pieces) {
        bytes += piece.size();
    }
    return session_ != nullptr || closed_ || bytes > bytes_at_once
               ? 0
               : send_now(socket_.native_handle(), pieces).value_or(0);
}

Task<void> Upstream::write(std::span<const std::string_view> pieces, std::size_t sent) {
    std::size_t skip = 0;  // of the first piece
    const auto advance = [&](std::size_t moved) {
        while (!pieces.empty() && moved >= pieces.front().size() - skip) {
            moved -= pieces.front().size() - skip;
            pieces = pieces.subspan(1);
            skip = 0;
        }
        skip += moved;
    };
    advance(sent);
    while (!pieces.empty()) {
        if (closed_) {
            break;
        }
        std::size_t moved = 0;
        auto wanted = tcp::socket::wait_write;
        if (session_ != nullptr) {
            const auto step = session_->tls.write(pieces.front().substr(skip), moved);
            if (step == TlsSession::Step::closed || step == TlsSession::Step::failed) {
                break;
            }
            wanted = step == TlsSession::Step::want_read ? tcp::socket::wait_read : wanted;
            if (step == TlsSession::Step::moved) {
                advance(moved);
                continue;
            }
        } else {
            std::array<std::string_view, pieces_at_once> batch{};
            std::size_t count = 0;
            for (std::size_t room = bytes_at_once; room > 0 && count < pieces.size();) {
                if (count == batch.size()) {
                    break;
                }
                const std::string_view piece = pieces[count].substr(count == 0 ? skip : 0);
                batch[count] = piece.substr(0, room);
                room -= batch[count++].size();
            }
            const auto taken = send_now(socket_.native_handle(), std::span{batch}.first(count));
            if (!taken) {
                break;
            }
            advance(*taken);
            if (pieces.empty()) {
                break;
            }
        }
        co_await wait(wanted);
    }
    if (pieces.empty()) {
        co_return Result<void>{};
    }
    co_return fail(Errc::unavailable, "the source closed the connection while we were sending");
}

asio::awaitable<void> Upstream::readable() {
    auto what = tcp::socket::wait_read;
    if (session_ != nullptr) {
        if (session_->tls.pending()) {
            co_return;
        }
        what = session_->wants_write ? tcp::socket::wait_write : what;
    }
    if (!closed_) {
        co_await socket_.async_wait(what, use_tuple);
        const auto state = co_await asio::this_coro::cancellation_state;
        close_if(state);
    }
}

asio::awaitable<Upstream::Moved> Upstream::receive(std::span<char> into) {
    if (session_ != nullptr) {
        co_await readable();
        co_return read_some(into);
    }
    if (closed_) {
        co_return Moved{State::failed, 0};
    }
    const auto [code, bytes] =
        co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), use_tuple);
    const auto state = co_await asio::this_coro::cancellation_state;
    close_if(state);
    if (closed_) {
        co_return Moved{State::failed, 0};
    }
    if (bytes > 0) {
        co_return Moved{State::moved, bytes};
    }
    co_return Moved{code == asio::error::eof ? State::closed : State::failed, 0};
}

Upstream::Moved Upstream::read_some(std::span<char> into) noexcept {
    if (closed_) {
        return {State::failed, 0};
    }
    if (session_ != nullptr) {
        std::size_t bytes = 0;
        const TlsSession::Step step = session_->tls.read(into, bytes);
        session_->wants_write = step == TlsSession::Step::want_write;
        switch (step) {
            case TlsSession::Step::moved:
                return {State::moved, bytes};
            case TlsSession::Step::want_read:
            case TlsSession::Step::want_write:
                return {State::again, 0};
            case TlsSession::Step::closed:
                return {State::closed, 0};
            case TlsSession::Step::failed:
                break;
        }
        return {State::failed, 0};
    }
    for (;;) {
        const ssize_t count =
            ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
        if (count > 0) {
            return {State::moved, static_cast<std::size_t>(count)};
        }
        if (count == 0) {
            return {State::closed, 0};
        }
        if (errno != EINTR) {
            return {errno == EAGAIN || errno == EWOULDBLOCK ? State::again : State::failed, 0};
        }
    }
}

bool Upstream::is_quiet() noexcept {
    char byte = 0;
    return !closed_ && !(session_ != nullptr && session_->tls.pending()) &&
           ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Upstream::close_if(const asio::cancellation_state& state) noexcept {
    // An operation that succeeded just before a cancellation swallows it, and the loops around it
    // would wait again: so the connection itself is ended.
    if (state.cancelled() != asio::cancellation_type::none) {
        close();
    }
}

void Upstream::close() noexcept {
    closed_ = true;
    if (resolver_) {
        resolver_->cancel();
    }
    ErrorCode ignored;
    socket_.close(ignored);
}

std::optional<std::size_t> send_now(int fd, std::span<const std::string_view> pieces) noexcept {
    std::array<iovec, pieces_at_once> parts{};
    std::size_t count = 0;
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), parts.size()))) {
        if (!piece.empty()) {
            // sendmsg() reads only; the interface of iovec is older than const.
            parts[count++] = {const_cast<char*>(piece.data()), piece.size()};
        }
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    for (;;) {
        const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            return static_cast<std::size_t>(sent);
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        }
        if (errno != EINTR) {
            return std::nullopt;
        }
    }
}

}  // namespace evenkeel::inference::relay
