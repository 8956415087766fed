#include "tests/fakes/cloud/tls_front.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <set>

namespace evenkeel::fakes::cloud {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds handshake_limit{10};
constexpr std::size_t piece_bytes = 16 * 1024;

using Tls = asio::ssl::stream<tcp::socket>;

struct Session {
    Session(tcp::socket socket, asio::ssl::context& tls)
        : client{std::move(socket), tls}, backend{client.get_executor()} {}
    Tls client;
    tcp::socket backend;

    void close() {
        ErrorCode ignored;
        static_cast<void>(client.lowest_layer().close(ignored));
        static_cast<void>(backend.close(ignored));
    }
};

/// What the accept loop and the sessions share; lives until the last of them has ended.
struct Hall {
    Hall(asio::io_context& context, asio::ssl::context context_of_tls)
        : acceptor{context}, tls{std::move(context_of_tls)} {}
    tcp::acceptor acceptor;
    asio::ssl::context tls;
    tcp::endpoint backend{};
    std::set<std::shared_ptr<Session>> sessions{};
    bool closed{false};
};

template <class From, class To>
asio::awaitable<void> pump(std::shared_ptr<Session> session, From& from, To& to) {
    std::array<char, piece_bytes> piece;
    for (;;) {
        const auto [read_error, size] =
            co_await from.async_read_some(asio::buffer(piece), use_tuple);
        if (read_error) {
            break;
        }
        const auto bytes = asio::buffer(piece.data(), size);
        const auto [write_error, written] = co_await asio::async_write(to, bytes, use_tuple);
        if (write_error) {
            break;
        }
    }
    static_cast<void>(session);
}

asio::awaitable<void> shake_hands(Tls& client) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer{client.get_executor(), handshake_limit};
    auto either = co_await (
        client.async_handshake(asio::ssl::stream_base::server, use_tuple) ||
        timer.async_wait(use_tuple));
    const bool good = either.index() == 0 && !std::get<0>(std::get<0>(either));
    if (!good) {
        ErrorCode ignored;
        static_cast<void>(client.lowest_layer().close(ignored));
    }
}

asio::awaitable<void> serve(std::shared_ptr<Hall> hall, std::shared_ptr<Session> session) {
    using namespace asio::experimental::awaitable_operators;
    co_await shake_hands(session->client);
    if (!session->client.lowest_layer().is_open()) {
        co_return;
    }
    const auto [error] = co_await session->backend.async_connect(hall->backend, use_tuple);
    if (error) {
        co_return;
    }
    // Whoever ends first ends both: a client that is gone must be gone for the backend too.
    co_await (
        pump(session, session->client, session->backend) ||
        pump(session, session->backend, session->client));
    // The last bytes are out; say that they were the last, but do not wait for the peer to agree.
    asio::steady_timer limit{session->client.get_executor(), std::chrono::milliseconds{200}};
    co_await (session->client.async_shutdown(use_tuple) || limit.async_wait(use_tuple));
}

asio::awaitable<void> accept_all(std::shared_ptr<Hall> hall) {
    for (;;) {
        auto [error, socket] = co_await hall->acceptor.async_accept(use_tuple);
        if (hall->closed) {
            co_return;
        }
        if (error) {
            continue;
        }
        ErrorCode ignored;
        static_cast<void>(socket.set_option(tcp::no_delay{true}, ignored));
        auto session = std::make_shared<Session>(std::move(socket), hall->tls);
        hall->sessions.insert(session);
        asio::co_spawn(
            hall->acceptor.get_executor(),
            serve(hall, session),
            [hall, session](const std::exception_ptr& thrown) {
                session->close();
                hall->sessions.erase(session);
                if (thrown) {
                    spdlog::error("fake_cloud tls_session_failed");
                }
            });
    }
}

class Front final : public TlsFront {
public:
    explicit Front(std::shared_ptr<Hall> hall) : hall_{std::move(hall)} {
        asio::co_spawn(
            hall_->acceptor.get_executor(),
            accept_all(hall_),
            [](const std::exception_ptr& thrown) {
                if (thrown) {
                    spdlog::error("fake_cloud tls_accept_failed");
                }
            });
    }
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;
    ~Front() override {
        hall_->closed = true;
        ErrorCode ignored;
        static_cast<void>(hall_->acceptor.close(ignored));
        for (const auto& session : hall_->sessions) {
            session->close();
        }
    }
    std::uint16_t port() const noexcept override {
        ErrorCode ignored;
        return hall_->acceptor.local_endpoint(ignored).port();
    }

private:
    std::shared_ptr<Hall> hall_;
};

}  // namespace

Result<std::unique_ptr<TlsFront>> make_tls_front(
    asio::io_context& context,
    const std::string& host,
    int port,
    const Pem& pem,
    std::uint16_t backend_port) {
    asio::ssl::context tls{asio::ssl::context::tls_server};
    ErrorCode error;
    static_cast<void>(tls.use_certificate_chain(asio::buffer(pem.certificate), error));
    if (!error) {
        static_cast<void>(
            tls.use_private_key(asio::buffer(pem.key), asio::ssl::context::pem, error));
    }
    if (error) {
        return fail(
            Errc::invalid_argument,
            fmt::format("the certificate or its key cannot be used: {}", error.message()));
    }
    auto hall = std::make_shared<Hall>(context, std::move(tls));
    hall->backend = {asio::ip::address_v4::loopback(), backend_port};
    const auto address = asio::ip::make_address(host, error);
    if (error) {
        return fail(Errc::invalid_argument, fmt::format("{} is no numeric address", host));
    }
    const tcp::endpoint place{address, static_cast<std::uint16_t>(port)};
    static_cast<void>(hall->acceptor.open(place.protocol(), error));
    static_cast<void>(hall->acceptor.set_option(tcp::acceptor::reuse_address{true}, error));
    static_cast<void>(hall->acceptor.bind(place, error));
    if (!error) {
        static_cast<void>(hall->acceptor.listen(tcp::acceptor::max_listen_connections, error));
    }
    if (error) {
        return fail(
            Errc::conflict, fmt::format("cannot listen on {}:{}: {}", host, port, error.message()));
    }
    return std::make_unique<Front>(std::move(hall));
}

}  // namespace evenkeel::fakes::cloud
