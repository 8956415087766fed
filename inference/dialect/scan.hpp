#pragma once

#include "policies/domain/source.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// One pass over a JSON body, without building a document: what routing and pricing must know, and
/// where it stands, so that the bytes themselves can be forwarded. The whole body is checked
/// against the grammar, because two readers that disagree about broken JSON disagree about price.
namespace evenkeel::inference::dialect {

inline constexpr int depth_max = 128;
inline constexpr std::size_t number_bytes_max = 1024;
inline constexpr std::size_t model_bytes_max = 256;
inline constexpr std::int64_t tokens_max = 1'000'000'000;
inline constexpr std::int64_t choices_max = 128;  ///< `n`
inline constexpr std::int64_t bytes_per_token = 4;

/// Half-open range of byte positions in the body.
struct Span {
    std::size_t begin{0};
    std::size_t end{0};
    friend constexpr bool operator==(Span, Span) = default;
};

/// Why a body is refused; becomes a 400 in the client's dialect. The message never quotes the body,
/// except for a key's name.
struct ScanError {
    std::string message{};
    std::string param{};  ///< the field to mend; empty when it is the body as a whole
};

/// What a chat request says about itself.
struct ChatScan {
    std::string model{};          ///< decoded; not empty, no control characters
    Span model_value{};           ///< with its quotes
    std::size_t object_begin{0};  ///< just behind the opening brace
    Span messages{};              ///< with its brackets
    bool stream{false};
    bool include_usage{false};             ///< the client asked for the usage event itself
    std::optional<Span> stream_options{};  ///< its value, when the key is there
    bool stream_options_object{false};     ///< false: null
    bool stream_options_empty{true};       ///< `{}`
    std::optional<Span> include_usage_value{};
    std::int64_t max_tokens{0};  ///< the lower of max_tokens and max_completion_tokens; 0 = unset
    std::int64_t n{1};
    /// Bytes of text in messages plus the tool definitions, divided by four and rounded up: an
    /// estimate for admission and holds, never a bill. Images and audio are not counted.
    std::int64_t prompt_tokens{0};
    bool tools{false};   ///< `tools` is there and not empty
    bool images{false};  ///< a part of a message is an image
};

/// Scans the body of POST /v1/chat/completions. Refused, beyond broken JSON: a top level that is
/// not an object, a missing or wrong `model` or `messages`, duplicates of any key named here (also
/// when spelled with escapes, or in another case, which some engines would fold together), numbers
/// over 1 KB, nesting over 128, invalid UTF-8. Lone surrogate escapes inside message text pass.
[[nodiscard]] std::expected<ChatScan, ScanError> scan_chat(std::string_view body);

/// The text of the messages of a body that `scan_chat` took: contents and text parts of all of
/// them, decoded, in order, one newline between two; of more than `bytes_max` the last ones.
[[nodiscard]] std::string message_text(
    std::string_view body, const ChatScan& scan, std::size_t bytes_max);

/// The upstream body as pieces of the client's body and short insertions; nothing is copied.
struct Splice {
    std::array<std::string_view, 5> pieces{};
    std::size_t count{0};
    std::size_t bytes{0};
};

/// Renames the model to `quoted_model` (JSON text with its quotes) and, for a stream, makes sure of
/// `"include_usage":true`. Everything else stays byte for byte. The result points into `body`,
/// `quoted_model` and static text.
[[nodiscard]] Splice splice(
    std::string_view body, const ChatScan& scan, std::string_view quoted_model);

/// What one JSON object of an answer (a whole body, or the data of one event) says about usage.
struct AnswerScan {
    std::optional<Usage> usage{};  ///< the top-level `usage` object with both counts
    bool choices_empty{false};     ///< `"choices":[]` at the top level
};
/// Nothing when `json` is not one JSON object.
[[nodiscard]] std::optional<AnswerScan> scan_answer(std::string_view json);

/// Appends `text` as a JSON string with quotes. Invalid UTF-8 is replaced by U+FFFD.
void append_json_string(std::string& out, std::string_view text);
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace evenkeel::inference::dialect
