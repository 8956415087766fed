#include "tests/fakes/cloud/delivery.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <zlib.h>

namespace evenkeel::fakes::cloud {

namespace asio = boost::asio;
namespace http = inference::http;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t huge_bytes = std::size_t{200} * 1024 * 1024;
constexpr std::size_t piece_bytes = std::size_t{256} * 1024;
/// Even an endless answer ends some day.
constexpr int endless_pieces = 60'000;
constexpr std::chrono::milliseconds endless_pause{10};

/// 200 MB of blanks behind gzip: small, and a client that inflates it all is dead.
const std::string& bomb() {
    static const std::string bytes = [] {
        std::string packed;
        std::string blank(piece_bytes, ' ');
        std::string out(piece_bytes, '\0');
        z_stream stream{};
        constexpr int gzip_window = 15 + 16;
        if (deflateInit2(&stream, 9, Z_DEFLATED, gzip_window, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
            return packed;
        }
        for (std::size_t done = 0; done <= huge_bytes; done += piece_bytes) {
            stream.next_in = reinterpret_cast<Bytef*>(blank.data());
            stream.avail_in = done < huge_bytes ? static_cast<uInt>(piece_bytes) : 0;
            do {
                stream.next_out = reinterpret_cast<Bytef*>(out.data());
                stream.avail_out = static_cast<uInt>(piece_bytes);
                deflate(&stream, done < huge_bytes ? Z_NO_FLUSH : Z_FINISH);
                packed.append(out, 0, piece_bytes - stream.avail_out);
            } while (stream.avail_out == 0);
        }
        deflateEnd(&stream);
        return packed;
    }();
    return bytes;
}

/// Pieces until there are enough of them or the client has gone.
asio::awaitable<void> stream(
    http::Exchange& exchange,
    std::string piece,
    std::size_t count,
    std::chrono::milliseconds pause) {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    const http::Headers headers{{"content-type", "application/json"}};
    co_await exchange.begin_stream(200, headers);
    for (std::size_t i = 0; i < count; ++i) {
        const auto written = co_await exchange.write(piece);
        if (!written) {
            co_return;
        }
        if (pause.count() > 0) {
            timer.expires_after(pause);
            const auto [error] = co_await timer.async_wait(use_tuple);
            if (error) {
                co_return;
            }
        }
    }
    co_await exchange.end_stream();
}

/// False when the client has gone meanwhile.
asio::awaitable<bool> wait(http::Exchange& exchange, Micros delay) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer{co_await asio::this_coro::executor, delay};
    const auto either = co_await (timer.async_wait(use_tuple) || exchange.peer_gone());
    co_return either.index() == 0;
}

}  // namespace

asio::awaitable<void> deliver(http::Exchange& exchange, const Reply& reply) {
    if (reply.delay.count() > 0) {
        const bool here = co_await wait(exchange, reply.delay);
        if (!here) {
            co_return;
        }
    }
    http::Headers headers{{"content-type", reply.content_type}};
    headers.insert(headers.end(), reply.headers.begin(), reply.headers.end());
    if (reply.status == 204) {
        headers.erase(headers.begin());
    }
    switch (reply.delivery) {
        case Delivery::normal:
            co_await exchange.respond(reply.status, headers, reply.body);
            break;
        case Delivery::lost: {
            boost::system::error_code ignored;
            static_cast<void>(exchange.socket().close(ignored));
            break;
        }
        case Delivery::huge:
            co_await stream(
                exchange,
                std::string(piece_bytes, ' '),
                huge_bytes / piece_bytes,
                std::chrono::milliseconds{0});
            break;
        case Delivery::bomb:
            headers.emplace_back("content-encoding", "gzip");
            co_await exchange.respond(200, headers, bomb());
            break;
        case Delivery::endless:
            co_await stream(exchange, std::string(64, ' '), endless_pieces, endless_pause);
            break;
    }
}

}  // namespace evenkeel::fakes::cloud
