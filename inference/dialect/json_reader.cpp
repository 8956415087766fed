#include "inference/dialect/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace evenkeel::inference::dialect {

namespace {

#ifndef __SSE2__
constexpr std::uint64_t ones = 0x0101010101010101ULL;
constexpr std::uint64_t highs = 0x8080808080808080ULL;

constexpr std::uint64_t has_zero(std::uint64_t word) noexcept {
    return (word - ones) & ~word & highs;
}
static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");

/// Non-zero when one of eight bytes is a quote, a backslash, a control character or not ASCII.
constexpr std::uint64_t special(std::uint64_t word) noexcept {
    return has_zero(word ^ (ones * '"')) | has_zero(word ^ (ones * '\\')) |
           ((word - ones * 0x20) & ~word & highs) | (word & highs);
}
#endif

/// What may follow a backslash, but for `u`.
constexpr auto short_escapes = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{R"("\/bfnrt)"}) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

bool is_short_escape(char c) noexcept {
    return short_escapes[static_cast<unsigned char>(c)];
}

/// Passes over plain ASCII and short escapes, which it counts: to a byte that may be neither, or to
/// the last few of `text`.
std::size_t plain_until(std::string_view text, std::size_t at, std::size_t& escapes) noexcept {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    constexpr std::size_t block = sizeof(__m128i);
    while (at + block < text.size()) {  // one more: it may follow a backslash
        const char* const here = text.data() + at;
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(here));
        // As signed numbers, bytes that are not ASCII are below the space too.
        const __m128i found = _mm_or_si128(
            _mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        std::size_t next = block;
        while (mask != 0) {
            const auto i = static_cast<std::size_t>(std::countr_zero(mask));
            if (here[i] != '\\' || !is_short_escape(here[i + 1])) {
                return at + i;
            }
            ++escapes;
            mask &= ~(3U << i);
            next = std::max(block, i + 2);
        }
        at += next;
    }
#else
    static_cast<void>(escapes);
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        if (const std::uint64_t mask = special(word); mask != 0) {
            // Exact up to the first one: a borrow marks only bytes above a true one.
            return at + static_cast<std::size_t>(std::countr_zero(mask)) / 8;
        }
    }
#endif
    return at;
}

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
