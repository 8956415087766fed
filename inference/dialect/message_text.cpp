#include "inference/dialect/json_reader.hpp"
#include "inference/dialect/scan.hpp"

#include <algorithm>
#include <deque>

namespace evenkeel::inference::dialect {

namespace {

using String = JsonReader::String;

/// Finds the texts of the messages and keeps the last of them, as many as can be needed.
class TextReader {
public:
    TextReader(std::string_view body, std::size_t bytes_max) : json_{body}, bytes_max_{bytes_max} {}

    /// Reads the value at `at`, whose bytes were read without a complaint before.
    void read(Span at) {
        json_.move_to(at.begin);
        static_cast<void>(value(1));
    }

    std::string text() {
        std::string out;
        out.reserve(std::min(bytes_, bytes_max_ + 1));
        for (const String& text : texts_) {
            const bool is_first = &text == &texts_.front();
            const std::size_t others = bytes_ - text.decoded_bytes - 1;
            out += is_first ? "" : "\n";
            out += is_first && bytes_ > bytes_max_
                       ? end_of(text, bytes_max_ - std::min(others, bytes_max_))
                       : json_.decode(text);
        }
        return out;
    }

private:
    bool value(int depth) {
        const char first = json_.peek();
        if (first == '[') {
            return json_.each_element(depth + 1, [this, depth] { return value(depth + 1); });
        }
        if (first == '"') {  // a prompt that is nothing but text
            String text;
            const bool whole = json_.read_string(text);
            if (text.decoded_bytes > 0) {
                keep(text);
            }
            return whole;
        }
        if (first != '{') {
            return json_.skip_value(depth);
        }
        return json_.each_member(depth + 1, [this, depth](const String& key) {
            std::string scratch;
            const std::string_view name = json_.view(key, scratch);
            if (json_.peek() != '"') {
                return value(depth + 1);
            }
            String text;
            if (!json_.read_string(text)) {
                return false;
            }
            if ((name == "content" || name == "text") && text.decoded_bytes > 0) {
                keep(text);
            }
            return true;
        });
    }

    void keep(const String& text) {
        texts_.push_back(text);
        bytes_ += text.decoded_bytes + 1;
        while (bytes_ - texts_.front().decoded_bytes - 1 > bytes_max_) {
            bytes_ -= texts_.front().decoded_bytes + 1;
            texts_.pop_front();
        }
    }

    /// The last `bytes` of a text, from a whole character on, decoding little more than those.
    [[nodiscard]] std::string end_of(String text, std::size_t bytes) const {
        constexpr std::size_t escape_bytes = 6;  // "\u0041", at most for one byte of text
        const std::size_t length = text.span.end - text.span.begin - 2;
        const std::size_t enough = (bytes + 2) * (text.escaped ? escape_bytes : 1);
        const std::size_t from = text.span.end - 1 - std::min(length, enough);
        std::size_t at = text.escaped ? text.span.begin + 1 : from;
        while (at < from) {  // never into the middle of an escape
            const std::string_view next = json_.text({at, at + 2});
            at += next[0] != '\\' ? 1 : next[1] == 'u' ? escape_bytes : 2;
        }
        text.span.begin = at - 1;
        std::string out = json_.decode(text);
        std::size_t begin = out.size() - std::min(out.size(), bytes);
        while (begin < out.size() && (static_cast<unsigned char>(out[begin]) & 0xC0U) == 0x80U) {
            ++begin;
        }
        return out.substr(begin);
    }

    JsonReader json_;
    std::size_t bytes_max_;
    std::deque<String> texts_{};
    std::size_t bytes_{0};  ///< of `texts_`, each with a newline
};

}  // namespace

std::string message_text(std::string_view body, const RequestScan& scan, std::size_t bytes_max) {
    TextReader reader{body, bytes_max};
    for (const Span at : scan.texts) {
        if (at.end > at.begin) {
            reader.read(at);
        }
    }
    return reader.text();
}

}  // namespace evenkeel::inference::dialect
