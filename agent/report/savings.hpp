#pragma once

#include "agent/report/spend.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Alternatives not taken: what the same work would have cost elsewhere, at the prices of its days.
namespace evenkeel::report {

/// Work that was done, and what it cost. Amounts in the report currency.
struct SavingsPart {
    std::string what{};  ///< "all", or who did it: "own", "rental", "api"
    std::int64_t tokens_in{0};
    std::int64_t tokens_cached{0};  ///< of tokens_in
    std::int64_t tokens_out{0};
    std::chrono::nanoseconds rented{0};  ///< time of machines
    Money paid{};
    Money wear{};  ///< worth that own hardware lost: nobody was paid, but it is a cost
    [[nodiscard]] Money cost() const { return paid + wear; }
};

/// How well the price of a day is known.
struct PriceAge {
    std::int64_t days{0};           ///< that were priced
    std::int64_t days_seen{0};      ///< somebody had seen the price on that day
    std::int64_t days_earlier{0};   ///< the nearest earlier one stood in
    std::int64_t days_later{0};     ///< there was none yet: the first one after it stood in
    std::int64_t age_days_max{0};   ///< of the earlier ones
    std::optional<UtcTime> first{};  ///< oldest and newest time at which one was seen
    std::optional<UtcTime> last{};
    bool configured{false};  ///< no price row of the ledger: as the configuration states it
};

/// One part of the work, at one other seller.
struct SavingsLine {
    std::string what{};     ///< as in SavingsPart
    std::string offer{};    ///< of the seller
    std::string kind{};     ///< "api": its tokens; "rental": its hours
    std::string model{};    ///< that the offer serves; empty: not known
    std::string gpu{};      ///< of a rental, as far as known
    bool synthetic{false};  ///< a stand-in of the demo, no real seller
    std::int64_t tokens_in{0};
    std::int64_t tokens_out{0};
    std::int64_t tokens_other_model{0};  ///< of both: another model than the offer's answered them
    std::chrono::nanoseconds rented{0};
    Money cost{};  ///< what it would have been
    Money paid{};  ///< what it was, with wear
    std::vector<Price> prices{};  ///< of the newest day: in and out, or the hour
    PriceAge age{};
    /// Below zero: so much was paid too much.
    [[nodiscard]] Money saved() const { return cost - paid; }
};

struct Savings {
    std::chrono::year_month_day first{};
    std::chrono::year_month_day last{};
    Currency currency{};
    std::vector<std::string> rates{};
    std::vector<SavingsPart> parts{};  ///< "all" first
    std::vector<SavingsLine> lines{};  ///< by part, the cheapest first
    std::vector<std::string> notes{};  ///< what is not known
    ledger::Zone zone{};
    /// The APIs at which everything would have been cheapest and dearest; null without any.
    [[nodiscard]] const SavingsLine* cheapest() const noexcept;
    [[nodiscard]] const SavingsLine* dearest() const noexcept;
};

/// `config` names the offers' models and GPUs and fills in prices that no row has; null: only the
/// ledger speaks. A day is priced at the newest price that was stated by its end, else at the first
/// one stated after it, which is counted as such. Tokens that a cache answered here cost the full
/// price elsewhere, since nobody knows what would have been cached there. Errors: as make_spend; an
/// alternative in a currency without a rate is left out with a note.
[[nodiscard]] Result<Savings> make_savings(
    ledger::Reader& reader, const config::Config* config, const SpendOptions& options);
[[nodiscard]] std::string savings_text(const Savings& savings);
[[nodiscard]] std::string savings_json(const Savings& savings);  ///< evenkeel.savings/1
[[nodiscard]] std::string savings_csv(const Savings& savings);

}  // namespace evenkeel::report
