#include "inference/http/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <span>
#include <sys/socket.h>
#include <tuple>
#include <utility>

/// The part of a connection that reads: bodies, and whether the peer is still there.
namespace evenkeel::inference::http {

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t read_bytes = 16 * 1024;
/// Bodies up to this size get their memory at once; larger ones as their bytes arrive, so that
/// announcing a large body costs us nothing.
constexpr std::size_t reserve_bytes_max = 256 * 1024;
/// An unread body up to this size is read and dropped to keep the connection; else it closes.
constexpr std::uint64_t discard_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds gone_poll_interval{100};

/// True when the peer has closed its side or the connection is broken, unread bytes or not.
bool hung_up(int fd) noexcept {
    pollfd entry{.fd = fd, .events = POLLRDHUP, .revents = 0};
    return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

std::unexpected<Error> Connection::body_lost(const boost::system::error_code& code) {
    body_ = Body::failed;
    if (cancelled_) {
        return fail(Errc::cancelled, "the server is stopping");
    }
    if (expired_) {
        return fail(
            Errc::timed_out,
            fmt::format(
                "the request body did not arrive within {} ms",
                shared_.options.limits.body_time.count()));
    }
    if (code == asio::error::operation_aborted) {
        return fail(Errc::cancelled, "no longer reading the request body");
    }
    lost_ = code != asio::error::eof;
    return fail(Errc::unavailable, "the client stopped in the middle of the request body");
}

Task<std::string> Connection::read_body() {
    if (cancelled_) {
        co_return fail(Errc::cancelled, "the server is stopping");
    }
    if (body_ == Body::none) {
        co_return std::string{};
    }
    if (body_ != Body::unread) {
        co_return fail(Errc::conflict, "the request body has already been read");
    }
    const std::size_t most = shared_.options.limits.body_bytes;
    const RequestHead& request = parser_.request();
    if (request.content_length.value_or(0) > most) {
        body_ = Body::failed;
        co_return fail(
            Errc::refused,
            fmt::format(
                "the request body has {} bytes, at most {} are allowed",
                *request.content_length,
                most));
    }
    const std::uint64_t size = request.content_length.value_or(0);
    if (!request.chunked && size <= end_ - begin_) {
        body_ = Body::done;
        std::string body{unread().substr(0, static_cast<std::size_t>(size))};
        begin_ += body.size();
        co_return body;
    }
    arm(shared_.options.limits.body_time);
    if (request.expect_continue && begin_ == end_) {
        const auto continued = co_await send_continue();
        if (!continued) {
            body_ = Body::failed;
            co_return std::unexpected{continued.error()};
        }
    }
    auto body = request.chunked ? co_await read_chunked_body() : co_await read_sized_body(size);
    disarm();
    if (body) {
        body_ = Body::done;
    }
    co_return body;
}

Task<void> Connection::send_continue() {
    Gather gather;
    gather.add("HTTP/1.1 100 Continue\r\n\r\n");
    const Gather::Outcome outcome = try_send(gather);
    if (outcome == Gather::Outcome::failed) {
        co_return lost();
    }
    if (outcome == Gather::Outcome::blocked) {
        const auto flushed = co_await flush(gather);
        if (!flushed) {
            co_return flushed;
        }
        arm(shared_.options.limits.body_time);
    }
    begun_ = false;  // an interim answer is none
    co_return Result<void>{};
}

Task<std::string> Connection::read_sized_body(std::uint64_t size) {
    const auto total = static_cast<std::size_t>(size);
    std::string body = shared_.bodies.take(std::min(total, reserve_bytes_max));
    const std::string_view here = unread().substr(0, total);
    body.append(here);
    begin_ += here.size();
    while (body.size() < total) {
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            co_return body_lost(asio::error::operation_aborted);
        }
        const std::size_t at = body.size();
        if (at >= reserve_bytes_max && body.capacity() < total) {
            body.reserve(total);  // it does come: once, instead of copying it again and again
        }
        const std::size_t wanted = std::min(total - at, reserve_bytes_max);
        body.resize_and_overwrite(at + wanted, [](char*, std::size_t n) { return n; });
        const std::span<char> into{body.data() + at, wanted};
        // What has come with the head is taken now and goes on while caches have it: an operation
        // that succeeds at once would let all other sockets have their turn first. Only once, so
        // that a fast sender of megabytes waits its turn too.
        std::size_t count = at == here.size() ? receive_now(into) : 0;
        if (count == 0) {
            boost::system::error_code code;
            std::tie(code, count) =
                co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), use_tuple);
            if (code) {
                co_return body_lost(code);
            }
        }
        body.resize(at + count);
    }
    co_return body;
}

Task<std::string> Connection::read_chunked_body() {
    const std::size_t most = shared_.options.limits.body_bytes;
    ChunkScanner scanner;
    std::string body;
    // Takes what belongs to the body; returns how much that is, or why it is none.
    const auto take = [&](std::string_view bytes) -> Result<std::size_t> {
        std::size_t at = 0;
        while (at < bytes.size() && scanner.state() == ChunkScanner::State::more) {
            const ChunkScanner::Step step = scanner.next(bytes.substr(at));
            at += step.consumed;
            if (step.payload.size() > most - body.size()) {
                return fail(
                    Errc::refused, fmt::format("the request body has more than {} bytes", most));
            }
            body.append(step.payload);
        }
        if (scanner.state() == ChunkScanner::State::bad) {
            return fail(Errc::invalid_argument, std::string{scanner.why()});
        }
        return at;
    };
    const auto first = take(unread());
    if (!first) {
        body_ = Body::failed;
        co_return std::unexpected{first.error()};
    }
    begin_ += *first;
    std::unique_ptr<char[]> raw;
    while (scanner.state() == ChunkScanner::State::more) {
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            co_return body_lost(asio::error::operation_aborted);
        }
        if (raw == nullptr) {
            raw = std::make_unique_for_overwrite<char[]>(read_bytes);
        }
        const auto [code, count] =
            co_await socket_.async_read_some(asio::buffer(raw.get(), read_bytes), use_tuple);
        if (code) {
            co_return body_lost(code);
        }
        const std::string_view bytes{raw.get(), count};
        const auto used = take(bytes);
        if (!used) {
            body_ = Body::failed;
            co_return std::unexpected{used.error()};
        }
        rest_ = bytes.substr(*used);
    }
    co_return body;
}

/// Reads and drops a small body that the handler did not want.
Task<void> Connection::discard_body() {
    std::uint64_t left = *parser_.request().content_length;
    arm(shared_.options.limits.header_time);
    std::unique_ptr<char[]> waste;
    for (;;) {
        const std::size_t here =
            static_cast<std::size_t>(std::min<std::uint64_t>(left, end_ - begin_));
        begin_ += here;
        left -= here;
        if (left == 0) {
            disarm();
            body_ = Body::done;
            co_return Result<void>{};
        }
        if (waste == nullptr) {
            waste = std::make_unique_for_overwrite<char[]>(read_bytes);
        }
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(left, read_bytes));
        const auto [code, count] =
            co_await socket_.async_read_some(asio::buffer(waste.get(), wanted), use_tuple);
        if (code) {
            co_return body_lost(code);
        }
        left -= count;
    }
}

bool Connection::must_close() const noexcept {
    if (!parser_.request().keep_alive || shared_.draining || !reusable_ || cancelled_) {
        return true;
    }
    if (body_ != Body::unread) {
        return body_ == Body::failed;
    }
    const RequestHead& request = parser_.request();
    return request.chunked || request.expect_continue ||
           *request.content_length > discard_bytes_max;
}

std::size_t Connection::receive_now(std::span<char> into) noexcept {
    const ssize_t count = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
}

/// A pipelined request is kept behind the head being answered.
void Connection::receive_next() {
    if (buffer_ == nullptr && !make_room()) {
        return;
    }
    for (;;) {
        const ssize_t count =
            ::recv(socket_.native_handle(), buffer_.get() + end_, capacity_ - end_, MSG_DONTWAIT);
        if (count > 0) {
            end_ += static_cast<std::size_t>(count);
            return;
        }
        if (count == 0 || errno != EINTR) {
            lost_ = count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
            return;
        }
    }
}

void Connection::forget_head() noexcept {
    if (answer_ != Answer::raw || begin_ != end_) {
        return;  // part of the next request stands there
    }
    parser_.forget_fields();
    buffer_.reset();
    capacity_ = begin_ = end_ = head_end_ = 0;
}

Task<void> Connection::peer_gone() {
    for (;;) {
        if (lost_ || expired_) {
            co_return Result<void>{};
        }
        if (cancelled_) {
            co_return fail(Errc::cancelled, "the server is stopping");
        }
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Errc::cancelled, "no longer watching the client");
        }
        if (begin_ == end_) {
            begin_ = end_ = head_end_;  // a body stood there, and is dealt with
        }
        if (end_ < capacity_ || buffer_ == nullptr) {
            // Waiting takes no memory: the head's may be freed meanwhile.
            const auto [code] = co_await socket_.async_wait(Socket::wait_read, use_tuple);
            if (!code) {
                receive_next();
            } else if (code != asio::error::operation_aborted) {
                lost_ = true;
            } else if (!expired_) {
                co_return fail(Errc::cancelled, "no longer watching the client");
            }
            continue;
        }
        // No room: look from time to time instead of reading.
        if (hung_up(socket_.native_handle())) {
            lost_ = true;
            continue;
        }
        asio::steady_timer pause{socket_.get_executor(), gone_poll_interval};
        const auto [code] = co_await pause.async_wait(use_tuple);
        if (code) {
            co_return fail(Errc::cancelled, "no longer watching the client");
        }
    }
}

}  // namespace evenkeel::inference::http
