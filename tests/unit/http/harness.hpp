#pragma once

#include "inference/http/server.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// A server on its own thread, and clients that send raw bytes from the test's thread.
namespace evenkeel::inference::http::testing_tools {

using namespace std::chrono_literals;

/// Listens on loopback (or on `address`) until destroyed; the handler runs on the server's thread.
class TestServer {
public:
    explicit TestServer(
        Handler handler, ServerOptions options = {}, const std::string& address = "127.0.0.1:0");
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Asks on the server's thread.
    [[nodiscard]] int connections();
    void stop(std::chrono::milliseconds drain);
    /// True when the server reported the end of its last exchange within `limit`.
    [[nodiscard]] bool stopped_within(std::chrono::milliseconds limit);
    [[nodiscard]] asio::io_context& context() { return context_; }
    /// CPU seconds the server's thread has used.
    [[nodiscard]] double cpu_seconds();

private:
    asio::io_context context_{1};
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
    std::unique_ptr<Server> server_;
    std::string address_;
    std::uint16_t port_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_{false};
    bool stopping_{false};
    std::jthread thread_;
};

struct RawAnswer {
    int status{0};
    std::string head{};  ///< with the empty line
    std::string body{};  ///< as framed by Content-Length, or de-chunked
    bool complete{false};
};

/// A blocking client socket with a limit on every wait.
class RawClient {
public:
    /// "host:port" or "unix:/path".
    explicit RawClient(const std::string& address, std::size_t receive_buffer = 0);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    /// False when the peer is gone or takes nothing within 2 s.
    bool send(std::string_view bytes);
    void shutdown_send();
    /// Closes; with `reset` the peer sees a reset instead of an end.
    void close(bool reset = false);
    /// Everything until the peer closes; `closed` tells whether it did within `limit`.
    std::string read_all(std::chrono::milliseconds limit = 5s);
    [[nodiscard]] bool closed() const { return closed_; }
    /// One answer; keeps what follows for the next call.
    RawAnswer read_answer(std::chrono::milliseconds limit = 5s, bool to_head = false);
    /// Whatever arrives next; empty at the end or after `limit`.
    std::string read_some(std::chrono::milliseconds limit = 5s);
    [[nodiscard]] int fd() const { return fd_; }

private:
    bool fill(std::chrono::steady_clock::time_point until);

    int fd_{-1};
    bool closed_{false};
    std::string kept_{};
};

/// A request that any server answers.
inline constexpr std::string_view plain_get = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
/// The status of an answer; 0 when there is none.
[[nodiscard]] int status_of(std::string_view answer);
/// How many status lines `bytes` holds.
[[nodiscard]] int count_answers(std::string_view bytes);
/// Connects, sends, reads to the end.
[[nodiscard]] std::string exchange_raw(const std::string& address, std::string_view bytes);
/// Waits in small steps until `condition` holds; false after `limit`.
[[nodiscard]] bool eventually(
    const std::function<bool()>& condition, std::chrono::milliseconds limit = 5s);

/// Answers every request with its method, path and body: "POST /x 5:hello".
[[nodiscard]] Handler echo_handler();

}  // namespace evenkeel::inference::http::testing_tools
