#include "inference/http/address.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace evenkeel::inference::http {

namespace {

std::string os_text(int code) {
    return std::system_category().message(code);
}

Result<Address> parse_unix(std::string_view path) {
    Address address;
    sockaddr_un name{};
    if (path.empty() || path.size() >= sizeof(name.sun_path)) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "a Unix socket needs a path of 1 to {} bytes, not {}",
                sizeof(name.sun_path) - 1,
                path.size()));
    }
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    std::memcpy(&address.storage, &name, sizeof(name));
    address.size = static_cast<socklen_t>(sizeof(name));
    address.path = path;
    return address;
}

/// What a socket file at `address` is: free to bind, left over, or in use.
enum class Leftover { none, stale, busy, not_a_socket };

Leftover look_at(const Address& address) {
    struct stat info{};
    if (::lstat(address.path.c_str(), &info) != 0) {
        return Leftover::none;
    }
    if (!S_ISSOCK(info.st_mode)) {
        return Leftover::not_a_socket;
    }
    const Descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!probe.valid() || ::connect(probe.get(), address.get(), address.size) == 0) {
        return Leftover::busy;
    }
    return errno == ECONNREFUSED ? Leftover::stale : Leftover::busy;
}

Result<void> bind_unix(int fd, const Address& address) {
    switch (look_at(address)) {
        case Leftover::busy:
            return fail(
                Errc::conflict, fmt::format("another process already listens on {}", address.path));
        case Leftover::not_a_socket:
            return fail(
                Errc::conflict,
                fmt::format("{} exists and is not a socket; choose another path", address.path));
        case Leftover::stale:
            ::unlink(address.path.c_str());
            break;
        case Leftover::none:
            break;
    }
    if (::bind(fd, address.get(), address.size) != 0) {
        const int code = errno;
        return fail(
            code == EADDRINUSE ? Errc::conflict : Errc::io_failed,
            fmt::format("cannot create the socket {}: {}", address.path, os_text(code)));
    }
    // Nobody can connect before listen(), so the mode is never wider than this for anyone.
    if (::chmod(address.path.c_str(), 0660) != 0) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot set the mode of {}: {}", address.path, os_text(errno)));
    }
    return {};
}

Result<void> bind_tcp(int fd, const Address& address, bool reuse_port) {
    const auto set = [fd](int level, int option, int value) {
        return ::setsockopt(fd, level, option, &value, sizeof(value)) == 0;
    };
    constexpr int unsent_bytes = 64 * 1024;  // bounds what a slow reader holds of our memory (F58)
    constexpr int quiet_seconds = 60;        // then probe whether the peer is still there
    bool good = set(SOL_SOCKET, SO_REUSEADDR, 1) && set(IPPROTO_TCP, TCP_NODELAY, 1) &&
                set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes) &&
                set(SOL_SOCKET, SO_KEEPALIVE, 1) && set(IPPROTO_TCP, TCP_KEEPIDLE, quiet_seconds);
    good = good && (!reuse_port || set(SOL_SOCKET, SO_REUSEPORT, 1));
    good = good && (address.family() != AF_INET6 || set(IPPROTO_IPV6, IPV6_V6ONLY, 1));
    if (!good) {
        return fail(
            Errc::io_failed,
            fmt::format("cannot prepare the socket {}: {}", address.text(), os_text(errno)));
    }
    if (::bind(fd, address.get(), address.size) != 0) {
        const int code = errno;
        if (code == EADDRINUSE) {
            return fail(
                Errc::conflict, fmt::format("{} is in use by another process", address.text()));
        }
        return fail(
            Errc::io_failed, fmt::format("cannot bind {}: {}", address.text(), os_text(code)));
    }
    return {};
}

}  // namespace

std::uint16_t Address::port() const noexcept {
    if (family() == AF_INET) {
        return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    }
    if (family() == AF_INET6) {
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    }
    return 0;
}

std::string Address::host() const {
    char buffer[INET6_ADDRSTRLEN]{};
    if (family() == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
        ::inet_ntop(AF_INET, &in->sin_addr, buffer, sizeof(buffer));
        return buffer;
    }
    if (family() == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage);
        ::inet_ntop(AF_INET6, &in->sin6_addr, buffer, sizeof(buffer));
        return buffer;
    }
    return "unix";
}

std::string Address::text() const {
    if (is_unix()) {
        return "unix:" + path;
    }
    return family() == AF_INET6 ? fmt::format("[{}]:{}", host(), port())
                                : fmt::format("{}:{}", host(), port());
}

Result<Address> parse_address(std::string_view text) {
    if (text.starts_with("unix:")) {
        return parse_unix(text.substr(5));
    }
    const auto bad = [text] {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "\"{}\" is no address; write 127.0.0.1:8080, [::1]:8080 or unix:/path", text));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return bad();
    }
    std::string host{text.substr(0, colon)};
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (code != std::errc{} || end != digits.data() + digits.size()) {
        return bad();
    }
    Address address;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        if (::inet_pton(AF_INET6, host.c_str(), &in.sin6_addr) != 1) {
            return bad();
        }
        std::memcpy(&address.storage, &in, sizeof(in));
        address.size = sizeof(in);
        return address;
    }
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &in.sin_addr) != 1) {
        return bad();
    }
    std::memcpy(&address.storage, &in, sizeof(in));
    address.size = sizeof(in);
    return address;
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        const Descriptor old{std::exchange(fd_, other.release())};
    }
    return *this;
}

Descriptor::~Descriptor() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<Descriptor> open_listener(Address& address, bool reuse_port) {
    Descriptor fd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd.valid()) {
        return fail(Errc::io_failed, fmt::format("cannot open a socket: {}", os_text(errno)));
    }
    const auto bound =
        address.is_unix() ? bind_unix(fd.get(), address) : bind_tcp(fd.get(), address, reuse_port);
    if (!bound) {
        return std::unexpected{bound.error()};
    }
    if (::listen(fd.get(), SOMAXCONN) != 0) {
        const int code = errno;
        return fail(
            code == EADDRINUSE ? Errc::conflict : Errc::io_failed,
            fmt::format("cannot listen on {}: {}", address.text(), os_text(code)));
    }
    if (!address.is_unix()) {
        address.size = sizeof(address.storage);
        auto* name = reinterpret_cast<sockaddr*>(&address.storage);
        if (::getsockname(fd.get(), name, &address.size) != 0) {
            return fail(Errc::io_failed, fmt::format("cannot read the port: {}", os_text(errno)));
        }
    }
    return fd;
}

}  // namespace evenkeel::inference::http
