#pragma once

#include "inference/dialect/endpoint.hpp"
#include "inference/dialect/turns.hpp"
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
    std::string code{};   ///< where a client's SDK knows one
};

/// What a request says about itself.
struct RequestScan {
    std::string model{};          ///< decoded; not empty, no control characters
    Span model_value{};           ///< with its quotes
    std::size_t object_begin{0};  ///< just behind the opening brace
    /// Where the text that is to be answered stands, in the order of the body: messages, and
    /// beside them a system text or instructions. Empty ones are not there.
    std::array<Span, 2> texts{};
    bool stream{false};
    bool include_usage{false};             ///< the client asked for the usage event itself
    std::optional<Span> stream_options{};  ///< its value, when the key is there
    bool stream_options_object{false};     ///< false: null
    bool stream_options_empty{true};       ///< `{}`
    std::optional<Span> include_usage_value{};
    std::int64_t max_tokens{0};  ///< the lowest ceiling of one answer's tokens; 0 = unset
    std::int64_t n{1};           ///< answers: `n` or `best_of`, for each prompt
    bool writes{true};           ///< false: the answer is no text (embeddings)
    /// Bytes of text in what is to be answered plus the tool definitions, divided by four and
    /// rounded up (token ids: their number): an estimate for admission and holds, never a bill.
    /// Images and audio are not counted.
    std::int64_t prompt_tokens{0};
    std::int64_t text_bytes{0};  ///< those bytes
    TurnCuts turns{};            ///< of what is to be answered
    Span tools_value{};          ///< empty when the key is not there
    bool thoughts{false};        ///< a message holds what a model thought
    /// A field that makes an API charge other prices than those of its tokens; empty: none.
    std::string price_changer{};
    bool tools{false};   ///< `tools` is there and not empty
    bool images{false};  ///< a part of a message is an image
};

/// Scans the body of a POST to `endpoint`. Refused, beyond broken JSON: a top level that is not an
/// object, a missing or wrong `model` or text, duplicates of any key that counts there (also when
/// spelled with escapes, or in another case, which some engines would fold together), numbers over
/// 1 KB, nesting over 128, invalid UTF-8; in `responses` whatever would need a memory here
/// (`previous_response_id`, `conversation`, `background`) and tools that are not functions. Lone
/// surrogate escapes inside message text pass. `is_answered` false: its tokens are only counted,
/// and it need not say how long the answer may become.
[[nodiscard]] std::expected<RequestScan, ScanError> scan_request(
    Endpoint endpoint, std::string_view body, bool is_answered = true);

/// The text of a body that `scan_request` took: contents and text parts of all messages, decoded,
/// in order, one newline between two; of more than `bytes_max` the last ones.
[[nodiscard]] std::string message_text(
    std::string_view body, const RequestScan& scan, std::size_t bytes_max);

/// The upstream body as pieces of the client's body and short insertions; nothing is copied.
struct Splice {
    std::array<std::string_view, 5> pieces{};
    std::size_t count{0};
    std::size_t bytes{0};
};

/// Renames the model to `quoted_model` (JSON text with its quotes) and, where `with_usage`, makes
/// sure of `"include_usage":true`. Everything else stays byte for byte. The result points into
/// `body`, `quoted_model` and static text.
[[nodiscard]] Splice splice(
    std::string_view body, const RequestScan& scan, std::string_view quoted_model, bool with_usage);

/// What one JSON object of an answer (a whole body, or the data of one event) says about usage.
struct AnswerScan {
    /// The top-level `usage` object, or that of a top-level `response`: with both counts, or, of
    /// embeddings, with the prompt's and the total.
    std::optional<Usage> usage{};
    bool choices_empty{false};  ///< `"choices":[]` at the top level
};
/// Nothing when `json` is not one JSON object.
[[nodiscard]] std::optional<AnswerScan> scan_answer(std::string_view json);
/// The same usage as of `scan_answer`, for a whole answer: where `usage` stands near the end, as
/// engines write it, the text before it is not looked at (nor checked).
[[nodiscard]] std::optional<Usage> answer_usage(std::string_view json);

/// Appends `text` as a JSON string with quotes. Invalid UTF-8 is replaced by U+FFFD.
void append_json_string(std::string& out, std::string_view text);
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace evenkeel::inference::dialect
