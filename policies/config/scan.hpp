#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Checks on the bytes of a file, before YAML is read into them. Internal to policies/config.
namespace evenkeel::config {

/// Why a text is not looked at any further.
struct ScanProblem {
    std::size_t begin{0};
    std::size_t end{1};
    const char* code{""};
    std::string message{};
    bool is_shown{true};  ///< whether the line may be shown
};

/// `text` without a UTF-8 byte order mark.
[[nodiscard]] std::string_view without_mark(std::string_view text) noexcept;

/// Size, encoding, control characters, directives, emptiness, and the number of structural
/// characters (yaml-cpp queues a token of about 250 bytes for each). Nothing when all is well.
[[nodiscard]] std::optional<ScanProblem> scan(std::string_view text);

/// Position of the first tab in the indentation of a line with content; npos when there is none.
[[nodiscard]] std::size_t first_tab_indent(std::string_view text) noexcept;

/// A text whose tab-indented lines were given the indentation that most likely was meant, so that
/// the rest of the file can still be checked.
struct Untabbed {
    std::string text{};
    std::vector<int> shifts{};  ///< per line: what to add to a column to get the original one
};
[[nodiscard]] Untabbed without_tabs(std::string_view text);

/// One past the token that begins at `begin`: a quoted text with its quotes (npos when it is never
/// closed), a bracket, a block scalar's sign, or plain text equal to `value`, else the rest of the
/// line without its comment.
[[nodiscard]] std::size_t token_end(
    std::string_view text, std::size_t begin, std::string_view value) noexcept;
/// One past the run of characters up to the next space, comma, bracket or line end.
[[nodiscard]] std::size_t word_end(std::string_view text, std::size_t begin) noexcept;

}  // namespace evenkeel::config
