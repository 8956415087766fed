// The columns of a FOCUS file and how a row is written.
#include "agent/report/csv.hpp"
#include "agent/report/focus.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace evenkeel::report {

namespace json = boost::json;

namespace {

constexpr auto must = FocusNeed::mandatory;
constexpr auto when = FocusNeed::conditional;
constexpr auto should = FocusNeed::recommended;
constexpr auto own = FocusNeed::custom;

constexpr std::array<FocusColumn, static_cast<std::size_t>(Focus::count)> columns{
    {{"BilledCost", must, false},
     {"EffectiveCost", must, false},
     {"ListCost", must, false},
     {"ContractedCost", must, false},
     {"BillingCurrency", must, false},
     {"PricingCurrency", when},
     {"x_FxRate", own},
     {"x_FxDate", own},
     {"BillingPeriodStart", must, false},
     {"BillingPeriodEnd", must, false},
     {"ChargePeriodStart", must, false},
     {"ChargePeriodEnd", must, false},
     {"ChargeCategory", must, false},
     {"ChargeClass", must, true},  // empty unless it corrects
     {"ChargeFrequency", should},
     {"ChargeDescription", must, false},
     {"PricingCategory", when},
     {"PricingQuantity", must, false},
     {"PricingUnit", must, false},
     {"ConsumedQuantity", when},
     {"ConsumedUnit", when},
     {"ListUnitPrice", when},
     {"ContractedUnitPrice", when},
     {"CommitmentDiscountId", when},
     {"CommitmentDiscountStatus", when},
     {"ServiceCategory", must, false},
     {"ServiceSubcategory", should},
     {"ServiceName", must, false},
     {"ProviderName", must, false},
     {"PublisherName", must, false},
     {"InvoiceIssuerName", must, false},
     {"BillingAccountId", must, false},
     {"BillingAccountName", must, false},
     {"SubAccountId", when},
     {"SubAccountName", when},
     {"RegionId", when},
     {"AvailabilityZone", when},
     {"ResourceId", when},
     {"ResourceName", when},
     {"ResourceType", when},
     {"SkuId", when},
     {"SkuMeter", when},
     {"SkuPriceDetails", when},
     {"Tags", when},
     {"x_Model", own},
     {"x_Phase", own},
     {"x_InputTokens", own},
     {"x_OutputTokens", own},
     {"x_CachedTokens", own},
     {"x_PriceSeen", own},
     {"x_LedgerHash", own},
     {"x_AllocatedCost", own}}};

/// Numbers may begin with a minus; everything else is text, and partly that of clients.
constexpr bool is_number(Focus column) {
    switch (column) {
        case Focus::billed_cost:
        case Focus::effective_cost:
        case Focus::list_cost:
        case Focus::contracted_cost:
        case Focus::fx_rate:
        case Focus::pricing_quantity:
        case Focus::consumed_quantity:
        case Focus::list_unit_price:
        case Focus::contracted_unit_price:
        case Focus::input_tokens:
        case Focus::output_tokens:
        case Focus::cached_tokens:
        case Focus::allocated_cost:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::span<const FocusColumn> focus_columns() noexcept {
    return columns;
}

std::string focus_csv_head() {
    std::string text;
    for (const FocusColumn& column : columns) {
        text += text.empty() ? "" : ",";
        text += column.name;
    }
    return text + "\r\n";
}

std::string focus_csv(const FocusRow& row) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto column = static_cast<Focus>(i);
        text += i == 0 ? "" : ",";
        text += is_number(column) ? csv_number(row[column]) : csv_field(row[column]);
    }
    return text + "\r\n";
}

std::string focus_json(const FocusRow& row) {
    json::object object;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::string& cell = row[static_cast<Focus>(i)];
        object[columns[i].name] = cell.empty() ? json::value(nullptr) : json::value(cell);
    }
    return json::serialize(object);
}

void describe_sellers(const config::Config& config, FocusOptions& options) {
    using config::ProviderKind;
    const std::map<std::string_view, FocusSeller> rentals{
        {"runpod", {"RunPod", "RunPod Pods", "GPU pod"}},
        {"digitalocean", {"DigitalOcean", "GPU Droplets", "GPU Droplet"}},
        {"lambda", {"Lambda", "Lambda On-Demand Cloud", "GPU instance"}},
        {"sandbox", {"Sandbox cloud", "Sandbox machines", "GPU machine"}}};
    for (const config::Provider& provider : config.providers) {
        if (provider.kind == ProviderKind::anthropic) {
            options.sellers[provider.name] = {"Anthropic", "Claude API", ""};
        } else if (provider.kind == ProviderKind::openai_compatible) {
            options.sellers[provider.name] = {provider.name, provider.name + " API", ""};
        } else if (const auto known = rentals.find(provider.driver);
                   provider.kind == ProviderKind::rental && known != rentals.end()) {
            options.sellers[provider.name] = known->second;
        }
    }
    for (const config::Hardware& hardware : config.hardware) {
        if (hardware.bought && hardware.price) {
            options.purchases.push_back({hardware.name, *hardware.bought, *hardware.price});
        }
    }
}

}  // namespace evenkeel::report
