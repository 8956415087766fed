#pragma once

#include "inference/dialect/scan.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The pull reader beneath this folder: a cursor over JSON text that checks the grammar and keeps
/// positions. Part of the implementation; only readers of this folder and their tests
/// include it.
namespace evenkeel::inference::dialect {

class JsonReader {
public:
    explicit JsonReader(std::string_view text) : text_{text} {}

    /// A string just read: where it stands and how long it is when decoded.
    struct String {
        Span span{};  ///< with quotes
        std::size_t decoded_bytes{0};
        bool escaped{false};
        bool lone_surrogate{false};
    };

    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    /// Goes on at `at`, where a value begins.
    void move_to(std::size_t at) noexcept { at_ = at; }
    [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }
    [[nodiscard]] ScanError error() const;
    [[nodiscard]] std::string_view text(Span span) const noexcept {
        return text_.substr(span.begin, span.end - span.begin);
    }

    void skip_space() noexcept;
    /// The next byte that is not space; '\0' at the end.
    [[nodiscard]] char peek() noexcept;
    /// Consumes `c` (after space) or fails with `what`.
    bool expect(char c, const char* what) noexcept;
    bool read_string(String& out) noexcept;
    /// Any value, checked and passed over. `depth`: containers around it.
    bool skip_value(int depth) noexcept;
    /// A number's text; fails when there is none.
    bool read_number(Span& out) noexcept;
    bool read_literal(std::string_view word) noexcept;
    /// Nothing but space follows.
    bool at_end() noexcept;
    /// The decoded text of a string read before; lone surrogates become U+FFFD.
    [[nodiscard]] std::string decode(const String& string) const;
    /// The same as a view: into the text itself, or into `scratch` when it has escapes.
    [[nodiscard]] std::string_view view(const String& string, std::string& scratch) const {
        if (!string.escaped) {
            return text({string.span.begin + 1, string.span.end - 1});
        }
        scratch = decode(string);
        return scratch;
    }
    bool fail(const char* what) noexcept;

    /// Walks the members of an object whose brace comes next: `member(key)` must consume the value.
    template <class Member>
    bool each_member(int depth, Member&& member) {
        if (depth > depth_max) {
            return fail("nested deeper than 128 levels");
        }
        if (!expect('{', "expected '{'")) {
            return false;
        }
        if (peek() == '}') {
            ++at_;
            return true;
        }
        for (;;) {
            String key;
            if (peek() != '"') {
                return fail("expected a key in quotes");
            }
            if (!read_string(key) || !expect(':', "expected ':' after a key") || !member(key)) {
                return false;
            }
            const char next = peek();
            ++at_;
            if (next == '}') {
                return true;
            }
            if (next != ',') {
                --at_;
                return fail("expected ',' or '}'");
            }
        }
    }

    /// The same for the elements of an array.
    template <class Element>
    bool each_element(int depth, Element&& element) {
        if (depth > depth_max) {
            return fail("nested deeper than 128 levels");
        }
        if (!expect('[', "expected '['")) {
            return false;
        }
        if (peek() == ']') {
            ++at_;
            return true;
        }
        for (;;) {
            if (!element()) {
                return false;
            }
            const char next = peek();
            ++at_;
            if (next == ']') {
                return true;
            }
            if (next != ',') {
                --at_;
                return fail("expected ',' or ']'");
            }
        }
    }

private:
    bool read_escape(String& out) noexcept;
    bool read_multibyte(String& out) noexcept;
    [[nodiscard]] int hex4(std::size_t at) const noexcept;

    std::string_view text_;
    std::size_t at_{0};
    const char* failure_{nullptr};
    std::size_t failed_at_{0};
};

/// Length of the valid UTF-8 sequence at the start of `text` (2..4), or 0.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;

}  // namespace evenkeel::inference::dialect
