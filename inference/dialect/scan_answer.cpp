#include "inference/dialect/json_reader.hpp"
#include "inference/dialect/scan.hpp"

#include <algorithm>
#include <charconv>

namespace evenkeel::inference::dialect {

namespace {

constexpr std::size_t usage_tail_bytes = 1024;

/// The number at the cursor when it is a whole one within reason; passes over anything else.
bool read_tokens(JsonReader& json, std::optional<std::int64_t>& out) {
    const char first = json.peek();
    if (first < '0' || first > '9') {
        return json.skip_value(2);
    }
    Span number;
    if (!json.read_number(number)) {
        return false;
    }
    const std::string_view digits = json.text(number);
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size() &&
        value <= tokens_max) {
        out = value;
    }
    return true;
}

/// `prompt_tokens` and its kin as chat has them, `input_tokens` and its kin as responses have.
bool read_usage(JsonReader& json, std::optional<Usage>& out) {
    if (json.peek() != '{') {
        return json.skip_value(1);
    }
    std::optional<std::int64_t> prompt;
    std::optional<std::int64_t> completion;
    std::optional<std::int64_t> total;
    std::optional<std::int64_t> cached;
    std::optional<std::int64_t> written;
    const bool whole = json.each_member(2, [&](const JsonReader::String& key) {
        const std::string name = json.decode(key);
        if (name == "prompt_tokens" || name == "input_tokens") {
            return read_tokens(json, prompt);
        }
        if (name == "completion_tokens" || name == "output_tokens") {
            return read_tokens(json, completion);
        }
        if (name == "total_tokens") {
            return read_tokens(json, total);
        }
        const bool details = name == "prompt_tokens_details" || name == "input_tokens_details";
        if (!details || json.peek() != '{') {
            return json.skip_value(2);
        }
        return json.each_member(3, [&](const JsonReader::String& detail) {
            const std::string what = json.decode(detail);
            if (what == "cached_tokens") {
                return read_tokens(json, cached);
            }
            if (what == "cache_write_tokens") {
                return read_tokens(json, written);
            }
            return json.skip_value(3);
        });
    });
    if (prompt && !completion && total) {
        completion = std::max<std::int64_t>(*total - *prompt, 0);
    }
    if (whole && prompt && completion) {
        const std::int64_t read = std::min(cached.value_or(0), *prompt);
        out = Usage{
            .prompt = *prompt,
            .cached = read,
            .cache_write = std::min(written.value_or(0), *prompt - read),
            .completion = *completion,
            .estimated = false};
    }
    return whole;
}

}  // namespace

std::optional<AnswerScan> scan_answer(std::string_view text) {
    JsonReader json{text};
    AnswerScan scan;
    if (json.peek() != '{') {
        return std::nullopt;
    }
    const bool whole = json.each_member(1, [&](const JsonReader::String& key) {
        const std::string_view name = json.text({key.span.begin + 1, key.span.end - 1});
        if (name == "usage") {
            return read_usage(json, scan.usage);
        }
        if (name == "response" && json.peek() == '{') {
            return json.each_member(2, [&](const JsonReader::String& inner) {
                const bool is_usage =
                    json.text({inner.span.begin + 1, inner.span.end - 1}) == "usage";
                return is_usage ? read_usage(json, scan.usage) : json.skip_value(2);
            });
        }
        if (name == "choices" && json.peek() == '[') {
            scan.choices_empty = true;
            return json.each_element(2, [&] {
                scan.choices_empty = false;
                return json.skip_value(2);
            });
        }
        return json.skip_value(1);
    });
    if (!whole || !json.at_end()) {
        return std::nullopt;
    }
    return scan;
}

std::optional<Usage> answer_usage(std::string_view text) {
    constexpr std::string_view name = R"("usage")";
    const std::size_t from = text.size() - std::min(text.size(), usage_tail_bytes);
    const std::size_t at = text.substr(from).rfind(name);
    // Behind a backslash the quote is text.
    if (at != std::string_view::npos && at > 0 && text[from + at - 1] != '\\') {
        std::optional<Usage> usage;
        JsonReader json{text};
        json.move_to(from + at + name.size());
        bool whole = json.expect(':', "expected ':'") && read_usage(json, usage);
        while (whole && json.peek() == ',') {
            JsonReader::String key;
            whole = json.expect(',', "expected ','") && json.peek() == '"' &&
                    json.read_string(key) && json.expect(':', "expected ':'") && json.skip_value(1);
        }
        // Exactly one object ends behind it: so it was a member of the outermost.
        if (whole && usage && json.expect('}', "expected '}'") && json.at_end()) {
            return usage;
        }
    }
    const auto scan = scan_answer(text);
    return scan ? scan->usage : std::nullopt;
}

}  // namespace evenkeel::inference::dialect
