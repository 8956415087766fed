#pragma once

#include "inference/dialect/json_reader.hpp"

#include <cstdint>

/// How much text a request brings. Part of the implementation of scan.cpp.
namespace evenkeel::inference::dialect {

struct TextCount {
    std::int64_t bytes{0};  ///< decoded; a token id counts as bytes_per_token
    std::int64_t prompt_count{1};
    bool images{false};

    /// A prompt, or many; each a text or an array of token ids.
    bool prompts(JsonReader& json);
    /// Passes over a value and counts the bytes of its text. `bare`: strings outside of objects are
    /// text, and numbers are token ids. `depth`: containers around it. False when the JSON is
    /// broken.
    bool value(JsonReader& json, int depth, bool bare);

private:
    bool member(JsonReader& json, int depth, const JsonReader::String& key);
};

}  // namespace evenkeel::inference::dialect
