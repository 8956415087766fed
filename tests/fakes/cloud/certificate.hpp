#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <string>

namespace evenkeel::fakes::cloud {

/// A certificate and its private key.
struct Pem {
    std::string certificate{};
    std::string key{};
};

/// What is wrong with the certificate the vendors' hosts show (FAULTS F33).
enum class Flaw : std::uint8_t { none, expired, wrong_host, self_signed };

/// A throw-away authority. Errors: io_failed (OpenSSL).
[[nodiscard]] Result<Pem> make_authority();
/// A host's certificate for 127.0.0.1 and localhost, signed by `authority`.
[[nodiscard]] Result<Pem> make_host(const Pem& authority, Flaw flaw);

}  // namespace evenkeel::fakes::cloud
