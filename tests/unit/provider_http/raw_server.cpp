#include "tests/unit/provider_http/raw_server.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace evenkeel::providers::testing {

namespace {

int bind_loopback(std::uint16_t& port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error{"cannot bind on loopback"};
    }
    port = ntohs(address.sin_port);
    return descriptor;
}

}  // namespace

long Connection::read(char* bytes, std::size_t size) {
    return tls_ != nullptr ? SSL_read(tls_, bytes, static_cast<int>(size))
                           : ::recv(descriptor_, bytes, size, 0);
}

std::string Connection::read_request() {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
        char bytes[4096];
        const long got = read(bytes, sizeof bytes);
        if (got <= 0) {
            return {};
        }
        request.append(bytes, static_cast<std::size_t>(got));
        const auto end = request.find("\r\n\r\n");
        if (end != std::string::npos && wanted == std::string::npos) {
            const auto field = request.find("Content-Length: ");
            const auto length =
                field < end ? std::strtoul(request.c_str() + field + 16, nullptr, 10) : 0;
            wanted = end + 4 + length;
        }
    }
    return request;
}

bool Connection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const long put = tls_ != nullptr
                             ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

void Connection::wait_for_close() {
    char byte = 0;
    while (read(&byte, 1) > 0) {
    }
}

void Connection::reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

RawServer::RawServer(Serve serve, SSL_CTX* tls) : serve_{std::move(serve)}, tls_{tls} {
    listener_ = bind_loopback(port_);
    start();
}

RawServer::RawServer(Serve serve, const std::string& unix_path) : serve_{std::move(serve)} {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error{"cannot bind the Unix socket"};
    }
    start();
}

void RawServer::start() {
    ::listen(listener_, 16);
    acceptor_ = std::thread{[this] { run(); }};
}

RawServer::~RawServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& worker : workers_) {
        worker.join();
    }
    ::close(listener_);
}

void RawServer::run() {
    // OpenSSL writes to closed connections; its workers inherit this.
    sigset_t pipe{};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (!stopping_) {
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor < 0) {
            return;
        }
        ++connections_;
        workers_.emplace_back([this, descriptor] {
            handle(descriptor);
            ::close(descriptor);
        });
    }
}

void RawServer::handle(int descriptor) {
    const timeval limit{.tv_sec = 2, .tv_usec = 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    SSL* tls = nullptr;
    if (tls_ != nullptr) {
        tls = SSL_new(tls_);
        SSL_set_fd(tls, descriptor);
    }
    if (tls == nullptr || SSL_accept(tls) == 1) {
        Connection connection{descriptor, tls};
        for (std::string request = connection.read_request(); !request.empty();
             request = connection.read_request()) {
            {
                const std::scoped_lock lock{mutex_};
                requests_.push_back(request);
            }
            serve_(connection, request);
            if (!request.starts_with("GET /keep")) {
                break;
            }
        }
    }
    SSL_free(tls);
}

std::string RawServer::url(std::string_view scheme) const {
    return fmt::format("{}://127.0.0.1:{}", scheme, port_);
}

std::vector<std::string> RawServer::requests() const {
    const std::scoped_lock lock{mutex_};
    return requests_;
}

std::uint16_t closed_port() {
    std::uint16_t port = 0;
    ::close(bind_loopback(port));
    return port;
}

}  // namespace evenkeel::providers::testing
