#include "inference/dialect/json_reader.hpp"

#include "inference/dialect/plain_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace evenkeel::inference::dialect {

namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

bool is_high(int unit) noexcept {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(int unit) noexcept {
    return unit >= 0xDC00 && unit < 0xE000;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const unsigned lead = byte(0);
    if (lead >= 0xC2 && lead <= 0xDF) {
        return follows(1) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return byte(1) >= low && byte(1) <= high && follows(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return byte(1) >= low && byte(1) <= high && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

bool JsonReader::fail(const char* what) noexcept {
    if (failure_ == nullptr) {
        failure_ = what;
        failed_at_ = at_;
    }
    return false;
}

ScanError JsonReader::error() const {
    return {
        .message = fmt::format(
            "The body is not acceptable JSON at byte {}: {}.",
            failed_at_,
            failure_ == nullptr ? "unknown" : failure_),
        .param = {}};
}

void JsonReader::skip_space() noexcept {
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return;
        }
        ++at_;
    }
}

char JsonReader::peek() noexcept {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonReader::expect(char c, const char* what) noexcept {
    if (peek() != c || at_ >= text_.size()) {
        return fail(what);
    }
    ++at_;
    return true;
}

int JsonReader::hex4(std::size_t at) const noexcept {
    if (at + 4 > text_.size()) {
        return -1;
    }
    int value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const char c = text_[i];
        int digit = 0;
        if (is_digit(c)) {
            digit = c - '0';
        } else if (c >= 'a' && c <= 'f') {
            digit = c - 'a' + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = c - 'A' + 10;
        } else {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

bool JsonReader::read_escape(String& out) noexcept {
    out.escaped = true;
    const char kind = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (is_short_escape(kind)) {
        at_ += 2;
        ++out.decoded_bytes;
        return true;
    }
    if (kind != 'u') {
        return fail("unknown escape in a string");
    }
    const int unit = hex4(at_ + 2);
    if (unit < 0) {
        return fail("\\u needs four hex digits");
    }
    at_ += 6;
    if (is_high(unit) && text_.substr(at_).starts_with("\\u") && is_low(hex4(at_ + 2))) {
        at_ += 6;
        out.decoded_bytes += 4;
        return true;
    }
    out.lone_surrogate = out.lone_surrogate || is_high(unit) || is_low(unit);
    out.decoded_bytes += unit < 0x80 ? 1U : unit < 0x800 ? 2U : 3U;
    return true;
}

bool JsonReader::read_multibyte(String& out) noexcept {
    const std::size_t length = utf8_sequence(text_.substr(at_));
    if (length == 0) {
        return fail("invalid UTF-8 in a string");
    }
    at_ += length;
    out.decoded_bytes += length;
    return true;
}

bool JsonReader::read_string(String& out) noexcept {
    out = {};
    out.span.begin = at_;
    ++at_;
    static const PlainUntil plain_until = plain_untils().front();
    for (;;) {
        std::size_t escapes = 0;
        const std::size_t at = plain_until(text_, at_, escapes);
        out.decoded_bytes += at - at_ - escapes;
        out.escaped = out.escaped || escapes > 0;
        at_ = at;
        if (at_ >= text_.size()) {
            return fail("a string does not end");
        }
        const char c = text_[at_];
        if (c == '"') {
            ++at_;
            out.span.end = at_;
            return true;
        }
        if (c == '\\') {
            if (!read_escape(out)) {
                return false;
            }
        } else if (static_cast<unsigned char>(c) >= 0x80) {
            if (!read_multibyte(out)) {
                return false;
            }
        } else if (static_cast<unsigned char>(c) < 0x20) {
            return fail("control character in a string");
        } else {
            ++at_;
            ++out.decoded_bytes;
        }
    }
}

bool JsonReader::read_number(Span& out) noexcept {
    skip_space();
    out.begin = at_;
    const auto digit = [this] { return at_ < text_.size() && is_digit(text_[at_]); };
    const auto digits = [this, &digit] {
        const std::size_t from = at_;
        while (digit()) {
            ++at_;
        }
        return at_ > from;
    };
    if (at_ < text_.size() && text_[at_] == '-') {
        ++at_;
    }
    if (digit() && text_[at_] == '0') {
        ++at_;
        if (digit()) {
            return fail("a number starts with 0");
        }
    } else if (!digits()) {
        return fail("expected a value");
    }
    if (at_ < text_.size() && text_[at_] == '.') {
        ++at_;
        if (!digits()) {
            return fail("digits are missing after the point");
        }
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
        ++at_;
        if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
            ++at_;
        }
        if (!digits()) {
            return fail("digits are missing in an exponent");
        }
    }
    out.end = at_;
    if (out.end - out.begin > number_bytes_max) {
        return fail("a number is longer than 1024 bytes");
    }
    return true;
}

bool JsonReader::read_literal(std::string_view word) noexcept {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) {
        return fail("expected a value");
    }
    at_ += word.size();
    return true;
}

bool JsonReader::skip_value(int depth) noexcept {
    switch (peek()) {
        case '{':
            return each_member(
                depth + 1, [this, depth](const String&) { return skip_value(depth + 1); });
        case '[':
            return each_element(depth + 1, [this, depth] { return skip_value(depth + 1); });
        case '"': {
            String string;
            return read_string(string);
        }
        case 't':
            return read_literal("true");
        case 'f':
            return read_literal("false");
        case 'n':
            return read_literal("null");
        default: {
            Span number;
            return read_number(number);
        }
    }
}

bool JsonReader::at_end() noexcept {
    skip_space();
    return at_ == text_.size() || fail("something follows the end of the object");
}

std::string JsonReader::decode(const String& string) const {
    const std::string_view raw =
        text_.substr(string.span.begin + 1, string.span.end - string.span.begin - 2);
    if (!string.escaped) {
        return std::string{raw};
    }
    std::string out;
    out.reserve(string.decoded_bytes);
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            out.push_back(raw[i]);
            continue;
        }
        ++i;
        switch (raw[i]) {
            case 'b':
                out.push_back('\b');
                break;
            case 'f':
                out.push_back('\f');
                break;
            case 'n':
                out.push_back('\n');
                break;
            case 'r':
                out.push_back('\r');
                break;
            case 't':
                out.push_back('\t');
                break;
            case 'u': {
                const std::size_t at = string.span.begin + 1 + i + 1;
                const int unit = hex4(at);
                i += 4;
                const int low =
                    is_high(unit) && raw.substr(i + 1).starts_with("\\u") ? hex4(at + 6) : -1;
                if (is_low(low)) {
                    i += 6;
                    append_utf8(
                        out,
                        0x10000U + (static_cast<std::uint32_t>(unit - 0xD800) << 10) +
                            static_cast<std::uint32_t>(low - 0xDC00));
                } else {
                    const bool lone = is_high(unit) || is_low(unit);
                    append_utf8(out, lone ? 0xFFFDU : static_cast<std::uint32_t>(unit));
                }
                break;
            }
            default:
                out.push_back(raw[i]);
        }
    }
    return out;
}

}  // namespace evenkeel::inference::dialect
