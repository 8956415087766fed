#pragma once

#include "policies/config/values.hpp"

#include <expected>
#include <string>
#include <string_view>

/// The halves of read_value(). Internal to policies/config.
namespace evenkeel::config {

using ValueOutcome = std::expected<Value, ValueIssue>;

[[nodiscard]] inline std::unexpected<ValueIssue> value_issue(
    std::string_view code, std::string message, std::string hint = {}, std::string better = {}) {
    return std::unexpected{
        ValueIssue{code, std::move(message), std::move(hint), std::move(better)}};
}

/// An issue whose hint is the text to write.
[[nodiscard]] inline std::unexpected<ValueIssue> write_instead(
    std::string_view code, std::string message, const std::string& better) {
    return value_issue(code, std::move(message), "write '" + better + "'", better);
}

/// Whether the type is a number, with or without a unit.
[[nodiscard]] bool is_quantity(Type type) noexcept;

/// Reads numbers, durations, powers, sizes, percentages, money and prices. `own` is the report
/// currency. Precondition: is_quantity(type).
[[nodiscard]] ValueOutcome read_quantity(
    Type type, std::string_view text, bool is_quoted, std::string_view own);

}  // namespace evenkeel::config
