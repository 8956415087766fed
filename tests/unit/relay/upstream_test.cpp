#include "inference/relay/upstream.hpp"

#include "inference/relay/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <unistd.h>

namespace evenkeel::inference::relay {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using tcp = asio::ip::tcp;

/// A key and a self-signed certificate for the given subject alternative name.
class Certificate {
public:
    explicit Certificate(const char* alternative_name)
        : key_{EVP_EC_gen("P-256")}, certificate_{X509_new()} {
        X509_set_version(certificate_, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
        X509_set_pubkey(certificate_, key_);
        X509_NAME* name = X509_get_subject_name(certificate_);
        const auto* text = reinterpret_cast<const unsigned char*>("test");
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
        X509_set_issuer_name(certificate_, name);
        X509_EXTENSION* extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_name);
        X509_add_ext(certificate_, extension, -1);
        X509_EXTENSION_free(extension);
        X509_sign(certificate_, key_, EVP_sha256());
        path_ = fs::temp_directory_path() /
                ("evenkeel-test-" + std::to_string(::getpid()) + "-" +
                 std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".pem");
        FILE* file = std::fopen(path_.c_str(), "w");
        PEM_write_X509(file, certificate_);
        std::fclose(file);
    }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;
    ~Certificate() {
        fs::remove(path_);
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    [[nodiscard]] std::string path() const { return path_.string(); }
    void use(SSL_CTX* context) const {
        SSL_CTX_use_certificate(context, certificate_);
        SSL_CTX_use_PrivateKey(context, key_);
    }

private:
    EVP_PKEY* key_;
    X509* certificate_;
    fs::path path_{};
};

/// Answers one TLS connection: echoes what it reads until the peer closes.
class TlsEcho {
public:
    explicit TlsEcho(const Certificate& certificate)
        : acceptor_{context_, tcp::endpoint{asio::ip::address_v4::loopback(), 0}},
          ssl_context_{SSL_CTX_new(TLS_server_method())} {
        certificate.use(ssl_context_);
        thread_ = std::thread{[this] { serve(); }};
    }
    TlsEcho(const TlsEcho&) = delete;
    TlsEcho& operator=(const TlsEcho&) = delete;
    ~TlsEcho() {
        thread_.join();
        SSL_CTX_free(ssl_context_);
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    void serve() {
        boost::system::error_code code;
        tcp::socket socket = acceptor_.accept(code);
        SSL* ssl = SSL_new(ssl_context_);
        SSL_set_fd(ssl, socket.native_handle());
        if (SSL_accept(ssl) == 1) {
            char bytes[16384];
            for (int count = 0; (count = SSL_read(ssl, bytes, sizeof(bytes))) > 0;) {
                if (SSL_write(ssl, bytes, count) <= 0) {
                    break;
                }
            }
        }
        SSL_free(ssl);
    }

    asio::io_context context_{};
    tcp::acceptor acceptor_;
    SSL_CTX* ssl_context_;
    std::thread thread_{};
};

asio::awaitable<void> echo_through(
    std::shared_ptr<Upstream> upstream, Endpoint endpoint, std::string& out, Result<void>& how) {
    how = co_await upstream->connect(endpoint);
    if (!how) {
        co_return;
    }
    const std::string large(300'000, 'x');
    const std::array<std::string_view, 3> pieces{"hello ", "", large};
    const std::size_t expected = 6 + large.size();
    asio::co_spawn(
        co_await asio::this_coro::executor,
        [](std::shared_ptr<Upstream> to, std::array<std::string_view, 3> what)
            -> asio::awaitable<void> { EXPECT_TRUE(co_await to->write(what)); }(upstream, pieces),
        asio::detached);
    std::string buffer(4'096, '\0');
    while (out.size() < expected) {
        co_await upstream->readable();
        const auto moved = upstream->read_some(buffer);
        if (moved.state == Upstream::State::again) {
            continue;
        }
        if (moved.state != Upstream::State::moved) {
            how = fail(Errc::invalid_response, "cut");
            break;
        }
        out.append(buffer, 0, moved.bytes);
    }
    upstream->close();
}

struct Echoed {
    Result<void> how{fail(Errc::cancelled, "not run")};
    std::string bytes{};
};
Echoed echo(const std::string& host, std::uint16_t port, const std::string& ca_file) {
    Echoed out;
    asio::io_context context;
    auto tls = TlsContext::make(ca_file);
    EXPECT_TRUE(tls) << tls.error().message;
    auto upstream = std::make_shared<Upstream>(context);
    asio::co_spawn(
        context,
        echo_through(upstream, {.host = host, .port = port, .tls = *tls}, out.bytes, out.how),
        [](const std::exception_ptr& error) { EXPECT_FALSE(error); });
    context.run_for(5s);
    return out;
}

TEST(UpstreamTls, CarriesBytesBothWays) {
    const Certificate certificate{"IP:127.0.0.1"};
    const TlsEcho server{certificate};
    const Echoed result = echo("127.0.0.1", server.port(), certificate.path());
    ASSERT_TRUE(result.how) << result.how.error().message;
    EXPECT_EQ(result.bytes.size(), 300'006u);
    EXPECT_TRUE(result.bytes.starts_with("hello xxx"));
}

TEST(UpstreamTls, RefusesACertificateForAnotherHost) {
    const Certificate certificate{"DNS:elsewhere.example"};
    const TlsEcho server{certificate};
    const Echoed result = echo("127.0.0.1", server.port(), certificate.path());
    ASSERT_FALSE(result.how);
    EXPECT_EQ(result.how.error().code, Errc::unauthorized);
}

TEST(UpstreamTls, RefusesAnUnknownIssuer) {
    const Certificate certificate{"IP:127.0.0.1"};
    const Certificate other{"IP:127.0.0.1"};
    const TlsEcho server{certificate};
    const Echoed result = echo("127.0.0.1", server.port(), other.path());
    ASSERT_FALSE(result.how);
    EXPECT_EQ(result.how.error().code, Errc::unauthorized);
}

TEST(UpstreamTls, BadCaFile) {
    EXPECT_EQ(TlsContext::make("/nonexistent.pem").error().code, Errc::invalid_argument);
    EXPECT_TRUE(TlsContext::make(""));
}

TEST(Upstream, RefusedConnectionIsUnavailable) {
    asio::io_context context;
    tcp::acceptor acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    const std::uint16_t port = acceptor.local_endpoint().port();
    acceptor.close();
    std::string bytes;
    Result<void> how{};
    asio::co_spawn(
        context,
        echo_through(
            std::make_shared<Upstream>(context), {.host = "127.0.0.1", .port = port}, bytes, how),
        asio::detached);
    context.run_for(5s);
    ASSERT_FALSE(how);
    EXPECT_EQ(how.error().code, Errc::unavailable);
}

/// A pool with plain connections to a listener that we hold the other ends of.
class PoolRig {
public:
    std::shared_ptr<Upstream> connect() {
        auto upstream = std::make_shared<Upstream>(context);
        upstream->socket().connect(acceptor.local_endpoint());
        ends.push_back(acceptor.accept());
        return upstream;
    }
    void run() { context.run_for(5ms), context.restart(); }

    asio::io_context context{};
    tcp::acceptor acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    std::vector<tcp::socket> ends{};
    Pool pool{};
    Pool::TimePoint now{std::chrono::steady_clock::now()};
};

constexpr NameIx a{1};
constexpr NameIx b{2};

TEST(Pool, NewestFirstAndPerSource) {
    PoolRig rig;
    const auto first = rig.connect();
    const auto second = rig.connect();
    rig.pool.put(a, first, rig.now);
    rig.pool.put(a, second, rig.now);
    EXPECT_EQ(rig.pool.take(b), nullptr);
    EXPECT_EQ(rig.pool.take(a), second);
    EXPECT_EQ(rig.pool.take(a), first);
    EXPECT_EQ(rig.pool.take(a), nullptr);
    rig.run();
    EXPECT_TRUE(first->open());
}

TEST(Pool, ClosedOrTalkativeOnesAreNotTaken) {
    PoolRig rig;
    const auto quiet = rig.connect();
    rig.pool.put(a, quiet, rig.now);
    rig.pool.put(a, rig.connect(), rig.now);
    rig.pool.put(a, rig.connect(), rig.now);
    rig.ends[1].close();
    rig.ends[2].write_some(asio::buffer("HTTP/1.1 408", 12));
    rig.run();
    EXPECT_EQ(rig.pool.take(a), quiet);
    EXPECT_EQ(rig.pool.size(), 0u);
}

TEST(Pool, ClosedOrTalkativeOnesAreDropped) {
    PoolRig rig;
    rig.pool.put(a, rig.connect(), rig.now);
    rig.pool.put(a, rig.connect(), rig.now);
    rig.pool.sweep(rig.now);
    rig.run();
    EXPECT_EQ(rig.pool.size(), 2u);
    rig.ends[0].close();
    rig.ends[1].write_some(asio::buffer("HTTP/1.1 408", 12));
    rig.run();
    EXPECT_EQ(rig.pool.size(), 0u);
    EXPECT_EQ(rig.pool.take(a), nullptr);
}

TEST(Pool, OldOnesAreDropped) {
    PoolRig rig;
    rig.pool.put(a, rig.connect(), rig.now);
    rig.pool.sweep(rig.now + Pool::idle_max - 1ms);
    EXPECT_EQ(rig.pool.size(), 1u);
    rig.pool.sweep(rig.now + Pool::idle_max);
    EXPECT_EQ(rig.pool.size(), 0u);
}

TEST(Pool, TakenOneIsNoLongerWatched) {
    PoolRig rig;
    const auto connection = rig.connect();
    rig.pool.put(a, connection, rig.now);
    rig.pool.sweep(rig.now);
    rig.run();
    EXPECT_EQ(rig.pool.take(a), connection);
    rig.ends[0].write_some(asio::buffer("x", 1));
    rig.run();
    EXPECT_TRUE(connection->open());
}

TEST(Pool, EndingOnesWaitForTheirFraming) {
    PoolRig rig;
    const http::ResponseHead head{.status = 200, .chunked = true};
    const auto connection = rig.connect();
    rig.pool.put_ending(a, connection, AnswerBody{head}, rig.now);
    EXPECT_EQ(rig.pool.take(a), nullptr);
    rig.ends[0].write_some(asio::buffer("0\r\n", 3));
    rig.run();
    EXPECT_EQ(rig.pool.take(a), nullptr);
    rig.ends[0].write_some(asio::buffer("\r\n", 2));
    rig.run();
    EXPECT_EQ(rig.pool.take(a), connection);
    rig.pool.put_ending(a, connection, AnswerBody{head}, rig.now);
    rig.pool.sweep(rig.now + Pool::ending_max);
    EXPECT_FALSE(connection->open());
}

TEST(Pool, BoundedPerSource) {
    PoolRig rig;
    for (std::size_t i = 0; i < Pool::per_source_max + 3; ++i) {
        rig.pool.put(a, rig.connect(), rig.now);
    }
    EXPECT_EQ(rig.pool.size(), Pool::per_source_max);
    rig.pool.drop(a);
    EXPECT_EQ(rig.pool.size(), 0u);
}

}  // namespace
}  // namespace evenkeel::inference::relay
