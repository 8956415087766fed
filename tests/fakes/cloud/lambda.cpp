#include "tests/fakes/cloud/base64.hpp"
#include "tests/fakes/cloud/contains.hpp"
#include "tests/fakes/cloud/query.hpp"
#include "tests/fakes/cloud/wire.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

/// Lambda Cloud API 1.10 (https://docs.lambda.ai/api/cloud): instance types, launch, list, get,
/// terminate, SSH keys, regions, images. It has no bill and no stop.
namespace evenkeel::fakes::cloud {

namespace bj = boost::json;
using json::quote;

namespace {

constexpr std::int64_t cent = 10'000'000;  // nano-dollars
constexpr std::size_t user_data_bytes_max = 1'000'000;

Reply error(int status, std::string_view code, std::string_view message, std::string_view hint) {
    return {
        .status = status,
        .body = json::object(
            {{"error",
              json::object(
                  {{"code", quote(code)},
                   {"message", quote(message)},
                   {"suggestion", hint.empty() ? "" : quote(hint)}})}})};
}

Reply invalid(std::string_view message) {
    return error(400, "global/invalid-parameters", message, "");
}

Reply refusal(Fault fault) {
    switch (fault) {
        case Fault::unauthorized:
            return error(
                401,
                "global/invalid-api-key",
                "API key was invalid, expired, or deleted.",
                "Check your API key or create a new one, then try again.");
        case Fault::rate_limited:
            return error(429, "global/rate-limited", "rate limited", "");
        case Fault::server_error:
            return error(500, "global/internal-error", "An unexpected error occurred.", "");
        case Fault::not_found:
            return error(
                404,
                "global/object-does-not-exist",
                "Specified instance does not exist.",
                "Check the IDs.");
        case Fault::no_stock:
            return error(
                400,
                "instance-operations/launch/insufficient-capacity",
                "Not enough capacity to fulfill launch request.",
                "Choose an instance type with more availability, or try again later.");
        case Fault::quota:
        case Fault::no_credit:
            return error(
                400,
                "global/quota-exceeded",
                "Quota exceeded.",
                "Contact Support to increase your quota.");
        case Fault::name_taken:
            return invalid("name is already in use");
        case Fault::locked:
            return error(409, "global/conflict", "The instance is locked.", "Try again later.");
    }
    return invalid("");
}

std::string_view status_of(const Machine& machine, UtcTime now) {
    if (machine.gone_at) {
        return "terminating";
    }
    switch (machine.phase(now)) {
        case Phase::placing:
        case Phase::starting:
            return "booting";
        case Phase::running:
            return "active";
        case Phase::off:
            return "unhealthy";
    }
    return "";
}

std::string type_json(const Sku& sku, Money hourly, std::string_view gpu, int gpus) {
    return fmt::format(
        R"({{"name":{},"description":{},"gpu_description":{},"price_cents_per_hour":{},)"
        R"("specs":{{"vcpus":{},"memory_gib":{},"storage_gib":{},"gpus":{}}}}})",
        quote(sku.slug),
        quote(sku.title),
        quote(gpu),
        hourly.nanos() / cent,
        sku.vcpus,
        sku.memory_gib,
        sku.disk_gib,
        gpus);
}

std::string region_json(std::string_view name) {
    const auto all = places(Vendor::lambda);
    const auto found = std::ranges::find(all, name, &Place::slug);
    return fmt::format(
        R"({{"name":{},"description":{}}})",
        quote(name),
        quote(found == all.end() ? name : found->title));
}

std::string instance_json(const Shop& shop, const Machine& machine, UtcTime now) {
    const Sku& sku = *find_sku(Vendor::lambda, machine.sku);
    const bool placed = machine.phase(now) != Phase::placing;
    const std::string can = R"({"available":true})";
    const std::string cannot =
        R"({"available":false,"reason_code":"vm-is-too-old","reason_description":"Not offered."})";
    std::vector<std::string> tags;
    for (const std::string& tag : machine.tags) {
        const std::size_t split = std::min(tag.find('='), tag.size());
        tags.push_back(json::object(
            {{"key", quote(tag.substr(0, split))},
             {"value", quote(tag.substr(std::min(split + 1, tag.size())))}}));
    }
    json::Members members{
        {"id", quote(machine.id)},
        {"name", quote(machine.name)},
        {"ip", placed ? quote(machine.address) : ""},
        {"private_ip", placed ? quote("10.19.60.24") : ""},
        {"status", quote(status_of(machine, now))},
        {"ssh_key_names", R"(["owner"])"},
        {"file_system_names", "[]"},
        {"file_system_mounts", "[]"},
        {"region", region_json(machine.region)},
        {"instance_type", type_json(sku, machine.hourly, machine.gpu, machine.gpu_count)},
        {"hostname", quote(fmt::format("host-{}", machine.id.substr(0, 8)))},
        {"actions",
         json::object(
             {{"migrate", cannot},
              {"rebuild", cannot},
              {"restart", can},
              {"cold_reboot", can},
              {"terminate", can}})},
        {"tags", json::array(tags)},
        {"firewall_rulesets", "[]"},
        // The API tells no time of creation.
        {"created", ""}};
    wire::trouble(
        members,
        shop.world().personality(Vendor::lambda),
        {.status = "status", .name = "name", .created = "created"});
    return json::object(members);
}

Reply list_types(const Shop& shop) {
    json::Members types;
    for (const Sku& sku : catalog(Vendor::lambda)) {
        std::vector<std::string> regions;
        for (const std::string_view region : sku.regions) {
            if (wire::shown_stock(shop, sku, region) > 0) {
                regions.push_back(region_json(region));
            }
        }
        types.emplace_back(
            sku.slug,
            json::object(
                {{"instance_type",
                  type_json(sku, shop.world().listed(sku, 1, false), sku.gpu, sku.gpus)},
                 {"regions_with_capacity_available", json::array(regions)}}));
    }
    return {.body = json::object({{"data", json::object(types)}})};
}

/// Fills the order; or says what is wrong with the body.
std::optional<Reply> read_order(const bj::object& body, Order& order) {
    static const std::regex key_pattern{"[a-z][a-z0-9\\-:]{1,54}"};
    static const std::regex host_pattern{"[a-z0-9][0-9a-z\\-]{0,62}"};
    for (const char* const name : {"region_name", "instance_type_name", "ssh_key_names"}) {
        if (!body.contains(name)) {
            return invalid(fmt::format("Missing required field: {}", name));
        }
    }
    const bj::array* const keys = body.at("ssh_key_names").if_array();
    if (keys == nullptr || keys->size() != 1 || !keys->front().is_string()) {
        return invalid("ssh_key_names must name exactly one key");
    }
    if (keys->front().as_string() != "owner") {
        return error(
            400,
            "global/object-does-not-exist",
            "Specified SSH key does not exist.",
            "Check the names of your SSH keys.");
    }
    order.name = wire::text(body, "name");
    if (order.name.size() > 64) {
        return invalid("name must have at most 64 characters");
    }
    if (body.contains("hostname") && !wire::matches(wire::text(body, "hostname"), host_pattern)) {
        return invalid("hostname is not a valid host name");
    }
    order.sku = find_sku(Vendor::lambda, wire::text(body, "instance_type_name"));
    order.region = wire::text(body, "region_name");
    if (order.sku == nullptr ||
        !contains(places(Vendor::lambda), std::string_view{order.region}, &Place::slug)) {
        return error(
            400,
            "global/object-does-not-exist",
            "No such instance type or region.",
            "Check GET /instance-types.");
    }
    order.gpu_count = order.sku->gpus;
    order.start_text = wire::text(body, "user_data");
    if (order.start_text.size() > user_data_bytes_max) {
        return invalid("user_data must be at most 1 MB");
    }
    if (const bj::value* const tags = body.if_contains("tags")) {
        if (!tags->is_array()) {
            return invalid("tags must be an array");
        }
        for (const bj::value& item : tags->as_array()) {
            const bj::object* const tag = item.if_object();
            const std::string key = tag == nullptr ? "" : wire::text(*tag, "key");
            const std::string value = tag == nullptr ? "" : wire::text(*tag, "value");
            if (!wire::matches(key, key_pattern) || value.size() > 128) {
                return invalid("tags must be keys and values as documented");
            }
            order.tags.push_back(key + '=' + value);
        }
    }
    return std::nullopt;
}

Reply launch(Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    if (!body) {
        return invalid("Invalid request data.");
    }
    Order order{.vendor = Vendor::lambda};
    if (auto wrong = read_order(*body, order)) {
        return *wrong;
    }
    const Shop::Placement placed = shop.place(order, now);
    if (placed.machine == nullptr) {
        return refusal(placed.fault);
    }
    return {
        .body = fmt::format(R"({{"data":{{"instance_ids":["{}"]}}}})", placed.machine->id),
        .machine = placed.machine->id};
}

Reply terminate(Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    const bj::value* const ids = body ? body->if_contains("instance_ids") : nullptr;
    if (ids == nullptr || !ids->is_array()) {
        return invalid("Missing required field: instance_ids");
    }
    std::vector<std::string> ended;
    std::string last;
    for (const bj::value& item : ids->as_array()) {
        const std::string id = item.is_string() ? std::string{item.as_string()} : std::string{};
        last = id;
        if (const auto fault = shop.destroy(Vendor::lambda, id, now)) {
            Reply reply = refusal(*fault);
            reply.machine = id;
            return reply;
        }
        if (const Machine* const machine = shop.world().any(id)) {
            ended.push_back(instance_json(shop, *machine, now));
        }
    }
    return {
        .body = fmt::format(R"({{"data":{{"terminated_instances":{}}}}})", json::array(ended)),
        .machine = last};
}

class LambdaDialect final : public Dialect {
public:
    Operation operation(const Call& call) const override {
        const std::string_view path = rest_of(call.path, "/api/v1");
        if (path == "instance-operations/launch") {
            return Operation::create;
        }
        if (path == "instance-operations/terminate") {
            return Operation::destroy;
        }
        if (path == "instances") {
            return Operation::list;
        }
        if (path == "instance-types") {
            return Operation::offers;
        }
        return path.starts_with("instances/") ? Operation::get : Operation::other;
    }

    Reply answer(Shop& shop, const Call& call, UtcTime now) const override {
        const std::string_view path = rest_of(call.path, "/api/v1");
        if (call.method == "POST") {
            return path == "instance-operations/launch"      ? launch(shop, call, now)
                   : path == "instance-operations/terminate" ? terminate(shop, call, now)
                                                             : refusal(Fault::not_found);
        }
        if (call.method != "GET") {
            return refusal(Fault::not_found);
        }
        if (path == "instance-types") {
            return list_types(shop);
        }
        if (path == "instances") {
            std::vector<std::string> items;
            for (const Machine* const machine : shop.list(Vendor::lambda, now).machines) {
                items.push_back(instance_json(shop, *machine, now));
            }
            return {.body = json::object({{"data", json::array(items)}})};
        }
        if (path.starts_with("instances/")) {
            const Machine* const machine =
                shop.look(Vendor::lambda, path.substr(std::string_view{"instances/"}.size()), now);
            return machine == nullptr
                       ? refusal(Fault::not_found)
                       : Reply{
                             .body = json::object({{"data", instance_json(shop, *machine, now)}}),
                             .machine = machine->id};
        }
        if (path == "ssh-keys") {
            return {
                .body = R"({"data":[{"id":"0920582c7ff041399e34823a0be62548","name":"owner",)"
                        R"("public_key":"ssh-ed25519 AAAAC3Nz owner"}]})"};
        }
        return refusal(Fault::not_found);
    }

    Reply refuse(Fault fault, std::chrono::seconds retry_after) const override {
        Reply reply = refusal(fault);
        if (fault == Fault::rate_limited) {
            reply.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
        }
        return reply;
    }

    bool authorized(std::string_view header, std::string_view token) const override {
        // Basic with the key as user and no password is allowed as well.
        constexpr std::string_view basic = "Basic ";
        return Dialect::authorized(header, token) ||
               (header.starts_with(basic) &&
                base64_decode(header.substr(basic.size())) == std::string{token} + ':');
    }

    std::vector<Window> windows() const override {
        return {{.name = "second", .quota = 1, .length = std::chrono::seconds{1}}};
    }
    std::vector<Window> create_windows() const override {
        return {{.name = "launch", .quota = 1, .length = std::chrono::seconds{12}}};
    }
    void add_rate_headers(
        Reply& /*reply*/,
        const std::vector<RateLimiter::Standing>& /*all*/,
        bool /*burst*/) const override {}

    std::string wanted_name(const Call& call) const override {
        const auto body = wire::read_object(call.body);
        return body ? wire::text(*body, "name") : std::string{};
    }
};

}  // namespace

const Dialect& digitalocean_dialect();
const Dialect& runpod_dialect();

const Dialect& dialect(Vendor vendor) noexcept {
    static const LambdaDialect lambda;
    switch (vendor) {
        case Vendor::digitalocean:
            return digitalocean_dialect();
        case Vendor::runpod:
            return runpod_dialect();
        case Vendor::lambda:
            break;
    }
    return lambda;
}

}  // namespace evenkeel::fakes::cloud
