#pragma once

#include "inference/relay/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace evenkeel::inference::relay {

/// OpenSSL directly over a non-blocking descriptor: a bare session costs a ninth of the memory of
/// an asio::ssl::stream, and the relay's shared buffer serves both transports. Used by Upstream.
class TlsSession {
public:
    enum class Step : std::uint8_t { moved, want_read, want_write, closed, failed };

    /// The certificate must be for `host`, a name or a numeric address; with a pinned context only
    /// its key counts. `fd` outlives the session.
    [[nodiscard]] static Result<TlsSession> make(
        const TlsContext& context, int fd, const std::string& host);

    /// `failed` also when the peer's key is not the pinned one; nothing was sent to it then.
    [[nodiscard]] Step handshake();
    [[nodiscard]] Step read(std::span<char> into, std::size_t& bytes) noexcept;
    [[nodiscard]] Step write(std::string_view from, std::size_t& bytes) noexcept;
    /// Decrypted bytes wait: do not wait for the socket.
    [[nodiscard]] bool pending() const noexcept;
    /// After a failed handshake.
    [[nodiscard]] Error handshake_error() const;

private:
    struct Free {
        void operator()(ssl_st* ssl) const noexcept;
    };
    [[nodiscard]] Step step(int result) noexcept;

    std::unique_ptr<ssl_st, Free> ssl_{};
    std::string pin_{};  ///< empty: issuer and name were verified instead
    bool wrong_pin_{false};
};

}  // namespace evenkeel::inference::relay
