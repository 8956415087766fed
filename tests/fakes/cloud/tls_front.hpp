#pragma once

#include "policies/domain/error.hpp"
#include "tests/fakes/cloud/certificate.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace evenkeel::fakes::cloud {

/// Ends TLS in front of a plain listener of this host: every connection becomes one connection to
/// it, byte for byte, and the end of either ends both. One thread. Destroying it closes everything.
class TlsFront {
public:
    virtual ~TlsFront() = default;
    /// Where it listens, with the real port when 0 was asked for.
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
};

/// Listens on `host`:`port` (numeric; port 0 picks one) with the certificate in `pem`. Errors:
/// invalid_argument (address or certificate not usable), conflict (address in use).
[[nodiscard]] Result<std::unique_ptr<TlsFront>> make_tls_front(
    boost::asio::io_context& context,
    const std::string& host,
    int port,
    const Pem& pem,
    std::uint16_t backend_port);

}  // namespace evenkeel::fakes::cloud
