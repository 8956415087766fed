#include "providers/digitalocean/bill.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

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

/// "2026-11": its year and month.
std::optional<std::chrono::year_month> month_of(std::string_view period) {
    int year = 0;
    unsigned month = 0;
    const char* const end = period.data() + period.size();
    const auto first = std::from_chars(period.data(), end, year);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') {
        return std::nullopt;
    }
    const auto second = std::from_chars(first.ptr + 1, end, month);
    const std::chrono::year_month read{std::chrono::year{year}, std::chrono::month{month}};
    return second.ec == std::errc{} && second.ptr == end && read.ok() ? std::optional{read}
                                                                      : std::nullopt;
}

std::optional<UtcTime> month_start(std::string_view period) {
    const auto month = month_of(period);
    return month ? std::optional<UtcTime>{std::chrono::sys_days{*month / 1}} : std::nullopt;
}

std::string month_before(std::string_view period) {
    const auto month = month_of(period);
    return month ? fmt::format(
                       "{:04}-{:02}",
                       static_cast<int>((*month - std::chrono::months{1}).year()),
                       static_cast<unsigned>((*month - std::chrono::months{1}).month()))
                 : std::string{};
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
                .end = parse_rfc3339(item.text("end_time")),
                .start = parse_rfc3339(item.text("start_time"))};
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
    months_.insert(invoice.period);
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
        const auto begun = month_start(invoice.period);
        if (begun && item.start && *item.start <= *begun &&
            (sum->missing_after.empty() || invoice.period < sum->missing_after)) {
            sum->missing_after = invoice.period;
        }
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
        const bool whole =
            sum.missing_after.empty() || months_.contains(month_before(sum.missing_after));
        lines.push_back(
            {.remote_id = sum.remote_id, .amount = sum.amount, .final = ended && whole});
    }
    return lines;
}

}  // namespace evenkeel::providers::digitalocean
