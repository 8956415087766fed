#include "lab/cloud/api.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::lab::cloud {

namespace {

using providers::format_rfc3339;
using providers::exact_json::quote;
using providers::exact_json::Value;

constexpr std::size_t page_default = 100;
constexpr std::size_t page_max = 500;
constexpr std::size_t key_bytes_max = 512;
constexpr std::string_view machine_path = "/v1/machines/";

Reply refuse(int status, std::string_view code, std::string_view message) {
    return {.status = status, .body = error_body(code, message)};
}

Reply refuse(const Refusal& refusal) {
    return refuse(refusal.status, refusal.code, refusal.message);
}

/// Takes as long for a wrong key as for the right one.
bool equals(std::string_view presented, std::string_view token) {
    unsigned difference = presented.size() == token.size() ? 0u : 1u;
    for (std::size_t i = 0; i < token.size(); ++i) {
        const char other = i < presented.size() ? presented[i] : '\0';
        difference |= static_cast<unsigned char>(other) ^ static_cast<unsigned char>(token[i]);
    }
    return difference == 0;
}

bool authorized(std::string_view authorization, std::string_view token) {
    constexpr std::string_view scheme = "Bearer ";
    return authorization.starts_with(scheme) && equals(authorization.substr(scheme.size()), token);
}

/// The value of `key` in a query string; our own clients send nothing that needs decoding.
std::optional<std::string_view> parameter(std::string_view query, std::string_view key) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.starts_with(key) && pair.substr(key.size()).starts_with('=')) {
            return pair.substr(key.size() + 1);
        }
    }
    return std::nullopt;
}

std::string machine_json(const Machine& machine) {
    return fmt::format(
        R"({{"id":{},"name":{},"owner_mark":{},"status":"{}","sku":{},"region":{},"model":{},)"
        R"("gpu":{},"gpu_count":{},"price_per_hour":"{}","currency":"{}",)"
        R"("host":"127.0.0.1","port":{},"created":"{}","expires":"{}","synthetic":true}})",
        quote(machine.id),
        quote(machine.name),
        quote(machine.owner_mark),
        to_text(machine.status),
        quote(machine.sku),
        quote(machine.region),
        quote(machine.model),
        quote(machine.gpu),
        machine.gpu_count,
        amount_text(machine.hourly),
        machine.hourly.currency().text(),
        machine.port,
        format_rfc3339(machine.created),
        format_rfc3339(machine.expires));
}

Reply offers(const World& world) {
    const Shelf& shelf = world.shelf();
    return {
        .body = fmt::format(
            R"({{"offers":[{{"sku":{},"region":{},"gpu":{},"gpu_count":1,)"
            R"("price_per_hour":"{}","currency":"{}","min_bill_s":{},"stock":{}}}],)"
            R"("synthetic":true}})",
            quote(shelf.sku),
            quote(shelf.region),
            quote(shelf.gpu),
            amount_text(shelf.hourly),
            shelf.hourly.currency().text(),
            format_decimal(shelf.min_bill.count(), 6, 1),
            world.stock_left())};
}

Reply create(World& world, std::string_view body, UtcTime now) {
    const auto object = providers::exact_json::parse(body);
    if (!object || object->kind() != Value::Kind::object) {
        return refuse(422, "invalid", "the body must be a JSON object");
    }
    const auto expires = providers::parse_rfc3339(object->text("expires"));
    if (!expires) {
        return refuse(422, "invalid", "expires must be an RFC 3339 time");
    }
    const std::string_view key = object->text("engine_key");
    const bool usable = !key.empty() && key.size() <= key_bytes_max &&
                        std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
    if (!usable) {
        return refuse(422, "invalid", "engine_key must be printable ASCII without spaces");
    }
    Outcome outcome = world.create(
        {.name = std::string{object->text("name")},
         .sku = std::string{object->text("sku")},
         .region = std::string{object->text("region")},
         .image = std::string{object->text("image")},
         .model = std::string{object->text("model")},
         .owner_mark = std::string{object->text("owner_mark")},
         .expires = *expires},
        now);
    if (outcome.refusal) {
        return refuse(*outcome.refusal);
    }
    Reply reply{
        .status = 201,
        .delivery = outcome.delivery,
        .step = std::move(outcome.step),
        .created = outcome.id,
        .engine_key = std::string{key}};
    // Straight from the record: a switched-on lag hides the machine from `find`.
    reply.body = machine_json(std::get<Created>(reply.step.records.front()).machine);
    if (reply.delivery == Delivery::broken) {
        reply.status = 503;
        reply.body = error_body("internal", "something went wrong (the switchboard's doing)");
    }
    return reply;
}

Reply list(World& world, std::string_view query, UtcTime now) {
    std::size_t limit = page_default;
    if (const auto text = parameter(query, "limit")) {
        const char* const end = text->data() + text->size();
        const auto [stop, error] = std::from_chars(text->data(), end, limit);
        if (error != std::errc{} || stop != end || limit < 1 || limit > page_max) {
            return refuse(422, "invalid", fmt::format("limit must be 1 to {}", page_max));
        }
    }
    const MachinePage page = world.list(parameter(query, "after").value_or(""), limit, now);
    std::string machines;
    for (const Machine* const machine : page.machines) {
        machines += (machines.empty() ? "" : ",") + machine_json(*machine);
    }
    return {
        .body = fmt::format(
            R"({{"machines":[{}],"next":{},"total":{}}})",
            machines,
            page.next.empty() ? "null" : quote(page.next),
            page.total)};
}

Reply destroy(World& world, std::string_view id, UtcTime now) {
    Outcome outcome = world.remove(id, now);
    if (outcome.refusal) {
        return refuse(*outcome.refusal);
    }
    return {.status = 204, .delivery = outcome.delivery, .step = std::move(outcome.step)};
}

Reply bill(World& world, std::string_view query, UtcTime now) {
    // What was once said about a bill must stay true after a crash: the proof goes on disk first.
    Reply reply{.step = world.proof_of_life(now)};
    std::string lines;
    Money total{0, world.shelf().hourly.currency()};
    for (const BillEntry& entry : world.bill(parameter(query, "owner_mark").value_or(""), now)) {
        total += entry.amount;
        lines += fmt::format(
            R"({}{{"id":{},"name":{},"amount":"{}","seconds":"{}","final":{}}})",
            lines.empty() ? "" : ",",
            quote(entry.id),
            quote(entry.name),
            format_decimal(entry.amount.nanos(), 9, 9),
            format_decimal(entry.elapsed.count(), 6, 6),
            entry.final);
    }
    reply.body = fmt::format(
        R"({{"currency":"{}","lines":[{}],"total":"{}","synthetic":true}})",
        total.currency().text(),
        lines,
        format_decimal(total.nanos(), 9, 9));
    return reply;
}

Reply switchboard(World& world, const Call& call) {
    if (call.method == "POST") {
        const auto switches = parse_switches(call.body, world.switches());
        if (!switches) {
            return refuse(422, "invalid", switches.error().message);
        }
        world.switches() = *switches;
    }
    return {.body = to_json(world.switches())};
}

Reply wrong_method(std::string_view allowed) {
    return refuse(405, "method_not_allowed", fmt::format("this path knows {}", allowed));
}

Reply route(World& world, const Call& call, UtcTime now) {
    const bool get = call.method == "GET";
    if (call.path == "/v1/offers") {
        return get ? offers(world) : wrong_method("GET");
    }
    if (call.path == "/v1/bill") {
        return get ? bill(world, call.query, now) : wrong_method("GET");
    }
    if (call.path == "/v1/machines") {
        return get                     ? list(world, call.query, now)
               : call.method == "POST" ? create(world, call.body, now)
                                       : wrong_method("GET and POST");
    }
    if (call.path.starts_with(machine_path)) {
        const std::string_view id = call.path.substr(machine_path.size());
        if (call.method == "DELETE") {
            return destroy(world, id, now);
        }
        if (!get) {
            return wrong_method("GET and DELETE");
        }
        const Machine* const machine = world.find(id, now);
        return machine == nullptr ? refuse(404, "not_found", "there is no such machine")
                                  : Reply{.body = machine_json(*machine)};
    }
    return refuse(404, "no_such_path", "see the documentation for the paths there are");
}

}  // namespace

std::string error_body(std::string_view code, std::string_view message) {
    return fmt::format(R"({{"error":{{"code":{},"message":{}}}}})", quote(code), quote(message));
}

Reply answer(World& world, std::string_view token, const Call& call, UtcTime now) {
    const bool switching = call.path == "/v1/_switch";
    if (world.switches().api_down && !switching) {
        return {.delivery = Delivery::lost};
    }
    if (!authorized(call.authorization, token)) {
        return refuse(401, "unauthorized", "send the key as Authorization: Bearer");
    }
    if (switching) {
        return call.method == "GET" || call.method == "POST" ? switchboard(world, call)
                                                             : wrong_method("GET and POST");
    }
    return route(world, call, now);
}

}  // namespace evenkeel::lab::cloud
