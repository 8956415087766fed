#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Text helpers of the configuration loader: everything that turns words from a file into words for
/// a person passes through here, so that terminals and secrets are safe.
namespace evenkeel::config {

/// `value` fit for a message: in single quotes, masked when it looks like a secret, control and
/// formatting characters as \xNN or \uNNNN, cut after 60 characters.
[[nodiscard]] std::string quote(std::string_view value);
/// The same without the quotes.
[[nodiscard]] std::string printable(std::string_view value);

/// Whether `value` has the shape of an API key, token, private key or long random string.
[[nodiscard]] bool looks_secret(std::string_view value) noexcept;
/// Whether a key of that name would hold a secret: password, token, api_key, secret, ...
[[nodiscard]] bool names_secret(std::string_view key) noexcept;
/// `line` with every secret-looking word, and what follows a secret-naming key, turned into `*`;
/// the number of characters stays the same.
[[nodiscard]] std::string masked(std::string_view line);

/// Damerau-Levenshtein distance (optimal string alignment) in bytes, when it is at most `limit`;
/// else npos. Texts beyond 64 bytes are far from everything.
[[nodiscard]] std::size_t edit_distance(
    std::string_view a, std::string_view b, std::size_t limit = 64);
/// The candidate nearest to `word`, at distance <= 2 or <= a third of the word's length, whichever
/// is more, and nearer than replacing everything; empty when there is none.
[[nodiscard]] std::string_view closest(
    std::string_view word, std::span<const std::string_view> candidates);

/// "a, b, c", at most `limit` of them, then "... and 5 more".
[[nodiscard]] std::string list_text(
    std::span<const std::string_view> words, std::size_t limit = 12);

/// Splits at `separator`; "" gives nothing.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Number of code points in valid UTF-8.
[[nodiscard]] std::size_t char_count(std::string_view utf8) noexcept;

}  // namespace evenkeel::config
