#pragma once

#include "policies/breakeven/exact.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The break-even questions, one formula each. No discounting, no inflation, no tax; a month has
/// `hours_per_month` hours.
namespace evenkeel::breakeven {

enum class Kind : std::uint8_t {
    buy_vs_rent,           ///< months until a bought machine has cost less than renting one
    local_vs_api,          ///< the same against paying by the token
    rent_vs_api,           ///< Mtok a month from which a rented machine is cheaper than the API
    reserved_vs_ondemand,  ///< percent of use from which a reservation is cheaper
    burst_rent_vs_api,     ///< thousand tokens that pay one short rental
    electricity_per_mtok,  ///< power of a million tokens
    api_cost,              ///< tokens of a month at the API
    rent_monthly,
    own_monthly,       ///< power and other running costs of an own machine
    hybrid_saving,     ///< percent of the bill saved by answering the simple requests at home
    fx_convert,        ///< an amount in the report currency
    horizon_cheapest,  ///< the cheapest of buy, rent and API over so many months
};
[[nodiscard]] std::string_view to_text(Kind kind) noexcept;
[[nodiscard]] std::optional<Kind> kind_of(std::string_view text) noexcept;

/// What a question may be asked with. Amounts are in whole units of the currency beside them; a
/// quantity left out takes the default of `columns()`, or is an error where a formula needs it.
struct Terms {
    std::optional<Exact> capex{};
    std::optional<Exact> residual_fraction{};  ///< of capex, got back at the end; may pass 1
    std::optional<Exact> rent_rate{};          ///< per unit and hour
    std::optional<Exact> rent_units{};
    std::optional<Exact> billed_fraction{};  ///< of the month
    std::optional<Exact> hours_per_month{};
    std::optional<Exact> ondemand_rate{};
    std::optional<Exact> active_w{};
    std::optional<Exact> idle_w{};
    std::optional<Exact> active_fraction{};
    std::optional<Exact> pue{};     ///< power taken from the wall for one that reaches the machine
    std::optional<Exact> tariff{};  ///< per kWh
    std::optional<Exact> own_other_monthly{};
    std::optional<Exact> api_in{};  ///< per million tokens, as the next two
    std::optional<Exact> api_out{};
    std::optional<Exact> api_cache_read{};
    std::optional<Exact> cached_fraction{};  ///< of the input
    std::optional<Exact> batch_discount{};
    std::optional<Exact> in_mtok{};  ///< a month
    std::optional<Exact> out_mtok{};
    std::optional<Exact> offload_fraction{};  ///< of the API's bill that the own machine takes over
    std::optional<Exact> in_share{};          ///< of all tokens
    std::optional<Exact> capacity_tps{};      ///< tokens a second that one rented unit makes
    std::optional<Exact> tokens_per_second{};
    std::optional<Exact> boot_s{};
    std::optional<Exact> busy_s{};
    std::optional<Exact> drain_s{};
    std::optional<Exact> billing_increment_s{};
    std::optional<Exact> min_billed_s{};
    std::optional<Exact> simple_share{};
    std::optional<Exact> simple_cost{};
    std::optional<Exact> complex_cost{};
    std::optional<Exact> horizon_months{};
    std::optional<Exact> amount{};
    Currency capex_currency{aud};
    Currency rent_currency{usd};
    Currency tariff_currency{aud};
    Currency own_other_currency{aud};
    Currency api_currency{usd};
    Currency amount_currency{aud};
    Currency report_currency{aud};
    /// What one unit of a currency is worth in another: {from, to}. The inverse is used too; a
    /// missing rate is an error, never 1.
    std::map<std::pair<Currency, Currency>, Exact> rates{};
};

/// The quantities of Terms by name, with the text of their defaults (empty: none).
struct Column {
    std::string_view name{};
    std::optional<Exact> Terms::* field{};
    std::string_view default_text{};
};
[[nodiscard]] std::span<const Column> columns() noexcept;
struct CurrencyColumn {
    std::string_view name{};
    Currency Terms::* field{};
};
[[nodiscard]] std::span<const CurrencyColumn> currency_columns() noexcept;

/// An answer with the terms it was made from. `status` is ok, never (it never pays), immediate (it
/// pays from the first hour), unreachable (more than the machine can make), or of horizon_cheapest
/// the winner: buy, rent or api.
struct Answer {
    std::string status{"ok"};
    std::optional<Exact> expected{};  ///< nothing when it never pays
    std::string unit{};
    std::optional<Exact> rent_monthly{};
    std::optional<Exact> own_monthly{};
    std::optional<Exact> api_monthly{};
    std::optional<Exact> net_capex{};
    std::optional<Exact> aux{};
    std::string aux_unit{};
};

/// Errors: invalid_argument when a quantity the formula needs is missing, a rate is missing, or a
/// quantity that is divided by is zero.
[[nodiscard]] Result<Answer> solve(Kind kind, const Terms& terms);

}  // namespace evenkeel::breakeven
