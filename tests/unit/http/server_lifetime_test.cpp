#include "inference/http/server.hpp"
#include "tests/unit/http/harness.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Where servers listen, and how they end.
namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;
using Clock = std::chrono::steady_clock;

std::chrono::milliseconds since(Clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
}

// --- Unix sockets
// ---------------------------------------------------------------------------------

struct TemporaryFolder {
    std::filesystem::path path;
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "ek-http-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

TEST(HttpServer, UnixSocketHasItsModeAndIsRemoved) {
    const TemporaryFolder folder;
    const std::string path = (folder.path / "control.sock").string();
    {
        const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
            co_await exchange.respond(200, {}, exchange.peer());
        };
        TestServer server{handler, {}, "unix:" + path};
        EXPECT_EQ(server.address(), "unix:" + path);
        EXPECT_EQ(server.port(), 0);
        struct stat info{};
        ASSERT_EQ(::stat(path.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777u, 0660u);
        RawClient client{server.address()};
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        EXPECT_EQ(client.read_answer().body, "unix");
        // A second listener on the living one is refused.
        asio::io_context context{1};
        const auto second = listen(context, "unix:" + path, echo_handler(), {});
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Errc::conflict);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServer, OnlyALeftOverSocketIsReplaced) {
    const TemporaryFolder folder;
    const std::string path = (folder.path / "control.sock").string();
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    ::close(fd);
    ASSERT_TRUE(std::filesystem::exists(path));
    {
        TestServer server{echo_handler(), {}, "unix:" + path};
        RawClient client{server.address()};
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(client.read_answer().complete);
    }
    std::ofstream{path} << "precious";
    asio::io_context context{1};
    const auto refused = listen(context, "unix:" + path, echo_handler(), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::conflict);
    EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST(HttpServer, AddressErrorsAreTold) {
    asio::io_context context{1};
    for (const char* bad :
         {"", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "1.2.3:80", "unix:"}) {
        const auto refused = listen(context, bad, echo_handler(), {});
        ASSERT_FALSE(refused) << bad;
        EXPECT_EQ(refused.error().code, Errc::invalid_argument) << bad;
    }
    TestServer server{echo_handler()};
    const auto taken = listen(context, server.address(), echo_handler(), {});
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::conflict);
    EXPECT_TRUE(taken.error().message.contains(server.address()));
    TestServer six{echo_handler(), {}, "[::1]:0"};
    EXPECT_TRUE(six.address().starts_with("[::1]:"));
    EXPECT_TRUE(exchange_raw(six.address(), "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST(HttpServer, ReusePortSharesOneAddress) {
    ServerOptions options;
    options.reuse_port = true;
    TestServer first{echo_handler(), options};
    TestServer second{echo_handler(), options, first.address()};
    EXPECT_EQ(first.port(), second.port());
    EXPECT_TRUE(
        exchange_raw(first.address(), "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
}

// --- stopping
// -------------------------------------------------------------------------------------

TEST(F87, StopClosesIdleConnectionsAtOnceAndRefusesNewOnes) {
    TestServer server{echo_handler()};
    RawClient idle{server.address()};
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(idle.read_answer().complete);
    RawClient fresh{server.address()};
    ASSERT_TRUE(eventually([&] { return server.connections() == 2; }));
    const auto start = Clock::now();
    server.stop(10s);
    ASSERT_TRUE(server.stopped_within(1s));
    EXPECT_LT(since(start), 500ms);
    idle.read_all(1s);
    EXPECT_TRUE(idle.closed());
    EXPECT_THROW(RawClient{server.address()}, std::runtime_error);
}

TEST(F87, StopLetsRunningExchangesEndWithinTheDrainTime) {
    std::atomic<int> holding{0};
    std::atomic<bool> release{false};
    const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
        ++holding;
        asio::steady_timer pause{exchange.socket().get_executor()};
        co_await exchange.begin_stream(200, {});
        while (!release) {
            pause.expires_after(2ms);
            co_await pause.async_wait(asio::use_awaitable);
        }
        co_await exchange.write("whole");
        co_await exchange.end_stream();
    };
    TestServer server{handler};
    RawClient client{server.address()};
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return holding == 1; }));
    server.stop(10s);
    EXPECT_FALSE(server.stopped_within(30ms));
    release = true;
    const RawAnswer answer = client.read_answer();
    EXPECT_TRUE(answer.complete);
    EXPECT_EQ(answer.body, "whole");
    EXPECT_TRUE(server.stopped_within(1s));
    client.read_all(1s);
    EXPECT_TRUE(client.closed());
}

TEST(F87, StopCancelsWhatOutlastsTheDrainTime) {
    std::atomic<int> holding{0};
    std::atomic<int> ended{0};
    const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
        ++holding;
        asio::steady_timer pause{exchange.socket().get_executor(), 1h};
        // Stubborn: swallows the first cancellations and goes on waiting.
        for (int i = 0; i < 3; ++i) {
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        const auto late = co_await exchange.respond(200, {}, "late");
        EXPECT_EQ(late.error().code, Errc::cancelled);
        EXPECT_EQ((co_await exchange.peer_gone()).error().code, Errc::cancelled);
        ++ended;
    };
    TestServer server{handler};
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 50; ++i) {
        clients.push_back(std::make_unique<RawClient>(server.address()));
        clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    ASSERT_TRUE(eventually([&] { return holding == 50; }));
    const auto start = Clock::now();
    server.stop(30ms);
    ASSERT_TRUE(server.stopped_within(3s));
    EXPECT_GE(since(start), 30ms);
    EXPECT_EQ(ended, 50);
    for (const auto& client : clients) {
        EXPECT_EQ(client->read_all(1s), "");
        EXPECT_TRUE(client->closed());
    }
}

TEST(F87, DestroyingAServerCancelsItsConnections) {
    asio::io_context context{1};
    int ended = 0;
    const Handler handler = [&](Exchange& exchange) -> asio::awaitable<void> {
        const auto gone = co_await exchange.peer_gone();
        ended += gone ? 0 : 1;
    };
    auto server = listen(context, "127.0.0.1:0", handler, {});
    ASSERT_TRUE(server);
    RawClient client{(*server)->address()};
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while ((*server)->connections() == 0) {
        context.run_one();
    }
    context.run_for(5ms);
    server->reset();
    context.restart();
    context.run();
    EXPECT_EQ(ended, 1);
}

TEST(F87, AContextMayDieWithItsConnections) {
    auto context = std::make_unique<asio::io_context>(1);
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        static_cast<void>(co_await exchange.peer_gone());
    };
    auto server = listen(*context, "127.0.0.1:0", handler, {});
    ASSERT_TRUE(server);
    RawClient client{(*server)->address()};
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while ((*server)->connections() == 0) {
        context->run_one();
    }
    context->run_for(5ms);
    server->reset();
    context.reset();
    client.read_all(1s);
    EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace evenkeel::inference::http
