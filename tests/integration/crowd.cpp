#include "crowd.hpp"

#include "scene.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace evenkeel::integration {

namespace fs = std::filesystem;

MockEngine::MockEngine(const fs::path& folder) {
    const std::string log = (folder / "mock_engine.log").string();
    auto started = lab::demo::start_child(
        "mock_engine",
        EVENKEEL_MOCK_ENGINE,
        {"--event-bytes", std::to_string(event_bytes)},
        log,
        true);
    if (!started) {
        throw std::runtime_error{started.error().message};
    }
    child_ = *started;
    if (!eventually(10s, [&] { return bool(std::ifstream{log} >> port_); })) {
        throw std::runtime_error{"mock_engine does not say its port"};
    }
}

MockEngine::~MockEngine() {
    lab::demo::stop_child(child_, 1s);
}

void Crowd::join(const std::string& body, int receive_buffer) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        throw std::runtime_error{fmt::format("no socket for client {}", clients_.size())};
    }
    clients_.push_back({.fd = fd});
    if (receive_buffer > 0) {
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request = fmt::format(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        key_,
        body.size(),
        body);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size())) {
        throw std::runtime_error{fmt::format("client {} cannot ask", clients_.size())};
    }
}

void Crowd::read(std::size_t most) {
    constexpr std::string_view event_mark = "data: {\"id\"";
    constexpr std::string_view end_mark = "data: [DONE]";
    std::string piece(most, '\0');
    for (Client& client : clients_) {
        if (client.fd < 0 || client.closed) {
            continue;
        }
        const ssize_t got = ::recv(client.fd, piece.data(), most, MSG_DONTWAIT);
        client.closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
        if (got > 0) {
            client.tail.append(piece, 0, static_cast<std::size_t>(got));
            client.begun = client.begun || client.tail.find(event_mark) != std::string::npos;
            client.served = client.served || client.tail.find(end_mark) != std::string::npos;
            client.tail.erase(
                0, client.tail.size() - std::min(client.tail.size(), end_mark.size()));
        }
    }
}

int Crowd::begun() const {
    return static_cast<int>(std::ranges::count(clients_, true, &Client::begun));
}

int Crowd::served() const {
    return static_cast<int>(std::ranges::count(clients_, true, &Client::served));
}

int Crowd::closed() const {
    return static_cast<int>(std::ranges::count(clients_, true, &Client::closed));
}

void Crowd::leave(int resets) {
    int number = 0;
    for (Client& client : clients_) {
        if (client.fd < 0) {
            continue;
        }
        if (number++ % 100 < resets) {
            const linger hard{.l_onoff = 1, .l_linger = 0};
            ::setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        }
        ::close(client.fd);
        client.fd = -1;
    }
}

Held held_by(pid_t process) {
    const fs::path folder = fmt::format("/proc/{}", process);
    Held held;
    std::error_code code;
    for (fs::directory_iterator it{folder / "fd", code}, end; !code && it != end;
         it.increment(code)) {
        ++held.descriptors;
    }
    std::int64_t all = 0;
    std::int64_t resident = 0;
    if (std::ifstream{folder / "statm"} >> all >> resident) {
        held.resident_bytes = resident * ::sysconf(_SC_PAGESIZE);
    }
    return held;
}

std::size_t raise_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

}  // namespace evenkeel::integration
