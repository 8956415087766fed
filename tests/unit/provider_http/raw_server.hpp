#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace evenkeel::providers::testing {

/// One accepted connection of a RawServer: blocking, with a time limit on every read and write.
class Connection {
public:
    Connection(int descriptor, SSL* tls) : descriptor_{descriptor}, tls_{tls} {}
    /// Bytes up to and with the empty line, and the body that Content-Length names. Empty when the
    /// peer closed first.
    std::string read_request();
    /// False once the peer is gone.
    bool write(std::string_view bytes);
    /// Waits (up to two seconds) until the peer closes.
    void wait_for_close();
    /// Makes the close that follows a reset.
    void reset();

private:
    long read(char* bytes, std::size_t size);
    int descriptor_;
    SSL* tls_;
};

/// A server on 127.0.0.1 that answers with whatever bytes a test wants, a thread for each
/// connection.
class RawServer {
public:
    using Serve = std::function<void(Connection&, const std::string& request)>;
    /// `tls`, when given, must outlive the server.
    explicit RawServer(Serve serve, SSL_CTX* tls = nullptr);
    /// Listens on a Unix socket instead.
    RawServer(Serve serve, const std::string& unix_path);
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;
    ~RawServer();

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(std::string_view scheme = "http") const;
    /// Requests seen so far.
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] int connections() const { return connections_; }

private:
    void start();
    void run();
    void handle(int descriptor);

    Serve serve_;
    SSL_CTX* tls_{nullptr};
    int listener_{-1};
    std::uint16_t port_{0};
    std::atomic<int> connections_{0};
    std::atomic<bool> stopping_{false};
    mutable std::mutex mutex_{};
    std::vector<std::string> requests_{};
    std::vector<std::thread> workers_{};
    std::thread acceptor_{};
};

/// A port on 127.0.0.1 where nobody listens.
[[nodiscard]] std::uint16_t closed_port();

}  // namespace evenkeel::providers::testing
