#include "providers/runpod/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/lines.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::providers::runpod {

namespace {

using exact_json::quote;
using exact_json::Value;

constexpr std::string_view who = "RunPod";
constexpr std::string_view expires_variable = "EVENKEEL_EXPIRES";
constexpr int gpus_max = 64;
constexpr int port_max = 65'535;

/// RunPod's own words about a failure (RFC 9457); nothing when the body is not one of its answers.
std::optional<std::string> said(const HttpResponse& response) {
    const auto value = exact_json::parse(response.body);
    const Value* const status = value ? value->find("status") : nullptr;
    if (status == nullptr || status->integer() != response.status) {
        return std::nullopt;
    }
    std::string text{value->text("detail")};
    if (const Value* const errors = value->find("errors")) {
        for (const Value& each : errors->items()) {
            text += fmt::format("; {}", each.string().value_or(""));
        }
    }
    return text.empty() ? std::string{value->text("title")} : text;
}

bool in_stock(std::string_view level) {
    return level == "LOW" || level == "MEDIUM" || level == "HIGH";
}

/// Address and port of the first published TCP port; the driver publishes only one.
void read_address(const Value& pod, RemoteMachine& machine) {
    const Value* const runtime = pod.find("runtime");
    const Value* const ports = runtime == nullptr ? nullptr : runtime->find("ports");
    if (ports == nullptr || !machine.running) {
        return;
    }
    for (const Value& each : ports->items()) {
        const int port = whole_within(each, "public", 0, port_max);
        const std::string ip = word(each, "ip");
        if (each.text("type") == "tcp" && port > 0 && !ip.empty()) {
            machine.host = ip;
            machine.port = port;
            return;
        }
    }
}

/// Only the id is indispensable: a machine with an unknown status or a missing field must still be
/// seen and deletable.
Result<RemoteMachine> read_pod(const Value& object) {
    RemoteMachine machine{
        .remote_id = word(object, "id"),
        .name = word(object, "name"),
        .status = word(object, "status"),
        // It costs nothing while stopped or ended; that is no price.
        .price = hourly_price_of(object.find("cost"), usd).value_or(Price{}),
        .created = parse_rfc3339(object.text("createdAt")).value_or(UtcTime{})};
    if (!is_path_id(machine.remote_id)) {
        return unreadable(who, "pod", "it has no usable id");
    }
    machine.owner_mark = owner_mark_of_name(machine.name);
    machine.running = machine.status == "RUNNING";
    machine.stopped = machine.status == "EXITED" || machine.status == "ERROR";
    if (const Value* const gpu = object.find("gpu")) {
        machine.gpu = word(*gpu, "id");
        machine.gpu_count = whole_within(*gpu, "count", 0, gpus_max);
        if (const Value* const count = gpu->find("count"); count && count->integer() == 0) {
            machine.gpu = "none";  // stated, unlike a count that is left out
        }
    }
    if (const Value* const env = object.find("env")) {
        machine.expires = parse_rfc3339(env->text(expires_variable)).value_or(UtcTime{});
    }
    read_address(object, machine);
    return machine;
}

bool is_gone(const RemoteMachine& machine) {
    return machine.status == "TERMINATED";
}

std::string env_object(const MachineSpec& spec) {
    std::string out;
    bool dated = false;
    for (const auto& [name, value] : spec.env) {
        out += fmt::format("{}{}:{}", out.empty() ? "" : ",", quote(name), quote(value));
        dated = dated || name == expires_variable;
    }
    if (!dated) {
        out += fmt::format(
            "{}\"{}\":\"{}\"",
            out.empty() ? "" : ",",
            expires_variable,
            format_rfc3339(spec.expires));
    }
    return out;
}

}  // namespace

std::string upper(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

Error failure(const HttpResponse& response, Errc lost, std::span<const std::string> secrets) {
    const auto words = said(response);
    if (response.status == 403 && !words) {
        return {
            Errc::rejected,
            "RunPod's edge refused the request (403, not in RunPod's own words): the key may be "
            "good; look for a proxy or a blocked address on the way"};
    }
    return general_error(who, response, public_detail(words.value_or(""), secrets), lost);
}

HttpRequest make_catalog_request(std::string_view cloud) {
    return {
        .target = fmt::format(
            "/v2/catalog/gpus?include=AVAILABILITY&product=POD&count=1&cloud={}"
            "&minCudaVersion={}",
            url_encode(cloud),
            min_cuda_version)};
}
HttpRequest make_list_request() {
    return {.target = "/v2/pods"};
}
HttpRequest make_get_request(std::string_view id) {
    return {.target = "/v2/pods/" + url_encode(id)};
}
HttpRequest make_destroy_request(std::string_view id) {
    return {.method = "DELETE", .target = "/v2/pods/" + url_encode(id)};
}
HttpRequest make_balance_request() {
    return {
        .method = "POST",
        .target = "/graphql",
        .body = R"({"query":"query { myself { clientBalance currentSpendPerHr } }"})"};
}

HttpRequest make_create_request(const MachineSpec& spec, std::string_view cloud) {
    std::string places;
    if (!spec.region.empty()) {
        places = fmt::format(R"("dataCenterIds":[{}],)", quote(upper(spec.region)));
    }
    std::string mounts;
    if (!spec.volume.empty()) {
        mounts = fmt::format(
            R"(,"mounts":{{"network":[{{"volumeId":{},"path":"{}"}}]}})",
            quote(spec.volume),
            volume_path);
    }
    std::string args;
    if (!spec.args.empty()) {
        args = fmt::format(R"("args":{},)", quote(spec.args));
    }
    return {
        .method = "POST",
        .target = "/v2/pods",
        .body = fmt::format(
            R"({{"name":{},"image":{},"cloud":{},"gpu":{{"id":{},"count":{},)"
            R"("minCudaVersion":"{}"}},{}"disk":{},"ports":["{}/tcp"],{}"env":{{{}}}{}}})",
            quote(spec.name),
            quote(spec.image),
            quote(cloud),
            quote(spec.sku),
            std::max(spec.gpu_count, 1),
            min_cuda_version,
            places,
            spec.disk_gb > 0 ? spec.disk_gb : default_disk_gb,
            spec.port > 0 ? spec.port : default_port,
            args,
            env_object(spec),
            mounts)};
}

Result<std::vector<MarketOffer>> parse_catalog(
    const HttpResponse& response,
    std::string_view cloud,
    std::span<const std::string> wanted,
    UtcTime now) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("gpus") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable(who, "catalogue", value ? "no GPUs in it" : value.error().message);
    }
    const std::string_view tier = cloud == "COMMUNITY" ? "community" : "secure";
    std::vector<MarketOffer> offers;
    for (const Value& gpu : list->items()) {
        const Value* const prices = gpu.find("price");
        const auto price =
            prices == nullptr ? std::nullopt : hourly_price_of(prices->find(tier), usd);
        const Value* const sold = gpu.find(tier);
        const std::string id = word(gpu, "id");
        if (id.empty() || !price || (sold != nullptr && !sold->boolean().value_or(true))) {
            continue;
        }
        const auto add = [&](std::string region, bool stock) {
            offers.push_back(
                {.sku = id,
                 .region = std::move(region),
                 .gpu = id,
                 .gpu_count = 1,
                 .price = *price,
                 .in_stock = stock,
                 .seen = now});
        };
        const Value* const places = gpu.find("dataCenters");
        const std::size_t before = offers.size();
        if (places != nullptr) {
            for (const Value& place : places->items()) {
                add(upper(word(place, "id")), in_stock(place.text("availability")));
            }
        }
        if (offers.size() == before && wanted.empty()) {
            // No place is named: the scheduler chooses one.
            add("", in_stock(gpu.text("availability")));
        }
        for (const std::string& region : wanted) {
            const auto named = [&](const MarketOffer& offer) {
                return offer.region == upper(region);
            };
            if (std::none_of(
                    offers.begin() + static_cast<std::ptrdiff_t>(before), offers.end(), named)) {
                add(upper(region), false);
            }
        }
    }
    return offers;
}

Result<std::vector<RemoteMachine>> parse_list(const HttpResponse& response) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const list = value ? value->find("pods") : nullptr;
    if (list == nullptr || list->kind() != Value::Kind::array) {
        return unreadable(who, "list", value ? "no pods in it" : value.error().message);
    }
    auto machines = read_whole("RunPod's list", *list, &read_pod);
    if (machines) {
        std::erase_if(*machines, is_gone);
    }
    return machines;
}

Result<RemoteMachine> parse_machine(const HttpResponse& response) {
    if (response.status == 404 && said(response)) {
        return fail(Errc::not_found, fmt::format("{} knows no such pod", who));
    }
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, "pod", value.error().message);
    }
    auto machine = read_pod(*value);
    if (machine && is_gone(*machine)) {
        return fail(Errc::not_found, fmt::format("{} says the pod is deleted", who));
    }
    return machine;
}

bool says_full(const HttpResponse& response) {
    const std::string words = upper(said(response).value_or(""));
    return response.status == 400 &&
           (words.find("NO LONGER ANY INSTANCES") != words.npos ||
            words.find("CAPACITY") != words.npos || words.find("OUT OF STOCK") != words.npos);
}

Result<RemoteMachine> parse_created(const HttpResponse& response, const MachineSpec& spec) {
    const std::vector<std::string> secrets = secrets_of(spec);
    const auto words = said(response);
    const std::string detail = public_detail(words.value_or(""), secrets);
    switch (response.status) {
        case 400:
            return fail(
                Errc::no_capacity,
                fmt::format("{} cannot place {} in {}: {}", who, spec.sku, spec.region, detail));
        case 402:
            return fail(
                Errc::refused,
                fmt::format(
                    "{} wants more credit on the account before it creates: {}", who, detail));
        case 403:
            if (words) {
                return fail(
                    Errc::no_capacity,
                    fmt::format(
                        "{} closes {} in {} to this account: {}",
                        who,
                        spec.sku,
                        spec.region,
                        detail));
            }
            break;
        case 404:
            return fail(
                Errc::rejected,
                fmt::format(
                    "{} answered 404 to a create ({}): check volume and base_url", who, detail));
        default:
            break;
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{failure(response, Errc::outcome_unknown, secrets)};
    }
    const auto value = exact_json::parse(response.body);
    if (!value) {
        return unclear_create(who, "its answer is unreadable");
    }
    auto machine = read_pod(*value);
    if (!machine) {
        return unclear_create(who, "its answer names no pod");
    }
    if (machine->name != spec.name) {
        return unclear_create(who, "its answer is about a pod of another name");
    }
    return machine;
}

Result<void> parse_destroyed(const HttpResponse& response) {
    if (response.status >= 200 && response.status < 300) {
        return {};
    }
    if (response.status == 404 && said(response)) {
        return fail(Errc::not_found, fmt::format("{} knows no such pod", who));
    }
    return std::unexpected{failure(response, Errc::outcome_unknown)};
}

Result<Balance> parse_balance(const HttpResponse& response) {
    constexpr std::string_view gone =
        "RunPod no longer tells the balance (its GraphQL answer has none): watch it in the console";
    if (response.status == 401 || response.status == 429 || response.status >= 500) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    const auto value = exact_json::parse(response.body);
    if (response.status != 200 || !value || value->find("errors") != nullptr) {
        return fail(Errc::invalid_response, std::string{gone});
    }
    const Value* const data = value->find("data");
    const Value* const myself = data == nullptr ? nullptr : data->find("myself");
    const auto left =
        myself == nullptr ? std::nullopt : amount_of(myself->find("clientBalance"), usd);
    if (!left) {
        return fail(Errc::invalid_response, std::string{gone});
    }
    return Balance{*left, amount_of(myself->find("currentSpendPerHr"), usd)};
}

}  // namespace evenkeel::providers::runpod
