#pragma once

#include "inference/dialect/json_view.hpp"
#include "policies/domain/source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A whole answer of one dialect said in the other, and what both ways of translating answers
/// share. What is lost on the way: docs/dialects.md.
namespace evenkeel::inference::dialect {

/// What a translated answer is called towards the client.
struct AnswerHead {
    std::string_view id{};     ///< in the client's style: `chatcmpl-...`, `msg_...`
    std::string_view model{};  ///< as the client named it
    std::int64_t created{0};   ///< seconds since 1970; only OpenAI's dialect says it
};

/// An Anthropic message as a chat completion. Nothing when it is none (an error, broken JSON).
[[nodiscard]] std::optional<std::string> chat_answer(
    std::string_view messages_body, const AnswerHead& head);
/// The first choice of a chat completion as an Anthropic message. Nothing when it is none.
[[nodiscard]] std::optional<std::string> messages_answer(
    std::string_view chat_body, const AnswerHead& head);

/// What the `usage` of an Anthropic message says; `prompt` counts the cache's tokens too. Nothing
/// without both counts.
[[nodiscard]] std::optional<Usage> messages_usage(std::string_view body);

/// The counts of Anthropic's usage objects. In a stream they come in two events, and a later count
/// replaces an earlier one.
struct MessagesCounts {
    std::optional<std::int64_t> input{};
    std::optional<std::int64_t> output{};
    std::int64_t cache_read{0};
    std::int64_t cache_write{0};
    std::int64_t thinking{0};

    void take(JsonView usage);
    [[nodiscard]] std::optional<Usage> usage() const noexcept;
};

/// The counts of OpenAI's usage object.
struct ChatCounts {
    Usage usage{};
    std::int64_t reasoning{0};

    /// Nothing without both counts.
    [[nodiscard]] static std::optional<ChatCounts> of(JsonView usage);
};

/// OpenAI's usage object.
void write_chat_usage(JsonWriter& json, const MessagesCounts& counts);
/// Anthropic's usage object, all counts.
void write_messages_usage(JsonWriter& json, const ChatCounts& counts);

/// `finish_reason` for a `stop_reason`.
[[nodiscard]] std::string_view finish_reason_of(std::string_view stop_reason) noexcept;
/// `stop_reason` for a `finish_reason`; `calls`: the answer calls tools, whatever the reason says.
[[nodiscard]] std::string_view stop_reason_of(std::string_view finish_reason, bool calls) noexcept;

/// What a message or a delta of OpenAI's says of its reasoning, under either name.
[[nodiscard]] JsonView reasoning_of(JsonView message);

}  // namespace evenkeel::inference::dialect
