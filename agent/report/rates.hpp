#pragma once

#include "agent/ledger/reader.hpp"
#include "policies/config/config.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::report {

/// Rates to the report currency, looked up once and remembered with their dates. Rows of the ledger
/// go before the configuration's. A rate serves both ways, and two to one currency make one between
/// two others: an exact fraction. `reader` must outlive it.
class Rates {
public:
    Rates(ledger::Reader& reader, Currency to, config::CurrencyRules rules)
        : reader_{reader}, to_{to}, rules_{std::move(rules)} {}

    /// Rounded half-even, once. Errors: invalid_argument (no rate, with what to add), the reader's.
    [[nodiscard]] Result<Money> convert(Money amount);
    /// Those that were used: "USD at 1.4235 (2026-06-30)".
    [[nodiscard]] std::vector<std::string> texts() const;
    [[nodiscard]] Currency to() const noexcept { return to_; }

private:
    struct Rate {
        std::int64_t num{1};
        std::int64_t den{1};
        std::chrono::sys_days as_of{std::chrono::sys_days::max()};  ///< the older of two
    };
    /// What the ledger or the configuration says themselves; nothing: neither does.
    [[nodiscard]] Result<std::optional<Rate>> stated(Currency from, Currency to);
    /// Nothing when it does not fit.
    [[nodiscard]] static std::optional<Rate> product(Rate one, Rate other) noexcept;
    [[nodiscard]] Result<Rate> look_up(Currency from);
    [[nodiscard]] Result<Rate> find(Currency from);

    ledger::Reader& reader_;
    Currency to_;
    config::CurrencyRules rules_;
    std::map<Currency, std::pair<Rate, std::string>> known_{};
};

/// A running sum turned over as a whole: what `add` gives for each part sums to the rate times the
/// sum of the parts, to the last unit.
class Telescope {
public:
    /// What `part` adds in the report currency.
    [[nodiscard]] Result<Money> add(Rates& rates, Money part);

private:
    Money sum_{};
    Money converted_{};
};

}  // namespace evenkeel::report
