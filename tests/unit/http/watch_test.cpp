#include "tests/unit/http/harness.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;
using namespace std::chrono_literals;

asio::awaitable<void> watch(Exchange& exchange) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await exchange.peer_gone();
}

/// Watches for a moment, then calls the watch off; false when it did not end then.
asio::awaitable<bool> watch_a_moment(Exchange& exchange) {
    asio::cancellation_signal signal;
    bool ended = false;
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(
        executor,
        watch(exchange),
        asio::bind_cancellation_slot(
            signal.slot(), [&ended](std::exception_ptr) { ended = true; }));
    asio::steady_timer pause{executor, 200us};
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    signal.emit(asio::cancellation_type::terminal);
    const auto late = std::chrono::steady_clock::now() + 500ms;
    while (!ended && std::chrono::steady_clock::now() < late) {
        co_await asio::post(asio::use_awaitable);
    }
    const bool in_time = ended;
    while (!ended) {
        exchange.socket().close();  // the test has failed; let the watch end all the same
        co_await asio::post(asio::use_awaitable);
    }
    co_return in_time;
}

/// The read of the watch may have succeeded already when it is called off: the cancellation then
/// finds nothing to cancel, and must not be forgotten. The next request is sent from another thread
/// at every moment around the calling off.
TEST(PeerGone, EndsWhenCalledOffJustAsTheNextRequestArrives) {
    constexpr int requests = 2'000;
    std::atomic<int> stuck{0};
    TestServer server{[&](Exchange& exchange) -> asio::awaitable<void> {
        const bool in_time = co_await watch_a_moment(exchange);
        stuck += in_time ? 0 : 1;
        co_await exchange.respond(200, {}, "x");
    }};
    RawClient peer{server.address()};
    // Larger than the buffer of a connection: the watch meets a full buffer as well.
    const std::string request =
        "GET /next HTTP/1.1\r\nHost: a\r\nX-Pad: " + std::string(5'000, 'x') + "\r\n\r\n";
    ASSERT_TRUE(peer.send(request));
    for (int i = 0; i < requests && stuck == 0; ++i) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds{i % 400};
        while (std::chrono::steady_clock::now() < until) {
        }
        ASSERT_TRUE(peer.send(request)) << i;
        ASSERT_EQ(peer.read_answer(2s).body, "x") << i << ": what arrived meanwhile is not lost";
    }
    EXPECT_EQ(stuck, 0);
}

/// Runs `work` for a moment and calls it off; false when it did not end then.
asio::awaitable<bool> called_off_in_time(Exchange& exchange, asio::awaitable<void> work) {
    asio::cancellation_signal signal;
    bool ended = false;
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(
        executor,
        std::move(work),
        asio::bind_cancellation_slot(
            signal.slot(), [&ended](std::exception_ptr) { ended = true; }));
    asio::steady_timer pause{executor, 1ms};
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    signal.emit(asio::cancellation_type::terminal);
    const auto late = std::chrono::steady_clock::now() + 300ms;
    while (!ended && std::chrono::steady_clock::now() < late) {
        co_await asio::post(asio::use_awaitable);
    }
    const bool in_time = ended;
    while (!ended) {
        exchange.socket().close();
        co_await asio::post(asio::use_awaitable);
    }
    co_return in_time;
}

asio::awaitable<void> read_whole_body(Exchange& exchange) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto body = co_await exchange.read_body();
    EXPECT_EQ(body.error().code, Errc::cancelled);
}

class CalledOffBody : public testing::TestWithParam<const char*> {};

/// The bytes of the body never stop coming, so that a read is nearly always about to succeed.
TEST_P(CalledOffBody, EndsWhileBytesArrive) {
    std::atomic<int> handled{0};
    std::atomic<int> stuck{0};
    TestServer server{[&](Exchange& exchange) -> asio::awaitable<void> {
        const bool in_time = co_await called_off_in_time(exchange, read_whole_body(exchange));
        stuck += in_time ? 0 : 1;
        ++handled;
    }};
    for (int i = 0; i < 50 && stuck == 0; ++i) {
        RawClient peer{server.address()};
        ASSERT_TRUE(peer.send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string{GetParam()} + "\r\n"));
        while (handled <= i && peer.send("1")) {
        }
        ASSERT_TRUE(eventually([&] { return handled == i + 1; }));
    }
    EXPECT_EQ(stuck, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Framings,
    CalledOffBody,
    testing::Values("Content-Length: 30000000\r\n", "Transfer-Encoding: chunked\r\n\r\n1C9C380"),
    [](const auto& param) { return param.index == 0 ? "Sized" : "Chunked"; });

}  // namespace
}  // namespace evenkeel::inference::http
