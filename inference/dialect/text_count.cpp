#include "inference/dialect/text_count.hpp"

#include <algorithm>
#include <string>

namespace evenkeel::inference::dialect {

bool TextCount::prompts(JsonReader& json) {
    if (json.peek() != '[') {
        return value(json, 1, true);
    }
    std::int64_t count = 0;
    const bool whole = json.each_element(2, [&] {
        const char first = json.peek();
        const bool is_one = first == '"' || first == '[';
        count += is_one ? 1 : 0;
        return value(json, 2, true);
    });
    prompt_count = std::max<std::int64_t>(count, 1);
    return whole;
}

bool TextCount::value(JsonReader& json, int depth, bool bare) {
    const char first = json.peek();
    if (first == '[') {
        return json.each_element(depth + 1, [&] { return value(json, depth + 1, bare); });
    }
    if (first == '{') {
        return json.each_member(
            depth + 1, [&](const JsonReader::String& key) { return member(json, depth, key); });
    }
    if (bare && first == '"') {
        JsonReader::String text;
        const bool whole = json.read_string(text);
        bytes += static_cast<std::int64_t>(text.decoded_bytes);
        return whole;
    }
    bytes += bare && first != 'n' ? bytes_per_token : 0;
    return json.skip_value(depth);
}

void TextCount::note_turn(std::string_view name, std::string_view value) noexcept {
    if (name == "role") {
        turn = value == "assistant"                        ? Turn::answered
               : value == "system" || value == "developer" ? Turn::system
                                                           : turn;
    } else if (name == "type" && (value == "function_call" || value == "reasoning")) {
        turn = Turn::answered;  // an output item of `responses`
    }
}

bool TextCount::member(JsonReader& json, int depth, const JsonReader::String& key) {
    std::string key_scratch;
    const std::string_view name = json.view(key, key_scratch);
    images = images || name == "image_url";
    if (json.peek() == '"') {
        JsonReader::String text;
        if (!json.read_string(text)) {
            return false;
        }
        const bool counts = name == "content" || name == "text" || name == "arguments" ||
                            name == "thinking" || name == "output";
        thoughts = thoughts || name == "thinking";
        bytes += counts ? static_cast<std::int64_t>(text.decoded_bytes) : 0;
        if (counts || (name != "role" && name != "type" && name != "ttl")) {
            return true;
        }
        std::string scratch;
        const std::string_view said = json.view(text, scratch);
        if (depth == message_depth) {
            note_turn(name, said);
        }
        long_cache = long_cache || (name == "ttl" && said != "5m");
        images = images || (name == "type" && (said == "image" || said == "input_image"));
        audio = audio || (name == "type" && said == "input_audio");
        return true;
    }
    if (name == "input" && json.peek() == '{') {  // of a tool
        const std::size_t from = json.position();
        const bool whole = json.skip_value(depth + 1);
        bytes += static_cast<std::int64_t>(json.position() - from);
        return whole;
    }
    return value(json, depth + 1, false);
}

}  // namespace evenkeel::inference::dialect
