#include "inference/http/client.hpp"

#include "inference/http/address.hpp"
#include "inference/http/chunk.hpp"
#include "inference/http/gather.hpp"
#include "inference/http/head.hpp"
#include "inference/http/response.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <netinet/in.h>
#include <utility>

namespace evenkeel::inference::http {

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
using ErrorCode = boost::system::error_code;

constexpr std::size_t read_bytes = 16 * 1024;
/// Interim answers (100, 103) are skipped, but not for ever.
constexpr int interim_max = 8;

/// An operation that succeeded just before a cancellation swallows it: loops must ask.
bool is_called_off(const asio::cancellation_state& state) noexcept {
    return state.cancelled() != asio::cancellation_type::none;
}

/// Where the body of an answer goes, piece by piece.
using OnHead = std::function<void(const ClientResponse&)>;
using OnData = std::function<Result<void>(std::string_view)>;

/// One exchange on one connection. Shared with its timer's callback, which may run after the
/// exchange has ended.
class Call : public std::enable_shared_from_this<Call> {
public:
    Call(const asio::any_io_executor& executor, Address address)
        : socket_{executor}, timer_{executor}, address_{std::move(address)} {}

    Task<ClientResponse> run(
        const ClientRequest& request,
        std::chrono::milliseconds limit,
        const OnHead& on_head,
        const OnData& on_data) {
        limit_ = limit;
        timer_.expires_after(limit);
        timer_.async_wait([self = shared_from_this()](const ErrorCode& code) {
            if (!code) {
                self->expired_ = true;
                ErrorCode ignored;
                static_cast<void>(self->socket_.close(ignored));
            }
        });
        const Closer closer{*this};  // also when a callback of the caller's throws
        co_return co_await talk(request, on_head, on_data);
    }

private:
    struct Closer {
        Call& call;
        explicit Closer(Call& owner) noexcept : call{owner} {}
        Closer(const Closer&) = delete;
        Closer& operator=(const Closer&) = delete;
        ~Closer() {
            call.timer_.cancel();
            ErrorCode ignored;
            static_cast<void>(call.socket_.close(ignored));
        }
    };

    std::unexpected<Error> failure(const ErrorCode& code, Errc errc, std::string_view doing) const {
        if (expired_) {
            return fail(
                Errc::timed_out,
                fmt::format("{} gave no full answer in {} ms", address_.text(), limit_.count()));
        }
        if (code == asio::error::operation_aborted) {
            return fail(Errc::cancelled, fmt::format("stopped waiting for {}", address_.text()));
        }
        return fail(errc, fmt::format("{} {}: {}", doing, address_.text(), code.message()));
    }

    std::unexpected<Error> broken(std::string_view what) const {
        return fail(
            Errc::invalid_response, fmt::format("{} answered badly: {}", address_.text(), what));
    }

    [[nodiscard]] std::string head_bytes(const ClientRequest& request) const {
        std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
        bool host = false;
        for (const auto& [name, value] : request.headers) {
            host = host || iequals(name, "host");
            fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
        }
        if (!host) {
            head += "Host: ";
            head += address_.is_unix() ? std::string{"localhost"} : address_.text();
            head += "\r\n";
        }
        if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD")) {
            fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", request.body.size());
        }
        head += "Connection: close\r\n\r\n";
        return head;
    }

    Task<ClientResponse> talk(
        const ClientRequest& request, const OnHead& on_head, const OnData& on_data) {
        const asio::generic::stream_protocol::endpoint endpoint{
            address_.get(), address_.size, address_.is_unix() ? 0 : IPPROTO_TCP};
        const auto [refused] = co_await socket_.async_connect(endpoint, use_tuple);
        if (refused) {
            co_return failure(refused, Errc::unavailable, "cannot connect to");
        }
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            co_return failure(asio::error::operation_aborted, Errc::cancelled, "");
        }
        const std::string head = head_bytes(request);
        const std::array<asio::const_buffer, 2> pieces{
            asio::buffer(head), asio::buffer(request.body)};
        const auto [unsent, sent] = co_await asio::async_write(socket_, pieces, use_tuple);
        // A server may answer and close before it has read all: look for its answer anyway.
        if (unsent && (expired_ || unsent == asio::error::operation_aborted)) {
            co_return failure(unsent, Errc::unavailable, "cannot send to");
        }
        co_return co_await read_answer(request.method, on_head, on_data);
    }

    Task<ClientResponse> read_answer(
        std::string_view method, const OnHead& on_head, const OnData& on_data) {
        HeadParser parser{HeadParser::Kind::response};
        for (int interim = 0; interim <= interim_max;) {
            const Progress progress = parser.feed(bytes_, Limits{});
            if (progress == Progress::refused) {
                co_return broken(parser.refusal().sentence);
            }
            if (progress == Progress::need_more) {
                const auto read = co_await read_more();
                if (!read) {
                    co_return std::unexpected{read.error()};
                }
                if (*read == 0) {
                    co_return fail(
                        Errc::unavailable,
                        fmt::format("{} closed without an answer", address_.text()));
                }
                continue;
            }
            const ResponseHead& head = parser.response();
            if (head.status / 100 == 1 && head.status != 101) {
                bytes_.erase(0, parser.size());
                parser.reset();
                ++interim;
                continue;
            }
            ClientResponse response{.status = head.status};
            for (const Field& field : head.fields) {
                response.headers.emplace_back(field.name, field.value);
            }
            on_head(response);
            const ResponseHead framing = head;  // without its fields: they move away
            bytes_.erase(0, parser.size());
            if (framing.bodiless(method)) {
                co_return response;
            }
            const auto read = framing.chunked ? co_await read_chunks(on_data)
                              : framing.content_length
                                  ? co_await read_sized(*framing.content_length, on_data)
                                  : co_await read_to_end(on_data);
            if (!read) {
                co_return std::unexpected{read.error()};
            }
            co_return response;
        }
        co_return broken("too many interim answers");
    }

    /// Appends to bytes_; 0 at the end of the connection.
    Task<std::size_t> read_more() {
        if (is_called_off(co_await asio::this_coro::cancellation_state)) {
            co_return failure(asio::error::operation_aborted, Errc::cancelled, "");
        }
        const std::size_t at = bytes_.size();
        bytes_.resize(at + read_bytes);
        const auto [code, count] = co_await socket_.async_read_some(
            asio::buffer(bytes_.data() + at, read_bytes), use_tuple);
        bytes_.resize(at + count);
        if (code && code != asio::error::eof) {
            co_return failure(code, Errc::unavailable, "lost");
        }
        co_return count;
    }

    /// `read_more` in the middle of a body, where the end is an error.
    Task<void> must_read_more() {
        const auto read = co_await read_more();
        if (!read && read.error().code == Errc::unavailable) {
            co_return broken("the connection broke in the middle of the answer");
        }
        if (!read) {
            co_return std::unexpected{read.error()};
        }
        if (*read == 0) {
            co_return broken("the answer was cut short");
        }
        co_return Result<void>{};
    }

    Task<void> read_sized(std::uint64_t size, const OnData& on_data) {
        for (std::uint64_t left = size;;) {
            const std::string_view piece = std::string_view{bytes_}.substr(
                0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes_.size())));
            left -= piece.size();
            if (const auto taken = on_data(piece); !taken) {
                co_return taken;
            }
            bytes_.clear();
            if (left == 0) {
                co_return Result<void>{};
            }
            const auto read = co_await must_read_more();
            if (!read) {
                co_return read;
            }
        }
    }

    Task<void> read_chunks(const OnData& on_data) {
        ChunkScanner scanner;
        for (;;) {
            std::string_view rest = bytes_;
            while (!rest.empty() && scanner.state() == ChunkScanner::State::more) {
                const ChunkScanner::Step step = scanner.next(rest);
                rest.remove_prefix(step.consumed);
                if (const auto taken = on_data(step.payload); !taken) {
                    co_return taken;
                }
            }
            bytes_.clear();
            if (scanner.state() == ChunkScanner::State::bad) {
                co_return broken(scanner.why());
            }
            if (scanner.state() == ChunkScanner::State::done) {
                co_return Result<void>{};
            }
            const auto read = co_await must_read_more();
            if (!read) {
                co_return read;
            }
        }
    }

    Task<void> read_to_end(const OnData& on_data) {
        for (;;) {
            if (const auto taken = on_data(bytes_); !taken) {
                co_return taken;
            }
            bytes_.clear();
            const auto read = co_await read_more();
            if (!read && read.error().code == Errc::unavailable) {
                co_return broken("the connection broke in the middle of the answer");
            }
            if (!read) {
                co_return std::unexpected{read.error()};
            }
            if (*read == 0) {
                co_return Result<void>{};
            }
        }
    }

    Socket socket_;
    asio::steady_timer timer_;
    Address address_;
    std::chrono::milliseconds limit_{};
    std::string bytes_{};
    bool expired_{false};
};

Task<ClientResponse> call(
    std::string address,
    ClientRequest request,
    std::chrono::milliseconds limit,
    OnHead on_head,
    OnData on_data) {
    auto parsed = parse_address(address);
    if (!parsed) {
        co_return std::unexpected{parsed.error()};
    }
    if (!headers_are_clean(request.headers)) {
        co_return fail(Errc::invalid_argument, "a header of the request cannot be sent");
    }
    // A cancellation is an error of ours, not an exception of Asio's.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    const auto state = std::make_shared<Call>(executor, std::move(*parsed));
    auto result = co_await state->run(request, limit, on_head, on_data);
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return result;
}

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (iequals(key, name)) {
            return value;
        }
    }
    return {};
}

Task<ClientResponse> fetch(
    std::string address,
    ClientRequest request,
    std::chrono::milliseconds limit,
    std::size_t body_max) {
    std::string body;
    const OnData collect = [&body, body_max](std::string_view piece) -> Result<void> {
        if (piece.size() > body_max - body.size()) {
            return fail(
                Errc::invalid_response, fmt::format("the answer has more than {} bytes", body_max));
        }
        body += piece;
        return {};
    };
    const OnHead ignore = [](const ClientResponse&) {};
    auto response = co_await call(std::move(address), std::move(request), limit, ignore, collect);
    if (response) {
        response->body = std::move(body);
    }
    co_return response;
}

Task<ClientResponse> fetch_stream(
    std::string address,
    ClientRequest request,
    std::chrono::milliseconds limit,
    std::function<void(const ClientResponse&)> on_head,
    std::function<void(std::string_view)> on_data) {
    const OnData pass = [&on_data](std::string_view piece) -> Result<void> {
        if (!piece.empty()) {
            on_data(piece);
        }
        return {};
    };
    co_return co_await call(
        std::move(address), std::move(request), limit, std::move(on_head), pass);
}

}  // namespace evenkeel::inference::http
