#include "tests/fakes/cloud/node_front.hpp"

#include "inference/http/response.hpp"
#include "inference/http/server.hpp"
#include "tests/fakes/cloud/tls_front.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::fakes::cloud {

namespace asio = boost::asio;
namespace http = inference::http;
using asio::ip::tcp;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece_bytes = 16 * 1024;

struct Path {
    std::string_view path{};
    std::string_view method{};
    bool open{false};
};
constexpr std::array paths{
    Path{"/health", "GET", true},
    Path{"/metrics", "GET"},
    Path{"/v1/models", "GET"},
    Path{"/v1/chat/completions", "POST"},
    Path{"/v1/completions", "POST"},
    Path{"/v1/messages", "POST"},
    Path{"/v1/messages/count_tokens", "POST"},
};

asio::awaitable<void> say(http::Exchange& exchange, int status, std::string_view sentence) {
    http::Headers headers{{"content-type", "application/json"}};
    if (status == 503) {
        headers.emplace_back("retry-after", "2");
    }
    const std::string body = http::plain_error_body(sentence);
    co_await exchange.respond(status, headers, body);
}

/// The request as the engine gets it: on a connection of its own that ends with the answer.
std::string request_for_engine(const http::RequestHead& head, std::string_view body) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\n", head.method, head.target);
    for (const http::Field& field : head.fields) {
        constexpr std::array own{
            std::string_view{"connection"},
            std::string_view{"content-length"},
            std::string_view{"transfer-encoding"},
            std::string_view{"host"},
            std::string_view{"expect"}};
        const bool ours = std::ranges::any_of(
            own, [&](std::string_view name) { return http::iequals(name, field.name); });
        if (!ours) {
            text += fmt::format("{}: {}\r\n", field.name, field.value);
        }
    }
    text += "Host: 127.0.0.1\r\nConnection: close\r\n";
    if (head.method == "POST") {
        text += fmt::format("Content-Length: {}\r\n", body.size());
    }
    return text + "\r\n" + std::string{body};
}

/// Passes on what the engine sends, as it comes, until either side ends.
asio::awaitable<void> relay(http::Exchange& exchange, tcp::socket& engine) {
    using namespace asio::experimental::awaitable_operators;
    std::array<char, piece_bytes> piece;
    for (;;) {
        auto either = co_await (
            engine.async_read_some(asio::buffer(piece), use_tuple) || exchange.peer_gone());
        const bool gone = either.index() == 1;
        if (gone || std::get<0>(std::get<0>(either))) {
            if (!gone && exchange.begun()) {
                co_await exchange.write_raw({}, true, false);
            }
            co_return;
        }
        const std::array<std::string_view, 1> pieces{
            std::string_view{piece.data(), std::get<1>(std::get<0>(either))}};
        const auto written = co_await exchange.write_raw(pieces, false, false);
        if (!written) {
            co_return;
        }
    }
}

class Front final : public NodeFront {
public:
    Front(std::string key, std::uint16_t engine_port)
        : key_{"Bearer " + std::move(key)},
          engine_{asio::ip::address_v4::loopback(), engine_port} {}

    Result<void> listen(asio::io_context& context, const Machine& machine, int port) {
        auto server = http::listen(
            context,
            "127.0.0.1:0",
            [this](http::Exchange& exchange) { return handle(exchange); },
            {});
        if (!server) {
            return std::unexpected{server.error()};
        }
        server_ = std::move(*server);
        Pem pem{.certificate = machine.node->certificate, .key = machine.node->key};
        if (machine.has(Trouble::wrong_pin)) {
            auto other = make_host({}, Flaw::self_signed);
            if (!other) {
                return std::unexpected{other.error()};
            }
            pem = std::move(*other);
        }
        auto tls = make_tls_front(context, machine.address, port, pem, server_->port());
        if (!tls) {
            return std::unexpected{tls.error()};
        }
        tls_ = std::move(*tls);
        return {};
    }
    std::uint16_t port() const noexcept override { return tls_->port(); }

private:
    asio::awaitable<void> handle(http::Exchange& exchange) {
        const http::RequestHead& head = exchange.head();
        const auto found = std::ranges::find(paths, head.path, &Path::path);
        if (found == paths.end()) {
            co_await say(exchange, 404, "not here");
            co_return;
        }
        if (!found->open && head.field("authorization") != key_) {
            co_await say(exchange, 401, "wrong or missing key");
            co_return;
        }
        if (head.method != found->method) {
            co_await say(exchange, 405, "not so");
            co_return;
        }
        const auto body = co_await exchange.read_body();
        if (!body) {
            co_await say(exchange, 400, body.error().message);
            co_return;
        }
        const auto executor = co_await asio::this_coro::executor;
        tcp::socket engine{executor};
        const auto [refused] = co_await engine.async_connect(engine_, use_tuple);
        if (refused) {
            co_await say(exchange, 503, "the engine does not answer");
            co_return;
        }
        const std::string request = request_for_engine(head, *body);
        const auto [lost, sent] =
            co_await asio::async_write(engine, asio::buffer(request), use_tuple);
        if (lost) {
            co_await say(exchange, 503, "the engine does not answer");
            co_return;
        }
        co_await relay(exchange, engine);
        if (!exchange.begun()) {
            co_await say(exchange, 503, "the engine does not answer");
        }
    }

    std::string key_;
    tcp::endpoint engine_;
    std::unique_ptr<http::Server> server_{};
    std::unique_ptr<TlsFront> tls_{};
};

}  // namespace

Result<std::unique_ptr<NodeFront>> make_node_front(
    asio::io_context& context, const Machine& machine, int port, std::uint16_t engine_port) {
    auto front = std::make_unique<Front>(machine.node->engine_key, engine_port);
    if (const auto listening = front->listen(context, machine, port); !listening) {
        return std::unexpected{listening.error()};
    }
    return front;
}

}  // namespace evenkeel::fakes::cloud
