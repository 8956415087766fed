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

/// `bytes` packed as one or more complete blocks of a deflate stream that others may follow.
std::string packed_blocks(std::string bytes) {
    z_stream stream{};
    constexpr int raw_window = -15;
    std::string out(bytes.size(), '\0');
    if (deflateInit2(&stream, 9, Z_DEFLATED, raw_window, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        return {};
    }
    stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FULL_FLUSH);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

void append_le32(std::string& out, std::uint64_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        out += static_cast<char>(value >> shift & 0xffU);
    }
}

/// 200 MB of blanks behind gzip (RFC 1952): small, and a client that inflates it all is dead. One
/// packed piece is repeated, so that making it costs nothing.
const std::string& bomb() {
    static const std::string bytes = [] {
        const std::string piece(piece_bytes, ' ');
        const std::string blocks = packed_blocks(piece);
        const uLong piece_sum =
            crc32(0, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece_bytes));
        std::string packed{"\x1f\x8b\x08\0\0\0\0\0\x02\x03", 10};
        uLong sum = 0;
        for (std::size_t done = 0; done < huge_bytes; done += piece_bytes) {
            packed += blocks;
            sum = crc32_combine(sum, piece_sum, static_cast<z_off_t>(piece_bytes));
        }
        packed.append("\x03\0", 2);  // the last block, empty
        append_le32(packed, sum);
        append_le32(packed, huge_bytes);
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
