#pragma once

#include "policies/domain/error.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace evenkeel::inference::relay {

/// What TLS connections to one source share: trusted roots and settings. Immutable after making;
/// used from all data-path threads. Keeps OpenSSL's headers out of ours.
class TlsContext {
public:
    virtual ~TlsContext() = default;
    /// The SSL_CTX.
    [[nodiscard]] virtual void* native() const noexcept = 0;

    /// Trusts the certificates in `ca_file` (PEM), or the system's when it is empty. TLS 1.2 or
    /// newer, peer always verified. Errors: invalid_argument (file not usable).
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> make(const std::string& ca_file);

    /// Trusts exactly the peers whose public key is `pin` (SHA-256 of the certificate's
    /// SubjectPublicKeyInfo, 64 lower-case hex digits), whatever name, issuer or dates their
    /// certificate states. Compared after every handshake, a resumed one too, and before the first
    /// byte is sent. TLS 1.3, no renegotiation. Errors: invalid_argument (not such a hash).
    [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> pinned(std::string_view pin);

    /// The pin, or empty when the peer is verified by its issuer and name.
    [[nodiscard]] virtual std::string_view pin() const noexcept = 0;
};

}  // namespace evenkeel::inference::relay
