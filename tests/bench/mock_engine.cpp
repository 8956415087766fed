/// An engine for measurements: answers in the OpenAI shape as fast as one thread of epoll can, so
/// that what lies in front of it is what a measurement shows. It thinks nothing and checks nothing.
///
/// A request says in its body what it wants: `"bench_events": N` events, `"bench_pace_us": P`
/// between two of them (0: as fast as the socket takes them).

#include "tests/bench/mock_request.hpp"
#include "tests/bench/mock_texts.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <queue>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace evenkeel::bench {
namespace {

constexpr int flood_turn = 16;
constexpr int no_delay = 1;

struct Options {
    int port{0};
    std::string model{"mock"};
    std::size_t reply_bytes{1024};
    std::size_t event_bytes{220};
    std::uint64_t body_bytes_max{std::uint64_t{16} * 1024 * 1024};
    std::int64_t events{16};      ///< of a stream that does not say
    std::int64_t pace_us{1'000};  ///< of a stream that does not say
    std::uint64_t cut_every{0};   ///< every so many streams one breaks off half-way; 0: none
};

struct Counters {
    std::uint64_t connections{0};
    std::uint64_t requests{0};
    std::uint64_t streams{0};
    std::uint64_t events{0};
    std::uint64_t aborts{0};  ///< the client left before its answer was whole
};

struct Connection {
    int fd{-1};
    std::uint64_t number{0};
    std::string out{};
    std::size_t written{0};
    bool wants_write{false};
    MockRequest request{};
    // The stream that is being sent.
    std::int64_t events_left{0};
    std::int64_t cut_at{-1};  ///< events left when it breaks off
    std::int64_t pace_ns{0};
    bool usage{false};
    bool streaming{false};

    [[nodiscard]] bool flooding() const noexcept { return streaming && pace_ns == 0; }
};

class Engine {
public:
    explicit Engine(Options options)
        : options_{std::move(options)},
          texts_{options_.model, options_.reply_bytes, options_.event_bytes} {}

    int run() {
        if (!listen()) {
            return 1;
        }
        std::array<epoll_event, 256> ready{};
        for (;;) {
            const int count = wait(ready);
            if (count < 0 && errno != EINTR) {
                std::perror("mock_engine: epoll_pwait2");
                return 1;
            }
            for (int i = 0; i < count; ++i) {
                const auto& event = ready[static_cast<std::size_t>(i)];
                if (event.data.u64 == 0) {
                    accept_all();
                } else {
                    handle(event);
                }
            }
            send_due();
        }
    }

private:
    bool listen() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int yes = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
        socklen_t size = sizeof(address);
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 16 * 1024) != 0 ||
            ::getsockname(listener_, raw, &size) != 0) {
            std::perror("mock_engine: cannot listen");
            return false;
        }
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
        std::printf("%d\n", ntohs(address.sin_port));
        std::fflush(stdout);
        return true;
    }

    int wait(std::array<epoll_event, 256>& ready) {
        timespec pause{};
        const timespec* limit = nullptr;
        if (!due_.empty()) {
            const std::int64_t left = std::max<std::int64_t>(due_.top().first - now_ns(), 0);
            pause = {.tv_sec = left / second_ns, .tv_nsec = left % second_ns};
            limit = &pause;
        }
        return ::epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), limit, nullptr);
    }

    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof(no_delay));
            const auto slot = static_cast<std::size_t>(fd);
            if (slot >= connections_.size()) {
                connections_.resize(slot + 1);
            }
            connections_[slot] = std::make_unique<Connection>();
            connections_[slot]->fd = fd;
            connections_[slot]->number = ++counters_.connections;
            epoll_event event{.events = EPOLLIN, .data = {.u64 = slot}};
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        }
    }

    void handle(const epoll_event& event) {
        const auto slot = static_cast<std::size_t>(event.data.u64);
        if (slot >= connections_.size() || connections_[slot] == nullptr) {
            return;
        }
        Connection& connection = *connections_[slot];
        if ((event.events & EPOLLOUT) != 0 && !flush(connection)) {
            return;
        }
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            read(connection);
        }
    }

    void drop(Connection& connection) {
        if (connection.streaming || connection.written < connection.out.size()) {
            ++counters_.aborts;
        }
        ::close(connection.fd);
        connections_[static_cast<std::size_t>(connection.fd)] = nullptr;
    }

    void read(Connection& connection) {
        const ssize_t count = ::recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (count <= 0) {
            if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
                drop(connection);
            }
            return;
        }
        std::string_view bytes{buffer_.data(), static_cast<std::size_t>(count)};
        const int fd = connection.fd;
        while (!bytes.empty() && connections_[static_cast<std::size_t>(fd)] != nullptr) {
            switch (connection.request.feed(bytes, options_.body_bytes_max)) {
                case MockRequest::State::more:
                    break;
                case MockRequest::State::complete:
                    respond(connection);
                    break;
                case MockRequest::State::refused:
                    send(connection, MockTexts::answer("400 Bad Request", "{}"));
                    drop(connection);
                    break;
            }
        }
    }

    void respond(Connection& connection) {
        const std::string_view target = connection.request.target();
        if (target == "POST /v1/chat/completions") {
            ++counters_.requests;
            if (is_true(connection.request.body(), "\"stream\"")) {
                begin_stream(connection);
            } else {
                send(connection, texts_.plain());
            }
        } else if (target == "GET /health") {
            send(connection, MockTexts::answer("200 OK", "{}"));
        } else if (target == "GET /v1/models") {
            send(connection, texts_.models());
        } else if (target == "GET /metrics") {
            send(
                connection,
                MockTexts::answer(
                    "200 OK",
                    "vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n"
                    "vllm:kv_cache_usage_perc 0\n"));
        } else if (target == "GET /stats") {
            send(connection, MockTexts::answer("200 OK", stats()));
        } else {
            send(connection, MockTexts::answer("404 Not Found", "{}"));
        }
    }

    std::string stats() const {
        return "{\"connections\":" + std::to_string(counters_.connections) +
               ",\"requests\":" + std::to_string(counters_.requests) +
               ",\"streams\":" + std::to_string(counters_.streams) +
               ",\"events\":" + std::to_string(counters_.events) +
               ",\"aborts\":" + std::to_string(counters_.aborts) + "}";
    }

    void begin_stream(Connection& connection) {
        ++counters_.streams;
        const std::string_view body = connection.request.body();
        connection.events_left =
            std::max<std::int64_t>(number_of(body, "\"bench_events", options_.events), 1);
        connection.pace_ns =
            1'000 * std::max<std::int64_t>(number_of(body, "\"bench_pace_us", options_.pace_us), 0);
        const bool cut = options_.cut_every > 0 && counters_.streams % options_.cut_every == 0;
        connection.cut_at = cut ? connection.events_left / 2 : -1;
        connection.usage = is_true(body, "\"include_usage\"");
        connection.streaming = true;
        connection.out +=
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
        if (connection.pace_ns == 0) {
            flush(connection);
            return;
        }
        // Streams begin at even distances within one pace, whatever the order of their requests.
        constexpr std::uint64_t golden = 0x9E3779B97F4A7C15U;
        const std::uint64_t part = (counters_.streams * golden) >> 44;  // of 2^20
        const std::int64_t due =
            now_ns() + connection.pace_ns / 1024 * static_cast<std::int64_t>(part) / 1024;
        due_.emplace(due, connection.number << 24 | static_cast<unsigned>(connection.fd));
        flush(connection);
    }

    /// One event, and behind the last the end of the answer.
    void add_event(Connection& connection, std::int64_t due_ns) {
        append_chunk(connection.out, texts_.event(due_ns));
        ++counters_.events;
        if (--connection.events_left == connection.cut_at) {
            ::shutdown(connection.fd, SHUT_RDWR);
        }
        if (connection.events_left > 0) {
            return;
        }
        if (connection.usage) {
            append_chunk(connection.out, texts_.usage());
        }
        append_chunk(connection.out, "data: [DONE]\n\n");
        connection.out += "0\r\n\r\n";
        connection.streaming = false;
    }

    void send_due() {
        const std::int64_t now = due_.empty() ? 0 : now_ns();
        while (!due_.empty() && due_.top().first <= now) {
            const auto [due, id] = due_.top();
            due_.pop();
            const std::size_t slot = id & 0xFFFFFF;
            Connection* connection = connections_[slot].get();
            if (connection == nullptr || connection->number != id >> 24 || !connection->streaming) {
                continue;
            }
            add_event(*connection, due);
            if (connection->streaming) {
                due_.emplace(due + connection->pace_ns, id);
            }
            flush(*connection);
        }
    }

    void send(Connection& connection, std::string_view bytes) {
        if (connection.out.empty()) {
            const ssize_t sent =
                ::send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
            if (bytes.empty()) {
                return;
            }
        }
        connection.out.append(bytes);
        watch(connection);
    }

    /// Sends what the socket takes; false when the connection is gone.
    bool flush(Connection& connection) {
        // As an engine would, each event of a flood is sent by itself; some, then others' turn.
        for (int turn = 0; turn < flood_turn; ++turn) {
            if (connection.written == connection.out.size()) {
                connection.out.clear();
                connection.written = 0;
                if (!connection.flooding()) {
                    break;
                }
                add_event(connection, now_ns());
            }
            const ssize_t sent = ::send(
                connection.fd,
                connection.out.data() + connection.written,
                connection.out.size() - connection.written,
                MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) {
                if (errno == EAGAIN || errno == EINTR) {
                    break;
                }
                drop(connection);
                return false;
            }
            connection.written += static_cast<std::size_t>(sent);
        }
        watch(connection);
        return true;
    }

    void watch(Connection& connection) {
        const bool wanted = connection.flooding() || connection.written < connection.out.size();
        if (wanted == connection.wants_write) {
            return;
        }
        connection.wants_write = wanted;
        epoll_event event{
            .events = EPOLLIN | (wanted ? EPOLLOUT : 0U),
            .data = {.u64 = static_cast<std::uint64_t>(connection.fd)}};
        ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
    }

    using Due = std::pair<std::int64_t, std::uint64_t>;  ///< when; connection's number and slot

    Options options_;
    MockTexts texts_;
    Counters counters_{};
    int listener_{-1};
    int epoll_{-1};
    std::vector<std::unique_ptr<Connection>> connections_{};
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_{};
    std::array<char, 64 * 1024> buffer_{};
};

}  // namespace
}  // namespace evenkeel::bench

int main(int count, char** arguments) {
    using namespace evenkeel::bench;
    Options options;
    for (int i = 1; i < count; i += 2) {
        const std::string_view name = arguments[i];
        const char* value = i + 1 < count ? arguments[i + 1] : "";
        const auto number = std::strtoll(value, nullptr, 10);
        if (i + 1 == count) {
            std::fprintf(stderr, "mock_engine: %s: no such option, or no value\n", arguments[i]);
            return 2;
        } else if (name == "--port") {
            options.port = static_cast<int>(number);
        } else if (name == "--model") {
            options.model = value;
        } else if (name == "--reply-bytes") {
            options.reply_bytes = static_cast<std::size_t>(number);
        } else if (name == "--event-bytes") {
            options.event_bytes = static_cast<std::size_t>(number);
        } else if (name == "--body-bytes-max") {
            options.body_bytes_max = static_cast<std::uint64_t>(number);
        } else if (name == "--events") {
            options.events = number;
        } else if (name == "--pace-us") {
            options.pace_us = number;
        } else if (name == "--cut-every") {
            options.cut_every = static_cast<std::uint64_t>(number);
        } else {
            std::fprintf(stderr, "mock_engine: %s: no such option\n", arguments[i]);
            return 2;
        }
    }
    raise_files();
    ::signal(SIGPIPE, SIG_IGN);
    return std::make_unique<Engine>(std::move(options))->run();
}
