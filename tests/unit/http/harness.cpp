#include "tests/unit/http/harness.hpp"

#include "inference/http/address.hpp"
#include "inference/http/chunk.hpp"
#include "inference/http/head.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <cctype>
#include <ctime>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::inference::http::testing_tools {

using Clock = std::chrono::steady_clock;

TestServer::TestServer(Handler handler, ServerOptions options, const std::string& address)
    : work_{asio::make_work_guard(context_)} {
    auto server = listen(context_, address, std::move(handler), std::move(options));
    if (!server) {
        throw std::runtime_error{server.error().message};
    }
    server_ = std::move(*server);
    address_ = server_->address();
    port_ = server_->port();
    thread_ = std::jthread{[this] { context_.run(); }};
}

TestServer::~TestServer() {
    if (!stopping_) {
        stop(0ms);
    }
    static_cast<void>(stopped_within(5s));
    work_.reset();
    thread_.join();
    server_.reset();
}

int TestServer::connections() {
    std::promise<int> count;
    asio::post(context_, [&] { count.set_value(server_->connections()); });
    return count.get_future().get();
}

void TestServer::stop(std::chrono::milliseconds drain) {
    stopping_ = true;
    server_->stop(drain, [this] {
        const std::scoped_lock lock{mutex_};
        stopped_ = true;
        changed_.notify_all();
    });
}

bool TestServer::stopped_within(std::chrono::milliseconds limit) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, limit, [this] { return stopped_; });
}

double TestServer::cpu_seconds() {
    std::promise<double> used;
    asio::post(context_, [&] {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        used.set_value(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9);
    });
    return used.get_future().get();
}

RawClient::RawClient(const std::string& address, std::size_t receive_buffer) {
    const auto parsed = parse_address(address);
    if (!parsed) {
        throw std::runtime_error{parsed.error().message};
    }
    fd_ = ::socket(parsed->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0) {
        const int size = static_cast<int>(receive_buffer);
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    if (fd_ < 0 || ::connect(fd_, parsed->get(), parsed->size) != 0) {
        throw std::runtime_error{"cannot connect to " + address};
    }
    if (!parsed->is_unix()) {
        const int one = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
}

RawClient::~RawClient() {
    close();
}

void RawClient::close(bool reset) {
    if (fd_ < 0) {
        return;
    }
    if (reset) {
        const linger option{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &option, sizeof(option));
    }
    ::close(fd_);
    fd_ = -1;
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
        if (::poll(&entry, 1, 2000) <= 0) {
            return false;
        }
        const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void RawClient::shutdown_send() {
    ::shutdown(fd_, SHUT_WR);
}

bool RawClient::fill(Clock::time_point until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
    if (left.count() < 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) {
        return false;
    }
    char buffer[16 * 1024];
    const ssize_t count = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (count <= 0) {
        closed_ = true;
        return false;
    }
    kept_.append(buffer, static_cast<std::size_t>(count));
    return true;
}

std::string RawClient::read_all(std::chrono::milliseconds limit) {
    const auto until = Clock::now() + limit;
    while (fill(until)) {
    }
    return std::exchange(kept_, {});
}

std::string RawClient::read_some(std::chrono::milliseconds limit) {
    if (kept_.empty()) {
        static_cast<void>(fill(Clock::now() + limit));
    }
    return std::exchange(kept_, {});
}

RawAnswer RawClient::read_answer(std::chrono::milliseconds limit, bool to_head) {
    const auto until = Clock::now() + limit;
    RawAnswer answer;
    HeadParser parser{HeadParser::Kind::response};
    Progress progress = parser.feed(kept_, Limits{});
    while (progress == Progress::need_more && fill(until)) {
        progress = parser.feed(kept_, Limits{});
    }
    if (progress != Progress::complete) {
        return answer;
    }
    const ResponseHead head = parser.response();
    answer.status = head.status;
    answer.head = kept_.substr(0, parser.size());
    std::string bytes = kept_.substr(parser.size());
    kept_.clear();
    if (head.bodiless(to_head ? "HEAD" : "GET")) {
        kept_ = std::move(bytes);
        answer.complete = true;
        return answer;
    }
    const auto more = [&] {
        const bool filled = fill(until);
        bytes += std::exchange(kept_, {});
        return filled;
    };
    if (head.chunked) {
        ChunkScanner scanner;
        while (scanner.state() == ChunkScanner::State::more) {
            if (bytes.empty() && !more()) {
                return answer;
            }
            const auto step = scanner.next(bytes);
            answer.body += step.payload;
            bytes.erase(0, step.consumed);
        }
        answer.complete = scanner.state() == ChunkScanner::State::done;
        kept_ = std::move(bytes);
        return answer;
    }
    if (!head.content_length.has_value()) {
        while (more()) {
        }
        answer.body = std::move(bytes);
        answer.complete = closed_;
        return answer;
    }
    const auto size = static_cast<std::size_t>(*head.content_length);
    while (bytes.size() < size && more()) {
    }
    answer.complete = bytes.size() >= size;
    answer.body = bytes.substr(0, size);
    kept_ = bytes.size() > size ? bytes.substr(size) : std::string{};
    return answer;
}

int status_of(std::string_view answer) {
    return answer.size() < 12 ? 0 : std::stoi(std::string{answer.substr(9, 3)});
}

int count_answers(std::string_view bytes) {
    constexpr std::string_view start = "HTTP/1.1 ";
    int count = 0;
    for (std::size_t at = bytes.find(start); at != std::string_view::npos;
         at = bytes.find(start, at + 1)) {
        const std::string_view code = bytes.substr(at + start.size(), 4);
        count += code.size() == 4 && std::isdigit(code[0]) != 0 && code[3] == ' ' ? 1 : 0;
    }
    return count;
}

std::string exchange_raw(const std::string& address, std::string_view bytes) {
    RawClient client{address};
    client.send(bytes);
    return client.read_all();
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto until = Clock::now() + limit;
    while (!condition()) {
        if (Clock::now() > until) {
            return false;
        }
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

Handler echo_handler() {
    return [](Exchange& exchange) -> asio::awaitable<void> {
        const auto body = co_await exchange.read_body();
        Headers headers{{"content-type", "text/plain"}};
        std::string text;
        int status = 200;
        if (body) {
            text = fmt::format(
                "{} {} {}:{}", exchange.head().method, exchange.head().path, body->size(), *body);
        } else {
            status = body.error().code == Errc::refused     ? 413
                     : body.error().code == Errc::timed_out ? 408
                                                            : 400;
            text = body.error().message;
        }
        static_cast<void>(co_await exchange.respond(status, headers, text));
    };
}

}  // namespace evenkeel::inference::http::testing_tools
