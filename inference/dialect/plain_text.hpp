#pragma once

#include <cstddef>
#include <span>
#include <string_view>

/// The inner loop of reading JSON: most bytes of a request are plain text of its prompt.
namespace evenkeel::inference::dialect {

/// What may follow a backslash, but for `u`.
[[nodiscard]] bool is_short_escape(char c) noexcept;

/// Passes over plain ASCII and short escapes, from `at` on, which must not follow a backslash.
/// Returns where it stopped: at a quote, at a byte that is not ASCII or a control character, at a
/// backslash that begins something else, or at any earlier byte that begins a character. `escapes`
/// grows by the short escapes passed, two bytes each.
using PlainUntil =
    std::size_t (*)(std::string_view text, std::size_t at, std::size_t& escapes) noexcept;

/// Every way of doing it that this processor knows, the fastest first: all but that one are there
/// for processors that lack it.
[[nodiscard]] std::span<const PlainUntil> plain_untils() noexcept;

}  // namespace evenkeel::inference::dialect
