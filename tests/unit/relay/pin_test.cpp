#include "inference/relay/upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <thread>

/// The pin: a source is whoever holds the pinned key, at every connection.
namespace evenkeel::inference::relay {
namespace {

using namespace std::chrono_literals;
using tcp = asio::ip::tcp;

/// A key with a self-signed certificate that is no longer valid and names nobody: only the key
/// counts.
class Identity {
public:
    Identity() : key_{EVP_EC_gen("P-256")}, certificate_{X509_new()} {
        X509_gmtime_adj(X509_getm_notBefore(certificate_), -7200);
        X509_gmtime_adj(X509_getm_notAfter(certificate_), -3600);
        X509_set_pubkey(certificate_, key_);
        X509_sign(certificate_, key_, EVP_sha256());
    }
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;
    ~Identity() {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    [[nodiscard]] std::string pin() const {
        unsigned char* raw = nullptr;
        const int size = i2d_PUBKEY(key_, &raw);
        std::array<unsigned char, 32> digest{};
        EVP_Digest(
            raw, static_cast<std::size_t>(size), digest.data(), nullptr, EVP_sha256(), nullptr);
        OPENSSL_free(raw);
        std::string text;
        for (const unsigned char byte : digest) {
            text += fmt::format("{:02x}", byte);
        }
        return text;
    }
    void use(SSL* ssl) const {
        SSL_use_certificate(ssl, certificate_);
        SSL_use_PrivateKey(ssl, key_);
    }

private:
    EVP_PKEY* key_;
    X509* certificate_;
};

/// Serves TLS connections one after the other, each with the identity that is set at its time; says
/// "hello" and counts the bytes that clients sent.
class Server {
public:
    explicit Server(const Identity& first, int version_max = TLS1_3_VERSION)
        : acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}},
          ssl_context_{SSL_CTX_new(TLS_server_method())},
          identity_{&first} {
        SSL_CTX_set_max_proto_version(ssl_context_, version_max);
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL to clients that left
        thread_ = std::thread{[this] { serve(); }};
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        stopping_ = true;
        {
            asio::io_context waker;
            tcp::socket socket{waker};
            socket.connect(acceptor_.local_endpoint());
        }
        thread_.join();
        SSL_CTX_free(ssl_context_);
    }
    void become(const Identity& identity) { identity_ = &identity; }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    [[nodiscard]] int bytes() const { return bytes_; }
    /// Connections that are over.
    [[nodiscard]] int served() const { return served_; }

private:
    void serve() {
        for (;;) {
            tcp::socket socket = acceptor_.accept();
            if (stopping_) {
                return;
            }
            SSL* ssl = SSL_new(ssl_context_);
            identity_.load()->use(ssl);
            SSL_set_fd(ssl, socket.native_handle());
            if (SSL_accept(ssl) == 1) {
                SSL_write(ssl, "hello", 5);
                std::array<char, 512> buffer{};
                for (int n = 0; (n = SSL_read(ssl, buffer.data(), 512)) > 0;) {
                    bytes_ += n;
                }
            }
            SSL_free(ssl);
            ++served_;
        }
    }

    asio::io_context context_{};
    tcp::acceptor acceptor_;
    SSL_CTX* ssl_context_;
    std::atomic<const Identity*> identity_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> bytes_{0};
    std::atomic<int> served_{0};
    std::thread thread_{};
};

/// Connects, sends four bytes and reads the greeting.
Result<std::string> talk(std::uint16_t port, std::shared_ptr<const TlsContext> tls) {
    asio::io_context context;
    Result<std::string> out = fail(Errc::cancelled, "did not run");
    auto upstream = std::make_shared<Upstream>(context);
    const auto work = [](std::shared_ptr<Upstream> line,
                         Endpoint endpoint) -> asio::awaitable<Result<std::string>> {
        const auto connected = co_await line->connect(endpoint);
        if (!connected) {
            co_return std::unexpected{connected.error()};
        }
        const std::array<std::string_view, 1> pieces{"ping"};
        static_cast<void>(co_await line->write(pieces));
        std::array<char, 64> buffer{};
        for (;;) {
            co_await line->readable();
            const auto moved = line->read_some(buffer);
            if (moved.state != Upstream::State::again) {
                line->close();
                co_return std::string{buffer.data(), moved.bytes};
            }
        }
    };
    asio::co_spawn(
        context,
        work(upstream, {.host = "127.0.0.1", .port = port, .tls = std::move(tls)}),
        [&out](const std::exception_ptr& error, Result<std::string> result) {
            EXPECT_FALSE(error);
            out = std::move(result);
        });
    context.run_for(5s);
    return out;
}

void wait_for(const Server& server, int connections) {
    for (int i = 0; i < 500 && server.served() < connections; ++i) {
        std::this_thread::sleep_for(2ms);
    }
    ASSERT_EQ(server.served(), connections);
}

TEST(UpstreamPin, OnlyTheKeyCounts) {
    const Identity node;
    const Server server{node};
    const auto tls = TlsContext::pinned(node.pin());
    ASSERT_TRUE(tls) << tls.error().message;
    const auto answer = talk(server.port(), *tls);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, "hello");
    wait_for(server, 1);
    EXPECT_EQ(server.bytes(), 4);
}

TEST(UpstreamPin, AChangedKeyIsNoticedBeforeTheFirstByte) {
    const Identity node;
    const Identity other;
    Server server{node};
    const auto tls = TlsContext::pinned(node.pin());
    ASSERT_TRUE(tls);
    ASSERT_TRUE(talk(server.port(), *tls));
    server.become(other);
    for (int i = 0; i < 2; ++i) {  // the second time as well
        const auto answer = talk(server.port(), *tls);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::unauthorized);
        EXPECT_EQ(answer.error().message.find(node.pin()), std::string::npos);
    }
    wait_for(server, 3);
    EXPECT_EQ(server.bytes(), 4) << "the wrong peer got bytes";
    server.become(node);
    EXPECT_TRUE(talk(server.port(), *tls));
}

TEST(UpstreamPin, OlderTlsIsRefused) {
    const Identity node;
    const Server server{node, TLS1_2_VERSION};
    const auto tls = TlsContext::pinned(node.pin());
    ASSERT_TRUE(tls);
    const auto answer = talk(server.port(), *tls);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    wait_for(server, 1);
    EXPECT_EQ(server.bytes(), 0);
}

TEST(UpstreamPin, APinIsAHash) {
    for (const std::string& pin :
         {std::string{},
          std::string(63, 'a'),
          std::string(65, 'a'),
          std::string(64, 'A'),
          std::string(64, 'g')}) {
        const auto tls = TlsContext::pinned(pin);
        ASSERT_FALSE(tls) << pin;
        EXPECT_EQ(tls.error().code, Errc::invalid_argument);
    }
    EXPECT_EQ((*TlsContext::pinned(std::string(64, '0')))->pin(), std::string(64, '0'));
    EXPECT_EQ((*TlsContext::make(""))->pin(), "");
}

}  // namespace
}  // namespace evenkeel::inference::relay
