#pragma once

#include "policies/domain/error.hpp"

#include <memory>
#include <string>

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
};

}  // namespace evenkeel::inference::relay
