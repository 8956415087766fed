#pragma once

#include "inference/dialect/translate_parts.hpp"

#include <string>
#include <string_view>

/// The conversation of a messages request, said as chat messages. Part of the implementation.
namespace evenkeel::inference::dialect {

/// Takes the messages of a request one by one; consecutive ones of one role become one.
class MessageTurns {
public:
    explicit MessageTurns(TranslationNotes& notes) : notes_{notes} {}

    /// `system`: the request's, a string or text blocks. False: refused.
    bool system(JsonView system);
    /// False: refused.
    bool message(JsonView message);
    /// The elements of `messages`.
    [[nodiscard]] std::string turns() &&;

private:
    void turn_to(std::string_view role);
    void flush();
    void flush_user();
    void flush_assistant();
    bool each_system_text(JsonView content, std::string_view field, std::string& out);
    bool user_block(JsonView block);
    bool assistant_block(JsonView block);
    bool tool_result(JsonView block);
    bool result_text(JsonView content, std::string& text);
    /// The text of a document; false: refused.
    bool document(JsonView block, std::string& text);
    bool image(JsonView source);
    void user_text(JsonView text);
    void others(JsonView block, std::initializer_list<std::string_view> known);

    TranslationNotes& notes_;
    std::string out_{};
    std::string_view role_{};   ///< a literal
    std::string results_{};     ///< of tools: whole messages
    std::string parts_{};       ///< of a user's turn
    std::string_view alone_{};  ///< the text of the only part, as JSON; empty: not so
    std::string said_{};        ///< text of an assistant's turn, decoded
    std::string calls_{};
    bool seam_{false};  ///< the next text of the assistant's begins a message of its own
};

}  // namespace evenkeel::inference::dialect
