#include "tests/unit/http/harness.hpp"

#include <gtest/gtest.h>

namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;

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
    client.send("GET /s HTTP/1.0\r\n\r\n");
    const RawAnswer old = client.read_answer();
    EXPECT_TRUE(old.complete);
    EXPECT_EQ(old.body, "onetwo");
    EXPECT_TRUE(old.head.contains("Connection: close\r\n"));
}

}  // namespace
}  // namespace evenkeel::inference::http
