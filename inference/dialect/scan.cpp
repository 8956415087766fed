#include "inference/dialect/scan.hpp"

#include "inference/dialect/json_reader.hpp"
#include "inference/dialect/text_count.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace evenkeel::inference::dialect {

namespace {

/// Anthropic's own tools that run at the client. They are billed as tokens, of which the vendor
/// adds up to 735 for what describes one of them (docs, "tool use": pricing of bash, text editor
/// and computer use). Twice as many count here.
constexpr std::array<std::string_view, 4> client_tools{
    "bash_", "computer_", "memory_", "text_editor_"};
constexpr std::int64_t client_tool_bytes = 1'500 * bytes_per_token;

bool same_letters(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        return lower(x) == lower(y);
    });
}

constexpr unsigned in(auto... endpoint) noexcept {
    return ((1U << static_cast<unsigned>(endpoint)) | ...);
}

/// The whole pass over one request.
class RequestReader {
public:
    /// A key that counts at some endpoints; elsewhere it passes like any other.
    struct Key {
        std::string_view name{};
        unsigned at{0};
        bool (RequestReader::*read)(std::string_view name){nullptr};
        unsigned required{0};
        std::string_view why{};
    };
    RequestReader(Endpoint endpoint, std::string_view body, bool is_answered)
        : endpoint_{endpoint}, is_answered_{is_answered}, json_{body} {}

    std::expected<RequestScan, ScanError> run() {
        if (json_.peek() != '{') {
            return std::unexpected{
                ScanError{.message = "The body must be a JSON object.", .param = {}}};
        }
        scan_.writes = endpoint_ != Endpoint::embeddings;
        scan_.object_begin = json_.position() + 1;
        const bool whole =
            json_.each_member(1, [this](const JsonReader::String& key) { return member(key); });
        if (!whole || !json_.at_end()) {
            return std::unexpected{error_ ? std::move(*error_) : json_.error()};
        }
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const bool is_needed = (keys[i].required & in(endpoint_)) != 0 &&
                                   (is_answered_ || keys[i].name != "max_tokens");
            if (is_needed && (seen_ & (1U << i)) == 0) {
                return std::unexpected{ScanError{
                    .message = fmt::format("'{}' is missing: {}.", keys[i].name, keys[i].why),
                    .param = std::string{keys[i].name}}};
            }
        }
        scan_.n *= text_.prompt_count;
        scan_.images = text_.images;
        scan_.thoughts = text_.thoughts;
        if (text_.long_cache && (endpoint_ == Endpoint::messages || endpoint_ == Endpoint::chat)) {
            scan_.price_changer = "cache_control.ttl";
        }
        if (text_.audio) {
            scan_.price_changer = "input_audio";
        }
        scan_.text_bytes = text_.bytes;
        scan_.prompt_tokens = (text_.bytes + bytes_per_token - 1) / bytes_per_token;
        return std::move(scan_);
    }

private:
    static const std::array<Key, 27> keys;

    /// Refuses the value of `key`: says what it must be.
    bool wrong(std::string_view key, std::string_view must) {
        error_ = ScanError{
            .message = fmt::format("'{}' must be {}.", key, must), .param = std::string{key}};
        return false;
    }
    bool refuse(std::string_view key, std::string message) {
        error_ = ScanError{.message = std::move(message), .param = std::string{key}};
        return false;
    }

    bool member(const JsonReader::String& key) {
        std::string scratch;
        const std::string_view name = json_.view(key, scratch);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const Key& known = keys[i];
            if ((known.at & in(endpoint_)) == 0 || !same_letters(name, known.name)) {
                continue;
            }
            if (name != known.name) {
                // Some engines read keys without regard to case: then ours and theirs would differ.
                return refuse(
                    known.name, fmt::format("Write the key '{}' in lower case.", known.name));
            }
            if ((seen_ & (1U << i)) != 0) {
                return refuse(
                    known.name, fmt::format("The key '{}' stands twice in the body.", name));
            }
            seen_ |= 1U << i;
            return (this->*known.read)(known.name);
        }
        return json_.skip_value(1);
    }

    bool pass(std::string_view /*name*/) { return json_.skip_value(1); }

    bool read_model(std::string_view name) {
        JsonReader::String value;
        if (json_.peek() != '"') {
            return wrong(name, "a string");
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
            return wrong(name, "a name of 1 to 256 bytes without control characters");
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
    bool read_stream(std::string_view name) { return read_bool(name, scan_.stream); }

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

    /// `n`, and `best_of`: so many answers are written, however many are shown.
    bool read_answers(std::string_view name) {
        std::int64_t value = 1;
        if (!read_count(name, choices_max, 1, value)) {
            return false;
        }
        scan_.n = std::max(scan_.n, value);
        return true;
    }

    bool read_stream_options(std::string_view name) {
        Span value;
        const char first = json_.peek();
        value.begin = json_.position();
        if (first == 'n') {
            if (!json_.read_literal("null")) {
                return false;
            }
        } else if (first == '{') {
            scan_.stream_options_object = true;
            const bool whole = json_.each_member(2, [this, name](const JsonReader::String& key) {
                scan_.stream_options_empty = false;
                const std::string option = json_.decode(key);
                if (!same_letters(option, "include_usage")) {
                    return json_.skip_value(2);
                }
                if (scan_.include_usage_value || option != "include_usage") {
                    return wrong(name, "an object with at most one 'include_usage'");
                }
                Span flag;
                json_.skip_space();
                flag.begin = json_.position();
                if (!read_bool(name, scan_.include_usage)) {
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
            return wrong(name, "an object");
        }
        value.end = json_.position();
        scan_.stream_options = value;
        return true;
    }

    bool read_tools(std::string_view name) {
        json_.skip_space();
        const std::size_t from = json_.position();
        if (endpoint_ == Endpoint::responses && json_.peek() == '[') {
            if (!json_.each_element(2, [this, name] { return read_function_tool(name); })) {
                return false;
            }
        } else if (endpoint_ == Endpoint::messages && json_.peek() == '[') {
            if (!json_.each_element(2, [this, name] { return read_messages_tool(name); })) {
                return false;
            }
        } else if (!json_.skip_value(1)) {
            return false;
        }
        scan_.tools_value = {from, json_.position()};
        const std::string_view value = json_.text(scan_.tools_value);
        scan_.tools =
            value.starts_with('[') && value.find_first_not_of(" \t\r\n", 1) != value.size() - 1;
        text_.bytes += static_cast<std::int64_t>(value.size());
        return true;
    }
    /// One with a type is the vendor's own. Those that run at the client cost tokens alone, for a
    /// description that the vendor adds; others run at the vendor and are billed by use.
    bool read_messages_tool(std::string_view name) {
        if (json_.peek() != '{') {
            return json_.skip_value(2);
        }
        return json_.each_member(3, [&](const JsonReader::String& key) {
            const std::string member = json_.decode(key);
            if (member == "cache_control") {
                return read_cache_control({});
            }
            if (member != "type" || json_.peek() != '"') {
                return json_.skip_value(3);
            }
            JsonReader::String type;
            if (!json_.read_string(type)) {
                return false;
            }
            std::string scratch;
            const std::string_view word = json_.view(type, scratch);
            const bool at_client = std::ranges::any_of(
                client_tools, [word](std::string_view tool) { return word.starts_with(tool); });
            if (at_client) {
                text_.bytes += client_tool_bytes;
            } else if (word != "custom") {
                scan_.price_changer = name;
            }
            return true;
        });
    }
    bool read_cache_control(std::string_view /*name*/) { return text_.value(json_, 3, false); }
    /// A field that is harmless with one of these values, and changes the price with others.
    bool read_price_field(std::string_view name) {
        constexpr std::array<std::string_view, 7> harmless{
            "null", "[]", "{}", R"("auto")", R"("default")", R"("standard")", R"("standard_only")"};
        json_.skip_space();
        const std::size_t from = json_.position();
        if (!json_.skip_value(1)) {
            return false;
        }
        const std::string_view value = json_.text({from, json_.position()});
        // An empty object of options is how web search is switched on.
        const bool is_switch = name == "web_search_options" && value != "null";
        if (is_switch || std::ranges::find(harmless, value) == harmless.end()) {
            scan_.price_changer = name;
        }
        return true;
    }
    /// Sound has prices of its own.
    bool read_modalities(std::string_view name) {
        if (json_.peek() != '[') {
            return json_.skip_value(1);
        }
        return json_.each_element(2, [this, name] {
            JsonReader::String word;
            if (json_.peek() != '"') {
                return json_.skip_value(2);
            }
            if (!json_.read_string(word)) {
                return false;
            }
            std::string scratch;
            if (json_.view(word, scratch) != "text") {
                scan_.price_changer = name;
            }
            return true;
        });
    }
    /// Other tools run at the vendor, with a memory and a bill of their own.
    bool read_function_tool(std::string_view name) {
        bool is_function = false;
        if (json_.peek() != '{') {
            return wrong(name, "an array of objects");
        }
        const bool whole = json_.each_member(3, [&](const JsonReader::String& key) {
            if (json_.decode(key) != "type" || json_.peek() != '"') {
                return json_.skip_value(3);
            }
            JsonReader::String type;
            if (!json_.read_string(type)) {
                return false;
            }
            is_function = json_.decode(type) == "function";
            return true;
        });
        return whole && (is_function || refuse(name, "Only tools of type 'function' can be used."));
    }

    /// Keys of `responses` that need a memory, which there is none of here.
    bool read_nothing(std::string_view name) {
        const char first = json_.peek();
        if (first == 'n') {
            return json_.read_literal("null");
        }
        if (first == 'f') {
            return json_.read_literal("false");
        }
        return refuse(name, fmt::format("'{}' is not supported: nothing is stored here.", name));
    }

    /// What is to be answered, or tells how.
    bool read_text(std::string_view name) {
        json_.skip_space();
        Span& span = scan_.texts[scan_.texts[0].end > 0 ? 1 : 0];
        span.begin = json_.position();
        const char first = json_.peek();
        const bool must_be_array = name == "messages";
        if (must_be_array && first != '[') {
            return wrong(name, "an array");
        }
        if (first != '[' && first != '"' && first != 'n') {
            return wrong(name, "a string or an array");
        }
        const bool is_prompt =
            endpoint_ == Endpoint::completions || endpoint_ == Endpoint::embeddings;
        if (name == "system" || name == "instructions") {
            const bool whole = text_.value(json_, 1, true);
            span.end = json_.position();
            return whole;
        }
        const std::int64_t before = text_.bytes;
        if (first == '[' && !is_prompt) {
            const bool whole = read_turns(before, !must_be_array);
            span.end = json_.position();
            return whole;
        }
        const bool whole = is_prompt ? text_.prompts(json_) : text_.value(json_, 1, true);
        span.end = json_.position();
        scan_.turns.add(Turn::asked, span.begin, {span.end, text_.bytes - before});
        return whole;
    }
    /// The messages, one by one. `before`: text bytes that were not theirs.
    bool read_turns(std::int64_t before, bool bare) {
        return json_.each_element(2, [this, before, bare] {
            json_.skip_space();
            const std::size_t from = json_.position();
            text_.turn = Turn::asked;
            const bool whole = text_.value(json_, message_depth, bare);
            scan_.turns.add(text_.turn, from, {json_.position(), text_.bytes - before});
            return whole;
        });
    }

    Endpoint endpoint_;
    bool is_answered_;
    JsonReader json_;
    RequestScan scan_{};
    std::optional<ScanError> error_{};
    unsigned seen_{0};
    TextCount text_{};
};

using enum Endpoint;
constexpr unsigned everywhere = in(chat, completions, embeddings, responses, messages);

const std::array<RequestReader::Key, 27> RequestReader::keys{{
    {"model",
     everywhere,
     &RequestReader::read_model,
     everywhere,
     "you must say which model you want"},
    {"messages",
     in(chat, messages),
     &RequestReader::read_text,
     in(chat, messages),
     "there is nothing to answer"},
    {"prompt",
     in(completions),
     &RequestReader::read_text,
     in(completions),
     "there is nothing to complete"},
    {"input",
     in(embeddings, responses),
     &RequestReader::read_text,
     in(embeddings, responses),
     "there is nothing to work on"},
    {"system", in(messages), &RequestReader::read_text},
    {"instructions", in(responses), &RequestReader::read_text},
    {"stream", in(chat, completions, responses, messages), &RequestReader::read_stream},
    {"stream_options", in(chat, completions), &RequestReader::read_stream_options},
    {"max_tokens",
     in(chat, completions, messages),
     &RequestReader::read_ceiling,
     in(messages),
     "say how long the answer may become"},
    {"max_completion_tokens", in(chat), &RequestReader::read_ceiling},
    {"max_output_tokens", in(responses), &RequestReader::read_ceiling},
    {"n", in(chat, completions), &RequestReader::read_answers},
    {"best_of", in(completions), &RequestReader::read_answers},
    {"user", everywhere, &RequestReader::pass},
    {"tools", in(chat, responses, messages), &RequestReader::read_tools},
    {"previous_response_id", in(responses), &RequestReader::read_nothing},
    {"conversation", in(responses), &RequestReader::read_nothing},
    {"background", in(responses), &RequestReader::read_nothing},
    {"service_tier", everywhere, &RequestReader::read_price_field},
    {"web_search_options", in(chat), &RequestReader::read_price_field},
    {"audio", in(chat), &RequestReader::read_price_field},
    {"modalities", in(chat), &RequestReader::read_modalities},
    {"speed", in(messages), &RequestReader::read_price_field},
    {"inference_geo", in(messages), &RequestReader::read_price_field},
    {"mcp_servers", in(messages), &RequestReader::read_price_field},
    {"container", in(messages), &RequestReader::read_price_field},
    {"cache_control", in(messages), &RequestReader::read_cache_control},
}};

}  // namespace

std::expected<RequestScan, ScanError> scan_request(
    Endpoint endpoint, std::string_view body, bool is_answered) {
    return RequestReader{endpoint, body, is_answered}.run();
}

}  // namespace evenkeel::inference::dialect
