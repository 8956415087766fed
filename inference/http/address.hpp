#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace evenkeel::inference::http {

/// A place to listen on or connect to: "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock".
struct Address {
    sockaddr_storage storage{};
    socklen_t size{0};
    std::string path{};  ///< of a Unix socket; empty for TCP

    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }
    [[nodiscard]] bool is_unix() const noexcept { return family() == AF_UNIX; }
    /// 0 for a Unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// As `parse_address` reads it.
    [[nodiscard]] std::string text() const;
    /// The host alone, "unix" for a Unix socket.
    [[nodiscard]] std::string host() const;
};

/// Numeric hosts only. Errors: invalid_argument.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

/// Owns one descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) noexcept : fd_{fd} {}
    Descriptor(Descriptor&& other) noexcept : fd_{other.release()} {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }

private:
    int fd_{-1};
};

/// Opens a non-blocking listening socket and writes the real port back to `address`. Accepted
/// sockets inherit TCP_NODELAY, keep-alive and a small unsent-bytes limit. A Unix socket gets mode
/// 0660; a file left over from a listener that is gone is replaced, any other file is not touched.
/// Errors: conflict (in use), io_failed.
[[nodiscard]] Result<Descriptor> open_listener(Address& address, bool reuse_port);

}  // namespace evenkeel::inference::http
