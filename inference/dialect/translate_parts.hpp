#pragma once

#include "inference/dialect/json_view.hpp"
#include "inference/dialect/translate_request.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What both directions of the translation share. Part of the implementation.
namespace evenkeel::inference::dialect {

/// Remembers the first refusal and what was left out while a request is translated.
class TranslationNotes {
public:
    /// False always, so that a walk stops: `return notes.refuse(...)`.
    bool refuse(std::string_view field, std::string message, std::string_view code = {});
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

/// The arguments of a tool call as an object: the JSON text itself, or nothing when it is none.
/// Empty text counts as `{}`.
[[nodiscard]] std::optional<std::string> arguments_object(std::string_view text);

/// Why a whole number in [1, tokens_max] is not there; nullopt when it is none.
[[nodiscard]] std::optional<std::int64_t> token_count(JsonView value) noexcept;

}  // namespace evenkeel::inference::dialect
