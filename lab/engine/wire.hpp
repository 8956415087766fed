#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What the synthetic engine reads and writes: the OpenAI dialect as vLLM speaks it, as pure
/// functions over text.
namespace evenkeel::lab::engine {

/// What timing and answer depend on; the prompt's text is not kept.
struct ClientRequest {
    std::string model{};
    std::int64_t prompt_tokens{0};  ///< ceil(bytes of all content / 4)
    std::int64_t max_tokens{0};     ///< 0 = not stated
    bool stream{false};
    bool include_usage{false};
    std::int64_t continues_at{0};       ///< tokens of the answer that the last message has already
    std::string_view continues_with{};  ///< the end of the last of them, which it has not
};

/// Errors: invalid_argument with a sentence for the client.
[[nodiscard]] Result<ClientRequest> parse_chat(std::string_view body);

/// `{"error":{"message":...,"type":...,"param":null,"code":...}}`
[[nodiscard]] std::string error_body(
    std::string_view message, std::string_view type, std::string_view code);

/// `count` tokens of text that says it is synthetic, beginning with token number `from`.
[[nodiscard]] std::string filler_tokens(std::int64_t from, std::int64_t count);
/// How much of that text somebody has.
struct Filler {
    std::int64_t tokens{0};      ///< from the first on; 0 when it is something else
    std::string_view missing{};  ///< white space at the end of the last of them
};
[[nodiscard]] Filler read_filler(std::string_view text);

/// Who answers: the fields every piece of one answer repeats.
struct AnswerHead {
    std::string id{};
    std::string model{};
    std::int64_t created{0};  ///< seconds since 1970
};

/// One `data:` event with text; the role comes with the first.
[[nodiscard]] std::string content_event(const AnswerHead& head, std::string_view text, bool first);
[[nodiscard]] std::string finish_event(const AnswerHead& head, std::string_view finish_reason);
[[nodiscard]] std::string usage_event(
    const AnswerHead& head, std::int64_t prompt_tokens, std::int64_t completion_tokens);
inline constexpr std::string_view done_event = "data: [DONE]\n\n";

/// A whole plain answer.
[[nodiscard]] std::string completion_body(
    const AnswerHead& head,
    std::string_view text,
    std::string_view finish_reason,
    std::int64_t prompt_tokens,
    std::int64_t completion_tokens);

[[nodiscard]] std::string models_body(
    std::string_view model, std::int64_t created, std::int64_t context);

/// Gauges and totals under vLLM's names.
struct MetricValues {
    std::int64_t running{0};
    std::int64_t waiting{0};
    double kv_usage{0};         ///< 0 to 1
    std::int64_t kv_tokens{0};  ///< room of the cache; in blocks of 16, as vLLM says it
    std::int64_t prompt_tokens{0};
    std::int64_t generation_tokens{0};
    std::int64_t finished_stop{0};
    std::int64_t finished_length{0};
    std::int64_t finished_abort{0};
};

/// Prometheus text format with labels `model_name` and `engine="0"`.
[[nodiscard]] std::string metrics_text(std::string_view model, const MetricValues& values);

}  // namespace evenkeel::lab::engine
