#pragma once

#include "policies/domain/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace re2 {
class RE2;
}

namespace evenkeel::config {

/// Longest pattern.
inline constexpr std::size_t pattern_bytes_max = 256;
/// Instructions it may compile to: with the length of the text they bound the time of a search.
inline constexpr int pattern_steps_max = 500;
/// Memory it may take, with the automaton that it builds while it looks through texts.
inline constexpr std::int64_t pattern_memory_max = 1024 * 1024;
/// Patterns of one configuration.
inline constexpr std::size_t patterns_max = 32;

/// A compiled RE2 pattern. It goes over a text once, at worst with `pattern_steps_max` steps a
/// byte: 32 KiB took 0.05 ms with most, 0.15 s with one made for it. Any number of threads may use
/// one.
class Pattern {
public:
    /// Errors: invalid_argument (empty, too long, too large, not RE2's syntax); the message
    /// quotes the pattern.
    [[nodiscard]] static Result<std::shared_ptr<const Pattern>> compile(std::string_view text);
    explicit Pattern(std::unique_ptr<const re2::RE2> compiled) noexcept;
    ~Pattern();
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    /// Whether it occurs anywhere in `text`; invalid UTF-8 in it matches nothing.
    [[nodiscard]] bool occurs_in(std::string_view text) const;

private:
    std::unique_ptr<const re2::RE2> compiled_;
};

/// The last `bytes_max` bytes of a text in UTF-8, less the rest of a character that the cut splits.
[[nodiscard]] std::string_view text_end(std::string_view text, std::size_t bytes_max) noexcept;

}  // namespace evenkeel::config
