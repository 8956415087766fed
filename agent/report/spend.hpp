#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "agent/report/own_work.hpp"
#include "policies/config/config.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::report {

enum class SpendBy { source, model, key, route, provider, machine, tag };
[[nodiscard]] std::optional<SpendBy> spend_by_from(std::string_view text) noexcept;
[[nodiscard]] std::string_view to_text(SpendBy by) noexcept;

struct SpendOptions {
    UtcTime now{};
    std::optional<std::string> since{};  ///< "2026-11-01", "30d", "24h"; default: this month
    std::optional<std::string> until{};  ///< inclusive day; default: today
    SpendBy by{SpendBy::source};
    ledger::Zone zone{};                  ///< of booking days: all days are meant in it
    std::optional<ledger::Zone> shown{};  ///< that times are written in; nothing: `zone`
    Currency currency{usd};               ///< to report in
    config::CurrencyRules rates{};        ///< from the configuration; rows of the ledger win
    /// Which APIs there are and what they cost; null: only the ledger speaks. Not owned.
    const config::Config* config{nullptr};
    /// Own hardware behind own sources, by the source's name.
    std::map<std::string, std::string> hardware_of{};
};

/// Takes from a configuration what a report needs of it: rates, own hardware, and itself for its
/// APIs: it must outlive `options`.
void use_config(const config::Config& config, SpendOptions& options);

struct SpendLine {
    std::string kind{};   ///< "own", "rental", "api"; empty unless by source or machine
    std::string label{};  ///< "desk", "H100 PCIe", "claude"
    bool synthetic{false};
    std::int64_t requests{0};
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    Money cost{};     ///< report currency
    Money charged{};  ///< by its requests: external money, or an internal price
    std::optional<Money> per_mtok{};
};

struct PhaseLine {
    std::string phase{};
    Money cost{};
    std::int64_t share_permille{0};     ///< of the rental's money
    std::chrono::nanoseconds time{0};  ///< that was paid; none for an adjustment
};

/// What `report spend` shows, computed from roll-ups and prices only; by tag also from the requests
/// themselves.
struct Spend {
    std::chrono::year_month_day first{};
    std::chrono::year_month_day last{};
    Currency currency{};
    std::vector<std::string> rates{};  ///< "USD at 1.4235 (2026-06-30)"
    SpendBy by{SpendBy::source};
    std::vector<SpendLine> lines{};
    SpendLine total{};
    bool has_internal{false};  ///< some work was charged at an internal price
    std::vector<PhaseLine> rental{};
    Money rental_not_serving{};  ///< time of machines without work; no adjustment is part of it
    OwnWork own{};
    std::string api_label{};          ///< of the API at which everything would have been dearest
    std::optional<Money> api_only{};  ///< what it would have been there, as `report savings` has it
    std::vector<std::string> notes{};  ///< APIs left out of that
    ledger::Zone zone{};
    std::vector<ledger::RuleReplay> rules{};  ///< the newest of each scaling entry
};

/// Errors: invalid_argument (since/until, a currency without a rate), and those of Reader.
[[nodiscard]] Result<Spend> make_spend(ledger::Reader& reader, const SpendOptions& options);
[[nodiscard]] std::string spend_text(const Spend& spend);
[[nodiscard]] std::string spend_json(const Spend& spend);  ///< evenkeel.spend/1
[[nodiscard]] std::string spend_csv(const Spend& spend);

}  // namespace evenkeel::report
