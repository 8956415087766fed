#include "inference/dialect/scan.hpp"

#include "inference/dialect/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::inference::dialect {

namespace {

enum Known : unsigned {
    model,
    messages,
    stream,
    stream_options,
    max_tokens,
    max_completion_tokens,
    n,
    user,
    tools,
    known_count,
};
constexpr std::array<std::string_view, known_count> known_names{
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "user",
    "tools"};

bool same_letters(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        return lower(x) == lower(y);
    });
}

/// The whole pass over one chat request.
class ChatReader {
public:
    explicit ChatReader(std::string_view body) : json_{body} {}

    std::expected<ChatScan, ScanError> run() {
        if (json_.peek() != '{') {
            return std::unexpected{
                ScanError{.message = "The body must be a JSON object.", .param = {}}};
        }
        scan_.object_begin = json_.position() + 1;
        const bool whole =
            json_.each_member(1, [this](const JsonReader::String& key) { return member(key); });
        if (!whole || !json_.at_end()) {
            return std::unexpected{error_ ? std::move(*error_) : json_.error()};
        }
        if (!has(model)) {
            return refuse(model, "you must say which model you want");
        }
        if (!has(messages)) {
            return refuse(messages, "there is nothing to answer");
        }
        scan_.prompt_tokens = (text_bytes_ + bytes_per_token - 1) / bytes_per_token;
        return std::move(scan_);
    }

private:
    [[nodiscard]] bool has(Known key) const noexcept { return (seen_ & (1U << key)) != 0; }

    static std::unexpected<ScanError> refuse(Known key, std::string_view why) {
        return std::unexpected{ScanError{
            .message = fmt::format("'{}' is missing: {}.", known_names[key], why),
            .param = std::string{known_names[key]}}};
    }
    /// Refuses the value of `key`: says what it must be.
    bool wrong(std::string_view key, std::string_view must) {
        error_ = ScanError{
            .message = fmt::format("'{}' must be {}.", key, must), .param = std::string{key}};
        return false;
    }

    bool member(const JsonReader::String& key) {
        std::string decoded;
        std::string_view name = json_.text({key.span.begin + 1, key.span.end - 1});
        if (key.escaped) {
            decoded = json_.decode(key);
            name = decoded;
        }
        for (unsigned i = 0; i < known_count; ++i) {
            if (!same_letters(name, known_names[i])) {
                continue;
            }
            if (name != known_names[i]) {
                // Some engines read keys without regard to case: then ours and theirs would differ.
                error_ = ScanError{
                    .message = fmt::format("Write the key '{}' in lower case.", known_names[i]),
                    .param = std::string{known_names[i]}};
                return false;
            }
            if (has(static_cast<Known>(i))) {
                error_ = ScanError{
                    .message = fmt::format("The key '{}' stands twice in the body.", name),
                    .param = std::string{known_names[i]}};
                return false;
            }
            seen_ |= 1U << i;
            return known(static_cast<Known>(i));
        }
        return json_.skip_value(1);
    }

    bool known(Known key) {
        switch (key) {
            case model:
                return read_model();
            case messages:
                if (json_.peek() != '[') {
                    return wrong("messages", "an array");
                }
                return read_messages();
            case stream:
                return read_bool("stream", scan_.stream);
            case stream_options:
                return read_stream_options();
            case max_tokens:
                return read_ceiling("max_tokens");
            case max_completion_tokens:
                return read_ceiling("max_completion_tokens");
            case n:
                return read_count("n", choices_max, 1, scan_.n);
            case tools: {
                json_.skip_space();
                const std::size_t from = json_.position();
                if (!json_.skip_value(1)) {
                    return false;
                }
                const std::string_view value = json_.text({from, json_.position()});
                scan_.tools = value.starts_with('[') &&
                              value.find_first_not_of(" \t\r\n", 1) != value.size() - 1;
                text_bytes_ += static_cast<std::int64_t>(value.size());
                return true;
            }
            case user:
            case known_count:
                break;
        }
        return json_.skip_value(1);
    }

    bool read_messages() {
        scan_.messages.begin = json_.position();
        const bool whole = count_text(1);
        scan_.messages.end = json_.position();
        return whole;
    }

    bool read_model() {
        JsonReader::String value;
        if (json_.peek() != '"') {
            return wrong("model", "a string");
        }
        if (!json_.read_string(value)) {
            return false;
        }
        scan_.model_value = value.span;
        scan_.model = json_.decode(value);
        const bool printable = std::ranges::none_of(
            scan_.model, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
        if (scan_.model.empty() || scan_.model.size() > model_bytes_max || !printable ||
            value.lone_surrogate) {
            return wrong("model", "a name of 1 to 256 bytes without control characters");
        }
        return true;
    }

    bool read_bool(std::string_view name, bool& out) {
        switch (json_.peek()) {
            case 't':
                out = true;
                return json_.read_literal("true");
            case 'f':
                out = false;
                return json_.read_literal("false");
            case 'n':
                out = false;
                return json_.read_literal("null");
            default:
                return wrong(name, "true or false");
        }
    }

    /// A whole number from 1 to `most`; null leaves `out` at `unset`.
    bool read_count(
        std::string_view name, std::int64_t most, std::int64_t unset, std::int64_t& out) {
        if (json_.peek() == 'n') {
            out = unset;
            return json_.read_literal("null");
        }
        const char first = json_.peek();
        if (first != '-' && (first < '0' || first > '9')) {
            return wrong(name, "a whole number");
        }
        Span number;
        if (!json_.read_number(number)) {
            return false;
        }
        const std::string_view digits = json_.text(number);
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || out < 1 ||
            out > most) {
            return wrong(name, fmt::format("a whole number from 1 to {}", most));
        }
        return true;
    }

    bool read_ceiling(std::string_view name) {
        std::int64_t value = 0;
        if (!read_count(name, tokens_max, 0, value)) {
            return false;
        }
        if (value > 0) {
            scan_.max_tokens = scan_.max_tokens > 0 ? std::min(scan_.max_tokens, value) : value;
        }
        return true;
    }

    bool read_stream_options() {
        Span value;
        const char first = json_.peek();
        value.begin = json_.position();
        if (first == 'n') {
            if (!json_.read_literal("null")) {
                return false;
            }
        } else if (first == '{') {
            scan_.stream_options_object = true;
            const bool whole = json_.each_member(2, [this](const JsonReader::String& key) {
                scan_.stream_options_empty = false;
                const std::string name = json_.decode(key);
                if (!same_letters(name, "include_usage")) {
                    return json_.skip_value(2);
                }
                if (scan_.include_usage_value || name != "include_usage") {
                    return wrong("stream_options", "an object with at most one 'include_usage'");
                }
                Span flag;
                json_.skip_space();
                flag.begin = json_.position();
                if (!read_bool("stream_options", scan_.include_usage)) {
                    return false;
                }
                flag.end = json_.position();
                scan_.include_usage_value = flag;
                return true;
            });
            if (!whole) {
                return false;
            }
        } else {
            return wrong("stream_options", "an object");
        }
        value.end = json_.position();
        scan_.stream_options = value;
        return true;
    }

    /// Passes over a value inside `messages` and counts the bytes of its text.
    bool count_text(int depth) {
        const char first = json_.peek();
        if (first == '[') {
            return json_.each_element(depth + 1, [this, depth] { return count_text(depth + 1); });
        }
        if (first != '{') {
            return json_.skip_value(depth);
        }
        return json_.each_member(depth + 1, [this, depth](const JsonReader::String& key) {
            const std::string_view name = json_.text({key.span.begin + 1, key.span.end - 1});
            const bool text = name == "content" || name == "text" || name == "arguments";
            scan_.images = scan_.images || name == "image_url";
            if (json_.peek() != '"') {
                return count_text(depth + 1);
            }
            JsonReader::String value;
            if (!json_.read_string(value)) {
                return false;
            }
            text_bytes_ += text ? static_cast<std::int64_t>(value.decoded_bytes) : 0;
            return true;
        });
    }

    JsonReader json_;
    ChatScan scan_{};
    std::optional<ScanError> error_{};
    unsigned seen_{0};
    std::int64_t text_bytes_{0};
};

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

bool read_usage(JsonReader& json, std::optional<Usage>& out) {
    if (json.peek() != '{') {
        return json.skip_value(1);
    }
    std::optional<std::int64_t> prompt;
    std::optional<std::int64_t> completion;
    std::optional<std::int64_t> cached;
    std::optional<std::int64_t> written;
    const bool whole = json.each_member(2, [&](const JsonReader::String& key) {
        const std::string name = json.decode(key);
        if (name == "prompt_tokens") {
            return read_tokens(json, prompt);
        }
        if (name == "completion_tokens") {
            return read_tokens(json, completion);
        }
        if (name != "prompt_tokens_details" || json.peek() != '{') {
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
    if (whole && prompt && completion) {
        out = Usage{
            .prompt = *prompt,
            .cached = std::min(cached.value_or(0), *prompt),
            .cache_write = std::min(written.value_or(0), *prompt),
            .completion = *completion,
            .estimated = false};
    }
    return whole;
}

}  // namespace

std::expected<ChatScan, ScanError> scan_chat(std::string_view body) {
    return ChatReader{body}.run();
}

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

Splice splice(std::string_view body, const ChatScan& scan, std::string_view quoted_model) {
    /// One change: the bytes of `where` give way to `text`.
    struct Change {
        Span where{};
        std::string_view text{};
    };
    std::array<Change, 2> changes{Change{scan.model_value, quoted_model}};
    std::size_t count = 1;
    if (scan.stream && !scan.include_usage) {
        Change& change = changes[count++];
        if (scan.include_usage_value) {
            change = {*scan.include_usage_value, "true"};
        } else if (!scan.stream_options) {
            change = {
                {scan.object_begin, scan.object_begin},
                R"("stream_options":{"include_usage":true},)"};
        } else if (!scan.stream_options_object) {
            change = {*scan.stream_options, R"({"include_usage":true})"};
        } else {
            const std::size_t inside = scan.stream_options->begin + 1;
            change = {
                {inside, inside},
                scan.stream_options_empty ? R"("include_usage":true)" : R"("include_usage":true,)"};
        }
        if (changes[1].where.begin < changes[0].where.begin) {
            std::swap(changes[0], changes[1]);
        }
    }
    Splice out;
    std::size_t from = 0;
    const auto add = [&out](std::string_view piece) {
        out.pieces[out.count++] = piece;
        out.bytes += piece.size();
    };
    for (std::size_t i = 0; i < count; ++i) {
        add(body.substr(from, changes[i].where.begin - from));
        add(changes[i].text);
        from = changes[i].where.end;
    }
    add(body.substr(from));
    return out;
}

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7F) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else if (byte < 0x80) {
            out.push_back(c);
        } else if (const std::size_t length = utf8_sequence(text.substr(i)); length > 0) {
            out.append(text, i, length);
            i += length - 1;
        } else {
            out.append("\xEF\xBF\xBD");
        }
    }
    out.push_back('"');
}

std::string json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_json_string(out, text);
    return out;
}

}  // namespace evenkeel::inference::dialect
