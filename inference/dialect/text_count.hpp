#pragma once

#include "inference/dialect/json_reader.hpp"

#include <cstdint>
#include <string_view>

/// How much text a request brings. Part of the implementation of scan.cpp.
namespace evenkeel::inference::dialect {

/// Containers around a message: the body and the array of messages.
inline constexpr int message_depth = 2;

struct TextCount {
    std::int64_t bytes{0};  ///< decoded; a token id counts as bytes_per_token
    std::int64_t prompt_count{1};
    bool images{false};
    bool audio{false};
    bool thoughts{false};    ///< an earlier answer's
    bool long_cache{false};  ///< a cache is to live longer than five minutes
    Turn turn{Turn::asked};  ///< of the message read last, as far as it has said so

    /// A prompt, or many; each a text or an array of token ids.
    bool prompts(JsonReader& json);
    /// Passes over a value and counts the bytes of its text. `bare`: strings outside of objects are
    /// text, and numbers are token ids. `depth`: containers around it. False when the JSON is
    /// broken.
    bool value(JsonReader& json, int depth, bool bare);

private:
    /// A member of a message itself.
    void note_turn(std::string_view name, std::string_view value) noexcept;
    bool member(JsonReader& json, int depth, const JsonReader::String& key);
};

}  // namespace evenkeel::inference::dialect
