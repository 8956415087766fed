#pragma once

#include "policies/config/keys.hpp"
#include "policies/config/tree.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// Turns the text at a key into a checked value. Internal to policies/config.
namespace evenkeel::config {

/// Why a text is not what its key wants.
struct ValueIssue {
    std::string_view code{};
    std::string message{};
    std::string hint{};
    std::string suggestion{};
};

/// Reads `text` as `type`. `currency` is the report currency, for suggestions only. Never looks at
/// ranges. A text that looks like a secret is refused whatever the type.
[[nodiscard]] std::expected<Value, ValueIssue> read_value(
    Type type, const Key& key, std::string_view text, bool is_quoted, std::string_view currency);

/// Whether `number` is between the key's `least` and `most`; else what to say.
[[nodiscard]] std::optional<ValueIssue> check_range(const Key& key, const Value& value);

/// How a person calls the type, with an example: "a duration such as 5m".
[[nodiscard]] std::string_view describe(Type type) noexcept;

/// What a filled-in value would look like: the key's example, its default, or the type's.
[[nodiscard]] std::string_view example_of(const Key& key) noexcept;

}  // namespace evenkeel::config
