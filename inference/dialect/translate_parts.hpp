#pragma once

#include "inference/dialect/json_view.hpp"
#include "inference/dialect/translate_request.hpp"

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What both directions of the translation share. Part of the implementation.
namespace evenkeel::inference::dialect {

/// Remembers the first refusal and what was left out while a request is translated.
class TranslationNotes {
public:
    /// False always, so that a walk stops: `return notes.refuse(...)`.
    bool refuse(std::string_view field, std::string message, std::string_view code = {});
    /// The value of `field` must be something else: "'n' must be 1."
    bool refuse_value(std::string_view field, std::string_view must);
    void drop(std::string_view path);
    /// For members that have no counterpart: `where` + key, unless the value is null.
    bool unknown(std::string_view where, std::string_view key, JsonView value);

    [[nodiscard]] bool refused() const noexcept { return refused_; }
    [[nodiscard]] ScanError error() && { return std::move(error_); }
    [[nodiscard]] std::vector<std::string> dropped() && { return std::move(dropped_); }

private:
    ScanError error_{};
    bool refused_{false};
    std::vector<std::string> dropped_{};
};

/// Keeps the top-level members named in `names` (in that order in `values`) and hands the others
/// to `notes`. Refuses a name that stands twice.
bool read_fields(
    JsonView object,
    std::span<const std::string_view> names,
    std::span<JsonView> values,
    TranslationNotes& notes);

/// A request whose top-level fields have numbers: what both translations are made from. The body's
/// text must outlive it.
template <std::size_t count>
class FieldReader {
public:
    using Names = std::array<std::string_view, count>;

protected:
    FieldReader(JsonView root, const Names& names) noexcept : root_{root}, names_{names} {}

    /// Reads the fields and lets `write(body)` make the new body of them.
    template <class Write>
    [[nodiscard]] std::expected<Translated, ScanError> translate(Write&& write) {
        Translated out;
        if (!root_.is_object()) {
            notes_.refuse({}, "The body must be a JSON object.");
        } else if (read_fields(root_, names_, fields_, notes_)) {
            write(out.body);
        }
        if (notes_.refused()) {
            return std::unexpected{std::move(notes_).error()};
        }
        out.dropped = std::move(notes_).dropped();
        return out;
    }
    [[nodiscard]] JsonView field(std::size_t name) const noexcept { return fields_[name]; }
    bool wrong(std::size_t name, std::string_view must) {
        return notes_.refuse_value(names_[name], must);
    }

    TranslationNotes notes_{};

private:
    JsonView root_;
    const Names& names_;
    std::array<JsonView, count> fields_{};
};

/// The arguments of a tool call as an object: the JSON text itself, or nothing when it is none.
/// Empty text counts as `{}`.
[[nodiscard]] std::optional<std::string> arguments_object(std::string_view text);

/// A whole number in [1, tokens_max]; nothing when it is none.
[[nodiscard]] std::optional<std::int64_t> token_count(JsonView value) noexcept;

}  // namespace evenkeel::inference::dialect
