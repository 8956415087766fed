#include "inference/http/server.hpp"

#include "tests/unit/http/harness.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;
using Clock = std::chrono::steady_clock;

TEST(HttpServer, AnswersAndKeepsTheConnection) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    for (int i = 0; i < 3; ++i) {
        client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        const RawAnswer answer = client.read_answer();
        ASSERT_TRUE(answer.complete);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "POST /a 5:hello");
        EXPECT_TRUE(answer.head.contains("Content-Length: 15\r\n"));
        EXPECT_TRUE(answer.head.contains("\r\nDate: "));
        EXPECT_FALSE(answer.head.contains("Connection:"));
    }
    EXPECT_EQ(server.connections(), 1);
}

TEST(HttpServer, ConnectionCloseAndHttp10AreHonoured) {
    TestServer server{echo_handler()};
    const std::string closing =
        exchange_raw(server.address(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(closing.contains("Connection: close\r\n"));
    const std::string old = exchange_raw(server.address(), "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.contains("Connection: close\r\n"));
    EXPECT_TRUE(old.ends_with("GET / 0:"));

    RawClient client{server.address()};
    for (int i = 0; i < 2; ++i) {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const RawAnswer answer = client.read_answer();
        EXPECT_TRUE(answer.complete);
        EXPECT_TRUE(answer.head.contains("Connection: keep-alive\r\n"));
    }
}

TEST(HttpServer, HeadGetsTheHeadOnly) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\nGET /g HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawAnswer head = client.read_answer(5s, true);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.head.contains("Content-Length: 10\r\n"));
    EXPECT_EQ(client.read_answer().body, "GET /g 0:");
}

TEST(HttpServer, StreamsInChunksEachSentAtOnce) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        co_await exchange.begin_stream(200, {{"content-type", "text/event-stream"}});
        co_await exchange.write("one");
        co_await exchange.write("");
        co_await exchange.write("two");
        co_await exchange.end_stream();
    };
    TestServer server{handler};
    RawClient client{server.address()};
    for (int i = 0; i < 2; ++i) {
        client.send("GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
        const RawAnswer answer = client.read_answer();
        ASSERT_TRUE(answer.complete);
        EXPECT_EQ(answer.body, "onetwo");
        EXPECT_TRUE(answer.head.contains("Transfer-Encoding: chunked\r\n"));
    }
    client.send("HEAD /s HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read_answer(5s, true).complete);
    client.send("GET /s HTTP/1.0\r\n\r\n");
    const RawAnswer old = client.read_answer();
    EXPECT_TRUE(old.complete);
    EXPECT_EQ(old.body, "onetwo");
    EXPECT_TRUE(old.head.contains("Connection: close\r\n"));
    EXPECT_FALSE(old.head.contains("Transfer-Encoding"));
}

TEST(HttpServer, ChunkedRequestBodiesAreDecodedAndTheNextRequestFollows) {
    TestServer server{echo_handler()};
    RawClient client{server.address()};
    const std::string request =
        "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n";
    const std::string next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
    client.send(request + next);
    EXPECT_EQ(client.read_answer().body, "POST /c 11:hello world");
    EXPECT_EQ(client.read_answer().body, "GET /next 0:");
    // The body in a later packet than the head, the next request behind its end.
    const std::size_t head = request.find("\r\n\r\n") + 4;
    client.send(request.substr(0, head));
    ASSERT_TRUE(eventually([&] { return server.connections() == 1; }));
    client.send(request.substr(head, 9));
    std::this_thread::sleep_for(5ms);
    client.send(request.substr(head + 9) + next + next);
    EXPECT_EQ(client.read_answer().body, "POST /c 11:hello world");
    EXPECT_EQ(client.read_answer().body, "GET /next 0:");
    EXPECT_EQ(client.read_answer().body, "GET /next 0:");
}

TEST(HttpServer, ContinueIsSentOnlyWhenTheBodyIsWanted) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        if (exchange.head().path == "/unwanted") {
            co_await exchange.respond(401, {}, "no");
            co_return;
        }
        const auto body = co_await exchange.read_body();
        co_await exchange.respond(200, {}, body.value());
    };
    TestServer server{handler};
    const std::string fields =
        " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    RawClient client{server.address()};
    client.send("POST /" + fields);
    EXPECT_EQ(client.read_some(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    EXPECT_EQ(client.read_answer().body, "hello");

    client.send("POST /unwanted" + fields);
    const RawAnswer refused = client.read_answer();
    EXPECT_EQ(refused.status, 401);
    EXPECT_TRUE(refused.head.contains("Connection: close\r\n"));
    client.shutdown_send();
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
}

TEST(HttpServer, UnreadBodiesNeverBecomeRequests) {
    std::atomic<int> calls{0};
    const Handler handler = [&calls](Exchange& exchange) -> asio::awaitable<void> {
        ++calls;
        co_await exchange.respond(200, {}, exchange.head().path);
    };
    TestServer server{handler};
    const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    RawClient client{server.address()};
    client.send(
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(smuggled.size()) +
        "\r\n\r\n" + smuggled + "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "/a");
    EXPECT_EQ(client.read_answer().body, "/b");
    EXPECT_EQ(client.read_all(), "");
    EXPECT_EQ(calls, 2);

    const std::string chunked = exchange_raw(
        server.address(),
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled);
    EXPECT_EQ(count_answers(chunked), 1);
    EXPECT_EQ(calls, 3);
}

TEST(HttpServer, HandlersThatFailToAnswerAreSeen) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        const auto path = exchange.head().path;
        if (path == "/throws") {
            throw std::runtime_error{"on purpose"};
        }
        if (path == "/stream-throws") {
            co_await exchange.begin_stream(200, {});
            co_await exchange.write("part");
            throw std::runtime_error{"on purpose"};
        }
        if (path == "/twice") {
            co_await exchange.respond(200, {}, "first");
            const auto second = co_await exchange.respond(200, {}, "second");
            EXPECT_EQ(second.error().code, Errc::conflict);
            EXPECT_EQ((co_await exchange.write("x")).error().code, Errc::conflict);
            EXPECT_EQ((co_await exchange.end_stream()).error().code, Errc::conflict);
        }
        if (path == "/splits") {
            const Headers bad{{"x", "a\r\nSet-Cookie: b"}};
            EXPECT_EQ(
                (co_await exchange.respond(200, bad, "")).error().code, Errc::invalid_argument);
            const Headers framing{{"Content-Length", "3"}};
            EXPECT_EQ(
                (co_await exchange.respond(200, framing, "")).error().code, Errc::invalid_argument);
            EXPECT_FALSE(exchange.begun());
            co_await exchange.respond(200, {}, "clean");
            EXPECT_TRUE(exchange.begun());
        }
    };
    ServerOptions options;
    options.error_body = [](int status, std::string_view sentence) {
        return std::to_string(status) + ":" + std::string{sentence};
    };
    TestServer server{handler, options};
    const auto get = [&](std::string_view path) {
        return exchange_raw(
            server.address(), "GET " + std::string{path} + " HTTP/1.1\r\nHost: x\r\n\r\n");
    };
    EXPECT_TRUE(get("/silent").ends_with("500:The server failed to answer this request."));
    EXPECT_TRUE(get("/throws").starts_with("HTTP/1.1 500 "));
    const std::string cut = get("/stream-throws");
    EXPECT_TRUE(cut.contains("4\r\npart\r\n"));
    EXPECT_FALSE(cut.contains("0\r\n\r\n"));
    RawClient client{server.address()};
    client.send("GET /twice HTTP/1.1\r\nHost: x\r\n\r\nGET /splits HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "first");
    EXPECT_EQ(client.read_answer().body, "clean");
}

TEST(HttpServer, ACutCloseDelimitedAnswerEndsInAReset) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        co_await exchange.begin_stream(200, {});
        co_await exchange.write("part");
    };
    TestServer server{handler};
    RawClient client{server.address()};
    client.send("GET / HTTP/1.0\r\n\r\n");
    char buffer[1024];
    ssize_t count = 1;
    while (count > 0) {
        count = ::recv(client.fd(), buffer, sizeof(buffer), 0);
    }
    EXPECT_EQ(count, -1);
    EXPECT_EQ(errno, ECONNRESET);
}

TEST(HttpServer, RawWritesLeaveAsTheyAre) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        const std::vector<std::string_view> head{
            "HTTP/1.1 200 OK\r\n", "Content-Length: 40\r\n\r\n"};
        co_await exchange.write_raw(head, false, true);
        const std::vector<std::string_view> pieces(40, "x");  // more than one system call holds
        const bool reusable = exchange.head().path == "/keep";
        co_await exchange.write_raw(pieces, true, reusable);
        EXPECT_EQ((co_await exchange.write_raw(pieces, true, true)).error().code, Errc::conflict);
    };
    TestServer server{handler};
    RawClient client{server.address()};
    client.send("GET /keep HTTP/1.1\r\nHost: x\r\n\r\nGET /close HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawAnswer first = client.read_answer();
    EXPECT_EQ(first.body, std::string(40, 'x'));
    EXPECT_EQ(first.head, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
    EXPECT_TRUE(client.read_answer().complete);
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
}

// --- the client goes away -----------------------------------------------------------------------

/// Holds each request until the client is gone or 5 s have passed; records which, and when.
struct Watch {
    std::atomic<int> holding{0};
    std::atomic<int> gone{0};
    std::atomic<int> released{0};
    std::atomic<Clock::time_point::rep> gone_at{0};

    Handler handler() {
        return [this](Exchange& exchange) -> asio::awaitable<void> {
            using namespace asio::experimental::awaitable_operators;
            ++holding;
            asio::steady_timer limit{exchange.socket().get_executor(), 5s};
            if (exchange.head().path == "/short") {
                limit.expires_after(30ms);
            }
            auto first = co_await (
                exchange.peer_gone() || limit.async_wait(asio::as_tuple(asio::use_awaitable)));
            if (first.index() == 0) {
                gone_at = Clock::now().time_since_epoch().count();
                EXPECT_TRUE(std::get<0>(first).has_value());
                ++gone;
                co_return;
            }
            ++released;
            co_await exchange.respond(200, {}, exchange.head().path);
        };
    }
};

class ServerClientGoes : public testing::TestWithParam<const char*> {};

TEST_P(ServerClientGoes, AndIsMissedWithin100Milliseconds) {
    const std::string how = GetParam();
    Watch watch;
    TestServer server{watch.handler()};
    RawClient client{server.address()};
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    if (how.starts_with("AfterPipelining")) {
        std::this_thread::sleep_for(2ms);
        client.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    ASSERT_TRUE(eventually([&] { return watch.holding == 1; }));
    std::this_thread::sleep_for(10ms);
    EXPECT_EQ(watch.gone, 0);
    const auto left = Clock::now();
    client.close(how.ends_with("Reset"));
    ASSERT_TRUE(eventually([&] { return watch.gone == 1; }));
    const auto delay = Clock::duration{watch.gone_at} - left.time_since_epoch();
    EXPECT_LT(delay, 100ms);
    EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
    EXPECT_EQ(watch.holding, 1);  // a pipelined request dies with its connection
}

INSTANTIATE_TEST_SUITE_P(
    Ways,
    ServerClientGoes,
    testing::Values("Close", "Reset", "AfterPipeliningClose", "AfterPipeliningReset"),
    [](const auto& param) { return std::string{param.param}; });

TEST(HttpServer, APipelinedRequestIsNotAnEnd) {
    Watch watch;
    TestServer server{watch.handler()};
    RawClient client{server.address()};
    const std::string next = "GET /short HTTP/1.1\r\nHost: x\r\n\r\n";
    client.send(next);
    ASSERT_TRUE(eventually([&] { return watch.holding == 1; }));
    client.send(next.substr(0, 10));
    std::this_thread::sleep_for(2ms);
    client.send(next.substr(10));
    EXPECT_EQ(client.read_answer().body, "/short");
    EXPECT_EQ(client.read_answer().body, "/short");
    // So much behind the request that it does not fit into the connection's buffer.
    std::string many;
    for (int i = 0; i < 300; ++i) {
        many += "GET /short HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    }
    client.send(many);
    ASSERT_TRUE(eventually([&] { return watch.holding == 3; }));
    EXPECT_EQ(client.read_answer().body, "/short");
    EXPECT_EQ(watch.gone, 0);
    EXPECT_EQ(watch.released, 3);
}

TEST(HttpServer, AClientBehindAFullBufferIsMissedToo) {
    Watch watch;
    TestServer server{watch.handler()};
    RawClient client{server.address()};
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(20'000, 'G'));
    ASSERT_TRUE(eventually([&] { return watch.holding == 1; }));
    client.close();
    EXPECT_TRUE(eventually([&] { return watch.gone == 1; }, 400ms));
}

}  // namespace
}  // namespace evenkeel::inference::http
