#pragma once

#include "agent/ledger/reader.hpp"
#include "agent/ledger/zone.hpp"
#include "policies/config/config.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The ledger as a FOCUS 1.2 cost and usage data set (docs/focus.md has the mapping).
namespace evenkeel::report {

/// How FOCUS asks for a column.
enum class FocusNeed { mandatory, conditional, recommended, custom };

/// The columns, in the order of the file.
enum class Focus : std::size_t {
    billed_cost,
    effective_cost,
    list_cost,
    contracted_cost,
    billing_currency,
    pricing_currency,
    fx_rate,
    fx_date,
    billing_period_start,
    billing_period_end,
    charge_period_start,
    charge_period_end,
    charge_category,
    charge_class,
    charge_frequency,
    charge_description,
    pricing_category,
    pricing_quantity,
    pricing_unit,
    consumed_quantity,
    consumed_unit,
    list_unit_price,
    contracted_unit_price,
    commitment_discount_id,
    commitment_discount_status,
    service_category,
    service_subcategory,
    service_name,
    provider_name,
    publisher_name,
    invoice_issuer_name,
    billing_account_id,
    billing_account_name,
    sub_account_id,
    sub_account_name,
    region_id,
    availability_zone,
    resource_id,
    resource_name,
    resource_type,
    sku_id,
    sku_meter,
    sku_price_details,
    tags,
    model,
    phase,
    input_tokens,
    output_tokens,
    cached_tokens,
    price_seen,
    ledger_hash,
    allocated_cost,
    count
};

struct FocusColumn {
    std::string_view name;
    FocusNeed need{FocusNeed::custom};
    bool may_be_empty{true};
};
/// One for each value of Focus.
[[nodiscard]] std::span<const FocusColumn> focus_columns() noexcept;

/// One charge; an empty text is a null.
class FocusRow {
public:
    [[nodiscard]] std::string& operator[](Focus column) {
        return cells_[static_cast<std::size_t>(column)];
    }
    [[nodiscard]] const std::string& operator[](Focus column) const {
        return cells_[static_cast<std::size_t>(column)];
    }

private:
    std::array<std::string, static_cast<std::size_t>(Focus::count)> cells_{};
};

/// Who sells: how FOCUS wants a provider of the configuration named.
struct FocusSeller {
    std::string name{};      ///< "RunPod"
    std::string service{};   ///< "RunPod Pods"
    std::string resource{};  ///< kind of its machines: "GPU pod"
};

/// Own hardware that was bought. The one charge that no posting stands for.
struct FocusPurchase {
    std::string hardware{};
    std::chrono::year_month_day day{};
    Money price{};
};

struct FocusOptions {
    UtcTime now{};
    std::optional<std::string> since{};  ///< booking days, as in days.hpp; default: this month
    std::optional<std::string> until{};
    ledger::Zone zone{};                           ///< of the ledger's booking days
    Currency currency{usd};                        ///< the report's
    std::map<std::string, FocusSeller> sellers{};  ///< by provider; others go by their names
    std::vector<FocusPurchase> purchases{};        ///< those of these days are rows
};

/// The sellers and purchases that a configuration tells of.
void describe_sellers(const config::Config& config, FocusOptions& options);

/// Tells `visit` of every charge of these days: each expense posting once (a paid request as one
/// row for each kind of token, which sum to it exactly), then requests that own and rented machines
/// answered, at 0 with their share of the machine's money. In short transactions, in constant
/// memory. Errors: invalid_argument (days), those of Reader.
[[nodiscard]] Result<void> each_focus_row(
    ledger::Reader& reader,
    const FocusOptions& options,
    const std::function<void(const FocusRow&)>& visit);

/// RFC 4180; no text of a client is taken for a formula.
[[nodiscard]] std::string focus_csv_head();
[[nodiscard]] std::string focus_csv(const FocusRow& row);
/// An element of `rows` in evenkeel.focus/1: columns by their names, nulls as null, all else text.
[[nodiscard]] std::string focus_json(const FocusRow& row);

}  // namespace evenkeel::report
