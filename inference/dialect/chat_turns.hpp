#pragma once

#include "inference/dialect/translate_parts.hpp"

#include <string>
#include <string_view>

/// The conversation of a chat request, said as messages. Part of the implementation.
namespace evenkeel::inference::dialect {

/// Writes turns: a new one for each change of the role, results of tools at the start of theirs.
class TurnWriter {
public:
    /// Where the next block of `role` (a literal) goes.
    std::string& blocks(std::string_view role) {
        turn_to(role);
        return blocks_;
    }
    std::string& results() {
        turn_to("user");
        return results_;
    }
    /// The elements of `messages`.
    std::string finish() &&;

private:
    void turn_to(std::string_view role);
    void flush();

    std::string out_{};
    std::string_view role_{};
    std::string results_{};
    std::string blocks_{};
};

/// Takes the messages of a chat request one by one.
class ChatTurns {
public:
    /// `system_turns`: see ChatToMessages.
    ChatTurns(TranslationNotes& notes, bool system_turns)
        : notes_{notes}, system_turns_{system_turns} {}

    /// False: refused.
    bool message(JsonView message);
    void add_system(std::string_view text);

    /// What the leading system messages say, joined by blank lines.
    [[nodiscard]] const std::string& system() const noexcept { return system_; }
    /// The elements of `messages`.
    [[nodiscard]] std::string turns() && { return std::move(turns_).finish(); }

private:
    void add_text(std::string_view role, JsonView text);
    bool others(JsonView message, std::string_view known);
    template <class Take>
    bool each_text(JsonView content, std::string_view role, Take&& take);
    bool system_message(JsonView content);
    bool user_content(JsonView content);
    bool image(JsonView image_url);
    bool detail(JsonView image_url);
    bool assistant_message(JsonView message, JsonView content);
    bool tool_call(JsonView call);
    bool tool_message(JsonView message, JsonView content);

    TranslationNotes& notes_;
    bool system_turns_;
    TurnWriter turns_{};
    std::string system_{};
    bool began_{false};  ///< a message that is not the system's has come
};

}  // namespace evenkeel::inference::dialect
