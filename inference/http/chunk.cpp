#include "inference/http/chunk.hpp"

#include <algorithm>

namespace evenkeel::inference::http {

namespace {

constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char small = static_cast<char>(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// What may stand in a trailer's value: visible, space, tab, or beyond ASCII.
constexpr bool is_text(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

constexpr bool is_token(char c) noexcept {
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alpha || (c >= '0' && c <= '9') ||
           (c != '\0' && std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos);
}

/// Enough for 2^60 - 1 bytes, and no way to overflow.
constexpr std::uint8_t digits_max = 15;

}  // namespace

ChunkScanner::State ChunkScanner::state() const noexcept {
    switch (part_) {
        case Part::done:
            return State::done;
        case Part::bad:
            return State::bad;
        default:
            return State::more;
    }
}

void ChunkScanner::fail(std::string_view why) noexcept {
    part_ = Part::bad;
    why_ = why;
}

ChunkScanner::Step ChunkScanner::next(std::string_view bytes) noexcept {
    std::size_t at = 0;
    while (at < bytes.size() && part_ != Part::payload && state() == State::more) {
        framing_byte(bytes[at]);
        ++at;
    }
    if (part_ != Part::payload || at == bytes.size()) {
        return {.consumed = at, .payload = {}};
    }
    const std::size_t size =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
    left_ -= size;
    payload_bytes_ += size;
    if (left_ == 0) {
        part_ = Part::payload_cr;
    }
    return {.consumed = at + size, .payload = bytes.substr(at, size)};
}

std::size_t ChunkScanner::skip(std::string_view bytes) noexcept {
    std::size_t at = 0;
    while (at < bytes.size() && state() == State::more) {
        const Step step = next(bytes.substr(at));
        at += step.consumed;
    }
    return at;
}

void ChunkScanner::framing_byte(char c) noexcept {
    switch (part_) {
        case Part::size:
            size_byte(c);
            return;
        case Part::extension:
            if (c == '\r') {
                part_ = Part::size_lf;
            } else if (!is_token(c) && c != ';' && c != '=') {
                fail("A chunk extension holds more than plain words.");
            } else if (++extension_ > extension_bytes_max || ++overhead_ > overhead_bytes_max) {
                fail("The chunk extensions are too large.");
            }
            return;
        case Part::size_lf:
            if (c != '\n') {
                fail("A chunk size must end with CR LF.");
                return;
            }
            digits_ = 0;
            extension_ = 0;
            part_ = left_ == 0 ? Part::trailer_start : Part::payload;
            return;
        case Part::payload_cr:
        case Part::payload_lf:
            if (c != (part_ == Part::payload_cr ? '\r' : '\n')) {
                fail("A chunk must end with CR LF.");
                return;
            }
            part_ = part_ == Part::payload_cr ? Part::payload_lf : Part::size;
            return;
        case Part::end_lf:
            if (c != '\n') {
                fail("The last line of a chunked body must end with CR LF.");
                return;
            }
            part_ = Part::done;
            return;
        case Part::trailer_start:
        case Part::trailer_name:
        case Part::trailer_value:
        case Part::trailer_lf:
            trailer_byte(c);
            return;
        case Part::payload:
        case Part::done:
        case Part::bad:
            return;
    }
}

void ChunkScanner::size_byte(char c) noexcept {
    const int digit = hex_value(c);
    if (digit >= 0) {
        if (digits_ == digits_max) {
            fail("A chunk size is too large.");
            return;
        }
        left_ = (digits_ == 0 ? 0 : left_ * 16) + static_cast<std::uint64_t>(digit);
        ++digits_;
        return;
    }
    if (digits_ == 0) {
        fail("A chunk must begin with its size in hexadecimal digits.");
    } else if (c == '\r') {
        part_ = Part::size_lf;
    } else if (c == ';') {
        part_ = Part::extension;
    } else {
        fail("A chunk size must be hexadecimal digits only.");
    }
}

void ChunkScanner::trailer_byte(char c) noexcept {
    if (++overhead_ > overhead_bytes_max) {
        fail("The trailers are too large.");
        return;
    }
    switch (part_) {
        case Part::trailer_start:
            if (c == '\r') {
                part_ = Part::end_lf;
            } else if (is_token(c)) {
                part_ = Part::trailer_name;
            } else {
                fail("A trailer must begin with its name.");
            }
            return;
        case Part::trailer_name:
            if (c == ':') {
                part_ = Part::trailer_value;
            } else if (!is_token(c)) {
                fail("A trailer's name is malformed.");
            }
            return;
        case Part::trailer_value:
            if (c == '\r') {
                part_ = Part::trailer_lf;
            } else if (!is_text(c)) {
                fail("A trailer holds control characters.");
            }
            return;
        default:
            if (c == '\n') {
                part_ = Part::trailer_start;
            } else {
                fail("A trailer must end with CR LF.");
            }
            return;
    }
}

}  // namespace evenkeel::inference::http
