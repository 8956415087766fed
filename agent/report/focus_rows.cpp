#include "agent/report/focus_rows.hpp"

#include "agent/report/figures.hpp"
#include "agent/report/focus_cells.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::report {

namespace {

using namespace focus;

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::int64_t kwh_uj = 3'600'000'000'000;
constexpr std::string_view owner = "owner";

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    static_cast<void>(std::from_chars(text.data(), text.data() + text.size(), number));
    return number;
}

}  // namespace

Result<FocusRows> FocusRows::make(ledger::Reader& reader, const FocusOptions& options) {
    FocusRows rows{reader, options};
    const auto names = reader.names();
    const auto sources = reader.sources();
    auto machines = reader.machines(UtcTime{});
    const auto prices = reader.token_prices();
    if (!names || !sources || !machines || !prices) {
        return std::unexpected{
            !names      ? names.error()
            : !sources  ? sources.error()
            : !machines ? machines.error()
                        : prices.error()};
    }
    for (const ledger::NameRow& name : *names) {
        rows.names_.emplace(name.ix, name.text);
    }
    for (const ledger::SourceInfo& source : *sources) {
        rows.provider_of_source_[rows.text(source.ix)] = rows.text(source.provider);
    }
    rows.machines_ = std::move(*machines);
    for (std::size_t i = 0; i < rows.machines_.size(); ++i) {
        rows.machine_at_[rows.machines_[i].row.id.value()] = i;
        rows.noted_.push_back(noted_of(rows.machines_[i].row));
    }
    for (const ledger::PriceSeen& price : *prices) {
        rows.prices_[{rows.text(price.offer), price.meter}].push_back(price);
    }
    return rows;
}

std::string FocusRows::text(NameIx ix) const {
    const auto found = names_.find(ix);
    return found == names_.end() ? std::string{} : found->second;
}

FocusRows::Noted FocusRows::noted_of(const ledger::MachineRow& machine) {
    boost::system::error_code wrong;
    const boost::json::value note = boost::json::parse(machine.detail, wrong);
    Noted noted;
    if (wrong || !note.is_object()) {
        return noted;
    }
    const boost::json::object& fields = note.get_object();
    if (const auto* region = fields.if_contains(ledger::MachineRow::region_key);
        region && region->is_string()) {
        noted.region = region->get_string();
    }
    for (const std::string_view key :
         {ledger::MachineRow::gpus_ordered_key, ledger::MachineRow::gpus_seen_key}) {
        const auto* gpus = fields.if_contains(key);
        if (gpus && gpus->is_int64() && gpus->get_int64() > 0) {
            noted.gpus = gpus->get_int64();
        }
    }
    return noted;
}

FocusRow FocusRows::blank(Currency currency) {
    const Currency report = options_->currency;
    auto rate = rates_.find(currency);
    if (rate == rates_.end()) {
        std::pair<std::string, std::string> found{currency == report ? "1" : "", ""};
        const auto stored = currency == report ? Result<std::optional<ledger::FxRate>>{}
                                               : reader_->fx(currency, report);
        if (stored && *stored) {
            found = {
                ratio_text((*stored)->num, (*stored)->den),
                config::to_text(std::chrono::year_month_day{
                    std::chrono::floor<std::chrono::days>((*stored)->as_of)})};
        }
        rate = rates_.emplace(currency, std::move(found)).first;
    }
    FocusRow row;
    row[Focus::billing_currency] = currency.text();
    row[Focus::pricing_currency] = report.text();
    row[Focus::fx_rate] = rate->second.first;
    row[Focus::fx_date] = rate->second.second;
    row[Focus::charge_category] = "Usage";
    row[Focus::charge_frequency] = "Usage-Based";
    row[Focus::pricing_category] = "Standard";
    return row;
}

void FocusRows::name_seller(FocusRow& row, const std::string& provider) const {
    const auto known = options_->sellers.find(provider);
    const FocusSeller seller = known != options_->sellers.end()
                                   ? known->second
                                   : FocusSeller{provider, provider, "machine"};
    for (const Focus column :
         {Focus::provider_name, Focus::publisher_name, Focus::invoice_issuer_name}) {
        row[column] = seller.name;
    }
    row[Focus::service_name] = seller.service;
    row[Focus::billing_account_id] = provider;
    row[Focus::billing_account_name] = provider;
    row[Focus::resource_type] = seller.resource;
}

void FocusRows::name_owner(FocusRow& row, const std::string& hardware) const {
    for (const Focus column :
         {Focus::provider_name,
          Focus::publisher_name,
          Focus::invoice_issuer_name,
          Focus::billing_account_id,
          Focus::billing_account_name}) {
        row[column] = owner;
    }
    row[Focus::service_category] = "Compute";
    row[Focus::service_subcategory] = "Other (Compute)";
    row[Focus::service_name] = "Own hardware";
    row[Focus::region_id] = "site";
    row[Focus::resource_id] = hardware;
    row[Focus::resource_name] = hardware;
    row[Focus::resource_type] = "GPU";
}

void FocusRows::name_machine(FocusRow& row, std::size_t machine) const {
    const ledger::MachineRow& rented = machines_[machine].row;
    row[Focus::resource_id] = rented.remote_id.empty() ? rented.name : rented.remote_id;
    row[Focus::region_id] = noted_[machine].region;
}

FocusRow FocusRows::of_phase(const ledger::TxView& tx, const ledger::PostingView& posting) {
    FocusRow row = blank(posting.amount.currency());
    set_tx(row, tx, posting);
    const std::string phase{last_part(posting.account)};
    const bool corrects = tx.kind == "adjust";
    std::string gpu = "machine";
    std::int64_t gpus = 1;
    UtcTime from = tx.at - std::chrono::ceil<std::chrono::microseconds>(
                               std::chrono::nanoseconds{posting.quantity});
    UtcTime to = tx.at;
    std::string provider{
        last_part(std::string_view{posting.account}.substr(0, posting.account.rfind(':')))};
    if (const auto found = machine_at_.find(tx.ref); found != machine_at_.end()) {
        const ledger::MachineView& machine = machines_[found->second];
        gpu = machine.row.gpu.empty() ? gpu : machine.row.gpu;
        gpus = noted_[found->second].gpus;
        provider = machine.provider;
        name_machine(row, found->second);
        row[Focus::resource_name] = text(machine.row.source);
        row[Focus::model] = machine.model;
        const std::int64_t no = number_of(last_part(tx.idem));
        const auto part = std::ranges::find(machine.phases, no, &ledger::PhaseRow::no);
        if (corrects) {
            from = machine.row.created;
            to = machine.row.gone.value_or(tx.at);
        } else if (
            part != machine.phases.end() && part->to &&
            part->billed.nanos() == posting.amount.nanos()) {
            from = part->from;
            to = *part->to;
        }
    }
    set_period(row, from, to);
    const Money list = posting.price && !corrects
                           ? posting.price->cost(posting.quantity, Rounding::half_even)
                           : posting.amount;
    set_costs(row, posting.amount, posting.amount, list);
    const bool gives_back = corrects && posting.amount.nanos() < 0;
    row[Focus::charge_category] = gives_back ? "Credit" : row[Focus::charge_category];
    row[Focus::charge_frequency] = gives_back ? "One-Time" : row[Focus::charge_frequency];
    row[Focus::charge_class] = corrects ? "Correction" : "";
    row[Focus::charge_description] = fmt::format("{}, {}", gpu, phase_word(phase));
    row[Focus::pricing_quantity] = ratio_text(posting.quantity, hour_ns);
    row[Focus::pricing_unit] = "Hours";
    if (!gives_back) {
        row[Focus::consumed_quantity] = format_decimal(posting.quantity, 9);
        row[Focus::consumed_unit] = "Seconds";
    }
    if (posting.price) {
        set_unit_price(row, *posting.price);
    }
    row[Focus::service_category] = "Compute";
    row[Focus::service_subcategory] = "Virtual Machines";
    name_seller(row, provider);
    row[Focus::sku_id] = gpu;
    row[Focus::sku_meter] = "GPU Hours";
    row[Focus::sku_price_details] = fmt::format(R"({{"GpuCount":{}}})", gpus);
    row[Focus::phase] = phase;
    return row;
}

FocusRow FocusRows::of_power(const ledger::TxView& tx, const ledger::PostingView& posting) {
    FocusRow row = blank(posting.amount.currency());
    set_tx(row, tx, posting);
    const std::string hardware{last_part(posting.account)};
    set_hour(row, from_us(number_of(last_part(tx.idem))));
    set_costs(row, posting.amount, posting.amount, posting.amount);
    row[Focus::charge_description] = hardware + " power";
    row[Focus::pricing_quantity] = ratio_text(posting.quantity, kwh_uj);
    row[Focus::pricing_unit] = "kWh";
    row[Focus::consumed_quantity] = row[Focus::pricing_quantity];
    row[Focus::consumed_unit] = "kWh";
    if (posting.price) {
        set_unit_price(row, *posting.price);
    }
    name_owner(row, hardware);
    row[Focus::phase] = "power";
    return row;
}

FocusRow FocusRows::of_wear(const ledger::TxView& tx, const ledger::PostingView& posting) {
    FocusRow row = blank(posting.amount.currency());
    set_tx(row, tx, posting);
    const std::string hardware{last_part(posting.account)};
    set_hour(row, from_us(number_of(last_part(tx.idem))));
    const Money nothing{0, posting.amount.currency()};
    set_costs(row, nothing, posting.amount, nothing);
    row[Focus::charge_frequency] = "Recurring";
    row[Focus::charge_description] = hardware + " wear";
    row[Focus::pricing_quantity] = ratio_text(posting.quantity, hour_ns);
    row[Focus::pricing_unit] = "Hours";
    row[Focus::consumed_quantity] = format_decimal(posting.quantity, 9);
    row[Focus::consumed_unit] = "Seconds";
    name_owner(row, hardware);
    row[Focus::phase] = "wear";
    return row;
}

/// Whatever later versions may post: its money at least is never left out.
FocusRow FocusRows::of_other(const ledger::TxView& tx, const ledger::PostingView& posting) {
    FocusRow row = blank(posting.amount.currency());
    set_tx(row, tx, posting);
    set_hour(row, tx.at);
    set_costs(row, posting.amount, posting.amount, posting.amount);
    row[Focus::charge_description] = posting.account;
    row[Focus::pricing_quantity] = "1";
    row[Focus::pricing_unit] = "Postings";
    row[Focus::service_category] = "Other";
    name_seller(row, std::string{last_part(posting.account)});
    return row;
}

std::vector<FocusRow> FocusRows::of(const ledger::TxView& tx, const ledger::RequestView* request) {
    std::vector<FocusRow> rows;
    for (const ledger::PostingView& posting : tx.postings) {
        const std::string_view account = posting.account;
        if (account.starts_with("wear:")) {
            rows.push_back(of_wear(tx, posting));
        } else if (!account.starts_with("expense:")) {
            continue;
        } else if (tx.kind == "phase" || tx.kind == "adjust") {
            rows.push_back(of_phase(tx, posting));
        } else if (tx.kind == "power") {
            rows.push_back(of_power(tx, posting));
        } else if (tx.kind == "request" || tx.kind == "lapse") {
            add_paid(tx, posting, request, rows);
        } else {
            rows.push_back(of_other(tx, posting));
        }
    }
    return rows;
}

FocusRow FocusRows::of_purchase(const FocusPurchase& purchase) {
    FocusRow row = blank(purchase.price.currency());
    const std::chrono::sys_days day{purchase.day};
    set_period(row, day, day + std::chrono::days{1});
    const Money nothing{0, purchase.price.currency()};
    set_costs(row, purchase.price, nothing, purchase.price);
    row[Focus::charge_category] = "Purchase";
    row[Focus::charge_frequency] = "One-Time";
    row[Focus::charge_description] = purchase.hardware + ", bought";
    row[Focus::pricing_quantity] = "1";
    row[Focus::pricing_unit] = "Machines";
    row[Focus::list_unit_price] = amount_text(purchase.price);
    row[Focus::contracted_unit_price] = row[Focus::list_unit_price];
    name_owner(row, purchase.hardware);
    return row;
}

}  // namespace evenkeel::report
