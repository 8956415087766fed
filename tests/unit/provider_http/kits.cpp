#include "tests/unit/provider_http/kits.hpp"

#include "providers/digitalocean/digitalocean.hpp"
#include "providers/lambda/lambda.hpp"
#include "providers/runpod/runpod.hpp"
#include "providers/sandbox/sandbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace evenkeel::providers::testing {

namespace {

std::string joined(const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ","));
}

std::function<std::string(std::string)> cutting(std::string part) {
    return [part = std::move(part)](std::string text) {
        const std::size_t at = text.find(part);
        if (at == text.npos) {
            throw std::logic_error{"no price in the kit's machine"};
        }
        return text.erase(at, part.size());
    };
}

Price usd_per_hour(std::int64_t nanos) {
    return Price::per_hour(Money{nanos, usd});
}

Kit sandbox_kit() {
    Kit kit{.kind = "sandbox", .id = "m-1", .other_id = "m-2", .running = "running"};
    kit.price = usd_per_hour(4'410'000'000);
    kit.make = [](DriverOptions options, ClientPair clients, const Clock& clock, Pause) {
        return make_sandbox(
            options.name,
            options.owner_mark,
            std::move(clients.spend),
            std::move(clients.safety),
            clock);
    };
    kit.machine = [](std::string_view id, std::string_view name, std::string_view status) {
        return fmt::format(
            R"({{"id":"{}","name":"{}","owner_mark":"{}","status":"{}","gpu":"H100",)"
            R"("gpu_count":1,"price_per_hour":"4.41","currency":"USD","host":"127.0.0.1",)"
            R"("port":40123,"created":"2026-03-04T05:06:07Z"}})",
            id,
            name,
            kit_mark,
            status);
    };
    kit.without_price = cutting(R"("price_per_hour":"4.41",)");
    kit.created = [](std::string_view machine) { return HttpResponse{201, std::string{machine}}; };
    kit.got = [](std::string_view machine) { return HttpResponse{200, std::string{machine}}; };
    kit.list = [](ScriptedClient& client, const std::vector<std::string>& machines) {
        client.answers.push_back(HttpResponse{
            200,
            fmt::format(
                R"({{"machines":[{}],"next":null,"total":{}}})",
                joined(machines),
                machines.size())});
    };
    kit.destroyed = [](std::string_view) { return HttpResponse{204, ""}; };
    kit.complaint = [](std::string_view text) {
        return HttpResponse{
            400, fmt::format(R"({{"error":{{"code":"bad_request","message":"{}"}}}})", text)};
    };
    return kit;
}

Kit digitalocean_kit() {
    Kit kit{.kind = "digitalocean", .id = "3164444", .other_id = "3164445", .running = "active"};
    kit.price = usd_per_hour(4'410'000'000);
    kit.make = [](DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
        return *make_digitalocean(std::move(options), std::move(clients), clock, std::move(pause));
    };
    kit.machine = [](std::string_view id, std::string_view name, std::string_view status) {
        return fmt::format(
            R"({{"id":{},"name":"{}","memory":245760,"locked":false,"status":"{}",)"
            R"("created_at":"2026-03-04T05:06:07Z","size_slug":"gpu-h100x1-80gb",)"
            R"("size":{{"slug":"gpu-h100x1-80gb","price_hourly":4.41}},)"
            R"("gpu_info":{{"count":1,"model":"nvidia_h100"}},)"
            R"("networks":{{"v4":[{{"ip_address":"10.1.1.1","type":"private"}},)"
            R"({{"ip_address":"203.0.113.7","type":"public"}}],"v6":[]}},)"
            R"("region":{{"slug":"tor1"}},"tags":["evenkeel","{}","ek-expires-29654321"]}})",
            id,
            name,
            status,
            kit_mark);
    };
    kit.without_price = cutting(R"(,"price_hourly":4.41)");
    kit.created = [](std::string_view machine) {
        return HttpResponse{202, fmt::format(R"({{"droplet":{},"links":{{}}}})", machine)};
    };
    kit.got = [](std::string_view machine) {
        return HttpResponse{200, fmt::format(R"({{"droplet":{}}})", machine)};
    };
    kit.list = [](ScriptedClient& client, const std::vector<std::string>& machines) {
        for (int each = 0; each < 2; ++each) {  // by type, then by tag
            client.answers.push_back(HttpResponse{
                200,
                fmt::format(
                    R"({{"droplets":[{}],"links":{{}},"meta":{{"total":{}}}}})",
                    joined(machines),
                    machines.size())});
        }
    };
    kit.destroyed = [](std::string_view) { return HttpResponse{204, ""}; };
    kit.complaint = [](std::string_view text) {
        return HttpResponse{
            422, fmt::format(R"({{"id":"unprocessable_entity","message":"{}"}})", text)};
    };
    return kit;
}

Kit runpod_kit() {
    Kit kit{.kind = "runpod", .id = "7h9k2m4n6p", .other_id = "zzzz2m4n6p", .running = "RUNNING"};
    kit.price = usd_per_hour(3'990'000'000);
    kit.make = [](DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
        return *make_runpod(std::move(options), std::move(clients), clock, std::move(pause));
    };
    kit.machine = [](std::string_view id, std::string_view name, std::string_view status) {
        return fmt::format(
            R"({{"id":"{}","name":"{}","image":"i","args":"","env":{{"K":"env-2f81-marked"}},)"
            R"("status":"{}","gpu":{{"id":"NVIDIA H100 80GB HBM3","count":1}},"cost":3.99,)"
            R"("runtime":{{"uptime":3,"ports":[{{"private":22,"public":null,"type":"tcp",)"
            R"("ip":null}},{{"private":8443,"public":43210,"type":"tcp","ip":"203.0.113.9"}}]}},)"
            R"("createdAt":"2026-03-04T05:06:07Z","startedAt":null}})",
            id,
            name,
            status);
    };
    kit.without_price = cutting(R"("cost":3.99,)");
    kit.created = [](std::string_view machine) { return HttpResponse{201, std::string{machine}}; };
    kit.got = [](std::string_view machine) { return HttpResponse{200, std::string{machine}}; };
    kit.list = [](ScriptedClient& client, const std::vector<std::string>& machines) {
        client.answers.push_back(
            HttpResponse{200, fmt::format(R"({{"pods":[{}]}})", joined(machines))});
    };
    kit.destroyed = [](std::string_view) { return HttpResponse{204, ""}; };
    kit.complaint = [](std::string_view text) {
        return HttpResponse{
            422,
            fmt::format(
                R"({{"title":"Unprocessable","status":422,"detail":"no","errors":["{}"]}})", text)};
    };
    return kit;
}

Kit lambda_kit() {
    Kit kit{
        .kind = "lambda",
        .id = "0920582c7ff041399e34823a0be62549",
        .other_id = "1920582c7ff041399e34823a0be62549",
        .running = "active"};
    kit.price = usd_per_hour(4'290'000'000);
    kit.answers_with_name = false;
    kit.make = [](DriverOptions options, ClientPair clients, const Clock& clock, Pause pause) {
        return make_lambda(std::move(options), std::move(clients), clock, std::move(pause));
    };
    kit.machine = [](std::string_view id, std::string_view name, std::string_view status) {
        return fmt::format(
            R"({{"id":"{}","name":"{}","ip":"203.0.113.8","status":"{}","ssh_key_names":["k"],)"
            R"("region":{{"name":"us-east-1"}},"instance_type":{{"name":"gpu_1x_h100_sxm5",)"
            R"j("gpu_description":"H100 (80 GB SXM5)","price_cents_per_hour":429,)j"
            R"("specs":{{"gpus":1}}}},"tags":[{{"key":"evenkeel","value":"{}"}}]}})",
            id,
            name,
            status,
            kit_mark);
    };
    kit.without_price = cutting(R"("price_cents_per_hour":429,)");
    kit.created = [id = kit.id](std::string_view machine) {
        const bool broken = machine.find(R"("id":)") == machine.npos;
        return HttpResponse{
            200,
            broken ? std::string{machine}
                   : fmt::format(R"({{"data":{{"instance_ids":["{}"]}}}})", id)};
    };
    kit.got = [](std::string_view machine) {
        return HttpResponse{200, fmt::format(R"({{"data":{}}})", machine)};
    };
    kit.list = [](ScriptedClient& client, const std::vector<std::string>& machines) {
        client.answers.push_back(
            HttpResponse{200, fmt::format(R"({{"data":[{}]}})", joined(machines))});
    };
    kit.destroyed = [](std::string_view id) {
        return HttpResponse{
            200,
            fmt::format(
                R"({{"data":{{"terminated_instances":[{{"id":"{}","status":"terminating"}}]}}}})",
                id)};
    };
    kit.complaint = [](std::string_view text) {
        return HttpResponse{
            400,
            fmt::format(
                R"({{"error":{{"code":"global/invalid-parameters","message":"{}"}}}})", text)};
    };
    return kit;
}

}  // namespace

const std::vector<Kit>& kits() {
    static const std::vector<Kit> all{
        sandbox_kit(), digitalocean_kit(), runpod_kit(), lambda_kit()};
    return all;
}

const Kit& kit_of(std::string_view kind) {
    const auto found = std::ranges::find(kits(), kind, &Kit::kind);
    if (found == kits().end()) {
        throw std::runtime_error{fmt::format("no kit for {}", kind)};
    }
    return *found;
}

const std::vector<std::string>& kit_secrets() {
    static const std::vector<std::string> secrets{
        "tok-5e94-marked", "key-77aa-marked", "env-2f81-marked", "data-31cc-marked"};
    return secrets;
}

MachineSpec kit_spec(const Kit& kit) {
    MachineSpec spec{
        .name = std::string{kit_name},
        .sku = "h100",
        .region = "tor1",
        .image = "vllm/vllm-openai:v0.11.0",
        .model = "qwq-32b",
        .engine_key = kit_secrets()[1],
        .owner_mark = std::string{kit_mark},
        .expires = from_us(1'772'600'767'000'000)};
    if (kit.kind == "runpod") {
        spec.env = {{"ENGINE_KEY", kit_secrets()[2]}};
        spec.args = "-c " + kit_secrets()[3];
    } else {
        spec.user_data = "#cloud-config\n# " + kit_secrets()[3] + "\n";
    }
    return spec;
}

DriverOptions kit_options(const Kit& kit) {
    return {
        .name = "my-" + kit.kind,
        .credential = Secret{std::string{kit_secrets()[0]}},
        .owner_mark = std::string{kit_mark},
        .ssh_keys = {"my-key"}};
}

}  // namespace evenkeel::providers::testing
