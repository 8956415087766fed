#include "inference/http/connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

/// The part of a connection that writes.
namespace evenkeel::inference::http {

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

std::unexpected<Error> Connection::lost() const {
    if (cancelled_) {
        return fail(Errc::cancelled, "the server is stopping");
    }
    return fail(Errc::unavailable, "the client has closed the connection");
}

bool Connection::bodiless(int status) const noexcept {
    return parser_.request().method == "HEAD" || status == 204 || status == 304;
}

Result<void> Connection::may_begin(int status, const Headers& headers) const {
    if (cancelled_ || lost_) {
        return lost();
    }
    if (answer_ != Answer::none) {
        return fail(Errc::conflict, "this request has already been answered");
    }
    if (status < 200 || status > 599 || !headers_are_clean(headers)) {
        return fail(
            Errc::invalid_argument, "the answer's status or one of its headers cannot be sent");
    }
    return {};
}

Gather::Outcome Connection::try_send(Gather& gather) noexcept {
    bool moved = false;
    const Gather::Outcome outcome = gather.send(socket_.native_handle(), moved);
    begun_ = begun_ || moved;
    lost_ = lost_ || outcome == Gather::Outcome::failed;
    return outcome;
}

/// Sends what a first try left, waiting for the peer to read. Each byte that moves gives it
/// another `stall_time`.
Task<void> Connection::flush(Gather& gather) {
    for (;;) {
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            reusable_ = false;
            co_return fail(
                Errc::cancelled,
                cancelled_ ? "the server is stopping"
                           : "given up while the client was slow to read");
        }
        arm(shared_.options.limits.stall_time);
        const auto [code] = co_await socket_.async_wait(Socket::wait_write, use_tuple);
        disarm();
        if (cancelled_) {
            co_return lost();
        }
        if (expired_) {
            lost_ = true;
            co_return fail(
                Errc::timed_out,
                fmt::format(
                    "the client read nothing for {} ms",
                    shared_.options.limits.stall_time.count()));
        }
        if (code) {
            reusable_ = false;
            co_return fail(Errc::cancelled, "given up while the client was slow to read");
        }
        const Gather::Outcome outcome = try_send(gather);
        if (outcome == Gather::Outcome::sent) {
            co_return Result<void>{};
        }
        if (outcome == Gather::Outcome::failed) {
            co_return lost();
        }
    }
}

Task<void> Connection::respond(int status, const Headers& headers, std::string_view body) {
    const auto allowed = may_begin(status, headers);
    if (!allowed) {
        co_return allowed;
    }
    answer_ = Answer::whole;
    swallow_ = bodiless(status);
    reusable_ = !must_close();
    Framing framing{.close = !reusable_, .keep_alive = parser_.request().minor == 0};
    if (status != 204 && status != 304) {
        framing.length = body.size();
    }
    std::string& head = shared_.scratch;
    head.clear();
    append_head(head, status, headers, framing, shared_.date.at(std::time(nullptr)));
    Gather gather;
    gather.add(head);
    if (!swallow_) {
        gather.add(body);
    }
    const Gather::Outcome outcome = try_send(gather);
    if (outcome == Gather::Outcome::failed) {
        co_return lost();
    }
    if (outcome == Gather::Outcome::blocked) {
        std::string own;
        gather.move_out_of(head, own);
        const auto flushed = co_await flush(gather);
        if (!flushed) {
            co_return flushed;
        }
    }
    answer_ = Answer::ended;
    co_return Result<void>{};
}

Task<void> Connection::begin_stream(int status, const Headers& headers) {
    const auto allowed = may_begin(status, headers);
    if (!allowed) {
        co_return allowed;
    }
    answer_ = Answer::stream;
    swallow_ = bodiless(status);
    const bool old = parser_.request().minor == 0;
    chunked_ = !old && !swallow_;
    reusable_ = !must_close() && (!old || swallow_);
    const Framing framing{
        .chunked = !old && status != 204 && status != 304, .close = !reusable_, .keep_alive = old};
    std::string& head = shared_.scratch;
    head.clear();
    append_head(head, status, headers, framing, shared_.date.at(std::time(nullptr)));
    Gather gather;
    gather.add(head);
    const Gather::Outcome outcome = try_send(gather);
    if (outcome == Gather::Outcome::failed) {
        co_return lost();
    }
    if (outcome == Gather::Outcome::blocked) {
        std::string own;
        gather.move_out_of(head, own);
        co_return co_await flush(gather);
    }
    co_return Result<void>{};
}

Task<void> Connection::write(std::string_view bytes) {
    if (cancelled_ || lost_) {
        co_return lost();
    }
    if (answer_ != Answer::stream) {
        co_return fail(Errc::conflict, "no streamed answer is open");
    }
    if (bytes.empty() || swallow_) {
        co_return Result<void>{};
    }
    std::array<char, 20> size{};
    Gather gather;
    if (chunked_) {
        auto [end, code] =
            std::to_chars(size.data(), size.data() + size.size() - 2, bytes.size(), 16);
        *end++ = '\r';
        *end++ = '\n';
        gather.add({size.data(), end});
    }
    gather.add(bytes);
    if (chunked_) {
        gather.add("\r\n");
    }
    const Gather::Outcome outcome = try_send(gather);
    if (outcome == Gather::Outcome::failed) {
        co_return lost();
    }
    if (outcome == Gather::Outcome::blocked) {
        co_return co_await flush(gather);
    }
    co_return Result<void>{};
}

Task<void> Connection::end_stream() {
    if (cancelled_ || lost_) {
        co_return lost();
    }
    if (answer_ != Answer::stream) {
        co_return fail(Errc::conflict, "no streamed answer is open");
    }
    if (chunked_) {
        Gather gather;
        gather.add("0\r\n\r\n");
        const Gather::Outcome outcome = try_send(gather);
        if (outcome == Gather::Outcome::failed) {
            co_return lost();
        }
        if (outcome == Gather::Outcome::blocked) {
            const auto flushed = co_await flush(gather);
            if (!flushed) {
                co_return flushed;
            }
        }
    }
    answer_ = Answer::ended;
    co_return Result<void>{};
}

Task<void> Connection::write_raw(
    std::span<const std::string_view> pieces, bool last, bool reusable) {
    if (cancelled_ || lost_) {
        co_return lost();
    }
    if (answer_ != Answer::none && answer_ != Answer::raw) {
        co_return fail(Errc::conflict, "this request has already been answered");
    }
    answer_ = Answer::raw;
    reusable_ = reusable_ && reusable;
    while (!pieces.empty()) {
        Gather gather;
        const auto batch = pieces.first(std::min(pieces.size(), Gather::pieces_max));
        for (const std::string_view piece : batch) {
            gather.add(piece);
        }
        pieces = pieces.subspan(batch.size());
        const Gather::Outcome outcome = try_send(gather);
        if (outcome == Gather::Outcome::failed) {
            co_return lost();
        }
        if (outcome == Gather::Outcome::blocked) {
            const auto flushed = co_await flush(gather);
            if (!flushed) {
                co_return flushed;
            }
        }
    }
    if (last) {
        answer_ = Answer::ended;
    }
    co_return Result<void>{};
}

}  // namespace evenkeel::inference::http
