#pragma once

#include "policies/domain/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON where money is read: numbers stay decimal text (no double ever holds them), an object that
/// names a key twice is refused, depth and size are limited.
namespace evenkeel::providers::exact_json {

class Value {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, Value>;

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::null; }
    /// True or false; nothing for other kinds.
    [[nodiscard]] std::optional<bool> boolean() const noexcept;
    /// The text of a string; nothing for other kinds.
    [[nodiscard]] std::optional<std::string_view> string() const noexcept;
    /// The decimal text of a number as it was written, or of a string: what `parse_decimal` reads.
    [[nodiscard]] std::optional<std::string_view> decimal_text() const noexcept;
    /// A whole number that fits; nothing for fractions, exponents and other kinds.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    /// Items of an array; empty for other kinds.
    [[nodiscard]] const std::vector<Value>& items() const noexcept { return items_; }
    /// Members of an object in their order; empty for other kinds.
    [[nodiscard]] const std::vector<Member>& members() const noexcept { return members_; }
    /// The member called `key`, or nothing (also for other kinds).
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
    /// The text of the string member called `key`; empty when absent or not a string.
    [[nodiscard]] std::string_view text(std::string_view key) const noexcept;

private:
    friend class Builder;
    Kind kind_{Kind::null};
    bool boolean_{false};
    std::string text_{};  ///< of a string, or a number as written
    std::vector<Value> items_{};
    std::vector<Member> members_{};
};

struct Limits {
    std::size_t depth{32};
    std::size_t bytes{8 * 1024 * 1024};
    std::size_t values{2'000'000};  ///< scalars, arrays and objects together
};

/// Reads one JSON document (RFC 8259, UTF-8, no comments, nothing after it). Errors:
/// invalid_response with the position, never the text.
[[nodiscard]] Result<Value> parse(std::string_view text, const Limits& limits = {});

/// `text` as a JSON string literal with its quotes.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace evenkeel::providers::exact_json
