#include "providers/digitalocean/bill.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::providers::digitalocean {

namespace {

using exact_json::Value;

constexpr std::string_view who = "DigitalOcean";

/// Whether an item's product is the machine itself ("Droplets", "GPU Droplets"), not a snapshot or
/// backup of one, whose numbers are ids of their own.
bool is_machine_product(std::string_view product) {
    std::string lower{product};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto has = [&](std::string_view part) { return lower.find(part) != lower.npos; };
    return (has("droplet") || has("gpu")) && !has("snapshot") && !has("backup");
}

}  // namespace

HttpRequest make_invoices_request(std::string_view page) {
    return {
        .target = fmt::format("/v2/customers/my/invoices?per_page={}&page={}", page_size, page)};
}

HttpRequest make_items_request(std::string_view uuid, std::string_view page) {
    return {
        .target = fmt::format(
            "/v2/customers/my/invoices/{}?per_page={}&page={}", url_encode(uuid), page_size, page)};
}

Result<Invoices> parse_invoices(const HttpResponse& response, std::string_view page) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("invoices") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable(who, "invoice list", value ? "no invoices in it" : value.error().message);
    }
    const auto read = [](const Value& item) {
        return Invoice{.uuid = word(item, "invoice_uuid"), .period = word(item, "invoice_period")};
    };
    Invoices out{.closed = {.next = next_page(*value, page), .total = total_of(*value)}};
    for (const Value& item : list->items()) {
        out.closed.items.push_back(read(item));
        if (!is_path_id(out.closed.items.back().uuid)) {
            return unreadable(who, "invoice list", "an invoice has no usable id");
        }
    }
    if (const Value* const preview = value->find("invoice_preview")) {
        out.preview = read(*preview);
        out.preview->updated = parse_rfc3339(preview->text("updated_at"));
        if (!is_path_id(out.preview->uuid)) {
            out.preview.reset();
        }
    }
    return out;
}

Result<PageOf<InvoiceItem>> parse_items(const HttpResponse& response, std::string_view page) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("invoice_items") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable(who, "invoice", value ? "no items in it" : value.error().message);
    }
    PageOf<InvoiceItem> out{.next = next_page(*value, page), .total = total_of(*value)};
    for (const Value& item : list->items()) {
        InvoiceItem read{};
        if (is_machine_product(item.text("product")) && is_id(item.text("resource_id"))) {
            const auto amount = amount_of(item.find("amount"), usd);
            if (!amount) {
                return unreadable(who, "invoice", "the amount of a Droplet is not a number");
            }
            read = {
                .resource_id = std::string{item.text("resource_id")},
                .amount = *amount,
                .end = parse_rfc3339(item.text("end_time"))};
        }
        out.items.push_back(std::move(read));
    }
    return out;
}

std::vector<Invoice> newest(std::vector<Invoice> closed) {
    std::ranges::sort(closed, std::ranges::greater{}, &Invoice::period);
    closed.resize(std::min<std::size_t>(closed.size(), closed_invoices));
    return closed;
}

void Bill::add(const Invoice& invoice, std::span<const InvoiceItem> items) {
    if (invoice.updated) {
        preview_made_ = std::max(preview_made_.value_or(*invoice.updated), *invoice.updated);
    }
    for (const InvoiceItem& item : items) {
        if (item.resource_id.empty()) {
            continue;
        }
        auto sum = std::ranges::find(sums_, item.resource_id, &Sum::remote_id);
        if (sum == sums_.end()) {
            sum = sums_.insert(sums_.end(), Sum{.remote_id = item.resource_id});
        }
        sum->amount += item.amount;
        sum->endless = sum->endless || !item.end;
        if (item.end) {
            sum->end = std::max(sum->end.value_or(*item.end), *item.end);
        }
    }
}

std::vector<BillLine> Bill::lines() const {
    std::vector<BillLine> lines;
    lines.reserve(sums_.size());
    for (const Sum& sum : sums_) {
        const bool ended = preview_made_ && !sum.endless && *sum.end + settle_ <= *preview_made_;
        lines.push_back({.remote_id = sum.remote_id, .amount = sum.amount, .final = ended});
    }
    return lines;
}

}  // namespace evenkeel::providers::digitalocean
