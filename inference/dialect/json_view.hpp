#pragma once

#include "inference/dialect/json_reader.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// What the translations read and write JSON with: views into a text that was checked once, so that
/// whatever is not translated (schemas, arguments, numbers) is copied as it was written.
namespace evenkeel::inference::dialect {

/// One value of a checked text, or nothing. Finding a member walks the object again: objects that
/// are translated have few.
class JsonView {
public:
    JsonView() = default;
    /// `raw`: one whole value without space around it.
    explicit JsonView(std::string_view raw) noexcept : raw_{raw} {}

    [[nodiscard]] std::string_view raw() const noexcept { return raw_; }
    /// Not there, or null.
    [[nodiscard]] bool is_none() const noexcept { return raw_.empty() || raw_ == "null"; }
    [[nodiscard]] bool is_object() const noexcept { return raw_.starts_with('{'); }
    [[nodiscard]] bool is_array() const noexcept { return raw_.starts_with('['); }
    [[nodiscard]] bool is_string() const noexcept { return raw_.starts_with('"'); }
    [[nodiscard]] bool is_true() const noexcept { return raw_ == "true"; }
    [[nodiscard]] bool is_number() const noexcept {
        return !raw_.empty() && (raw_[0] == '-' || (raw_[0] >= '0' && raw_[0] <= '9'));
    }
    /// The decoded string; empty when it is none.
    [[nodiscard]] std::string text() const;
    /// A string that is not empty.
    [[nodiscard]] bool has_text() const noexcept { return is_string() && raw_.size() > 2; }
    [[nodiscard]] bool is_text(std::string_view text) const;
    /// A whole number of 64 bits, written without point or exponent.
    [[nodiscard]] std::optional<std::int64_t> whole() const noexcept;
    /// The last member of that name; nothing when there is none, or this is no object.
    [[nodiscard]] JsonView operator[](std::string_view key) const;

    /// Calls `member(key, value)` until it returns false; false then. No object: no calls.
    template <class Member>
    bool members(Member&& member) const {
        JsonReader json{raw_};
        return !is_object() || json.each_member(1, [&](const JsonReader::String& key) {
            std::string scratch;
            const std::string_view name = json.view(key, scratch);
            JsonView value;
            return value.take(json) && member(name, value);
        });
    }
    /// The same for the elements of an array.
    template <class Element>
    bool elements(Element&& element) const {
        JsonReader json{raw_};
        return !is_array() || json.each_element(1, [&] {
            JsonView value;
            return value.take(json) && element(value);
        });
    }

private:
    bool take(JsonReader& json);

    std::string_view raw_{};
};

/// A whole text of one JSON value that keeps the grammar, with lone surrogate escapes replaced by
/// U+FFFD: strict readers refuse them. Refers to the text it was read from.
class JsonText {
public:
    /// `depth`: so many containers stand around the text where it will go.
    [[nodiscard]] static std::expected<JsonText, ScanError> read(
        std::string_view text, int depth = 0);
    [[nodiscard]] JsonView root() const noexcept;

private:
    std::string_view text_{};
    std::string mended_{};  ///< a copy, when something had to be replaced
};

/// Appends JSON to a string and minds the commas. Text that is not valid UTF-8 is mended.
class JsonWriter {
public:
    explicit JsonWriter(std::string& out) noexcept : out_{out} {}

    JsonWriter& key(std::string_view name);
    /// `bracket`: `{` or `[`.
    JsonWriter& open(char bracket);
    JsonWriter& close(char bracket);
    JsonWriter& text(std::string_view value);
    JsonWriter& number(std::int64_t value);
    /// `value`: JSON text.
    JsonWriter& raw(std::string_view value);

    JsonWriter& open(std::string_view name, char bracket) { return key(name).open(bracket); }
    JsonWriter& text(std::string_view name, std::string_view value) {
        return key(name).text(value);
    }
    JsonWriter& number(std::string_view name, std::int64_t value) {
        return key(name).number(value);
    }
    JsonWriter& raw(std::string_view name, std::string_view value) { return key(name).raw(value); }
    /// Left out when there is none.
    JsonWriter& some(std::string_view name, JsonView value) {
        return value.is_none() ? *this : raw(name, value.raw());
    }

private:
    void next();

    std::string& out_;
};

}  // namespace evenkeel::inference::dialect
