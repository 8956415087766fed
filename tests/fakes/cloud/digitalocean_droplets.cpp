#include "tests/fakes/cloud/contains.hpp"
#include "tests/fakes/cloud/digitalocean.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::fakes::cloud::digitalocean {

namespace bj = boost::json;
using json::quote;

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t user_data_bytes_max = 64 * 1024;

std::string_view status_of(const Machine& machine, UtcTime now) {
    switch (machine.phase(now)) {
        case Phase::placing:
        case Phase::starting:
            return "new";
        case Phase::running:
            return "active";
        case Phase::off:
            return "off";
    }
    return "";
}

/// An event is running: the create, or a delete.
bool locked(const Machine& machine, UtcTime now) {
    return machine.phase(now) == Phase::placing || machine.gone_at.has_value();
}

std::string networks_json(const Machine& machine, UtcTime now) {
    if (machine.phase(now) == Phase::placing || machine.phase(now) == Phase::starting) {
        return R"({"v4":[],"v6":[]})";
    }
    const std::string address = fmt::format(
        R"({{"ip_address":"{}","netmask":"255.255.240.0","gateway":"127.0.0.1","type":"public"}})",
        machine.address);
    const std::string inner =
        R"({"ip_address":"10.118.0.2","netmask":"255.255.240.0","gateway":"","type":"private"})";
    return json::object({{"v4", json::array({inner, address})}, {"v6", "[]"}});
}

std::string droplet_json(const Shop& shop, const Machine& machine, UtcTime now) {
    const World& world = shop.world();
    const Sku& sku = *find_sku(Vendor::digitalocean, machine.sku);
    const auto place = std::ranges::find(
        places(Vendor::digitalocean), std::string_view{machine.region}, &Place::slug);
    std::string size = size_json(world, nullptr, sku);
    const auto nanos = machine.hourly.nanos();
    if (machine.hourly != world.listed(sku, machine.gpu_count, false)) {
        // The price of this Droplet is not the listed one (dearer).
        const std::string listed =
            fmt::format(R"("price_hourly":{})", amount_text(world.listed(sku, 1, false)));
        size.replace(
            size.find(listed),
            listed.size(),
            fmt::format(R"("price_hourly":{})", format_decimal(nanos, 9, 2)));
    }
    json::Members members{
        {"id", machine.id},
        {"name", quote(machine.name)},
        {"memory", std::to_string(sku.memory_gib * 1024)},
        {"vcpus", std::to_string(sku.vcpus)},
        {"disk", std::to_string(sku.disk_gib)},
        {"disk_info",
         fmt::format(R"([{{"type":"local","size":{{"amount":{},"unit":"gib"}}}}])", sku.disk_gib)},
        {"locked", json::flag(locked(machine, now))},
        {"status", quote(status_of(machine, now))},
        {"kernel", "null"},
        {"created_at", quote(wire::seconds_text(machine.created))},
        {"features", R"(["private_networking"])"},
        {"backup_ids", "[]"},
        {"next_backup_window", "null"},
        {"snapshot_ids", "[]"},
        {"image", image_json(machine.image)},
        {"volume_ids", machine.echo.empty() ? "[]" : machine.echo},
        {"size", size},
        {"size_slug", quote(machine.sku)},
        {"networks", networks_json(machine, now)},
        {"region", region_json(shop, *place)},
        {"tags", json::strings(machine.tags)},
        {"vpc_uuid", quote("5a4981aa-9653-4bd1-bef5-d6bff52042e4")}};
    if (!sku.gpu.empty()) {
        members.emplace_back(
            "gpu_info",
            fmt::format(
                R"({{"count":{},"model":{},"vram":{{"amount":{},"unit":"gib"}}}})",
                machine.gpu_count,
                quote(machine.gpu),
                sku.vram_gib * std::max(machine.gpu_count, 0)));
    }
    wire::trouble(
        members,
        world.personality(Vendor::digitalocean),
        {.status = "status", .name = "name", .created = "created_at"});
    return json::object(members);
}

bool is_gpu(const Machine& machine) {
    return !find_sku(Vendor::digitalocean, machine.sku)->gpu.empty();
}

std::string action_json(const Machine& machine, std::string_view type, bool done, UtcTime now) {
    return json::object(
        {{"id", std::to_string(1'000'000'000 + std::stoll(machine.id) - 500'000'000)},
         {"status", quote(done ? "completed" : "in-progress")},
         {"type", quote(type)},
         {"started_at", quote(wire::seconds_text(machine.created))},
         {"completed_at",
          done ? quote(wire::seconds_text(std::min(now, machine.running_at))) : "null"},
         {"resource_id", machine.id},
         {"resource_type", quote("droplet")},
         {"region_slug", quote(machine.region)}});
}

/// What is wrong with the types of a create body; empty when nothing is.
std::string wrong_types(const bj::object& body) {
    for (const char* const name :
         {"backups",
          "ipv6",
          "monitoring",
          "private_networking",
          "with_droplet_agent",
          "public_networking"}) {
        const bj::value* const value = body.if_contains(name);
        if (value != nullptr && !value->is_bool()) {
            return fmt::format("{} must be true or false.", name);
        }
    }
    for (const char* const name : {"ssh_keys", "tags", "volumes"}) {
        const bj::value* const value = body.if_contains(name);
        if (value != nullptr && !value->is_array() && !value->is_null()) {
            return fmt::format("{} must be an array.", name);
        }
    }
    const bj::value* const data = body.if_contains("user_data");
    return data != nullptr && !data->is_string() && !data->is_null() ? "user_data must be a string."
                                                                     : "";
}

std::vector<std::string> words(const bj::object& body, std::string_view name) {
    std::vector<std::string> words;
    if (const bj::value* const value = body.if_contains(name); value && value->is_array()) {
        for (const bj::value& item : value->as_array()) {
            words.push_back(
                item.is_string()  ? std::string{item.as_string()}
                : item.is_int64() ? std::to_string(item.as_int64())
                                  : std::string{});
        }
    }
    return words;
}

/// Fills the order; or says what is wrong with the body.
std::optional<Reply> read_order(Shop& shop, const bj::object& body, Order& order) {
    static const std::regex name_pattern{"[a-zA-Z0-9]?[a-z0-9A-Z.\\-]*[a-z0-9A-Z]"};
    static const std::regex tag_pattern{"[a-zA-Z0-9_:\\-]{1,255}"};
    if (body.contains("names")) {
        return unprocessable("names: several Droplets in one call are not played here.");
    }
    order.name = wire::text(body, "name");
    if (order.name.size() > name_bytes_max || !wire::matches(order.name, name_pattern)) {
        return unprocessable(
            "Name Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)");
    }
    if (const std::string wrong = wrong_types(body); !wrong.empty()) {
        return unprocessable(wrong);
    }
    order.sku = find_sku(Vendor::digitalocean, wire::text(body, "size"));
    if (order.sku == nullptr) {
        return unprocessable("You specified an invalid size for Droplet creation.");
    }
    order.gpu_count = order.sku->gpus;
    const bj::value* const image = body.if_contains("image");
    order.image = image != nullptr && image->is_int64() ? std::to_string(image->as_int64())
                                                        : wire::text(body, "image");
    if (!image_exists(order.image)) {
        return unprocessable("You specified an invalid image for Droplet creation.");
    }
    if (!image_fits(order.image, *order.sku)) {
        return unprocessable("The image does not fit the size of this Droplet.");
    }
    order.region = wire::text(body, "region");
    if (order.region.empty() && !order.sku->regions.empty()) {
        order.region = order.sku->regions.front();
    }
    if (!contains(places(Vendor::digitalocean), std::string_view{order.region}, &Place::slug)) {
        return unprocessable("Region is not available");
    }
    order.tags = words(body, "tags");
    for (const std::string& tag : order.tags) {
        if (!wire::matches(tag, tag_pattern)) {
            return unprocessable("Tags may only contain letters, numbers, colons, dashes, _");
        }
    }
    const Shop::Drawer& keys = ssh_keys(shop);
    for (const std::string& key : words(body, "ssh_keys")) {
        const bool known = keys.contains(key) || std::ranges::any_of(keys, [&](const auto& entry) {
                               return entry.second.contains(quote(key));
                           });
        if (!known) {
            return unprocessable(
                fmt::format("{} are invalid key identifiers for Droplet creation.", key));
        }
    }
    order.start_text = wire::text(body, "user_data");
    if (order.start_text.size() > user_data_bytes_max) {
        return unprocessable("User data is too long (maximum is 64 KiB).");
    }
    // Accepted, and fails later: https://github.com/digitalocean/terraform-provider-digitalocean
    // issue 767.
    order.doomed = !wire::is_ascii(order.start_text);
    if (const auto volumes = words(body, "volumes"); !volumes.empty()) {
        order.echo = json::strings(volumes);
    }
    return std::nullopt;
}

}  // namespace

Reply create_droplet(Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    if (!body) {
        return error(400, "bad_request", "The request body is not a JSON object.");
    }
    Order order{.vendor = Vendor::digitalocean};
    if (auto wrong = read_order(shop, *body, order)) {
        return *wrong;
    }
    const Shop::Placement placed = shop.place(order, now);
    if (placed.machine == nullptr) {
        return refuse(placed.fault, {});
    }
    const Machine& machine = *placed.machine;
    const std::string action = std::to_string(1'000'000'000 + std::stoll(machine.id) - 500'000'000);
    return {
        .status = 202,
        .body = fmt::format(
            R"({{"droplet":{},"links":{{"actions":[{{"id":{},"rel":"create",)"
            R"("href":"https://api.digitalocean.com/v2/actions/{}"}}]}}}})",
            droplet_json(shop, machine, now),
            action,
            action),
        .machine = machine.id};
}

Reply list_droplets(Shop& shop, const Call& call, UtcTime now) {
    const Query query{call.query};
    const auto type = query.find("type");
    const auto tag = query.find("tag_name");
    const auto name = query.find("name");
    if (tag && (type || name)) {
        return unprocessable("tag_name cannot be combined with type or name.");
    }
    if (type && *type != "gpus" && *type != "droplets") {
        return unprocessable("type must be droplets or gpus.");
    }
    const auto lower = [](std::string text) {
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
        return text;
    };
    Shop::Listing listing = shop.list(Vendor::digitalocean, now);
    std::erase_if(listing.machines, [&](const Machine* machine) {
        if (tag) {
            return !contains(machine->tags, *tag);
        }
        // GPU Droplets are in no list that does not ask for them.
        return is_gpu(*machine) != (type == "gpus") ||
               (name && lower(machine->name) != lower(*name));
    });
    std::vector<std::string> items;
    for (const Machine* const machine : listing.machines) {
        items.push_back(droplet_json(shop, *machine, now));
    }
    const bool cut = listing.cut && !items.empty();
    if (cut) {
        items.pop_back();
    }
    return paged("droplets", items, call, query, cut ? 1 : 0);
}

Reply get_droplet(Shop& shop, std::string_view id, UtcTime now) {
    const Machine* const machine = shop.look(Vendor::digitalocean, id, now);
    if (machine == nullptr) {
        return not_found();
    }
    return {
        .body = json::object({{"droplet", droplet_json(shop, *machine, now)}}),
        .machine = machine->id};
}

Reply delete_droplet(Shop& shop, std::string_view id, UtcTime now) {
    const Machine* const machine = shop.look(Vendor::digitalocean, id, now);
    // https://github.com/test-kitchen/kitchen-digitalocean issue 40: a delete during the create is
    // not carried out.
    if (machine != nullptr && !machine->vanishes_at && locked(*machine, now)) {
        ++shop.world().any(id)->delete_calls;
        Reply reply = refuse(Fault::locked, {});
        reply.machine = machine->id;
        return reply;
    }
    const auto fault = shop.destroy(Vendor::digitalocean, id, now);
    Reply reply = fault ? refuse(*fault, {}) : Reply{.status = 204};
    reply.machine = id;
    return reply;
}

Reply delete_by_tag(Shop& shop, const Query& query, UtcTime now) {
    const auto tag = query.find("tag_name");
    if (!tag || tag->empty()) {
        return unprocessable("tag_name is required.");
    }
    for (const Machine* const machine : shop.world().live(Vendor::digitalocean)) {
        if (contains(machine->tags, *tag)) {
            static_cast<void>(shop.destroy(Vendor::digitalocean, machine->id, now));
        }
    }
    return {.status = 204};
}

Reply act_on_droplet(Shop& shop, const Call& call, std::string_view id, UtcTime now) {
    Machine* const machine = shop.look(Vendor::digitalocean, id, now);
    if (machine == nullptr) {
        return not_found();
    }
    if (locked(*machine, now)) {
        return refuse(Fault::locked, {});
    }
    const auto body = wire::read_object(call.body);
    const std::string type = body ? wire::text(*body, "type") : std::string{};
    if (type == "power_off" || type == "shutdown") {
        shop.world().switch_off(*machine, now);
    } else if (type == "power_on") {
        machine->off = false;
    } else {
        return unprocessable("this type of action is not played here.");
    }
    return {
        .status = 201, .body = json::object({{"action", action_json(*machine, type, true, now)}})};
}

Reply get_action(Shop& shop, std::string_view id, UtcTime now) {
    std::int64_t number = 0;
    static_cast<void>(std::from_chars(id.data(), id.data() + id.size(), number));
    const Machine* const machine =
        shop.world().any(std::to_string(number - 1'000'000'000 + 500'000'000));
    if (machine == nullptr) {
        return not_found();
    }
    const bool never = machine->gone_how == "never_placed";
    std::string text = action_json(*machine, "create", never || now >= machine->placed_at, now);
    if (never) {
        text.replace(text.find("completed"), 9, "errored");
    }
    return {.body = json::object({{"action", text}})};
}

}  // namespace evenkeel::fakes::cloud::digitalocean
