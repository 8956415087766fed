#include "inference/http/client.hpp"

#include "tests/unit/http/harness.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::inference::http {
namespace {

using namespace testing_tools;

/// Runs one client call to its end on a context of its own.
Result<ClientResponse> run_to_end(Task<ClientResponse> call) {
    asio::io_context context{1};
    std::optional<Result<ClientResponse>> outcome;
    asio::co_spawn(
        context, std::move(call), [&](std::exception_ptr, Result<ClientResponse> result) {
            outcome = std::move(result);
        });
    context.run();
    return outcome.value();
}

/// Accepts one connection, reads a request, sends `answer`, closes when `closes`.
class ScriptedPeer {
public:
    explicit ScriptedPeer(std::string answer, bool closes = true)
        : answer_{std::move(answer)}, closes_{closes} {
        asio::ip::tcp::acceptor acceptor{context_, {asio::ip::address_v4::loopback(), 0}, true};
        port_ = acceptor.local_endpoint().port();
        thread_ = std::jthread{[this, open = std::move(acceptor)]() mutable {
            auto socket = open.accept();
            char buffer[4096];
            static_cast<void>(::recv(socket.native_handle(), buffer, sizeof(buffer), 0));
            static_cast<void>(
                ::send(socket.native_handle(), answer_.data(), answer_.size(), MSG_NOSIGNAL));
            if (!closes_) {
                static_cast<void>(::recv(socket.native_handle(), buffer, sizeof(buffer), 0));
            }
        }};
    }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    asio::io_context context_;
    std::string answer_;
    bool closes_;
    std::uint16_t port_{0};
    std::jthread thread_;
};

TEST(HttpClient, PostsAndReadsTheAnswer) {
    TestServer server{echo_handler()};
    const auto answer = run_to_end(
        fetch(server.address(), {.method = "POST", .target = "/p", .body = "hello"}, 5s));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /p 5:hello");
    EXPECT_EQ(answer->header("Content-Type"), "text/plain");
}

TEST(HttpClient, StreamsPiecesAsTheyArrive) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        co_await exchange.begin_stream(200, {{"x-kind", "stream"}});
        asio::steady_timer pause{exchange.socket().get_executor()};
        for (int i = 0; i < 3; ++i) {
            co_await exchange.write("piece" + std::to_string(i));
            pause.expires_after(5ms);
            co_await pause.async_wait(asio::use_awaitable);
        }
        co_await exchange.end_stream();
    };
    TestServer server{handler};
    std::vector<std::string> pieces;
    std::string kind;
    const auto answer = run_to_end(fetch_stream(
        server.address(),
        {.target = "/s"},
        5s,
        [&](const ClientResponse& head) { kind = head.header("X-Kind"); },
        [&](std::string_view piece) { pieces.emplace_back(piece); }));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(kind, "stream");
    EXPECT_EQ(pieces, (std::vector<std::string>{"piece0", "piece1", "piece2"}));
    EXPECT_TRUE(answer->body.empty());
}

struct PeerCase {
    const char* name;
    const char* answer;
    bool closes;
    std::optional<Errc> error;
    const char* body;
};

class ClientAgainst : public testing::TestWithParam<PeerCase> {};

TEST_P(ClientAgainst, Peer) {
    const PeerCase& c = GetParam();
    ScriptedPeer peer{c.answer, c.closes};
    const auto answer = run_to_end(fetch(peer.address(), {}, c.closes ? 5000ms : 40ms, 100));
    if (c.error) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, *c.error) << answer.error().message;
    } else {
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->body, c.body);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ClientAgainst,
    testing::Values(
        PeerCase{"Sized", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, {}, "ok"},
        PeerCase{
            "Interim",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            true,
            {},
            "ok"},
        PeerCase{"ToTheEnd", "HTTP/1.0 200 OK\r\n\r\nall of it", true, {}, "all of it"},
        PeerCase{"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", true, {}, ""},
        PeerCase{
            "Chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            true,
            {},
            "ok"},
        PeerCase{
            "CutChunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
            true,
            Errc::invalid_response,
            ""},
        PeerCase{
            "CutLength",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            true,
            Errc::invalid_response,
            ""},
        PeerCase{"NoAnswer", "", true, Errc::unavailable, ""},
        PeerCase{"Garbage", "SSH-2.0-x\r\n\r\n", true, Errc::invalid_response, ""},
        PeerCase{
            "TooLarge",
            "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"
            "0123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890",
            true,
            Errc::invalid_response,
            ""},
        PeerCase{"Silence", "", false, Errc::timed_out, ""},
        PeerCase{
            "SilenceInBody",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            false,
            Errc::timed_out,
            ""}),
    [](const auto& param) { return param.param.name; });

TEST(HttpClient, RefusedConnectionIsUnavailable) {
    std::string address;
    {
        TestServer server{echo_handler()};
        address = server.address();
    }
    const auto answer = run_to_end(fetch(address, {}, 5s));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST(HttpClient, BadArgumentsAreRefusedBeforeConnecting) {
    EXPECT_EQ(run_to_end(fetch("nowhere", {}, 5s)).error().code, Errc::invalid_argument);
    EXPECT_EQ(
        run_to_end(fetch("127.0.0.1:1", {.headers = {{"x", "a\r\nb: c"}}}, 5s)).error().code,
        Errc::invalid_argument);
}

TEST(HttpClient, CancelBetweenTwoReadsIsNotForgotten) {
    const Handler handler = [](Exchange& exchange) -> asio::awaitable<void> {
        co_await exchange.begin_stream(200, {});
        asio::steady_timer pause{exchange.socket().get_executor()};
        while (co_await exchange.write("more")) {
            pause.expires_after(1ms);
            co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    };
    TestServer server{handler};
    asio::io_context context{1};
    asio::cancellation_signal signal;
    std::exception_ptr thrown;
    std::optional<Result<ClientResponse>> outcome;
    int pieces = 0;
    // While a piece is being handled no operation is there to be cancelled.
    const auto on_data = [&](std::string_view) {
        if (++pieces == 3) {
            signal.emit(asio::cancellation_type::terminal);
        }
    };
    asio::co_spawn(
        context,
        fetch_stream(
            server.address(), {}, 5s, [](const ClientResponse&) {}, on_data),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr error, Result<ClientResponse> result) {
                thrown = error;
                outcome = std::move(result);
            }));
    context.run();
    EXPECT_FALSE(thrown);
    ASSERT_TRUE(outcome.has_value());
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code, Errc::cancelled);
    EXPECT_EQ(pieces, 3);
}

TEST(HttpClient, CancelEndsTheCall) {
    ScriptedPeer peer{"", false};
    asio::io_context context{1};
    asio::cancellation_signal signal;
    std::optional<Result<ClientResponse>> outcome;
    asio::co_spawn(
        context,
        fetch(peer.address(), {}, 1h),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr, Result<ClientResponse> result) {
                outcome = std::move(result);
            }));
    asio::steady_timer soon{context, 10ms};
    soon.async_wait([&](auto) { signal.emit(asio::cancellation_type::terminal); });
    context.run();
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->error().code, Errc::cancelled);
}

}  // namespace
}  // namespace evenkeel::inference::http
