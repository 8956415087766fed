#include "tests/fakes/cloud/runpod.hpp"

#include <fmt/format.h>

namespace evenkeel::fakes::cloud {

namespace runpod {

using json::quote;

Reply problem(
    int status,
    std::string_view title,
    std::string_view detail,
    const std::vector<std::string>& errors) {
    return {
        .status = status,
        .body = json::object(
            {{"title", quote(title)},
             {"status", std::to_string(status)},
             {"detail", quote(detail)},
             {"errors", errors.empty() ? "" : json::strings(errors)}}),
        .content_type = "application/problem+json"};
}

Reply refuse(Fault fault, std::chrono::seconds /*retry_after*/) {
    switch (fault) {
        case Fault::unauthorized:
            return problem(401, "Unauthorized", "missing bearer token");
        case Fault::rate_limited:
            return problem(429, "Too Many Requests", "rate limit exceeded for the minute window");
        case Fault::server_error:
            return problem(500, "Internal Server Error", "internal error");
        case Fault::not_found:
            return problem(404, "Not Found", "pod not found");
        case Fault::no_stock:
            return problem(
                400,
                "Bad Request",
                "There are no longer any instances available with the requested specifications. "
                "Please refresh and try again.");
        case Fault::quota:
            return problem(403, "Forbidden", "access denied");
        case Fault::no_credit:
            return problem(402, "Payment Required", "insufficient balance");
        case Fault::name_taken:
            return problem(409, "Conflict", "a pod with this name already exists");
        case Fault::locked:
            return problem(409, "Conflict", "action not valid for current status");
    }
    return problem(500, "Internal Server Error", "internal error");
}

}  // namespace runpod

namespace {

using namespace runpod;

constexpr std::string_view pods_path = "/v2/pods";

Reply graphql(const Shop& shop, const Call& call, UtcTime now) {
    const auto body = wire::read_object(call.body);
    const std::string query = body ? wire::text(*body, "query") : std::string{};
    if (!query.contains("clientBalance")) {
        return {.body = R"({"errors":[{"message":"this query is not played here"}],"data":null})"};
    }
    Money rate{0, usd};
    for (const Machine& machine : shop.world().machines()) {
        if (machine.vendor == Vendor::runpod && !machine.gone && !machine.off) {
            rate += machine.hourly;
        }
    }
    return {
        .body = fmt::format(
            R"({{"data":{{"myself":{{"clientBalance":{},"currentSpendPerHr":{}}}}}}})",
            amount_text(shop.world().balance(Vendor::runpod, now)),
            amount_text(rate))};
}

Reply volumes(std::string_view id) {
    const std::string volume = fmt::format(
        R"({{"id":"{}","name":"weights","size":200,"dataCenter":"{}","type":"STANDARD"}})",
        volume_id,
        volume_centre);
    if (id.empty()) {
        return {.body = fmt::format(R"({{"networkVolumes":[{}]}})", volume)};
    }
    return id == volume_id ? Reply{.body = volume}
                           : problem(404, "Not Found", "resource not found");
}

Reply act(Shop& shop, const Call& call, Machine& machine, UtcTime now) {
    const auto body = wire::read_object(call.body);
    const std::string action = body ? wire::text(*body, "action") : std::string{};
    const bool off = machine.off;
    if (action == "terminate") {
        shop.world().remove(machine, "deleted", now);
        return {.status = 204, .machine = machine.id};
    }
    if (action != "start" && action != "stop" && action != "restart") {
        return problem(
            422,
            "Unprocessable Entity",
            "Request validation failed.",
            {"$.action: must be one of start, stop, restart, terminate"});
    }
    const bool restart_early = action == "restart" && machine.phase(now) != Phase::running;
    if ((action == "start") != off || restart_early) {
        return runpod::refuse(Fault::locked, {});
    }
    if (action == "stop") {
        shop.world().switch_off(machine, now);
    } else if (action == "start") {
        // A pod that was stopped comes back without GPUs when they went to others:
        // https://docs.runpod.io/pods/troubleshooting/zero-gpus
        machine.off = false;
        machine.gpu_count = 0;
    }
    return {.body = pod_json(shop, machine, now), .machine = machine.id};
}

class RunpodDialect final : public Dialect {
public:
    Operation operation(const Call& call) const override {
        if (call.path.starts_with("/v2/catalog/")) {
            return Operation::offers;
        }
        const std::string_view id = rest_of(call.path, pods_path);
        if (!call.path.starts_with(pods_path) || id.contains('/')) {
            return Operation::other;
        }
        if (call.method == "POST") {
            return Operation::create;
        }
        if (call.method == "DELETE") {
            return Operation::destroy;
        }
        return id.empty() ? Operation::list : Operation::get;
    }

    Reply answer(Shop& shop, const Call& call, UtcTime now) const override {
        const std::string_view path = call.path;
        const bool get = call.method == "GET";
        if (path.starts_with(pods_path)) {
            return pods(shop, call, now);
        }
        if (path == "/graphql" && call.method == "POST") {
            return graphql(shop, call, now);
        }
        if (get && path.starts_with("/v2/catalog/gpus")) {
            return list_gpus(shop, call);
        }
        if (get && path.starts_with("/v2/catalog/datacenters")) {
            return list_centres(shop, call);
        }
        if (get && path.starts_with("/v2/network-volumes")) {
            return volumes(rest_of(path, "/v2/network-volumes"));
        }
        if (get && path == "/v2/billing/pods") {
            return pod_bill(shop, call, now);
        }
        if (get && path == "/v2/billing") {
            return whole_bill(shop, call, now);
        }
        return problem(404, "Not Found", "resource not found");
    }

    Reply refuse(Fault fault, std::chrono::seconds retry_after) const override {
        Reply reply = runpod::refuse(fault, retry_after);
        if (fault == Fault::rate_limited) {
            reply.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
        }
        return reply;
    }

    bool passes_edge(const Call& call) const override { return !call.user_agent.empty(); }

    std::vector<Window> windows() const override {
        return {
            {.name = "minute", .quota = 60, .length = std::chrono::minutes{1}},
            {.name = "hour", .quota = 3'000, .length = std::chrono::hours{1}},
            {.name = "day", .quota = 50'000, .length = std::chrono::hours{24}}};
    }

    void add_rate_headers(
        Reply& reply, const std::vector<RateLimiter::Standing>& all, bool /*b*/) const override {
        std::string rate;
        std::string policy;
        for (const RateLimiter::Standing& window : all) {
            const std::string_view comma = rate.empty() ? "" : ", ";
            rate += fmt::format(
                R"({}"{}";r={};t={})", comma, window.name, window.left, window.resets_in.count());
            policy += fmt::format(
                R"({}"{}";q={};w={})", comma, window.name, window.quota, window.length.count());
        }
        reply.headers.emplace_back("RateLimit", rate);
        reply.headers.emplace_back("RateLimit-Policy", policy);
    }

    std::string wanted_name(const Call& call) const override {
        const auto body = wire::read_object(call.body);
        return body ? wire::text(*body, "name") : std::string{};
    }

private:
    static Reply pods(Shop& shop, const Call& call, UtcTime now) {
        const std::string_view rest = rest_of(call.path, pods_path);
        const std::string_view id = rest.substr(0, rest.find('/'));
        const std::string_view more = id.size() < rest.size() ? rest.substr(id.size() + 1) : "";
        if (rest.empty() && call.method == "POST") {
            return create_pod(shop, call, now);
        }
        if (rest.empty() && call.method == "GET") {
            std::vector<std::string> items;
            for (const Machine* const machine : shop.list(Vendor::runpod, now).machines) {
                items.push_back(pod_json(shop, *machine, now));
            }
            return {.body = json::object({{"pods", json::array(items)}})};
        }
        if (more.empty() && call.method == "DELETE") {
            const auto fault = shop.destroy(Vendor::runpod, id, now);
            Reply reply = fault ? runpod::refuse(*fault, {}) : Reply{.status = 204};
            reply.machine = id;
            return reply;
        }
        Machine* const machine = shop.look(Vendor::runpod, id, now);
        if (machine == nullptr) {
            return runpod::refuse(Fault::not_found, {});
        }
        if (more.empty() && call.method == "GET") {
            return {.body = pod_json(shop, *machine, now), .machine = machine->id};
        }
        if (more == "action" && call.method == "POST") {
            return act(shop, call, *machine, now);
        }
        return problem(405, "Method Not Allowed", "not played here");
    }
};

}  // namespace

const Dialect& runpod_dialect() {
    static const RunpodDialect instance;
    return instance;
}

}  // namespace evenkeel::fakes::cloud
