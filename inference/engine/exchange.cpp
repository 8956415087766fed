#include "inference/engine/exchange.hpp"

#include "inference/http/head.hpp"
#include "inference/http/response.hpp"
#include "inference/relay/answer_body.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>

namespace evenkeel::inference::engine {

namespace {

namespace asio = boost::asio;
using relay::Task;
using relay::Upstream;

constexpr std::size_t read_bytes = 16 * 1024;
/// Interim answers (100, 103) are skipped, but not for ever.
constexpr int interim_max = 8;

std::string address(const relay::Endpoint& endpoint) {
    const bool six = endpoint.host.find(':') != std::string::npos;
    return six ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
               : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

std::string head_bytes(const relay::Endpoint& endpoint, const http::ClientRequest& request) {
    std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, address(endpoint));
    for (const auto& [name, value] : request.headers) {
        fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
    }
    if (request.method != "GET") {
        fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", request.body.size());
    }
    head += "User-Agent: evenkeel\r\nConnection: close\r\n\r\n";
    return head;
}

/// One exchange. Shared with its timer's callback, which may run after the exchange has ended.
class Call : public std::enable_shared_from_this<Call> {
public:
    Call(
        const asio::any_io_executor& executor,
        relay::Endpoint endpoint,
        std::size_t body_max,
        Receiver receiver)
        : upstream_{executor},
          timer_{executor},
          endpoint_{std::move(endpoint)},
          receiver_{std::move(receiver)},
          body_max_{body_max} {}

    Task<http::ClientResponse> run(http::ClientRequest request, std::chrono::milliseconds limit) {
        limit_ = limit;
        timer_.expires_after(limit);
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
            if (!code) {
                self->expired_ = true;
                self->upstream_.close();
            }
        });
        const Closer closer{*this};  // also when a callback of the caller's throws
        co_return co_await talk(std::move(request));
    }

private:
    struct Closer {
        Call& call;
        explicit Closer(Call& owner) noexcept : call{owner} {}
        Closer(const Closer&) = delete;
        Closer& operator=(const Closer&) = delete;
        ~Closer() {
            call.timer_.cancel();
            call.upstream_.close();
        }
    };

    Task<http::ClientResponse> talk(http::ClientRequest request) {
        const auto connected = co_await upstream_.connect(endpoint_);
        if (!connected) {
            co_return co_await failure(connected.error().code, connected.error().message);
        }
        const std::string head = head_bytes(endpoint_, request);
        const std::array<std::string_view, 2> pieces{head, request.body};
        // An engine may answer and close before it has read all: look for its answer anyway.
        static_cast<void>(co_await upstream_.write(pieces));
        http::HeadParser parser{http::HeadParser::Kind::response};
        for (int interim = 0; interim <= interim_max;) {
            const http::Progress progress = parser.feed(bytes_, http::Limits{});
            if (progress == http::Progress::refused) {
                co_return co_await failure(Errc::invalid_response, parser.refusal().sentence);
            }
            if (progress == http::Progress::need_more) {
                const auto moved = co_await read_more();
                if (moved.state != Upstream::State::moved) {
                    co_return co_await failure(Errc::unavailable, "closed without an answer");
                }
                bytes_.append(buffer_.data(), moved.bytes);
                continue;
            }
            const http::ResponseHead& answer = parser.response();
            if (answer.status / 100 == 1 && answer.status != 101) {
                bytes_.erase(0, parser.size());
                parser.reset();
                ++interim;
                continue;
            }
            http::ClientResponse response{.status = answer.status};
            for (const http::Field& field : answer.fields) {
                response.headers.emplace_back(field.name, field.value);
            }
            if (receiver_.on_head) {
                receiver_.on_head(response);
            }
            if (!answer.bodiless(request.method)) {
                body_ = relay::AnswerBody{answer};
                bytes_.erase(0, parser.size());
                const auto read = co_await read_body(response.body);
                if (!read) {
                    co_return std::unexpected{read.error()};
                }
            }
            co_return response;
        }
        co_return co_await failure(Errc::invalid_response, "too many interim answers");
    }

    Task<void> read_body(std::string& collected) {
        std::span<char> fresh{bytes_};  // what came with the head
        for (;;) {
            const std::string_view content = body_.take(fresh);
            if (receiver_.on_data && !content.empty()) {
                receiver_.on_data(content);
            } else if (content.size() > body_max_ - collected.size()) {
                co_return co_await failure(
                    Errc::invalid_response, fmt::format("more than {} bytes", body_max_));
            } else {
                collected += content;
            }
            if (body_.state() == relay::AnswerBody::State::done) {
                co_return Result<void>{};
            }
            if (body_.state() == relay::AnswerBody::State::bad) {
                co_return co_await failure(Errc::invalid_response, "the answer was cut short");
            }
            const auto moved = co_await read_more();
            fresh = std::span{buffer_}.first(moved.bytes);
            if (moved.state == Upstream::State::closed) {
                body_.closed();
            } else if (moved.state != Upstream::State::moved) {
                co_return co_await failure(Errc::invalid_response, "broke off in mid-answer");
            }
        }
    }

    asio::awaitable<Upstream::Moved> read_more() {
        for (;;) {
            co_await upstream_.readable();
            const auto moved = upstream_.read_some(buffer_);
            if (moved.state != Upstream::State::again) {
                co_return moved;
            }
        }
    }

    /// The error of a step that failed; a limit or a cancellation is named as such.
    asio::awaitable<std::unexpected<Error>> failure(Errc code, std::string_view what) {
        const auto state = co_await asio::this_coro::cancellation_state;
        const std::string where = address(endpoint_);
        if (expired_) {
            co_return fail(
                Errc::timed_out,
                fmt::format("{} gave no full answer in {} ms", where, limit_.count()));
        }
        if (state.cancelled() != asio::cancellation_type::none) {
            co_return fail(Errc::cancelled, fmt::format("stopped waiting for {}", where));
        }
        co_return fail(code, fmt::format("{}: {}", where, what));
    }

    Upstream upstream_;
    asio::steady_timer timer_;
    relay::Endpoint endpoint_;
    Receiver receiver_;
    std::size_t body_max_;
    std::chrono::milliseconds limit_{};
    relay::AnswerBody body_{};
    std::string bytes_{};
    std::array<char, read_bytes> buffer_{};
    bool expired_{false};
};

}  // namespace

Task<http::ClientResponse> exchange(
    relay::Endpoint endpoint,
    http::ClientRequest request,
    std::chrono::milliseconds limit,
    std::size_t body_max,
    Receiver receiver) {
    if (!http::headers_are_clean(request.headers)) {
        co_return fail(Errc::invalid_argument, "a header of the request cannot be sent");
    }
    // A cancellation is an error of ours, not an exception of Asio's.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    const auto call =
        std::make_shared<Call>(executor, std::move(endpoint), body_max, std::move(receiver));
    auto result = co_await call->run(std::move(request), limit);
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return result;
}

}  // namespace evenkeel::inference::engine
