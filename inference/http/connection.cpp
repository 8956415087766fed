#include "inference/http/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <sys/socket.h>
#include <utility>

namespace evenkeel::inference::http {

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
using ErrorCode = boost::system::error_code;

constexpr std::size_t buffer_bytes = 3072;  ///< of a connection, beyond large heads
constexpr std::chrono::seconds linger_time{5};
constexpr std::size_t linger_bytes_max = 64 * 1024 * 1024;

}  // namespace

std::string Shared::error_body(int status, std::string_view sentence) const {
    return options.error_body ? options.error_body(status, sentence) : plain_error_body(sentence);
}

Connection::Connection(Shared& shared, Socket socket, std::string peer, Purpose purpose)
    : shared_{shared}, socket_{std::move(socket)}, peer_{std::move(peer)}, purpose_{purpose} {}

// --- deadlines and stopping -------------------------------------------------------------------

void Connection::arm(std::chrono::milliseconds limit) noexcept {
    expired_ = false;
    shared_.slots[index].at = std::chrono::steady_clock::now() + limit;
}

void Connection::disarm() noexcept {
    shared_.slots[index].at = Shared::TimePoint::max();
}

void Connection::expire() {
    disarm();
    expired_ = true;
    ErrorCode ignored;
    static_cast<void>(socket_.cancel(ignored));
}

void Connection::drain() {
    char byte = 0;
    const bool waiting =
        idle_ && ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
    if (waiting) {
        ErrorCode ignored;
        static_cast<void>(socket_.cancel(ignored));
    }
}

void Connection::cancel() {
    cancelled_ = true;
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    ErrorCode ignored;
    static_cast<void>(socket_.cancel(ignored));
    signal_.emit(asio::cancellation_type::terminal);
}

// --- the life of a connection -----------------------------------------------------------------

asio::awaitable<void> Connection::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    bool goes_on = purpose_ == Purpose::serve;
    if (!goes_on) {
        co_await refuse(503, "Too many connections are open; try again later.");
    }
    while (goes_on) {
        const Arrival arrival = co_await read_head();
        if (arrival == Arrival::refused) {
            const Refusal refusal = parser_.refusal();
            co_await refuse(refusal.status, refusal.sentence);
        }
        if (arrival != Arrival::head) {
            break;
        }
        start_exchange();
        co_await call_handler();
        goes_on = co_await finish_exchange();
    }
    co_await close();
}

asio::awaitable<Connection::Arrival> Connection::read_head() {
    const Limits& limits = shared_.options.limits;
    parser_.reset();
    take_over_rest();
    bool started = false;
    if (begin_ == end_) {
        if (shared_.draining) {
            co_return Arrival::closed;
        }
        arm(first_ ? std::min(limits.header_time, limits.idle_time) : limits.idle_time);
    }
    first_ = false;
    for (;;) {
        if (begin_ != end_) {
            const Progress progress = parser_.feed(unread(), limits);
            if (progress == Progress::complete) {
                disarm();
                begin_ += parser_.size();
                head_end_ = begin_;
                co_return Arrival::head;
            }
            if (progress == Progress::refused) {
                disarm();
                co_return Arrival::refused;
            }
            if (!started) {
                started = true;
                arm(limits.header_time);
            }
        }
        if (!make_room()) {
            co_return Arrival::closed;
        }
        idle_ = !started;
        const auto [code, count] = co_await socket_.async_read_some(
            asio::buffer(buffer_.get() + end_, capacity_ - end_), use_tuple);
        idle_ = false;
        end_ += count;
        if (count > 0) {
            continue;
        }
        disarm();
        if (expired_ && started) {
            parser_.refuse_late();
            co_return Arrival::refused;
        }
        lost_ = code != asio::error::operation_aborted;
        co_return Arrival::closed;
    }
}

void Connection::start_exchange() noexcept {
    const RequestHead& request = parser_.request();
    const bool has_body = request.chunked || request.content_length.value_or(0) > 0;
    body_ = has_body ? Body::unread : Body::none;
    answer_ = Answer::none;
    begun_ = false;
    swallow_ = false;
    chunked_ = false;
    expired_ = false;
}

asio::awaitable<void> Connection::call_handler() {
    try {
        co_await shared_.handler(*this);
    } catch (const std::exception& error) {
        reusable_ = false;
        if (!cancelled_) {
            spdlog::error("http handler_failed peer={} error=\"{}\"", peer_, error.what());
        }
    }
    disarm();
}

asio::awaitable<bool> Connection::finish_exchange() {
    if (cancelled_ || lost_) {
        co_return false;
    }
    if (answer_ == Answer::none) {
        co_await refuse(500, "The server failed to answer this request.");
        co_return false;
    }
    if (answer_ != Answer::ended) {
        // Cut short. Where only the close would have ended the answer, a reset must say so.
        if (answer_ == Answer::stream && !chunked_ && !swallow_) {
            ErrorCode ignored;
            static_cast<void>(socket_.set_option(asio::socket_base::linger{true, 0}, ignored));
        }
        co_return false;
    }
    if (must_close()) {
        linger_ = body_ == Body::unread || body_ == Body::failed || begin_ != end_;
        co_return false;
    }
    if (body_ == Body::unread) {
        const auto discarded = co_await discard_body();
        co_return discarded.has_value();
    }
    co_return true;
}

asio::awaitable<void> Connection::refuse(int status, std::string_view sentence) {
    spdlog::debug("http refused peer={} status={} why=\"{}\"", peer_, status, sentence);
    answer_ = Answer::none;
    swallow_ = false;
    reusable_ = false;
    linger_ = true;
    Headers headers{{"content-type", "application/json"}};
    if (status == 405) {
        headers.emplace_back("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
    const std::string body = shared_.error_body(status, sentence);
    static_cast<void>(co_await respond(status, headers, body));
}

asio::awaitable<void> Connection::close() {
    ErrorCode ignored;
    if (linger_ && !lost_ && !cancelled_) {
        // Closing with unread bytes would reset the connection and could take the answer with it.
        static_cast<void>(socket_.shutdown(asio::socket_base::shutdown_send, ignored));
        const auto waste = std::make_unique_for_overwrite<char[]>(4 * buffer_bytes);
        arm(linger_time);
        for (std::size_t total = 0; total < linger_bytes_max && !expired_ && !cancelled_;) {
            const auto [code, count] = co_await socket_.async_read_some(
                asio::buffer(waste.get(), 4 * buffer_bytes), use_tuple);
            if (code) {
                break;
            }
            total += count;
        }
        disarm();
    }
    static_cast<void>(socket_.close(ignored));
}

// --- the buffer -------------------------------------------------------------------------------

std::string_view Connection::unread() const noexcept {
    return {buffer_.get() + begin_, end_ - begin_};
}

/// Makes room behind end_ for more of a head; false when the head is as large as it may be.
bool Connection::make_room() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (capacity_ != buffer_bytes) {
            buffer_ = std::make_unique_for_overwrite<char[]>(buffer_bytes);
            capacity_ = buffer_bytes;
        }
    }
    if (end_ < capacity_) {
        return true;
    }
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        return true;
    }
    const std::size_t most = std::max(buffer_bytes, shared_.options.limits.header_bytes);
    const std::size_t larger = std::min(capacity_ * 2, most);
    if (larger <= capacity_) {
        return false;
    }
    auto grown = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(grown.get(), buffer_.get(), end_);
    buffer_ = std::move(grown);
    capacity_ = larger;
    return true;
}

/// Puts what was read behind a chunked body in front of what came later.
void Connection::take_over_rest() {
    if (rest_.empty()) {
        return;
    }
    const std::string all = std::exchange(rest_, {}) + std::string{unread()};
    if (all.size() > capacity_) {
        buffer_ = std::make_unique_for_overwrite<char[]>(all.size());
        capacity_ = all.size();
    }
    std::memcpy(buffer_.get(), all.data(), all.size());
    begin_ = 0;
    end_ = all.size();
}

}  // namespace evenkeel::inference::http
