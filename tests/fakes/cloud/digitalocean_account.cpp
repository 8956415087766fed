#include "tests/fakes/cloud/contains.hpp"
#include "tests/fakes/cloud/digitalocean.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::fakes::cloud::digitalocean {

namespace bj = boost::json;
using json::quote;

namespace {

struct Image {
    std::string_view slug{};
    std::string_view name{};
    std::string_view distribution{};
    int id{0};
};

constexpr std::array images{
    Image{"gpu-h100x1-base", "NVIDIA AI/ML Ready", "Ubuntu", 182'000'001},
    Image{"gpu-h100x8-base", "NVIDIA AI/ML Ready 8x", "Ubuntu", 182'000'002},
    Image{"gpu-amd-base", "AMD AI/ML Ready", "Ubuntu", 182'000'003},
    Image{"ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu", 182'000'004},
    Image{"debian-12-x64", "12 x64", "Debian", 182'000'005},
    // A snapshot of the owner's, with weights on it; it has an id and no slug.
    Image{"210000001", "weights", "Ubuntu", 210'000'001},
};

const Image* find_image(std::string_view slug) {
    const auto found = std::ranges::find(images, slug, &Image::slug);
    return found == images.end() ? nullptr : &*found;
}

/// Regions of the images: the description of the API knows only these slugs here.
constexpr std::string_view image_regions = R"(["ams3","nyc1","nyc2","nyc3","tor1"])";

std::string invoice_item(const World& world, const Machine& machine, UtcTime now) {
    const UtcTime end = machine.gone ? *machine.gone_at : now;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(end - machine.created);
    return json::object(
        {{"product", quote("Droplets")},
         {"resource_uuid", quote(fmt::format("00000000-0000-4000-8000-{:0>12}", machine.id))},
         {"resource_id", quote(machine.id)},
         {"group_description", quote("")},
         {"description", quote(fmt::format("{} ({})", machine.name, machine.sku))},
         {"amount", quote(amount_text(world.billed(machine, now)))},
         {"duration", quote(std::to_string(seconds.count()))},
         {"duration_unit", quote("Seconds")},
         {"start_time", quote(wire::seconds_text(machine.created))},
         {"end_time", quote(wire::seconds_text(end))},
         {"project_name", quote("first-project")}});
}

Reply invoices(const Shop& shop, const Call& call, UtcTime now) {
    const std::string_view uuid = rest_of(call.path, "/v2/customers/my/invoices");
    const World& world = shop.world();
    const std::string month = wire::seconds_text(now).substr(0, 7);
    if (uuid.empty()) {
        Reply reply = paged("invoices", {}, call, Query{call.query});
        const std::string preview = json::object(
            {{"invoice_uuid", quote("22737513-0ea7-4206-8ceb-98a575af7681")},
             {"invoice_id", quote("")},
             {"amount", quote(amount_text(world.billed_total(Vendor::digitalocean, now)))},
             {"invoice_period", quote(month)},
             {"updated_at", quote(wire::seconds_text(now))}});
        reply.body.insert(1, fmt::format(R"("invoice_preview":{},)", preview));
        return reply;
    }
    if (uuid != "22737513-0ea7-4206-8ceb-98a575af7681" && uuid != "preview") {
        return not_found();
    }
    std::vector<std::string> items;
    for (const Machine& machine : world.machines()) {
        if (machine.vendor == Vendor::digitalocean && !machine.vanishes_at) {
            items.push_back(invoice_item(world, machine, now));
        }
    }
    return paged("invoice_items", items, call, Query{call.query});
}

Reply balance(const World& world, UtcTime now) {
    const Money used = world.billed_total(Vendor::digitalocean, now);
    const Money owed = -world.balance(Vendor::digitalocean, now);
    return {
        .body = json::object(
            {{"month_to_date_balance", quote(rounded_text(owed))},
             {"account_balance", quote(rounded_text(owed - used))},
             {"month_to_date_usage", quote(rounded_text(used))},
             {"generated_at", quote(wire::seconds_text(now))}})};
}

std::string key_json(std::string_view number, std::string_view key, std::string_view name) {
    return json::object(
        {{"id", std::string{number}},
         {"fingerprint", quote(fmt::format("3b:16:bf:e4:8b:00:8b:b8:59:8c:a9:d3:{}", number))},
         {"public_key", quote(key)},
         {"name", quote(name)}});
}

/// Shows, deletes or lists what lies in `drawer`.
Reply from_drawer(
    Shop::Drawer& drawer,
    std::string_view id,
    std::string_view one,
    std::string_view all,
    const Call& call) {
    if (!id.empty()) {
        const auto found = drawer.find(id);
        if (found == drawer.end()) {
            return not_found();
        }
        if (call.method == "DELETE") {
            drawer.erase(found);
            return {.status = 204};
        }
        return {.body = json::object({{one, found->second}})};
    }
    std::vector<std::string> items;
    for (const auto& [number, text] : drawer) {
        items.push_back(text);
    }
    return paged(all, items, call, Query{call.query});
}

Reply keys(Shop& shop, const Call& call) {
    Shop::Drawer& drawer = ssh_keys(shop);
    const std::string_view id = rest_of(call.path, "/v2/account/keys");
    if (call.method == "POST" && id.empty()) {
        const auto body = wire::read_object(call.body);
        const std::string name = body ? wire::text(*body, "name") : "";
        const std::string key = body ? wire::text(*body, "public_key") : "";
        if (name.empty() || key.empty()) {
            return unprocessable("name and public_key are required.");
        }
        const std::string number = std::to_string(512'190 + shop.next_number());
        const std::string made = key_json(number, key, name);
        drawer[number] = made;
        return {.status = 201, .body = json::object({{"ssh_key", made}})};
    }
    return from_drawer(drawer, id, "ssh_key", "ssh_keys", call);
}

std::string tag_json(Shop& shop, std::string_view name) {
    const auto machines = shop.world().live(Vendor::digitalocean);
    const auto count = std::ranges::count_if(
        machines, [&](const Machine* machine) { return contains(machine->tags, name); });
    return fmt::format(
        R"({{"name":{},"resources":{{"count":{},"droplets":{{"count":{}}}}}}})",
        quote(name),
        count,
        count);
}

Reply tags(Shop& shop, const Call& call) {
    static const std::regex pattern{"[a-zA-Z0-9_:\\-]{1,255}"};
    Shop::Drawer& drawer = shop.drawer(Vendor::digitalocean, "tags");
    const std::string name{rest_of(call.path, "/v2/tags")};
    if (call.method == "POST" && name.empty()) {
        const auto body = wire::read_object(call.body);
        const std::string wanted = body ? wire::text(*body, "name") : "";
        if (!wire::matches(wanted, pattern)) {
            return unprocessable("Tags may only contain letters, numbers, colons, dashes, _");
        }
        drawer[wanted];
        return {.status = 201, .body = json::object({{"tag", tag_json(shop, wanted)}})};
    }
    for (const Machine* const machine : shop.world().live(Vendor::digitalocean)) {
        for (const std::string& tag : machine->tags) {
            drawer[tag];
        }
    }
    if (!name.empty() && !drawer.contains(name)) {
        return not_found();
    }
    if (!name.empty()) {
        return call.method == "DELETE" && drawer.erase(name) == 1
                   ? Reply{.status = 204}
                   : Reply{.body = json::object({{"tag", tag_json(shop, name)}})};
    }
    std::vector<std::string> items;
    for (const auto& [tag, nothing] : drawer) {
        items.push_back(tag_json(shop, tag));
    }
    return paged("tags", items, call, Query{call.query});
}

Reply firewalls(Shop& shop, const Call& call, UtcTime now) {
    Shop::Drawer& drawer = shop.drawer(Vendor::digitalocean, "firewalls");
    const std::string_view id = rest_of(call.path, "/v2/firewalls");
    if (call.method == "POST" && id.empty()) {
        const auto body = wire::read_object(call.body);
        if (!body || wire::text(*body, "name").empty()) {
            return error(400, "bad_request", "name is required.");
        }
        const auto part = [&](std::string_view name) {
            const bj::value* const value = body->if_contains(name);
            return value == nullptr || value->is_null() ? "[]" : bj::serialize(*value);
        };
        const std::string number =
            fmt::format("bb4b2611-3d72-467b-8602-{:012}", shop.next_number());
        std::string made = json::object(
            {{"id", quote(number)},
             {"status", quote("succeeded")},
             {"created_at", quote(wire::seconds_text(now))},
             {"pending_changes", "[]"},
             {"name", quote(wire::text(*body, "name"))},
             {"droplet_ids", part("droplet_ids")},
             {"tags", part("tags")},
             {"inbound_rules", part("inbound_rules")},
             {"outbound_rules", part("outbound_rules")}});
        drawer[number] = made;
        return {.status = 202, .body = json::object({{"firewall", made}})};
    }
    return from_drawer(drawer, id, "firewall", "firewalls", call);
}

}  // namespace

Shop::Drawer& ssh_keys(Shop& shop) {
    Shop::Drawer& drawer = shop.drawer(Vendor::digitalocean, "keys");
    if (drawer.empty()) {
        drawer["512190"] = key_json("512190", "ssh-ed25519 AAAAC3Nz owner", "owner");
    }
    return drawer;
}

std::string size_json(const World& world, const Shop* shop, const Sku& sku) {
    const Money hourly = world.listed(sku, 1, false);
    std::vector<std::string_view> regions;
    for (const std::string_view region : sku.regions) {
        if (shop == nullptr || wire::shown_stock(*shop, sku, region) > 0) {
            regions.push_back(region);
        }
    }
    json::Members members{
        {"slug", quote(sku.slug)},
        {"memory", std::to_string(sku.memory_gib * 1024)},
        {"vcpus", std::to_string(sku.vcpus)},
        {"disk", std::to_string(sku.disk_gib)},
        {"transfer", sku.gpu.empty() ? "1.0" : "10.0"},
        {"price_monthly", format_decimal(hourly.nanos() * 744, 9, 2)},
        {"price_hourly", amount_text(hourly)},
        {"regions", json::strings(regions)},
        {"available", "true"},
        {"description", quote(sku.title)},
        {"disk_info",
         fmt::format(R"([{{"type":"local","size":{{"amount":{},"unit":"gib"}}}}])", sku.disk_gib)}};
    if (!sku.gpu.empty()) {
        members.emplace_back(
            "gpu_info",
            fmt::format(
                R"({{"count":{},"model":{},"vram":{{"amount":{},"unit":"gib"}}}})",
                sku.gpus,
                quote(sku.gpu),
                sku.vram_gib * sku.gpus));
    }
    return json::object(members);
}

std::string region_json(const Shop& shop, const Place& place) {
    std::vector<std::string_view> sizes;
    for (const Sku& sku : catalog(Vendor::digitalocean)) {
        if (wire::shown_stock(shop, sku, place.slug) > 0) {
            sizes.push_back(sku.slug);
        }
    }
    return json::object(
        {{"name", quote(place.title)},
         {"slug", quote(place.slug)},
         {"features", R"(["backups","ipv6","metadata","install_agent","storage"])"},
         {"available", "true"},
         {"sizes", json::strings(sizes)}});
}

std::string image_json(std::string_view slug) {
    const Image* const image = find_image(slug);
    return json::object(
        {{"id", std::to_string(image == nullptr ? 1 : image->id)},
         {"name", quote(image == nullptr ? slug : image->name)},
         {"type", quote("base")},
         {"distribution", quote(image == nullptr ? "Unknown" : image->distribution)},
         {"slug", slug == "210000001" ? "null" : quote(slug)},
         {"public", "true"},
         {"regions", std::string{image_regions}},
         {"created_at", quote("2026-05-05T18:00:00Z")},
         {"min_disk_size", "25"},
         {"size_gigabytes", "11.5"},
         {"description", quote("an image of the fake")},
         {"tags", "[]"},
         {"status", quote("available")},
         {"error_message", quote("")}});
}

bool image_exists(std::string_view slug) {
    return find_image(slug) != nullptr;
}

bool image_fits(std::string_view slug, const Sku& sku) {
    if (!slug.starts_with("gpu-")) {
        return true;
    }
    const bool amd = sku.gpu.starts_with("amd_");
    return slug == (amd ? "gpu-amd-base" : sku.gpus == 8 ? "gpu-h100x8-base" : "gpu-h100x1-base");
}

Reply catalogue(Shop& shop, const Call& call, UtcTime /*now*/) {
    if (call.method != "GET") {
        return error(405, "method_not_allowed", "The method is not allowed.");
    }
    const Query query{call.query};
    std::vector<std::string> items;
    if (call.path.starts_with("/v2/sizes")) {
        for (const Sku& sku : catalog(Vendor::digitalocean)) {
            items.push_back(size_json(shop.world(), &shop, sku));
        }
        return paged("sizes", items, call, query);
    }
    if (call.path.starts_with("/v2/regions")) {
        for (const Place& place : places(Vendor::digitalocean)) {
            items.push_back(region_json(shop, place));
        }
        return paged("regions", items, call, query);
    }
    if (call.path.starts_with("/v2/images")) {
        for (const Image& image : images) {
            items.push_back(image_json(image.slug));
        }
        return paged("images", items, call, query);
    }
    return paged(call.path.starts_with("/v2/volumes") ? "volumes" : "snapshots", {}, call, query);
}

Reply account(Shop& shop, const Call& call, UtcTime now) {
    const std::string_view path = call.path;
    if (path.starts_with("/v2/account/keys")) {
        return keys(shop, call);
    }
    if (path == "/v2/account" || path == "/v2/account/") {
        return {
            .body = fmt::format(
                R"({{"account":{{"droplet_limit":{},"floating_ip_limit":5,"volume_limit":10,)"
                R"("email":"owner@example.com","name":"Owner",)"
                R"("uuid":"b6fr89dbf6d9156cace5f3c78dc9851d957381ef","email_verified":true,)"
                R"("status":"active","status_message":"","team":{{)"
                R"("uuid":"5df3e3004a17e242b7c20ca6c9fc25b701a47ece","name":"My Team"}}}}}})",
                shop.options().world.machine_limit)};
    }
    if (path.starts_with("/v2/customers/my/balance")) {
        return balance(shop.world(), now);
    }
    if (path.starts_with("/v2/customers/my/invoices")) {
        return invoices(shop, call, now);
    }
    if (path.starts_with("/v2/tags")) {
        return tags(shop, call);
    }
    if (path.starts_with("/v2/firewalls")) {
        return firewalls(shop, call, now);
    }
    return not_found();
}

}  // namespace evenkeel::fakes::cloud::digitalocean
