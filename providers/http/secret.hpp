#pragma once

#include "policies/domain/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::providers {

/// A credential. It cannot be printed, formatted or compared by accident; its bytes are wiped when
/// it goes. Only the code that puts it on the wire calls `reveal`.
class Secret {
public:
    Secret() = default;
    /// Takes the text over; `text`'s own bytes are wiped.
    explicit Secret(std::string text);
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept = default;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    /// The secret itself; valid as long as this object is. Never log it, never put it into an
    /// error.
    [[nodiscard]] std::string_view reveal() const noexcept {
        return {bytes_.data(), bytes_.size()};
    }

private:
    void wipe() noexcept;
    std::vector<char> bytes_{};  ///< on the heap, so that moves leave no copy behind
};

/// A credential read from a file.
struct SecretFile {
    Secret secret{};
    /// Set when others can read the file: a sentence for the owner, without the secret.
    std::optional<std::string> warning{};
};

/// Largest credential file that is read.
inline constexpr std::size_t secret_bytes_max = 16 * 1024;

/// Reads the credential in `path`; one trailing line end is not part of it. Errors, each a sentence
/// that names the file and the fix, never its content: not_found (no such file), invalid_argument
/// (empty, larger than `secret_bytes_max`, not one line of printable ASCII, not a regular file),
/// io_failed (may not be read).
[[nodiscard]] Result<SecretFile> read_secret_file(const std::string& path);

}  // namespace evenkeel::providers
