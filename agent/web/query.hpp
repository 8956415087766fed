#pragma once

#include "agent/ledger/zone.hpp"
#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace evenkeel::web {

/// What stands behind the '?' of a target, taken apart and checked.
class Query {
public:
    static constexpr std::size_t bytes_max = 2'048;
    static constexpr std::size_t value_bytes_max = 256;

    Query() = default;
    /// "since=30d&by=model", percent-decoded. Errors: invalid_argument (too long, a broken escape,
    /// a control character, a name that is not among `allowed`, one given twice).
    [[nodiscard]] static Result<Query> parse(
        std::string_view text, std::span<const std::string_view> allowed);

    /// Empty when it was not given.
    [[nodiscard]] std::string text(std::string_view name) const;
    /// Nothing when it was not given, or is empty.
    [[nodiscard]] std::optional<std::string> given(std::string_view name) const;
    /// `otherwise` when it was not given. Errors: invalid_argument (no whole number, not between 0
    /// and `most`).
    [[nodiscard]] Result<std::int64_t> number(
        std::string_view name, std::int64_t otherwise, std::int64_t most) const;
    /// The instant that `name` means: "24h" or "7d" before `now`, or the start of a day
    /// ("2026-11-01") in `zone`. Errors: invalid_argument.
    [[nodiscard]] Result<UtcTime> instant(
        std::string_view name,
        UtcTime now,
        std::chrono::hours otherwise_before,
        const ledger::Zone& zone) const;

private:
    std::map<std::string, std::string, std::less<>> values_{};
};

}  // namespace evenkeel::web
