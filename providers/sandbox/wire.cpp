#include "providers/sandbox/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace evenkeel::providers::sandbox {

namespace {

using exact_json::quote;
using exact_json::Value;

constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t word_bytes_max = 256;

/// `text` with everything but unreserved characters percent-encoded.
std::string encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || std::string_view{"-._~"}.contains(c);
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

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

std::string describe(const HttpResponse& response, std::string_view code) {
    return code.empty() ? fmt::format("the sandbox cloud answered {}", response.status)
                        : fmt::format("the sandbox cloud answered {} {}", response.status, code);
}

/// Errors that mean the same for every call. `lost` is what a 5xx means: outcome_unknown for calls
/// with an effect, unavailable for reads.
Error general_error(const HttpResponse& response, std::string_view code, Errc lost) {
    const std::string what = describe(response, code);
    switch (response.status) {
        case 401:
        case 403:
            return {Errc::unauthorized, what + ": check the provider's credential file"};
        case 404:
            return {
                Errc::invalid_response,
                what + ", and not in its own words: check the provider's base_url"};
        case 408:
            return {lost, what};
        case 409:
        case 423:
            return {Errc::conflict, what};
        case 429:
            return {Errc::rate_limited, what, response.retry_after};
        default:
            break;
    }
    if (response.status >= 500) {
        return {lost, what, response.retry_after};
    }
    if (response.status >= 400) {
        return {Errc::rejected, what};
    }
    if (response.status >= 300) {
        return {Errc::rejected, what + ", a redirect, which is not followed: check the base_url"};
    }
    return {lost == Errc::unavailable ? Errc::invalid_response : lost, what};
}

std::unexpected<Error> unreadable(std::string_view what, std::string_view why) {
    return fail(
        Errc::invalid_response, fmt::format("the sandbox cloud's {} is unreadable: {}", what, why));
}

/// A short printable word; nothing when it is missing, too long or holds control characters.
std::string word(const Value& object, std::string_view key) {
    const std::string_view text = object.text(key);
    const bool fit = text.size() <= word_bytes_max && std::ranges::all_of(text, [](char c) {
                         return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
                     });
    return fit ? std::string{text} : std::string{};
}

std::int64_t whole(const Value& object, std::string_view key) {
    const Value* const value = object.find(key);
    return value == nullptr ? 0 : value->integer().value_or(0);
}

/// `price_per_hour` and `currency`; a price without currency when either cannot be read.
Price hourly_price(const Value& object) {
    const Value* const amount = object.find("price_per_hour");
    const auto text = amount == nullptr ? std::nullopt : amount->decimal_text();
    const auto nanos = text ? parse_decimal(*text, 9) : fail(Errc::invalid_response, "missing");
    const auto currency = Currency::parse(object.text("currency"));
    if (!nanos || *nanos < 0 || !currency) {
        return {};
    }
    return Price::per_hour(Money{*nanos, *currency});
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
        .gpu_count = static_cast<int>(std::clamp<std::int64_t>(whole(object, "gpu_count"), 0, 64)),
        .price = hourly_price(object),
        .port = static_cast<int>(std::clamp<std::int64_t>(whole(object, "port"), 0, 65'535)),
        .created = parse_rfc3339(object.text("created")).value_or(UtcTime{}),
        .expires = parse_rfc3339(object.text("expires")).value_or(UtcTime{})};
    if (!is_remote_id(machine.remote_id)) {
        return unreadable("machine", "it has no usable id");
    }
    machine.running = machine.status == "running";
    machine.stopped = machine.status == "stopped";
    // An address without a port is not an address yet.
    machine.host = machine.port == 0 ? std::string{} : word(object, "host");
    return machine;
}

}  // namespace

bool is_remote_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    }) && id.find_first_not_of('.') != id.npos;
}

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
        target += "&after=" + encode(after);
    }
    return {.target = std::move(target)};
}

HttpRequest make_get_request(std::string_view remote_id) {
    return {.target = "/v1/machines/" + encode(remote_id)};
}

HttpRequest make_destroy_request(std::string_view remote_id) {
    return {.method = "DELETE", .target = "/v1/machines/" + encode(remote_id)};
}

HttpRequest make_bill_request(std::string_view owner_mark) {
    return {.target = "/v1/bill?owner_mark=" + encode(owner_mark)};
}

Result<std::vector<MarketOffer>> parse_offers(const HttpResponse& response, UtcTime now) {
    if (response.status != 200) {
        return std::unexpected{general_error(response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("offers") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable("price list", value ? "no offers in it" : value.error().message);
    }
    std::vector<MarketOffer> offers;
    for (const Value& item : list->items()) {
        MarketOffer offer{
            .sku = word(item, "sku"),
            .region = word(item, "region"),
            .gpu = word(item, "gpu"),
            .gpu_count =
                static_cast<int>(std::clamp<std::int64_t>(whole(item, "gpu_count"), 0, 64)),
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
        return fail(Errc::rejected, describe(response, code) + " to a create: check the base_url");
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{general_error(response, code, Errc::outcome_unknown)};
    }
    const auto unknown = [](std::string_view why) {
        return fail(
            Errc::outcome_unknown,
            fmt::format("the sandbox cloud accepted the create, but {}", why));
    };
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unknown("its answer is unreadable: " + value.error().message);
    }
    auto machine = read_machine(*value);
    if (!machine) {
        return unknown("its answer names no machine");
    }
    if (machine->name != spec.name) {
        return unknown("its answer is about a machine of another name");
    }
    return machine;
}

Result<Page> parse_page(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{general_error(response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable("list", value.error().message);
    }
    const Value* const list = value->find("machines");
    const Value* const next = value->find("next");
    const Value* const total = value->find("total");
    if (list == nullptr || list->kind() != Value::Kind::array || total == nullptr ||
        !total->integer() || *total->integer() < 0 || next == nullptr ||
        !(next->is_null() || is_remote_id(next->string().value_or("")))) {
        return unreadable("list", "machines, next or total is missing or of the wrong kind");
    }
    Page page{.next = std::string{next->string().value_or("")}, .total = *total->integer()};
    for (const Value& item : list->items()) {
        auto machine = read_machine(item);
        if (!machine) {
            return std::unexpected{machine.error()};
        }
        page.machines.push_back(*std::move(machine));
    }
    return page;
}

Result<RemoteMachine> parse_machine(const HttpResponse& response) {
    if (response.status != 200) {
        const std::string code = error_code(response);
        if (response.status == 404 && code == "not_found") {
            return fail(Errc::not_found, "the sandbox cloud knows no such machine");
        }
        return std::unexpected{general_error(response, code, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable("machine", value.error().message);
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
    return std::unexpected{general_error(response, code, Errc::outcome_unknown)};
}

Result<std::vector<BillLine>> parse_bill(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{general_error(response, error_code(response), Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable("bill", value.error().message);
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
        return unreadable("bill", "currency, lines or total is missing or of the wrong kind");
    }
    std::vector<BillLine> lines;
    std::set<std::string, std::less<>> ids;
    __int128 sum = 0;
    for (const Value& item : list->items()) {
        const auto nanos = amount(item, "amount");
        const Value* const ended = item.find("final");
        BillLine line{.remote_id = word(item, "id")};
        if (!nanos || ended == nullptr || !ended->boolean() || !is_remote_id(line.remote_id) ||
            !ids.insert(line.remote_id).second) {
            return unreadable("bill", "a line is broken, or a machine stands in it twice");
        }
        line.amount = Money{*nanos, *currency};
        line.final = *ended->boolean();
        sum += *nanos;
        lines.push_back(std::move(line));
    }
    if (sum != *total) {
        return unreadable("bill", "its total is not the sum of its lines");
    }
    return lines;
}

}  // namespace evenkeel::providers::sandbox
