#include "tests/unit/http/harness.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <poll.h>
#include <random>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/// What a server does about clients that send too much, too little, too slowly, or nonsense.
namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;
using Clock = std::chrono::steady_clock;

/// Sanitizers keep freed memory for a while.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr long memory_factor = 4;
#else
constexpr long memory_factor = 1;
#endif

/// Kilobytes of memory this process has resident now.
long resident_kb() {
    std::ifstream file{"/proc/self/statm"};
    long total = 0;
    long resident = 0;
    file >> total >> resident;
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

struct WireCase {
    const char* name;
    std::string bytes;
    int status;
};

void PrintTo(const WireCase& c, std::ostream* out) {
    *out << c.name;
}

/// Each case sends something odd with a well-formed request behind it: exactly one answer comes,
/// the connection closes, and the handler never sees the second request.
class WireRefusals : public testing::TestWithParam<WireCase> {};

TEST_P(WireRefusals, GetOneAnswerAndAClose) {
    std::atomic<int> handled{0};
    const Handler inner = echo_handler();
    const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
        handled += exchange.head().path == "/next" ? 1 : 0;
        co_await inner(exchange);
    };
    TestServer server{handler};
    RawClient client{server.address()};
    client.send(GetParam().bytes + std::string{plain_get});
    client.shutdown_send();
    const std::string answer = client.read_all();
    EXPECT_TRUE(client.closed());
    EXPECT_EQ(count_answers(answer), 1) << answer;
    EXPECT_EQ(status_of(answer), GetParam().status) << answer;
    EXPECT_TRUE(answer.contains("Connection: close\r\n"));
    EXPECT_EQ(handled, 0);
}

std::string post(std::string_view fields, std::string_view body = "") {
    return fmt::format("POST /odd HTTP/1.1\r\nHost: x\r\n{}\r\n{}", fields, body);
}

const std::string chunked = "Transfer-Encoding: chunked\r\n";

INSTANTIATE_TEST_SUITE_P(
    F63,
    WireRefusals,
    testing::Values(
        WireCase{"LengthAndChunked", post("Content-Length: 6\r\n" + chunked, "0\r\n\r\nG"), 400},
        WireCase{"TwoLengths", post("Content-Length: 0\r\nContent-Length: 31\r\n"), 400},
        WireCase{"BareLfHeader", post("X: a\nContent-Length: 31\r\n"), 400},
        WireCase{"Folded", post("X: a\r\n Content-Length: 31\r\n"), 400},
        WireCase{"Http10Chunked", "POST /odd HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", 400},
        WireCase{"ChunkBareLf", post(chunked, "5\nhello\r\n0\r\n\r\n"), 400},
        WireCase{"ChunkBareLfEnd", post(chunked, "0\r\n\n"), 400},
        WireCase{"ChunkSign", post(chunked, "+5\r\nhello\r\n0\r\n\r\n"), 400},
        WireCase{"ChunkSpace", post(chunked, "5 \r\nhello\r\n0\r\n\r\n"), 400},
        WireCase{"ChunkTooLong", post(chunked, "4\r\nhello\r\n0\r\n\r\n"), 400},
        WireCase{"ChunkOverflow", post(chunked, "FFFFFFFFFFFFFFFFF\r\nhello\r\n"), 400},
        WireCase{"ChunkRequestAsTrailer", post(chunked, "0\r\n"), 400}),
    [](const auto& param) { return std::string{param.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    F64,
    WireRefusals,
    testing::Values(
        WireCase{"Gzip", post("Transfer-Encoding: gzip\r\n"), 501},
        WireCase{"List", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400},
        WireCase{"Spelling", post("Transfer-Encoding: chunKed\r\n", "0\r\n\r\n"), 400},
        WireCase{"Twice", post(chunked + chunked, "0\r\n\r\n"), 400}),
    [](const auto& param) { return std::string{param.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    F65,
    WireRefusals,
    testing::Values(
        WireCase{"Extension", post(chunked, "1;" + std::string(10'000'000, 'x')), 400},
        WireCase{"Trailer", post(chunked, "0\r\nX: " + std::string(10'000'000, 'x')), 400}),
    [](const auto& param) { return std::string{param.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    F67,
    WireRefusals,
    testing::Values(
        WireCase{
            "ManyHeaders",
            [] {
                std::string fields;
                for (int i = 0; i < 10'000; ++i) {
                    fields += fmt::format("X-{}: 1\r\n", i);
                }
                return post(fields);
            }(),
            431},
        WireCase{"LargeValue", post("X: " + std::string(100'000, 'a') + "\r\n"), 431},
        WireCase{"LargeTarget", "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n", 414}),
    [](const auto& param) { return std::string{param.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    F69,
    WireRefusals,
    testing::Values(
        WireCase{"DotDot", "GET /v1/../api/keys HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        WireCase{"Escaped", "GET /v1/%2e%2e/api/keys HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        WireCase{"DoubleSlash", "GET //api/keys HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        WireCase{"Absolute", "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        WireCase{"Connect", "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        WireCase{"Trace", "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        WireCase{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505}),
    [](const auto& param) { return std::string{param.param.name}; });

TEST(F67, FiveHundredPipelinedRequestsAreAnsweredInOrder) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    std::string bytes;
    for (int i = 0; i < 500; ++i) {
        bytes += fmt::format("POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", i);
    }
    ASSERT_TRUE(client.send(bytes));
    for (int i = 0; i < 500; ++i) {
        const RawAnswer answer = client.read_answer();
        ASSERT_TRUE(answer.complete) << i;
        ASSERT_EQ(answer.body, fmt::format("POST /{} 2:ab", i));
    }
}

// --- bodies -----------------------------------------------------------------------------------

TEST(F62, AnAnnouncedGigabyteIsRefusedByItsHeader) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    const auto start = Clock::now();
    client.send(post("Content-Length: 1073741824\r\n", std::string(1000, 'x')));
    const RawAnswer answer = client.read_answer();
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer.body.contains("1073741824"));
    EXPECT_LT(Clock::now() - start, 1s);
    client.shutdown_send();
    client.read_all();
    EXPECT_TRUE(client.closed());
}

TEST(F62, ABodyBeyondTheLimitIsReadNoFurther) {
    ServerOptions options;
    options.limits.body_bytes = 100'000;
    TestServer server{echo_handler(), options};
    const std::string big = fmt::format("{:x}\r\n{}\r\n", 60'000, std::string(60'000, 'x'));
    RawClient client{server.address()};
    client.send(post(chunked, big + big));
    EXPECT_EQ(client.read_answer().status, 413);
    RawClient exact{server.address()};
    exact.send(post("Content-Length: 100000\r\n", std::string(100'000, 'x')));
    EXPECT_EQ(exact.read_answer().status, 200);
    exact.send(post("Content-Length: 100001\r\n", std::string(100'001, 'x')));
    const RawAnswer refused = exact.read_answer();
    EXPECT_EQ(refused.status, 413);
    EXPECT_TRUE(refused.head.contains("Connection: close\r\n"));
}

TEST(F62, AnnouncingALargeBodyCostsNoMemory) {
    TestServer server{echo_handler()};
    const long before = resident_kb();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.address()));
        clients.back()->send(post("Content-Length: 33554432\r\n", "x"));
    }
    ASSERT_TRUE(eventually([&] { return server.connections() == 50; }));
    std::this_thread::sleep_for(10ms);
    EXPECT_LT(resident_kb() - before, 50 * 512 * memory_factor);
}

class SlowBody : public testing::TestWithParam<std::string> {};

TEST_P(SlowBody, EndsAtTheBodyLimit) {
    ServerOptions options;
    options.limits.body_time = 60ms;
    TestServer server{echo_handler(), options};
    RawClient client{server.address()};
    const auto start = Clock::now();
    client.send(GetParam());
    std::jthread dripping{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {  // bytes that arrive do not stretch the limit
            client.send("1");
            std::this_thread::sleep_for(5ms);
        }
    }};
    const RawAnswer answer = client.read_answer();
    dripping.request_stop();
    EXPECT_EQ(answer.status, 408);
    EXPECT_GE(Clock::now() - start, 60ms);
    EXPECT_LT(Clock::now() - start, 1s);
    dripping.join();
    client.shutdown_send();
    client.read_all();
    EXPECT_TRUE(client.closed());
}

INSTANTIATE_TEST_SUITE_P(
    F62,
    SlowBody,
    testing::Values(
        post("Content-Length: 100000\r\n"), post(chunked, "186A0\r\n"), post(chunked, "1;")),
    [](const auto& param) { return "Way" + std::to_string(param.index); });

// --- heads and idleness -----------------------------------------------------------------------

/// Opens `count` connections that send one header byte every `pace` and never end; others are
/// served meanwhile, and all of them are told and closed at the header limit.
void slowloris(int count, std::chrono::milliseconds header_time, std::chrono::milliseconds pace) {
    ServerOptions options;
    options.limits.header_time = header_time;
    options.limits.connections_per_address = count + 10;
    options.limits.connections = count + 10;
    TestServer server{echo_handler(), options};
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.address()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\nX-");
    }
    const auto start = Clock::now();
    auto next_drip = start;
    int served = 0;
    while (Clock::now() - start < header_time / 2) {
        EXPECT_EQ(status_of(exchange_raw(server.address(), "GET / HTTP/1.0\r\n\r\n")), 200);
        ++served;
        if (Clock::now() >= next_drip) {
            next_drip += pace;
            for (const auto& client : clients) {
                client->send("a");
            }
        }
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_GT(served, 0);
    for (const auto& client : clients) {
        const std::string answer = client->read_all(header_time + 5s);
        EXPECT_EQ(status_of(answer), 408);
        client->close();
    }
    EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

TEST(F66, SlowHeadersEndAtTheHeaderLimitAndOthersAreServed) {
    slowloris(200, 200ms, 10ms);
}

TEST(F66, NightlySlowHeadersOnTenThousandConnections) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    // Both ends live in this process; a hard limit of 20,000 leaves room for a few less.
    const int count = static_cast<int>(std::min<rlim_t>(10'000, (limit.rlim_cur - 500) / 2));
    ASSERT_GE(count, 9'000) << "raise the hard limit of open files";
    slowloris(count, 10s, 2s);
}

TEST(F66, ConnectionsThatSayNothingAreClosedSilently) {
    ServerOptions options;
    options.limits.header_time = 40ms;
    options.limits.idle_time = 60ms;
    TestServer server{echo_handler(), options};
    RawClient mute{server.address()};
    RawClient idle{server.address()};
    idle.send(plain_get);
    ASSERT_TRUE(idle.read_answer().complete);
    EXPECT_EQ(mute.read_all(1s), "");
    EXPECT_TRUE(mute.closed());
    EXPECT_EQ(idle.read_all(1s), "");
    EXPECT_TRUE(idle.closed());
    EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

TEST(HttpServer, LargeHeadsAreReadAndTheirMemoryIsGivenBack) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    for (const std::size_t size : {100u, 5'000u, 30'000u, 200u}) {
        client.send(post("X: " + std::string(size, 'a') + "\r\nContent-Length: 2\r\n", "ok"));
        EXPECT_EQ(client.read_answer().body, "POST /odd 2:ok");
    }
}

TEST(HttpServer, AnySplitOfARequestReadsTheSame) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    const auto seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random{seed};
    const std::string bytes =
        post("Content-Length: 5\r\n", "hello") + post(chunked, "2\r\nok\r\n0\r\n\r\n");
    for (int round = 0; round < 30; ++round) {
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t size = std::min<std::size_t>(1 + random() % 40, bytes.size() - at);
            client.send(bytes.substr(at, size));
            at += size;
        }
        ASSERT_EQ(client.read_answer().body, "POST /odd 5:hello");
        ASSERT_EQ(client.read_answer().body, "POST /odd 2:ok");
    }
}

// --- slow readers -----------------------------------------------------------------------------

Handler flood_handler(std::atomic<std::uint64_t>& sent, std::atomic<int>& stalled) {
    return [&sent, &stalled](Exchange& exchange) -> asio::awaitable<void> {
        if (exchange.head().path == "/fast") {
            co_await exchange.respond(200, {}, "fast");
            co_return;
        }
        const std::string piece(16 * 1024, 'x');
        co_await exchange.begin_stream(200, {});
        for (;;) {
            const auto written = co_await exchange.write(piece);
            if (!written) {
                stalled += written.error().code == Errc::timed_out ? 1 : 0;
                co_return;
            }
            sent += piece.size();
        }
    };
}

TEST(F58, ReadersThatReadNothingCostLittleAndAreCut) {
    std::atomic<std::uint64_t> sent{0};
    std::atomic<int> stalled{0};
    ServerOptions options;
    options.limits.stall_time = 100ms;
    TestServer server{flood_handler(sent, stalled), options};
    constexpr int count = 50;
    const long before = resident_kb();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.address(), 4096));
        clients.back()->send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    ASSERT_TRUE(eventually([&] { return server.connections() == count; }));
    EXPECT_EQ(status_of(exchange_raw(server.address(), "GET /fast HTTP/1.0\r\n\r\n")), 200);
    EXPECT_LT(resident_kb() - before, count * 64 * memory_factor);
    ASSERT_TRUE(eventually([&] { return stalled == count; }));
    EXPECT_LE(sent / count, 256u * 1024);
    EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

TEST(F58, AReaderThatReadsAtAllIsNotCut) {
    std::atomic<std::uint64_t> sent{0};
    std::atomic<int> stalled{0};
    ServerOptions options;
    options.limits.stall_time = 80ms;
    TestServer server{flood_handler(sent, stalled), options};
    RawClient client{server.address(), 4096};
    client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto start = Clock::now();
    while (Clock::now() - start < 250ms) {
        ASSERT_FALSE(client.read_some(1s).empty());
        std::this_thread::sleep_for(2ms);
    }
    EXPECT_EQ(stalled, 0);
    EXPECT_EQ(server.connections(), 1);
}

TEST(HttpServer, LargeAnswersArriveWhole) {
    const std::string large = [] {
        std::string text;
        for (int i = 0; text.size() < 3'000'000; ++i) {
            text += std::to_string(i);
        }
        return text;
    }();
    const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
        if (exchange.head().path == "/raw") {
            const std::vector<std::string_view> pieces{
                "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n",
                std::string_view{large}.substr(0, 1'000'000),
                std::string_view{large}.substr(1'000'000, 2'000'000)};
            co_await exchange.write_raw(pieces, true, true);
            co_return;
        }
        co_await exchange.respond(200, {{"x-kind", "large"}}, large);
    };
    TestServer server{handler};
    RawClient client{server.address(), 8192};
    for (const std::string_view path : {"/", "/raw", "/"}) {
        client.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
        const RawAnswer answer = client.read_answer();
        ASSERT_TRUE(answer.complete);
        EXPECT_TRUE(std::string_view{large}.starts_with(answer.body));
        EXPECT_GE(answer.body.size(), 3'000'000u);
    }
}

}  // namespace
}  // namespace evenkeel::inference::http
