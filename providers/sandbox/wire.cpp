#include "providers/sandbox/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace evenkeel::providers::sandbox {

namespace {

using exact_json::quote;
using exact_json::Value;

constexpr std::string_view who = "the sandbox cloud";
constexpr int gpus_max = 64;
constexpr int port_max = 65'535;

/// The word in {"error":{"code": ...}}, when it is a plain word; empty otherwise.
std::string error_code(const HttpResponse& response) {
    const auto value = exact_json::parse(response.body);
    const Value* const error = value ? value->find("error") : nullptr;
    const std::string_view code = error == nullptr ? std::string_view{} : error->text("code");
    const bool plain = code.size() <= 40 && std::ranges::all_of(code, [](char c) {
                           return (c >= 'a' && c <= 'z') || c == '_';
                       });
    return plain ? std::string{code} : std::string{};
}

/// A whole number; zero when missing.
std::int64_t whole(const Value& object, std::string_view key) {
    const Value* const value = object.find(key);
    return value == nullptr ? 0 : value->integer().value_or(0);
}

/// `price_per_hour` and `currency`; a price without currency when either cannot be read.
Price hourly_price(const Value& object) {
    const auto currency = Currency::parse(object.text("currency"));
    return currency ? hourly_price_of(object.find("price_per_hour"), *currency).value_or(Price{})
                    : Price{};
}

/// A duration in seconds as decimal text, rounded up to whole milliseconds.
std::chrono::milliseconds seconds_up(const Value& object, std::string_view key) {
    const Value* const value = object.find(key);
    const auto text = value == nullptr ? std::nullopt : value->decimal_text();
    const auto nanos = text ? parse_decimal(*text, 9) : fail(Errc::invalid_response, "missing");
    return std::chrono::ceil<std::chrono::milliseconds>(
        std::chrono::nanoseconds{std::max<std::int64_t>(nanos.value_or(0), 0)});
}

/// Only the id is indispensable: a machine with an unknown status or a missing field must still be
/// seen and deletable.
Result<RemoteMachine> read_machine(const Value& object) {
    RemoteMachine machine{
        .remote_id = word(object, "id"),
        .name = word(object, "name"),
        .owner_mark = word(object, "owner_mark"),
        .status = word(object, "status"),
        .gpu = word(object, "gpu"),
        .gpu_count = whole_within(object, "gpu_count", 0, gpus_max),
        .price = hourly_price(object),
        .port = whole_within(object, "port", 0, port_max),
        .created = parse_rfc3339(object.text("created")).value_or(UtcTime{}),
        .expires = parse_rfc3339(object.text("expires")).value_or(UtcTime{})};
    if (!is_path_id(machine.remote_id)) {
        return unreadable(who, "machine", "it has no usable id");
    }
    machine.running = machine.status == "running";
    machine.stopped = machine.status == "stopped";
    // An address without a port is not an address yet.
    machine.host = machine.port == 0 ? std::string{} : word(object, "host");
    return machine;
}

}  // namespace

HttpRequest make_offers_request() {
    return {.target = "/v1/offers"};
}

HttpRequest make_create_request(const MachineSpec& spec) {
    return {
        .method = "POST",
        .target = "/v1/machines",
        .body = fmt::format(
            R"({{"name":{},"sku":{},"region":{},"image":{},"model":{},"engine_key":{},)"
            R"("owner_mark":{},"expires":{}}})",
            quote(spec.name),
            quote(spec.sku),
            quote(spec.region),
            quote(spec.image),
            quote(spec.model),
            quote(spec.engine_key),
            quote(spec.owner_mark),
            quote(format_rfc3339(spec.expires)))};
}

HttpRequest make_list_request(std::string_view after) {
    std::string target = fmt::format("/v1/machines?limit={}", page_size);
    if (!after.empty()) {
        target += "&after=" + url_encode(after);
    }
    return {.target = std::move(target)};
}

HttpRequest make_get_request(std::string_view remote_id) {
    return {.target = "/v1/machines/" + url_encode(remote_id)};
}

HttpRequest make_destroy_request(std::string_view remote_id) {
    return {.method = "DELETE", .target = "/v1/machines/" + url_encode(remote_id)};
}

HttpRequest make_bill_request(std::string_view owner_mark) {
    return {.target = "/v1/bill?owner_mark=" + url_encode(owner_mark)};
}

Result<std::vector<MarketOffer>> parse_offers(const HttpResponse& response, UtcTime now) {
    if (response.status != 200) {
        return std::unexpected{
            general_error(who, response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("offers") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable(who, "price list", value ? "no offers in it" : value.error().message);
    }
    std::vector<MarketOffer> offers;
    for (const Value& item : list->items()) {
        MarketOffer offer{
            .sku = word(item, "sku"),
            .region = word(item, "region"),
            .gpu = word(item, "gpu"),
            .gpu_count = whole_within(item, "gpu_count", 0, gpus_max),
            .price = hourly_price(item),
            .min_bill = seconds_up(item, "min_bill_s"),
            .in_stock = whole(item, "stock") > 0,
            .seen = now};
        if (!offer.sku.empty() && !offer.price.currency().is_none()) {
            offers.push_back(std::move(offer));
        }
    }
    return offers;
}

Result<RemoteMachine> parse_created(const HttpResponse& response, const MachineSpec& spec) {
    const std::string code = error_code(response);
    if (response.status == 409 && code == "no_stock") {
        return fail(
            Errc::no_capacity,
            fmt::format("the sandbox cloud has no {} in {} now", spec.sku, spec.region));
    }
    if (response.status == 404) {
        return fail(
            Errc::rejected, fmt::format("{} answered 404 to a create: check the base_url", who));
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{general_error(who, response, code, Errc::outcome_unknown)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unclear_create(who, "its answer is unreadable: " + value.error().message);
    }
    auto machine = read_machine(*value);
    if (!machine) {
        return unclear_create(who, "its answer names no machine");
    }
    if (machine->name != spec.name) {
        return unclear_create(who, "its answer is about a machine of another name");
    }
    return machine;
}

Result<Page> parse_page(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{
            general_error(who, response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, "list", value.error().message);
    }
    const Value* const list = value->find("machines");
    const Value* const next = value->find("next");
    const Value* const total = value->find("total");
    if (list == nullptr || list->kind() != Value::Kind::array || total == nullptr ||
        !total->integer() || *total->integer() < 0 || next == nullptr ||
        !(next->is_null() || is_path_id(next->string().value_or("")))) {
        return unreadable(who, "list", "machines, next or total is missing or of the wrong kind");
    }
    Page page{.next = std::string{next->string().value_or("")}, .total = *total->integer()};
    for (const Value& item : list->items()) {
        auto machine = read_machine(item);
        if (!machine) {
            return std::unexpected{machine.error()};
        }
        page.items.push_back(*std::move(machine));
    }
    return page;
}

Result<RemoteMachine> parse_machine(const HttpResponse& response) {
    if (response.status != 200) {
        const std::string code = error_code(response);
        if (response.status == 404 && code == "not_found") {
            return fail(Errc::not_found, "the sandbox cloud knows no such machine");
        }
        return std::unexpected{general_error(who, response, code, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, "machine", value.error().message);
    }
    return read_machine(*value);
}

Result<void> parse_destroyed(const HttpResponse& response) {
    if (response.status >= 200 && response.status < 300) {
        return {};
    }
    const std::string code = error_code(response);
    if (response.status == 404 && code == "not_found") {
        return fail(Errc::not_found, "the sandbox cloud knows no such machine");
    }
    return std::unexpected{general_error(who, response, code, Errc::outcome_unknown)};
}

Result<std::vector<BillLine>> parse_bill(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{
            general_error(who, response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, "bill", value.error().message);
    }
    const auto amount = [](const Value& object, std::string_view key) -> Result<std::int64_t> {
        const Value* const member = object.find(key);
        const auto text = member == nullptr ? std::nullopt : member->decimal_text();
        return text ? parse_decimal(*text, 9) : fail(Errc::invalid_response, "missing");
    };
    const auto currency = Currency::parse(value->text("currency"));
    const Value* const list = value->find("lines");
    const auto total = amount(*value, "total");
    if (!currency || list == nullptr || list->kind() != Value::Kind::array || !total) {
        return unreadable(who, "bill", "currency, lines or total is missing or of the wrong kind");
    }
    std::vector<BillLine> lines;
    std::set<std::string, std::less<>> ids;
    __int128 sum = 0;
    for (const Value& item : list->items()) {
        const auto nanos = amount(item, "amount");
        const Value* const ended = item.find("final");
        BillLine line{.remote_id = word(item, "id")};
        if (!nanos || ended == nullptr || !ended->boolean() || !is_path_id(line.remote_id) ||
            !ids.insert(line.remote_id).second) {
            return unreadable(who, "bill", "a line is broken, or a machine stands in it twice");
        }
        line.amount = Money{*nanos, *currency};
        line.final = *ended->boolean();
        sum += *nanos;
        lines.push_back(std::move(line));
    }
    if (sum != *total) {
        return unreadable(who, "bill", "its total is not the sum of its lines");
    }
    return lines;
}

}  // namespace evenkeel::providers::sandbox
