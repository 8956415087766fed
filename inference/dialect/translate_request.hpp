#pragma once

#include "inference/dialect/scan.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// A request of one dialect said in the other. What is lost on the way: docs/dialects.md.
namespace evenkeel::inference::dialect {

/// A request of the other dialect.
struct Translated {
    std::string body{};
    /// Fields that were left out, or changed (a temperature over 1): a path such as `logit_bias` or
    /// `messages[].name`, each once, at most dropped_max of them. Safe in a header.
    std::vector<std::string> dropped{};
};
inline constexpr std::size_t dropped_max = 32;

/// What chat completions -> messages must know of the target.
struct ChatToMessages {
    std::string_view model{};               ///< the upstream's name
    std::int64_t max_tokens_default{8192};  ///< for a client that named no ceiling
    bool sampling{true};       ///< takes temperature, top_p, top_k; newer versions refuse them
    bool system_turns{false};  ///< takes `role: system` within the conversation
};

/// Refused: what `scan_request` refuses of JSON, and what would change the answer if it were left
/// (`n` over 1, audio, files, functions of the old form). The message names the field.
[[nodiscard]] std::expected<Translated, ScanError> messages_from_chat(
    std::string_view body, const ChatToMessages& how);

/// What messages -> chat completions must know of the target.
struct MessagesToChat {
    std::string_view model{};           ///< the upstream's name
    bool sampling{true};                ///< takes temperature and top_p
    bool top_k{true};                   ///< takes top_k: engines do, OpenAI's API does not
    bool stream_usage{true};            ///< ask for the usage event of a stream
    bool max_completion_tokens{false};  ///< name the ceiling so, instead of max_tokens
};

/// Refused: broken JSON, no `max_tokens`, documents that are not text, images by file id and blocks
/// that nobody knows in a user's turn. The message names the field.
[[nodiscard]] std::expected<Translated, ScanError> chat_from_messages(
    std::string_view body, const MessagesToChat& how);

/// The id of a tool call as Anthropic takes it (`^[a-zA-Z0-9_-]+$`): itself, or a stand-in that is
/// the same for the same id.
[[nodiscard]] std::string tool_id(std::string_view id);

}  // namespace evenkeel::inference::dialect
