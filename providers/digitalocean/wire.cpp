#include "providers/digitalocean/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

namespace evenkeel::providers::digitalocean {

namespace {

using exact_json::quote;
using exact_json::Value;

constexpr std::string_view who = "DigitalOcean";
constexpr std::string_view expires_tag = "ek-expires-";
constexpr std::string_view port_tag = "ek-port-";
constexpr std::string_view spot_suffix = "-spot";
constexpr int gpus_max = 64;

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
    return std::ranges::any_of(
        parts, [&](std::string_view part) { return text.find(part) != text.npos; });
}

/// What DigitalOcean says went wrong: {"id": ..., "message": ...}.
struct Said {
    std::string id{};
    std::string message{};
};
Said said(const HttpResponse& response) {
    const auto value = exact_json::parse(response.body);
    return value ? Said{std::string{value->text("id")}, std::string{value->text("message")}}
                 : Said{};
}

/// The class of a refused create (422), by the only thing that tells them apart: its sentence.
/// What is about anything but the place of the machine is our mistake, and never repeated.
Errc class_of_refusal(std::string_view message) {
    const std::string text = lower(message);
    if (has_any(text, {"droplet limit"})) {
        return Errc::refused;
    }
    if (has_any(text, {"name is already in use", "name already exists"})) {
        return Errc::conflict;  // by ours, perhaps: it is looked up
    }
    if (has_any(text, {"image", "ssh", "key", "user_data", "user data", "name", "tag", "vpc"})) {
        return Errc::rejected;
    }
    const bool closed =
        has_any(text, {"not available", "unavailable", "sold out", "out of stock", "capacity"});
    return closed && has_any(text, {"size", "region", "capacity", "stock"}) ? Errc::no_capacity
                                                                            : Errc::rejected;
}

std::string gpu_name(std::string_view model, std::string_view slug) {
    std::string name{model};
    if (!name.empty() && slug.ends_with(spot_suffix)) {
        name += " spot";
    }
    return name;
}

/// Reads the array `key` of a list answer; every list has a total.
template <class Item, class Read>
Result<PageOf<Item>> parse_page(
    const HttpResponse& response, std::string_view page, std::string_view key, Read read) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, "list", value.error().message);
    }
    const Value* const list = value->find(key);
    const auto total = total_of(*value);
    if (list == nullptr || list->kind() != Value::Kind::array || !total) {
        return unreadable(who, "list", fmt::format("{} or its total is missing", key));
    }
    PageOf<Item> out{.next = next_page(*value, page), .total = total};
    for (const Value& each : list->items()) {
        Result<Item> item = read(each);
        if (!item) {
            return std::unexpected{item.error()};
        }
        out.items.push_back(*std::move(item));
    }
    return out;
}

int number_after(std::string_view tag, std::string_view prefix) {
    int value = 0;
    if (tag.starts_with(prefix)) {
        std::from_chars(tag.data() + prefix.size(), tag.data() + tag.size(), value);
    }
    return value;
}

/// Only the id is indispensable: a machine with an unknown status or a missing field must still be
/// seen and deletable.
Result<RemoteMachine> read_droplet(const Value& object) {
    const Value* const id = object.find("id");
    const auto number = id == nullptr ? std::nullopt : id->integer();
    if (!number || *number <= 0) {
        return unreadable(who, "Droplet", "it has no usable id");
    }
    RemoteMachine machine{
        .remote_id = fmt::format("{}", *number),
        .name = word(object, "name"),
        .status = word(object, "status"),
        .port = default_port,
        .created = parse_rfc3339(object.text("created_at")).value_or(UtcTime{})};
    machine.running = machine.status == "active";
    machine.stopped = machine.status == "off" || machine.status == "archive";
    const Value* const size = object.find("size");
    const Value* gpu = object.find("gpu_info");
    gpu = gpu != nullptr || size == nullptr ? gpu : size->find("gpu_info");
    if (gpu != nullptr) {
        machine.gpu = gpu_name(word(*gpu, "model"), object.text("size_slug"));
        machine.gpu_count = whole_within(*gpu, "count", 0, gpus_max);
        if (const Value* const count = gpu->find("count"); count && count->integer() == 0) {
            machine.gpu = "none";  // stated, unlike a count that is left out
        }
    }
    if (size != nullptr) {
        machine.price = hourly_price_of(size->find("price_hourly"), usd).value_or(Price{});
    }
    if (const Value* const tags = object.find("tags")) {
        for (const Value& each : tags->items()) {
            const std::string_view tag = each.string().value_or("");
            // A tag alone is not enough: people tag machines of theirs, for a firewall say.
            if (is_owner_mark(tag) && owner_mark_of_name(machine.name) == tag) {
                machine.owner_mark = tag;
            }
            if (const int minutes = number_after(tag, expires_tag); minutes > 0) {
                machine.expires = UtcTime{std::chrono::minutes{minutes}};
            }
            if (const int port = number_after(tag, port_tag); port > 0 && port < 65'536) {
                machine.port = port;
            }
        }
    }
    const Value* const networks = object.find("networks");
    const Value* const v4 = networks == nullptr ? nullptr : networks->find("v4");
    if (v4 != nullptr) {
        for (const Value& address : v4->items()) {
            if (address.text("type") == "public" && machine.host.empty()) {
                machine.host = word(address, "ip_address");
            }
        }
    }
    return machine;
}

}  // namespace

Error failure(const HttpResponse& response, Errc lost, std::span<const std::string> secrets) {
    return general_error(who, response, public_detail(said(response).message, secrets), lost);
}

std::string next_page(const Value& body, std::string_view page) {
    const Value* const links = body.find("links");
    const Value* const pages = links == nullptr ? nullptr : links->find("pages");
    if (pages == nullptr || pages->text("next").empty()) {
        return {};
    }
    int number = 0;
    std::from_chars(page.data(), page.data() + page.size(), number);
    return fmt::format("{}", number + 1);
}

std::optional<std::int64_t> total_of(const Value& body) {
    const Value* const meta = body.find("meta");
    const Value* const total = meta == nullptr ? nullptr : meta->find("total");
    const auto number = total == nullptr ? std::nullopt : total->integer();
    return number && *number >= 0 ? number : std::nullopt;
}

bool is_tag(std::string_view text) noexcept {
    constexpr std::size_t bytes_max = 255;
    return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == ':' || c == '-' || c == '_';
    });
}

bool is_id(std::string_view text) noexcept {
    constexpr std::size_t digits_max = 18;
    return !text.empty() && text.size() <= digits_max && text.front() != '0' &&
           text.find_first_not_of("0123456789") == text.npos;
}

std::string_view image_for(std::string_view size) noexcept {
    if (size.starts_with("gpu-mi")) {
        return "gpu-amd-base";
    }
    return size.find("x8-") != size.npos ? "gpu-h100x8-base" : "gpu-h100x1-base";
}

HttpRequest make_sizes_request(std::string_view page) {
    return {.target = fmt::format("/v2/sizes?per_page={}&page={}", page_size, page)};
}
HttpRequest make_regions_request(std::string_view page) {
    return {.target = fmt::format("/v2/regions?per_page={}&page={}", page_size, page)};
}
HttpRequest make_list_request(std::string_view page) {
    return {.target = fmt::format("/v2/droplets?type=gpus&per_page={}&page={}", page_size, page)};
}
HttpRequest make_tagged_request(std::string_view tag, std::string_view page) {
    return {
        .target = fmt::format(
            "/v2/droplets?tag_name={}&per_page={}&page={}", url_encode(tag), page_size, page)};
}
HttpRequest make_get_request(std::string_view id) {
    return {.target = "/v2/droplets/" + url_encode(id)};
}
HttpRequest make_destroy_request(std::string_view id) {
    return {.method = "DELETE", .target = "/v2/droplets/" + url_encode(id)};
}
HttpRequest make_account_request() {
    return {.target = "/v2/account"};
}

HttpRequest make_create_request(
    const MachineSpec& spec, std::string_view tag, std::span<const std::string> keys) {
    std::string key_list;
    for (const std::string& key : keys) {
        key_list += fmt::format("{}{}", key_list.empty() ? "" : ",", is_id(key) ? key : quote(key));
    }
    // Rounded up: never gone before its time.
    const auto minutes =
        std::chrono::ceil<std::chrono::minutes>(spec.expires.time_since_epoch()).count();
    std::string tags =
        fmt::format("{},{},\"{}{}\"", quote(tag), quote(spec.owner_mark), expires_tag, minutes);
    if (spec.port > 0 && spec.port != default_port) {
        tags += fmt::format(",\"{}{}\"", port_tag, spec.port);
    }
    std::string volumes;
    if (!spec.volume.empty()) {
        volumes = fmt::format(R"(,"volumes":[{}])", quote(spec.volume));
    }
    return {
        .method = "POST",
        .target = "/v2/droplets",
        .body = fmt::format(
            R"({{"name":{},"region":{},"size":{},"image":{},"ssh_keys":[{}],"tags":[{}],)"
            R"("user_data":{},"monitoring":false,"backups":false,"ipv6":false,)"
            R"("with_droplet_agent":false{}}})",
            quote(spec.name),
            quote(spec.region),
            quote(spec.sku),
            quote(image_for(spec.sku)),
            key_list,
            tags,
            quote(spec.user_data),
            volumes)};
}

Result<PageOf<Size>> parse_sizes(const HttpResponse& response, std::string_view page) {
    return parse_page<Size>(response, page, "sizes", [](const Value& item) -> Result<Size> {
        Size size{
            .slug = word(item, "slug"),
            .price = hourly_price_of(item.find("price_hourly"), usd).value_or(Price{})};
        const Value* const available = item.find("available");
        size.available = available != nullptr && available->boolean().value_or(false);
        if (const Value* const gpu = item.find("gpu_info")) {
            size.gpu = gpu_name(word(*gpu, "model"), size.slug);
            size.gpu_count = whole_within(*gpu, "count", 0, gpus_max);
        }
        if (const Value* const regions = item.find("regions")) {
            for (const Value& region : regions->items()) {
                size.regions.emplace_back(region.string().value_or(""));
            }
        }
        return size;
    });
}

Result<PageOf<Region>> parse_regions(const HttpResponse& response, std::string_view page) {
    return parse_page<Region>(response, page, "regions", [](const Value& item) -> Result<Region> {
        const Value* const available = item.find("available");
        return Region{
            .slug = word(item, "slug"),
            .available = available != nullptr && available->boolean().value_or(false)};
    });
}

std::vector<MarketOffer> make_offers(
    std::span<const Size> sizes,
    std::span<const Region> regions,
    std::span<const std::string> wanted,
    UtcTime now) {
    std::vector<MarketOffer> offers;
    for (const Size& size : sizes) {
        if (size.slug.empty() || size.gpu_count == 0 || size.price.currency().is_none()) {
            continue;
        }
        const auto add = [&](std::string_view region, bool in_stock) {
            offers.push_back(
                {.sku = size.slug,
                 .region = std::string{region},
                 .gpu = size.gpu,
                 .gpu_count = size.gpu_count,
                 .price = size.price,
                 .min_bill = min_bill,
                 .in_stock = in_stock,
                 .seen = now});
        };
        const std::size_t before = offers.size();
        for (const std::string& slug : size.regions) {
            const auto region = std::ranges::find(regions, slug, &Region::slug);
            add(slug, size.available && region != regions.end() && region->available);
        }
        if (offers.size() == before) {
            std::ranges::for_each(wanted, [&](const std::string& region) { add(region, false); });
            if (wanted.empty()) {
                add("", false);
            }
        }
    }
    return offers;
}

Result<PageOf<RemoteMachine>> parse_list(const HttpResponse& response, std::string_view page) {
    return parse_page<RemoteMachine>(response, page, "droplets", &read_droplet);
}

Result<RemoteMachine> parse_created(const HttpResponse& response, const MachineSpec& spec) {
    const std::vector<std::string> secrets = secrets_of(spec);
    if (response.status == 422) {
        const std::string message = said(response).message;
        const Errc code = class_of_refusal(message);
        const std::string detail = public_detail(message, secrets);
        return fail(
            code,
            code == Errc::no_capacity
                ? fmt::format(
                      "{} has no {} in {} for us now: {}", who, spec.sku, spec.region, detail)
            : code == Errc::refused
                ? fmt::format("{} refuses: {}: end a machine or ask for more", who, detail)
                : fmt::format("{} finds the request wrong: {}", who, detail));
    }
    if (response.status == 404) {
        return fail(
            Errc::rejected,
            fmt::format(
                "{} answered 404 to a create ({}): check image, keys, volume and base_url",
                who,
                public_detail(said(response).message, secrets)));
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{failure(response, Errc::outcome_unknown, secrets)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const droplet = value ? value->find("droplet") : nullptr;
    if (droplet == nullptr) {
        return unclear_create(who, "its answer is unreadable");
    }
    auto machine = read_droplet(*droplet);
    if (!machine) {
        return unclear_create(who, "its answer names no machine");
    }
    if (machine->name != spec.name) {
        return unclear_create(who, "its answer is about a machine of another name");
    }
    return machine;
}

Result<RemoteMachine> parse_machine(const HttpResponse& response) {
    if (response.status == 404 && said(response).id == "not_found") {
        return fail(Errc::not_found, fmt::format("{} knows no such Droplet", who));
    }
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const droplet = value ? value->find("droplet") : nullptr;
    if (droplet == nullptr) {
        return unreadable(who, "Droplet", value ? "it is missing" : value.error().message);
    }
    return read_droplet(*droplet);
}

Result<void> parse_destroyed(const HttpResponse& response) {
    if (response.status >= 200 && response.status < 300) {
        return {};
    }
    const Said why = said(response);
    if (response.status == 404 && why.id == "not_found") {
        return fail(Errc::not_found, fmt::format("{} knows no such Droplet", who));
    }
    if (response.status == 422 && lower(why.message).find("pending event") != std::string::npos) {
        return fail(
            Errc::conflict, fmt::format("{} is still busy with the Droplet: asked again", who));
    }
    return std::unexpected{failure(response, Errc::outcome_unknown)};
}

Result<Standing> parse_standing(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const account = value ? value->find("account") : nullptr;
    if (account == nullptr) {
        return unreadable(who, "account", value ? "it is missing" : value.error().message);
    }
    constexpr int limit_max = 1'000'000;
    const Value* const limit = account->find("droplet_limit");
    return Standing{
        .status = word(*account, "status"),
        // A token without the scope is not told: then nothing is known, and nothing is wrong.
        .droplet_limit =
            limit == nullptr ? limit_max : whole_within(*account, "droplet_limit", 0, limit_max)};
}

}  // namespace evenkeel::providers::digitalocean
