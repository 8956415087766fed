#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::ledger {

/// SHA-256 as 32 raw bytes. Throws std::runtime_error when the library refuses (never in practice).
[[nodiscard]] std::string sha256(std::string_view bytes);

/// `size` random bytes of the operating system; empty when it has none to give.
[[nodiscard]] std::string random_bytes(std::size_t size);

[[nodiscard]] std::string to_hex(std::string_view bytes);

/// Builds canonical bytes: integers as 8 bytes little-endian, texts with their length in front, so
/// that no two different rows have the same bytes.
class Canonical {
public:
    Canonical& add(std::int64_t value);
    Canonical& add(std::string_view text);
    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_{};
};

}  // namespace evenkeel::ledger
