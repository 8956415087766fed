#include "raw_http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::integration {

namespace {

constexpr std::size_t answer_max = std::size_t{4} * 1024 * 1024;

/// Everything that comes until the other side closes.
std::string exchange(int fd, std::string_view request, std::chrono::milliseconds limit) {
    while (!request.empty()) {
        const ssize_t sent = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return {};
        }
        request.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::string answer;
    char piece[16 * 1024];
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (answer.size() < answer_max) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) {
            return answer;
        }
        const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
        if (got <= 0) {
            return answer;
        }
        answer.append(piece, static_cast<std::size_t>(got));
    }
    return answer;
}

}  // namespace

std::string RawAnswer::header(std::string_view name) const {
    std::string lower = head;
    std::ranges::transform(
        lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string field = fmt::format("\r\n{}: ", name);
    const auto at = lower.find(field);
    if (at == std::string::npos) {
        return {};
    }
    const auto from = at + field.size();
    return head.substr(from, head.find("\r\n", from) - from);
}

RawAnswer raw_http(
    std::uint16_t port,
    std::string_view method,
    std::string_view target,
    std::string_view bearer,
    std::string_view body,
    std::chrono::milliseconds limit) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return {};
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string text;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        text = exchange(
            fd,
            fmt::format(
                "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n"
                "Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n"
                "\r\n{}",
                method,
                target,
                port,
                bearer,
                body.size(),
                body),
            limit);
    }
    ::close(fd);
    RawAnswer answer;
    const auto end = text.find("\r\n\r\n");
    constexpr std::size_t code_at = 9;  // behind "HTTP/1.1 "
    if (end != std::string::npos && end > code_at + 3) {
        answer.head = text.substr(0, end + 2);
        answer.body = text.substr(end + 4);
        std::from_chars(text.data() + code_at, text.data() + code_at + 3, answer.status);
    }
    return answer;
}

}  // namespace evenkeel::integration
