#include "tests/fakes/cloud/contains.hpp"
#include "tests/fakes/cloud/runpod.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace evenkeel::fakes::cloud::runpod {

namespace bj = boost::json;
using json::quote;

namespace {

constexpr std::size_t env_max = 50;  // https://docs.runpod.io/pods/templates/environment-variables

std::string_view status_of(const Machine& machine, UtcTime now) {
    switch (machine.phase(now)) {
        case Phase::placing:
            return "PROVISIONING";
        case Phase::starting:
            return "STARTING";
        case Phase::running:
            return "RUNNING";
        case Phase::off:
            return "EXITED";
    }
    return "";
}

std::string_view actions_of(const Machine& machine, UtcTime now) {
    switch (machine.phase(now)) {
        case Phase::placing:
        case Phase::starting:
            return R"(["stop","terminate"])";
        case Phase::running:
            return R"(["stop","restart","terminate"])";
        case Phase::off:
            return R"(["start","terminate"])";
    }
    return "[]";
}

/// Nothing while the image is being pulled, although the pod is RUNNING: the ports come later.
std::string runtime_json(const Machine& machine, UtcTime now) {
    if (machine.phase(now) != Phase::running) {
        return "null";
    }
    if (now < machine.front_at) {
        return R"({"uptime":0,"gpus":[],"ports":[]})";
    }
    const auto uptime = std::chrono::floor<std::chrono::seconds>(now - machine.front_at);
    std::string ports = "[]";
    if (machine.port != 0) {
        ports = fmt::format(
            R"([{{"private":{},"public":{},"type":"tcp","ip":"{}"}}])",
            machine.node->port,
            machine.port,
            machine.address);
    }
    std::vector<std::string> gpus(
        static_cast<std::size_t>(machine.gpu_count), R"({"util":0,"memoryUtil":0})");
    return fmt::format(
        R"({{"uptime":{},"gpus":{},"cpu":{{"util":3}},"memory":{{"util":9}},"ports":{}}})",
        uptime.count(),
        json::array(gpus),
        ports);
}

/// Collects what breaks the schema, as the API lists it.
class Schema {
public:
    explicit Schema(const bj::object& body) : body_{body} {}

    void only(
        const bj::object& object,
        std::string_view where,
        std::initializer_list<std::string_view> known) {
        for (const auto& [name, value] : object) {
            if (!contains(known, std::string_view{name})) {
                add(where,
                    fmt::format("additional properties '{}' not allowed", std::string{name}));
            }
        }
    }
    void add(std::string_view where, std::string_view what) {
        errors_.push_back(fmt::format("{}: {}", where, what));
    }
    const bj::value* of_kind(std::string_view name, bj::kind kind, std::string_view wanted) {
        const bj::value* const value = body_.if_contains(name);
        if (value == nullptr) {
            return nullptr;
        }
        if (value->kind() != kind) {
            add(fmt::format("$.{}", name), fmt::format("must be {}", wanted));
            return nullptr;
        }
        return value;
    }
    [[nodiscard]] const std::vector<std::string>& errors() const noexcept { return errors_; }

private:
    const bj::object& body_;
    std::vector<std::string> errors_{};
};

bool all_strings(const bj::array& items) {
    return std::ranges::all_of(items, [](const bj::value& item) { return item.is_string(); });
}

void check_gpu(Schema& schema, const bj::value& gpu) {
    const bj::object& object = gpu.as_object();
    schema.only(object, "$.gpu", {"id", "count", "minCudaVersion", "allowedCudaVersions"});
    if (wire::text(object, "id").empty()) {
        schema.add("$.gpu", "missing property 'id'");
    }
    const bj::value* const count = object.if_contains("count");
    if (count != nullptr && (!count->is_int64() || count->as_int64() < 1)) {
        schema.add("$.gpu.count", "must be a whole number of at least 1");
    }
    static const std::regex version{"\\d+\\.\\d+"};
    const bj::value* const cuda = object.if_contains("minCudaVersion");
    if (cuda != nullptr && !wire::matches(wire::text(object, "minCudaVersion"), version)) {
        schema.add("$.gpu.minCudaVersion", "does not match pattern '^\\d+\\.\\d+$'");
    }
}

void check_mounts(Schema& schema, const bj::object& mounts) {
    schema.only(mounts, "$.mounts", {"persistent", "network"});
    if (const bj::value* const list = mounts.if_contains("network")) {
        if (!list->is_array() || list->as_array().size() > 1) {
            schema.add("$.mounts.network", "must be an array of at most 1");
            return;
        }
        for (const bj::value& item : list->as_array()) {
            const bj::object* const mount = item.if_object();
            if (mount == nullptr || wire::text(*mount, "volumeId").empty() ||
                wire::text(*mount, "path").empty()) {
                schema.add("$.mounts.network[0]", "missing properties 'volumeId', 'path'");
            } else {
                schema.only(*mount, "$.mounts.network[0]", {"volumeId", "path"});
            }
        }
    }
    if (const bj::value* const disk = mounts.if_contains("persistent")) {
        const bj::object* const mount = disk->if_object();
        const bj::value* const size = mount == nullptr ? nullptr : mount->if_contains("size");
        if (size == nullptr || !size->is_int64() || size->as_int64() < 10 ||
            wire::text(*mount, "path").empty()) {
            schema.add("$.mounts.persistent", "needs 'size' (10 or more) and 'path'");
        }
    }
}

void check_container(Schema& schema, const bj::object& body) {
    static const std::regex port{"\\d{1,5}/(tcp|http)"};
    static_cast<void>(schema.of_kind("args", bj::kind::string, "a string"));
    if (const auto* const disk = schema.of_kind("disk", bj::kind::int64, "a whole number")) {
        if (disk->as_int64() < 1) {
            schema.add("$.disk", "minimum: got 0, want 1");
        }
    }
    if (const auto* const ports = schema.of_kind("ports", bj::kind::array, "an array")) {
        for (const bj::value& item : ports->as_array()) {
            if (!item.is_string() || !wire::matches(std::string{item.as_string()}, port)) {
                schema.add("$.ports", "entries are port/protocol, such as 8443/tcp");
            }
        }
    }
    if (const auto* const env = schema.of_kind("env", bj::kind::object, "an object")) {
        const bj::object& entries = env->as_object();
        const bool strings = std::ranges::all_of(
            entries, [](const auto& entry) { return entry.value().is_string(); });
        if (!strings || entries.size() > env_max) {
            schema.add("$.env", "at most 50 entries, all of them strings");
        }
    }
    if (const auto* const mounts = schema.of_kind("mounts", bj::kind::object, "an object")) {
        check_mounts(schema, mounts->as_object());
    }
    static_cast<void>(body);
}

Schema check(const bj::object& body) {
    Schema schema{body};
    schema.only(
        body,
        "$",
        {"name",
         "image",
         "args",
         "disk",
         "ports",
         "env",
         "registry",
         "cloud",
         "gpu",
         "cpu",
         "mounts",
         "dataCenterIds",
         "globalNetworking",
         "startSsh",
         "startJupyter",
         "templateId"});
    for (const char* const name : {"name", "image"}) {
        const auto* const value = schema.of_kind(name, bj::kind::string, "a string");
        if (!body.contains(name)) {
            schema.add("$", fmt::format("missing property '{}'", name));
        } else if (value != nullptr && value->as_string().empty()) {
            schema.add(fmt::format("$.{}", name), "minLength: got 0, want 1");
        }
    }
    if (const auto* const gpu = schema.of_kind("gpu", bj::kind::object, "an object")) {
        check_gpu(schema, *gpu);
    }
    check_container(schema, body);
    const std::string cloud = wire::text(body, "cloud");
    if (body.contains("cloud") && cloud != "SECURE" && cloud != "COMMUNITY") {
        schema.add("$.cloud", "must be SECURE or COMMUNITY");
    }
    if (const auto* const centres = schema.of_kind("dataCenterIds", bj::kind::array, "an array")) {
        if (!all_strings(centres->as_array())) {
            schema.add("$.dataCenterIds", "must be strings");
        }
    }
    for (const char* const name : {"globalNetworking", "startSsh", "startJupyter"}) {
        static_cast<void>(schema.of_kind(name, bj::kind::bool_, "true or false"));
    }
    return schema;
}

Reply bad_request(std::string_view detail) {
    return problem(400, "Bad Request", detail);
}

std::vector<std::string> wanted_centres(const bj::object& body, const Sku& sku) {
    std::vector<std::string> centres;
    if (const bj::value* const ids = body.if_contains("dataCenterIds")) {
        for (const bj::value& id : ids->as_array()) {
            centres.emplace_back(id.as_string());
        }
    }
    if (centres.empty()) {
        centres.assign(sku.regions.begin(), sku.regions.end());
    }
    return centres;
}

/// What the pod gives back of its configuration: members of its JSON.
std::string echo_of(const bj::object& body) {
    const auto part = [&](std::string_view name, std::string_view otherwise) {
        const bj::value* const value = body.if_contains(name);
        return value == nullptr ? std::string{otherwise} : bj::serialize(*value);
    };
    const std::string text = json::object(
        {{"args", part("args", "\"\"")},
         {"disk", part("disk", "20")},
         {"ports", part("ports", "[]")},
         {"env", part("env", "{}")},
         {"mounts", part("mounts", "{}")},
         {"registry", part("registry", "null")}});
    return text.substr(1, text.size() - 2);
}

/// The first TCP port: where the front listens inside.
int front_port(const bj::object& body) {
    if (const bj::value* const ports = body.if_contains("ports")) {
        for (const bj::value& item : ports->as_array()) {
            const std::string_view text = item.as_string();
            int port = 0;
            if (text.ends_with("/tcp") &&
                std::from_chars(text.data(), text.data() + text.size(), port).ec == std::errc{}) {
                return port;
            }
        }
    }
    return 0;
}

/// Rules that the schema does not hold; nothing when they are kept.
std::optional<Reply> broken_rule(const bj::object& body, const Sku* sku, int count) {
    if (body.contains("gpu") == body.contains("cpu")) {
        return bad_request("exactly one of gpu or cpu must be set");
    }
    if (body.contains("cpu")) {
        return bad_request("CPU pods are not played here");
    }
    if (sku == nullptr) {
        return bad_request("unknown gpu type");
    }
    if (count > sku->gpus) {
        return bad_request("gpu.count is above what one pod can have");
    }
    const bj::value* const mounts = body.if_contains("mounts");
    if (mounts == nullptr) {
        return std::nullopt;
    }
    const bj::value* const network = mounts->as_object().if_contains("network");
    if (network != nullptr && mounts->as_object().contains("persistent")) {
        return bad_request("mounts.persistent and mounts.network exclude each other");
    }
    if (network != nullptr && !network->as_array().empty() &&
        wire::text(network->as_array().front().as_object(), "volumeId") != volume_id) {
        return problem(404, "Not Found", "network volume not found");
    }
    const bool bound = network != nullptr && !network->as_array().empty();
    const auto centres = wanted_centres(body, *sku);
    if (bound && !contains(centres, volume_centre)) {
        return bad_request("the network volume is in another data center");
    }
    return std::nullopt;
}

}  // namespace

std::string pod_json(const Shop& shop, const Machine& machine, UtcTime now) {
    const bool never = machine.phase(now) == Phase::placing;
    json::Members members{
        {"id", quote(machine.id)},
        {"name", quote(machine.name)},
        {"status", quote(status_of(machine, now))},
        {"actions", std::string{actions_of(machine, now)}},
        {"image", quote(machine.image)},
        {"gpu", fmt::format(R"({{"id":{},"count":{}}})", quote(machine.gpu), machine.gpu_count)},
        {"cloud", quote(machine.community ? "COMMUNITY" : "SECURE")},
        {"dataCenterId", never ? "null" : quote(machine.region)},
        {"template", "null"},
        {"cost", machine.off ? "0.0" : amount_text(machine.hourly)},
        {"locked", "false"},
        {"globalNetworking", R"({"enabled":false})"},
        {"runtime", runtime_json(machine, now)},
        {"createdAt", quote(wire::seconds_text(machine.created))},
        {"startedAt",
         machine.phase(now) == Phase::running ? quote(wire::seconds_text(machine.running_at))
                                              : "null"}};
    wire::trouble(
        members,
        shop.world().personality(Vendor::runpod),
        {.status = "status", .name = "name", .created = "createdAt"});
    std::string text = json::object(members);
    text.insert(
        1,
        (machine.echo.empty() ? std::string{R"("args":"","disk":20,"ports":[],"env":{},)"
                                            R"("mounts":{},"registry":null)"}
                              : machine.echo) +
            ',');
    return text;
}

Reply create_pod(Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    if (!body) {
        return bad_request("the body is not a JSON object");
    }
    if (const Schema schema = check(*body); !schema.errors().empty()) {
        return problem(422, "Unprocessable Entity", "Request validation failed.", schema.errors());
    }
    const bj::value* const gpu = body->if_contains("gpu");
    const std::string id = gpu == nullptr ? std::string{} : wire::text(gpu->as_object(), "id");
    const bj::value* const count = gpu == nullptr ? nullptr : gpu->as_object().if_contains("count");
    const int gpus =
        count == nullptr ? 1 : static_cast<int>(std::min<std::int64_t>(count->as_int64(), 1'000));
    const Sku* const sku = find_sku(Vendor::runpod, id);
    if (auto broken = broken_rule(*body, sku, gpus)) {
        return *broken;
    }
    Order order{
        .vendor = Vendor::runpod,
        .name = wire::text(*body, "name"),
        .sku = sku,
        .gpu_count = gpus,
        .community = wire::text(*body, "cloud") == "COMMUNITY",
        .image = wire::text(*body, "image"),
        .echo = echo_of(*body),
        .start_text = wire::text(*body, "args"),
        .port = front_port(*body)};
    if (const bj::value* const env = body->if_contains("env")) {
        for (const auto& [name, value] : env->as_object()) {
            order.start_text +=
                fmt::format("\n{}={}", std::string_view{name}, std::string_view{value.as_string()});
        }
    }
    order.region = "nowhere";
    for (const std::string& centre : wanted_centres(*body, *sku)) {
        if (shop.world().stock_left(*sku, centre) > 0) {
            order.region = centre;
            break;
        }
    }
    const Shop::Placement placed = shop.place(order, now);
    if (placed.machine == nullptr) {
        return refuse(placed.fault, {});
    }
    return {
        .status = 201, .body = pod_json(shop, *placed.machine, now), .machine = placed.machine->id};
}

}  // namespace evenkeel::fakes::cloud::runpod
