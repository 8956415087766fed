#include "providers/http/client.hpp"
#include "tests/unit/provider_http/certificate.hpp"
#include "tests/unit/provider_http/raw_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::CertificateFile;
using testing::Connection;
using testing::RawServer;

constexpr std::string_view token = "tok-5e94-marked-secret";
constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

HttpOptions options_for(const std::string& url) {
    return {.base_url = url, .bearer = Secret{std::string{token}}, .total_limit = 5s};
}

std::unique_ptr<HttpClient> client_for(HttpOptions options) {
    auto client = make_curl_client(std::move(options));
    if (!client) {
        throw std::runtime_error{client.error().message};
    }
    return *std::move(client);
}

/// Sends `request` to a server that answers each request with `bytes` and then closes.
Result<HttpResponse> answer_of(const HttpRequest& request, const std::string& bytes) {
    RawServer server{[&](Connection& peer, const std::string&) { peer.write(bytes); }};
    return client_for(options_for(server.url()))->send(request, {});
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

TEST(CurlClient, SendsOneRequestWithKeyAndAgent) {
    RawServer server{[](Connection& peer, const std::string&) { peer.write(ok_answer); }};
    HttpOptions options = options_for(server.url() + "/base/");
    options.version = "9.9";
    const auto answer =
        client_for(std::move(options))
            ->send({.method = "POST", .target = "/v1/x?a=1", .body = "{\"b\":2}"}, {});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "{}");
    ASSERT_EQ(server.requests().size(), 1u);
    const std::string request = server.requests().front();
    EXPECT_TRUE(request.starts_with("POST /base/v1/x?a=1 HTTP/1.1\r\n")) << request;
    EXPECT_TRUE(request.ends_with("\r\n\r\n{\"b\":2}")) << request;
    EXPECT_NE(request.find("\r\nUser-Agent: evenkeel/9.9\r\n"), std::string::npos) << request;
    EXPECT_NE(
        request.find(fmt::format("\r\nAuthorization: Bearer {}\r\n", token)), std::string::npos);
}

TEST(CurlClient, EveryStatusIsAnAnswer) {
    for (const int status : {200, 201, 204, 301, 400, 401, 404, 409, 429, 500, 503}) {
        const std::string_view body = status == 204 ? "" : "Content-Length: 0\r\n";
        const auto answer = answer_of(
            {.method = "DELETE", .target = "/x"},
            fmt::format("HTTP/1.1 {} Word\r\n{}\r\n", status, body));
        ASSERT_TRUE(answer) << status << ": " << answer.error().message;
        EXPECT_EQ(answer->status, status);
    }
}

TEST(CurlClient, ReadsRetryAfter) {
    const auto answer =
        answer_of({}, "HTTP/1.1 429 Slow\r\nRetry-After: 12\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->retry_after, 12s);
}

TEST(CurlClient, ReadsRateHeadersOfAnyCase) {
    const auto answer = answer_of(
        {},
        "HTTP/1.1 429 Slow\r\nRETRY-AFTER: 29\r\nratelimit-limit: 5000\r\n"
        "RateLimit-Remaining: 0\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->retry_after, 29s);
    ASSERT_EQ(answer->rate.size(), 1u);
    EXPECT_EQ(answer->rate[0].limit, 5'000);
    EXPECT_EQ(answer->rate[0].remaining, 0);
}

TEST(CurlClient, InflatesGzip) {
    const std::string packed = gzip(R"({"machines":[]})");
    const auto answer = answer_of(
        {},
        fmt::format(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{}",
            packed.size(),
            packed));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, R"({"machines":[]})");
}

TEST(CurlClient, KeepsAConnectionForReads) {
    RawServer server{[](Connection& peer, const std::string&) { peer.write(ok_answer); }};
    const auto client = client_for(options_for(server.url()));
    ASSERT_TRUE(client->send({.target = "/keep"}, {}));
    ASSERT_TRUE(client->send({.target = "/keep"}, {}));
    EXPECT_EQ(server.connections(), 1);
}

TEST(CurlClient, TalksOverAUnixSocket) {
    const auto path =
        std::filesystem::temp_directory_path() / fmt::format("ek-curl-{}.sock", ::getpid());
    std::filesystem::remove(path);
    {
        RawServer server{
            [](Connection& peer, const std::string&) { peer.write(ok_answer); }, path.string()};
        const auto answer =
            client_for({.base_url = "http://localhost", .unix_socket = path.string()})
                ->send({.target = "/api/status"}, {});
        EXPECT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(server.requests().front().find("Authorization"), std::string::npos);
    }
    std::filesystem::remove(path);
    const auto gone = client_for({.base_url = "http://localhost", .unix_socket = path.string()})
                          ->send({.method = "POST", .target = "/api/reload"}, {});
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Errc::unavailable);
}

TEST(CurlClient, RefusesUnsendableRequests) {
    const auto client = client_for({.base_url = "http://127.0.0.1:1"});
    for (const HttpRequest& request :
         {HttpRequest{.method = "PATCH"},
          HttpRequest{.target = "v1"},
          HttpRequest{.target = "/a b"},
          HttpRequest{.target = "/a\r\nX: y"},
          HttpRequest{.target = "/" + std::string(9'000, 'a')}}) {
        EXPECT_EQ(client->send(request, {}).error().code, Errc::invalid_argument);
    }
}

TEST(CurlClient, F04NothingSentIsUnavailable) {
    const auto client =
        client_for({.base_url = fmt::format("http://127.0.0.1:{}", testing::closed_port())});
    for (const char* method : {"GET", "POST", "DELETE"}) {
        const auto answer = client->send({.method = method, .target = "/x", .body = "{}"}, {});
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
        EXPECT_NE(answer.error().message.find("not sent"), std::string::npos);
    }
}

/// Ways to lose an answer after the request has arrived.
struct Loss {
    const char* name;
    std::function<void(Connection&)> how;
};

class LostAnswer : public ::testing::TestWithParam<Loss> {};

TEST_P(LostAnswer, F01F03IsUnknownForWritesAndUnavailableForReads) {
    RawServer server{[](Connection& peer, const std::string&) { GetParam().how(peer); }};
    HttpOptions options = options_for(server.url());
    options.total_limit = 150ms;
    const auto client = client_for(std::move(options));
    for (const char* method : {"POST", "DELETE"}) {
        const auto answer = client->send({.method = method, .target = "/x", .body = "{}"}, {});
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::outcome_unknown) << answer.error().message;
    }
    EXPECT_EQ(server.requests().size(), 2u) << "a request was repeated";
    const auto read = client->send({.target = "/x"}, {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::unavailable) << read.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Ways,
    LostAnswer,
    ::testing::Values(
        Loss{"Closed", [](Connection&) {}},
        Loss{"Reset", [](Connection& peer) { peer.reset(); }},
        Loss{"Silent", [](Connection& peer) { peer.wait_for_close(); }},
        Loss{"HalfAHead", [](Connection& peer) { peer.write("HTTP/1.1 201 Crea"); }},
        Loss{
            "HalfABody",
            [](Connection& peer) {
                peer.write("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":");
            }},
        Loss{
            "CutChunk",
            [](Connection& peer) {
                peer.write("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
            }}),
    [](const auto& test) { return test.param.name; });

TEST(CurlClient, F03AKeptConnectionThatDiedIsNotUsedForWrites) {
    // The server keeps a read's connection and drops it when the write would come: libcurl's own
    // repetition on a dead kept connection must not strike.
    RawServer server{[](Connection& peer, const std::string& request) {
        if (request.starts_with("GET")) {
            peer.write(ok_answer);
        } else {
            peer.reset();
        }
    }};
    const auto client = client_for(options_for(server.url()));
    ASSERT_TRUE(client->send({.target = "/keep"}, {}));
    const auto answer = client->send({.method = "POST", .target = "/x", .body = "{}"}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::outcome_unknown) << answer.error().message;
    EXPECT_EQ(server.requests().size(), 2u) << "the write was repeated";
    EXPECT_EQ(server.connections(), 2);
}

TEST(CurlClient, F32LimitsASlowServer) {
    RawServer server{[](Connection& peer, const std::string&) {
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while (peer.write("x")) {
            std::this_thread::sleep_for(20ms);
        }
    }};
    HttpOptions options = options_for(server.url());
    options.total_limit = 200ms;
    const auto before = std::chrono::steady_clock::now();
    const auto answer = client_for(std::move(options))->send({}, {});
    const auto took = std::chrono::steady_clock::now() - before;
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_GE(took, 190ms);
    EXPECT_LT(took, 1500ms);
}

TEST(CurlClient, F32DefaultLimitsAreTenAndSixtySeconds) {
    const HttpOptions options;
    EXPECT_EQ(options.connect_limit, 10s);
    EXPECT_EQ(options.total_limit, 60s);
    EXPECT_EQ(options.body_bytes_max, 8u * 1024 * 1024);
}

struct Stop {
    const char* method;
    Errc code;
};

class StopRequested : public ::testing::TestWithParam<Stop> {};

TEST_P(StopRequested, EndsTheWaitAtOnce) {
    std::mutex mutex;
    std::condition_variable arrived;
    bool here = false;
    RawServer server{[&](Connection& peer, const std::string&) {
        {
            const std::scoped_lock lock{mutex};
            here = true;
        }
        arrived.notify_all();
        peer.wait_for_close();
    }};
    const auto client = client_for(options_for(server.url()));
    std::stop_source source;
    std::chrono::steady_clock::time_point asked;
    std::thread stopper{[&] {
        std::unique_lock lock{mutex};
        arrived.wait(lock, [&] { return here; });
        asked = std::chrono::steady_clock::now();
        source.request_stop();
    }};
    const auto answer =
        client->send({.method = GetParam().method, .target = "/x", .body = ""}, source.get_token());
    const auto ended = std::chrono::steady_clock::now();
    stopper.join();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, GetParam().code) << answer.error().message;
    EXPECT_LT(ended - asked, 500ms);
    EXPECT_EQ(
        client->send({.method = "POST", .target = "/x"}, source.get_token()).error().code,
        Errc::cancelled)
        << "nothing was sent";
    EXPECT_EQ(server.requests().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Methods,
    StopRequested,
    ::testing::Values(
        Stop{"GET", Errc::cancelled},
        Stop{"POST", Errc::outcome_unknown},
        Stop{"DELETE", Errc::outcome_unknown}),
    [](const auto& test) { return std::string{test.param.method}; });

/// Sends a POST to a TLS server with `identity`, trusting `trusted` (the system's authorities when
/// empty), and expects that the request never got there.
void expect_refused(const testing::TestIdentity& identity, const std::string& trusted) {
    RawServer server{
        [](Connection& peer, const std::string&) { peer.write(ok_answer); }, identity.context()};
    HttpOptions options = options_for(server.url("https"));
    options.ca_file = trusted;
    const auto answer =
        client_for(std::move(options))->send({.method = "POST", .target = "/x", .body = "{}"}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
    EXPECT_NE(answer.error().message.find("certificate"), std::string::npos)
        << answer.error().message;
    EXPECT_TRUE(server.requests().empty());
}

TEST(CurlClient, F33TrustsAGoodCertificate) {
    const testing::TestIdentity identity{"IP:127.0.0.1", 30};
    const CertificateFile authority{identity.pem()};
    RawServer server{
        [](Connection& peer, const std::string&) { peer.write(ok_answer); }, identity.context()};
    HttpOptions options = options_for(server.url("https"));
    options.ca_file = authority.path();
    const auto answer = client_for(std::move(options))->send({}, {});
    EXPECT_TRUE(answer) << answer.error().message;
}

TEST(CurlClient, F33RefusesAnUnknownAuthority) {
    expect_refused(testing::TestIdentity{"IP:127.0.0.1", 30}, "");
}

TEST(CurlClient, F33RefusesTheWrongHost) {
    const testing::TestIdentity identity{"DNS:elsewhere.test", 30};
    const CertificateFile authority{identity.pem()};
    RawServer server{
        [](Connection& peer, const std::string&) { peer.write(ok_answer); }, identity.context()};
    HttpOptions options = options_for(server.url("https"));
    options.ca_file = authority.path();
    const auto answer = client_for(std::move(options))->send({.method = "POST"}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
    EXPECT_TRUE(server.requests().empty());
}

TEST(CurlClient, F33RefusesAnExpiredCertificate) {
    const testing::TestIdentity identity{"IP:127.0.0.1", -1};
    const CertificateFile authority{identity.pem()};
    expect_refused(identity, authority.path());
}

TEST(CurlClient, F33NameThatDoesNotResolveIsUnavailable) {
    // A label of 64 characters is refused by the resolver itself: no packet leaves this host.
    const auto answer = client_for({.base_url = "https://" + std::string(64, 'a') + ".invalid"})
                            ->send({.method = "POST", .target = "/x"}, {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
}

TEST(CurlClient, F34DoesNotFollowARedirectAndKeepsItsKey) {
    RawServer other{[](Connection& peer, const std::string&) { peer.write(ok_answer); }};
    for (const int status : {301, 302, 303, 307, 308}) {
        const std::string redirect = fmt::format(
            "HTTP/1.1 {} Elsewhere\r\nLocation: {}/steal\r\nContent-Length: 0\r\n\r\n",
            status,
            other.url());
        for (const char* method : {"GET", "POST", "DELETE"}) {
            const auto answer = answer_of({.method = method, .target = "/x"}, redirect);
            ASSERT_TRUE(answer) << answer.error().message;
            EXPECT_EQ(answer->status, status);
        }
    }
    EXPECT_EQ(other.connections(), 0);
}

struct Flood {
    const char* name;
    std::string head;
    std::function<std::string()> piece;
};

class EndlessAnswer : public ::testing::TestWithParam<Flood> {};

TEST_P(EndlessAnswer, F35IsCutAtEightMiB) {
    std::atomic<std::size_t> sent{0};
    RawServer server{[&](Connection& peer, const std::string&) {
        const std::string piece = GetParam().piece();
        bool going = peer.write(GetParam().head);
        for (sent = 0; going && sent < 200'000'000; sent += piece.size()) {
            going = peer.write(piece);
        }
    }};
    const auto client = client_for(options_for(server.url()));
    const auto read = client->send({.target = "/x"}, {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::invalid_response) << read.error().message;
    const auto write = client->send({.method = "POST", .target = "/x"}, {});
    ASSERT_FALSE(write);
    EXPECT_EQ(write.error().code, Errc::outcome_unknown) << write.error().message;
    EXPECT_LT(sent, 60'000'000u) << "the client read on";
}

const std::string one_mebibyte(1024 * 1024, 'x');

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    EndlessAnswer,
    ::testing::Values(
        Flood{
            "Plain200MB",
            "HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n",
            [] { return one_mebibyte; }},
        Flood{
            "Chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            [] { return "100000\r\n" + one_mebibyte + "\r\n"; }},
        Flood{
            "GzipBomb",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
            [] {
                static const std::string bomb = gzip(std::string(64 * 1024 * 1024, '\0'));
                return bomb;
            }},
        Flood{
            "Headers",
            "HTTP/1.1 200 OK\r\n",
            [] { return "X-Filler: " + std::string(8'000, 'y') + "\r\n"; }}),
    [](const auto& test) { return test.param.name; });

TEST(CurlClient, AllowsABodyOfExactlyTheLimit) {
    const std::string body(4096, 'z');
    const std::string bytes =
        fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
    RawServer server{[&](Connection& peer, const std::string&) { peer.write(bytes); }};
    for (const auto& [limit, fits] : {std::pair{4096u, true}, std::pair{4095u, false}}) {
        HttpOptions options = options_for(server.url());
        options.body_bytes_max = limit;
        EXPECT_EQ(client_for(std::move(options))->send({}, {}).has_value(), fits) << limit;
    }
}

TEST(CurlClient, I10NoErrorCarriesTheKey) {
    std::vector<Error> errors;
    const auto collect = [&](Result<HttpResponse> answer) {
        ASSERT_FALSE(answer);
        errors.push_back(answer.error());
    };
    HttpOptions nobody = options_for(fmt::format("http://127.0.0.1:{}", testing::closed_port()));
    collect(client_for(std::move(nobody))->send({.method = "POST", .body = "{}"}, {}));
    collect(answer_of({.method = "POST"}, "HTTP/1.1 200"));
    collect(answer_of({}, "nonsense\r\n\r\n"));
    collect(answer_of({}, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"));
    for (const Error& error : errors) {
        EXPECT_EQ(error.message.find("tok-5e94"), std::string::npos) << error.message;
        EXPECT_EQ(error.message.find("Bearer"), std::string::npos) << error.message;
    }
}

}  // namespace
}  // namespace evenkeel::providers
