#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::report {

/// What a key has spent since its window began, report nanos, by the books. Open holds are not in
/// it. Errors: as of the reader, or a currency without a rate.
[[nodiscard]] Result<std::int64_t> spent_by_key(
    ledger::Reader& reader,
    const config::CurrencyRules& rules,
    NameIx key,
    config::BudgetPer per,
    const ledger::Zone& zone,
    UtcTime now);

/// A living key and what was done with it.
struct KeyUse {
    ledger::KeyRow row{};
    std::optional<UtcTime> last_used{};
    Money month{};                    ///< charged this month, report currency
    std::optional<Money> used{};      ///< of its limit, money set aside included
    std::optional<UtcTime> since{};   ///< when the window of its limit began
    std::optional<UtcTime> resets{};  ///< when it ends
};

/// All living keys, with the rates that the ledger knows. Errors: as of the reader, or a currency
/// without a rate.
[[nodiscard]] Result<std::vector<KeyUse>> key_uses(ledger::Reader& reader, UtcTime now);

/// evenkeel.keys/1.
[[nodiscard]] std::string keys_json(const std::vector<KeyUse>& uses);
/// "month".
[[nodiscard]] std::string_view window_text(config::BudgetPer per) noexcept;

}  // namespace evenkeel::report
