#include "tests/fakes/cloud/inspect.hpp"

#include "providers/http/rfc3339.hpp"
#include "tests/fakes/cloud/query.hpp"
#include "tests/fakes/cloud/wire.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace evenkeel::fakes::cloud {

namespace bj = boost::json;
using json::quote;
using providers::format_rfc3339;

namespace {

Reply wrong(std::string_view message) {
    return {.status = 422, .body = json::object({{"error", quote(message)}})};
}

std::string optional_time(const std::optional<UtcTime>& time) {
    return time ? quote(format_rfc3339(*time)) : "null";
}

std::string machine_json(const World& world, const Machine& machine, UtcTime now) {
    return json::object(
        {{"vendor", quote(to_text(machine.vendor))},
         {"id", quote(machine.id)},
         {"name", quote(machine.name)},
         {"creator", quote(to_text(machine.creator))},
         {"sku", quote(machine.sku)},
         {"region", quote(machine.region)},
         {"gpu", quote(machine.gpu)},
         {"gpu_count", std::to_string(machine.gpu_count)},
         {"tags", json::strings(machine.tags)},
         {"price_per_hour", quote(amount_text(machine.hourly))},
         {"phase", quote(machine.gone ? "gone" : to_text(machine.phase(now)))},
         {"live", json::flag(!machine.gone)},
         {"created", quote(format_rfc3339(machine.created))},
         {"delete_accepted", optional_time(machine.delete_accepted)},
         {"gone", optional_time(machine.gone ? machine.gone_at : std::nullopt)},
         {"gone_how", machine.gone ? quote(machine.gone_how) : "null"},
         {"delete_calls", std::to_string(machine.delete_calls)},
         {"seconds", quote(format_decimal(world.elapsed(machine, now).count(), 6, 6))},
         {"amount", quote(format_decimal(world.cost(machine, now).nanos(), 9, 9))},
         {"billed", quote(format_decimal(world.billed(machine, now).nanos(), 9, 9))},
         {"has_node_data", json::flag(machine.node.has_value())},
         {"model", quote(machine.node ? machine.node->model : "")},
         {"address", quote(machine.address)},
         {"port", std::to_string(machine.port)}});
}

std::string_view to_text(Operation operation) {
    switch (operation) {
        case Operation::create:
            return "create";
        case Operation::destroy:
            return "destroy";
        case Operation::list:
            return "list";
        case Operation::get:
            return "get";
        case Operation::offers:
            return "offers";
        case Operation::other:
            return "other";
    }
    return "";
}

std::string call_json(const CallRecord& call) {
    return json::object(
        {{"number", std::to_string(call.number)},
         {"at", quote(format_rfc3339(call.at))},
         {"vendor", quote(call.vendor)},
         {"operation", quote(to_text(call.operation))},
         {"method", quote(call.method)},
         {"path", quote(call.path)},
         {"query", quote(call.query)},
         {"name", quote(call.name)},
         {"machine", quote(call.machine)},
         {"user_agent", quote(call.user_agent)},
         {"status", std::to_string(call.status)},
         {"tls", json::flag(call.tls)},
         {"with_key", json::flag(call.with_key)}});
}

Reply list_machines(const Shop& shop, UtcTime now) {
    std::vector<std::string> items;
    for (const Machine& machine : shop.world().machines()) {
        items.push_back(machine_json(shop.world(), machine, now));
    }
    return {
        .body =
            json::object({{"now", quote(format_rfc3339(now))}, {"machines", json::array(items)}})};
}

Reply list_calls(const Shop& shop, const Call& call) {
    const int after = Query{call.query}.number("after").value_or(0);
    std::vector<std::string> items;
    for (const CallRecord& record : shop.calls()) {
        if (std::cmp_greater(record.number, after)) {
            items.push_back(call_json(record));
        }
    }
    return {.body = json::object({{"calls", json::array(items)}})};
}

/// Names for which one intent got two machines: the client's own doing, not create_twice's.
std::vector<std::string> double_creates(const World& world) {
    std::map<std::pair<Vendor, std::string>, int> made;
    std::vector<std::string> names;
    for (const Machine& machine : world.machines()) {
        if (machine.creator == Creator::client && ++made[{machine.vendor, machine.name}] == 2) {
            names.push_back(machine.name);
        }
    }
    return names;
}

std::string vendor_json(const Shop& shop, Vendor vendor, UtcTime now) {
    const World& world = shop.world();
    int live = 0;
    int ours = 0;
    int made = 0;
    Money amount{0, usd};
    Money client_amount{0, usd};
    for (const Machine& machine : world.machines()) {
        if (machine.vendor != vendor) {
            continue;
        }
        const bool stranger = machine.creator == Creator::foreign;
        live += machine.gone ? 0 : 1;
        ours += machine.gone || stranger ? 0 : 1;
        made += machine.creator == Creator::client ? 1 : 0;
        amount += world.cost(machine, now);
        client_amount += stranger ? Money{0, usd} : world.billed(machine, now);
    }
    std::map<Operation, int> calls;
    for (const CallRecord& call : shop.calls()) {
        calls[call.operation] += call.vendor == to_text(vendor) ? 1 : 0;
    }
    json::Members counts;
    for (const auto& [operation, count] : calls) {
        counts.emplace_back(to_text(operation), std::to_string(count));
    }
    return json::object(
        {{"live", std::to_string(live)},
         {"live_with_our_mark", std::to_string(ours)},
         {"created", std::to_string(made)},
         {"calls", json::object(counts)},
         {"amount", quote(format_decimal(amount.nanos(), 9, 9))},
         {"billed_without_foreign", quote(format_decimal(client_amount.nanos(), 9, 9))},
         {"balance", quote(amount_text(world.balance(vendor, now)))}});
}

Reply summary(const Shop& shop, UtcTime now) {
    json::Members members{{"now", quote(format_rfc3339(now))}};
    int foreign_deletes = 0;
    int foreign_live = 0;
    int foreign_made = 0;
    for (const Machine& machine : shop.world().machines()) {
        if (machine.creator == Creator::foreign) {
            ++foreign_made;
            foreign_live += machine.gone ? 0 : 1;
            foreign_deletes += machine.delete_calls;
        }
    }
    members.emplace_back("speed", std::to_string(shop.options().world.speed));
    members.emplace_back("double_creates", json::strings(double_creates(shop.world())));
    members.emplace_back("foreign_made", std::to_string(foreign_made));
    members.emplace_back("foreign_live", std::to_string(foreign_live));
    members.emplace_back("foreign_delete_calls", std::to_string(foreign_deletes));
    const auto trapped = std::ranges::count(shop.calls(), "trap", &CallRecord::vendor);
    members.emplace_back("trapped_calls", std::to_string(trapped));
    json::Members all;
    for (const Vendor vendor : vendors) {
        all.emplace_back(to_text(vendor), vendor_json(shop, vendor, now));
    }
    members.emplace_back("vendors", json::object(all));
    return {.body = json::object(members)};
}

Reply list_personalities(const Shop& shop) {
    std::vector<std::string> items;
    for (const TroubleKind& kind : trouble_kinds()) {
        json::Members on;
        for (const Vendor vendor : vendors) {
            const Personality& personality = shop.world().personality(vendor);
            if (const auto value = personality.value(kind.trouble)) {
                on.emplace_back(
                    to_text(vendor),
                    fmt::format(
                        R"({{"times":{},"value":{}}})", personality.times(kind.trouble), *value));
            }
        }
        items.push_back(json::object(
            {{"name", quote(kind.name)},
             {"unit", quote(kind.unit)},
             {"value", std::to_string(kind.standard)},
             {"times", std::to_string(kind.times)},
             {"what", quote(kind.what)},
             {"on", json::object(on)}}));
    }
    return {.body = json::object({{"personalities", json::array(items)}})};
}

std::optional<std::int64_t> whole(const bj::object& object, std::string_view name) {
    const bj::value* const value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? std::optional{value->as_int64()} : std::nullopt;
}

Reply conjure(Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    const auto vendor = body ? find_vendor(wire::text(*body, "vendor")) : std::nullopt;
    const std::string creator = body ? wire::text(*body, "creator") : "";
    if (!vendor || wire::text(*body, "name").empty() ||
        (creator != "orphan" && creator != "foreign")) {
        return wrong("vendor, name and creator (orphan or foreign) are required");
    }
    const auto listed = catalog(*vendor);
    const auto sku = std::ranges::find_if(
        listed, [](const Sku& s) { return !s.gpu.empty() && !s.regions.empty(); });
    Order order{
        .vendor = *vendor,
        .creator = creator == "orphan" ? Creator::orphan : Creator::foreign,
        .name = wire::text(*body, "name"),
        .sku = &*sku,
        .region = std::string{sku->regions.front()},
        .image = "ubuntu-24-04-x64"};
    if (const bj::value* const tags = body->if_contains("tags"); tags && tags->is_array()) {
        for (const bj::value& tag : tags->as_array()) {
            order.tags.emplace_back(tag.is_string() ? std::string_view{tag.as_string()} : "");
        }
    }
    const Machine& machine = shop.world().create(order, now);
    return {.status = 201, .body = machine_json(shop.world(), machine, now)};
}

Reply change_machine(Shop& shop, std::string_view rest, UtcTime now) {
    const std::string_view id = rest.substr(0, rest.find('/'));
    const std::string_view what = rest.substr(std::min(id.size() + 1, rest.size()));
    Machine* const machine = shop.world().any(id);
    if (machine == nullptr || machine->gone || (what != "vanish" && what != "stop")) {
        return wrong("there is no such machine, or no such change");
    }
    if (what == "stop") {
        shop.world().switch_off(*machine, now);
    } else {
        machine->human_at = now;
        shop.world().tick(now);
    }
    return {.body = machine_json(shop.world(), *machine, now)};
}

Reply post(Shop& shop, const Call& call, UtcTime now) {
    if (call.path == "/personalities") {
        const auto changed = change_personality(shop, call.body, now);
        return changed ? list_personalities(shop) : wrong(changed.error().message);
    }
    if (call.path == "/machines") {
        return conjure(shop, call, now);
    }
    if (call.path.starts_with("/machines/")) {
        return change_machine(shop, rest_of(call.path, "/machines"), now);
    }
    const auto body = wire::read_object(call.body);
    if (call.path == "/stock" && body && whole(*body, "stock").value_or(-1) >= 0) {
        shop.world().set_stock(static_cast<int>(
            std::min<std::int64_t>(*whole(*body, "stock"), std::int64_t{World::machines_max})));
        return {.body = "{}"};
    }
    if (call.path == "/balance" && body) {
        const auto vendor = find_vendor(wire::text(*body, "vendor"));
        const auto left = parse_decimal(wire::text(*body, "left"), 9);
        if (vendor && left) {
            shop.world().set_balance(*vendor, Money{*left, usd}, now);
            return {.body = "{}"};
        }
    }
    return wrong("see tests/fakes/cloud/inspect.hpp for what can be changed");
}

}  // namespace

Result<void> change_personality(Shop& shop, std::string_view json, UtcTime now) {
    const auto body = wire::read_object(json);
    const auto vendor = body ? find_vendor(wire::text(*body, "vendor")) : std::nullopt;
    if (!vendor) {
        return fail(Errc::invalid_argument, "vendor must be digitalocean, runpod or lambda");
    }
    if (const bj::value* const off = body->if_contains("off"); off && off->is_array()) {
        for (const bj::value& item : off->as_array()) {
            const std::string name = item.is_string() ? std::string{item.as_string()} : "";
            const auto trouble = find_trouble(name);
            if (name == "*") {
                shop.world().personality(*vendor).take_off_all();
            } else if (trouble) {
                shop.world().personality(*vendor).take_off(*trouble);
            } else {
                return fail(Errc::invalid_argument, fmt::format("no personality '{}'", name));
            }
        }
    }
    if (const bj::value* const on = body->if_contains("on"); on && on->is_array()) {
        for (const bj::value& item : on->as_array()) {
            const bj::object* const entry = item.if_object();
            const std::string name = entry == nullptr ? "" : wire::text(*entry, "name");
            const auto trouble = find_trouble(name);
            if (!trouble) {
                return fail(Errc::invalid_argument, fmt::format("no personality '{}'", name));
            }
            if (*trouble == Trouble::partial_page && *vendor != Vendor::digitalocean) {
                return fail(
                    Errc::invalid_argument,
                    fmt::format("{} answers lists whole, without pages", to_text(*vendor)));
            }
            const TroubleKind& kind = kind_of(*trouble);
            shop.world().put_on(
                *vendor,
                *trouble,
                static_cast<int>(whole(*entry, "times").value_or(kind.times)),
                whole(*entry, "value").value_or(kind.standard),
                now);
        }
    }
    return {};
}

Reply inspect(Shop& shop, const Call& call, UtcTime now) {
    shop.world().tick(now);
    if (call.path == "/trap") {
        shop.trapped(call, now);
        return {.body = R"({"trap":true})"};
    }
    if (call.method == "POST") {
        return post(shop, call, now);
    }
    if (call.path == "/summary") {
        return summary(shop, now);
    }
    if (call.path == "/machines") {
        return list_machines(shop, now);
    }
    if (call.path == "/calls") {
        return list_calls(shop, call);
    }
    if (call.path == "/personalities") {
        return list_personalities(shop);
    }
    return {.status = 404, .body = R"({"error":"see tests/fakes/cloud/inspect.hpp"})"};
}

}  // namespace evenkeel::fakes::cloud
