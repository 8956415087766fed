#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace evenkeel::inference::bootstrap {

/// A text whose bytes are wiped when it goes: private keys and engine keys. No formatter, no stream
/// operator, no comparison.
class WipedText {
public:
    WipedText() = default;
    explicit WipedText(std::string text) : text_{std::move(text)} {}
    WipedText(const WipedText&) = default;
    WipedText(WipedText&& other) noexcept;
    WipedText& operator=(const WipedText& other);
    WipedText& operator=(WipedText&& other) noexcept;
    ~WipedText();

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    /// For the one place that renders it. Never log it, never put it into an error.
    [[nodiscard]] std::string_view reveal() const noexcept { return text_; }

private:
    void wipe() noexcept;
    std::string text_{};
};

/// The identity of one rented node: it serves TLS with it, and the agent trusts nothing else.
struct NodeCertificate {
    std::string certificate{};  ///< PEM, self-signed
    WipedText key{};            ///< PEM, PKCS #8
    std::string pin{};          ///< SHA-256 of the SubjectPublicKeyInfo, 64 lower-case hex digits
};

/// How far the validity reaches before now and beyond the machine's longest life. What protects a
/// node is the pin and the machine's end, not a date: the agent compares the pin alone, so a clock
/// that is off by a day (FAULTS F47), on either side, can never take a paid machine out of service.
/// The dates are for other clients that trust the certificate as a file, such as `curl --cacert`;
/// two days absorb a clock that is a day off and a time zone applied twice.
inline constexpr std::chrono::hours certificate_margin{48};

/// Shortest seed that is taken.
inline constexpr std::size_t certificate_seed_min = 32;

/// Makes the certificate of the machine `name` (its common name and DNS name): EC P-256, signed
/// with SHA-256, valid from `now - certificate_margin` to `now + life + certificate_margin`.
///
/// The key follows from `seed`, a secret of this one machine: after a restart the agent knows the
/// pin again without having stored anything. An empty seed gives a random key. Errors:
/// invalid_argument (name not made of letters, digits, '.' and '-', longer than 64; short seed;
/// life not above zero), io_failed (OpenSSL).
[[nodiscard]] Result<NodeCertificate> make_node_certificate(
    std::string_view name, std::string_view seed, UtcTime now, std::chrono::seconds life);

/// The pin that `make_node_certificate` gives for `seed`. Errors: invalid_argument (short seed),
/// io_failed.
[[nodiscard]] Result<std::string> node_pin(std::string_view seed);

}  // namespace evenkeel::inference::bootstrap
