#include "providers/lambda/wire.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/http/lines.hpp"
#include "providers/http/rfc3339.hpp"
#include "providers/http/wire_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace evenkeel::providers::lambda {

namespace {

using exact_json::quote;
using exact_json::Value;

constexpr std::string_view who = "Lambda";
constexpr std::string_view owner_tag = "evenkeel";
constexpr std::string_view expires_tag = "evenkeel-expires";
constexpr std::string_view port_tag = "evenkeel-port";
constexpr std::string_view no_such_object = "global/object-does-not-exist";
constexpr int gpus_max = 64;

/// Lambda's own words about a failure.
struct Said {
    std::string code{};
    std::string message{};
};
Said said(const HttpResponse& response) {
    const auto value = exact_json::parse(response.body);
    const Value* const error = value ? value->find("error") : nullptr;
    return error == nullptr
               ? Said{}
               : Said{std::string{error->text("code")}, std::string{error->text("message")}};
}

Error failure(const HttpResponse& response, Errc lost, std::span<const std::string> secrets = {}) {
    return general_error(who, response, public_detail(said(response).message, secrets), lost);
}

/// "data" of an answer; nothing when it has none or is unreadable.
Result<Value> data_of(const HttpResponse& response, std::string_view what) {
    if (response.status != 200) {
        return std::unexpected{failure(response, Errc::unavailable)};
    }
    auto value = exact_json::parse(response.body);
    if (!value) {
        return unreadable(who, what, value.error().message);
    }
    const Value* const data = value->find("data");
    if (data == nullptr) {
        return unreadable(who, what, "no data in it");
    }
    return *data;
}

/// Whole cents an hour.
std::optional<Price> cents_price(const Value& type) {
    constexpr std::int64_t nanos_per_cent = 10'000'000;
    constexpr std::int64_t cents_max = 100'000'000;
    const Value* const cents = type.find("price_cents_per_hour");
    const auto number = cents == nullptr ? std::nullopt : cents->integer();
    return number && *number > 0 && *number <= cents_max
               ? std::optional{Price::per_hour(Money{*number * nanos_per_cent, usd})}
               : std::nullopt;
}

int gpus_of(const Value& type) {
    const Value* const specs = type.find("specs");
    return specs == nullptr ? 0 : whole_within(*specs, "gpus", 0, gpus_max);
}

void read_tags(const Value& object, RemoteMachine& machine) {
    const Value* const tags = object.find("tags");
    for (const Value& tag : tags == nullptr ? std::vector<Value>{} : tags->items()) {
        const std::string_view value = tag.text("value");
        if (tag.text("key") == owner_tag && is_owner_mark(value)) {
            machine.owner_mark = value;
        } else if (tag.text("key") == expires_tag) {
            machine.expires = parse_rfc3339(value).value_or(UtcTime{});
        } else if (tag.text("key") == port_tag) {
            int port = 0;
            std::from_chars(value.data(), value.data() + value.size(), port);
            machine.port = port > 0 && port < 65'536 ? port : machine.port;
        }
    }
}

/// Only the id is indispensable: a machine with an unknown status or a missing field must still be
/// seen and deletable.
Result<RemoteMachine> read_instance(const Value& object) {
    RemoteMachine machine{
        .remote_id = word(object, "id"),
        .name = word(object, "name"),
        .status = word(object, "status"),
        .host = word(object, "ip"),
        .port = default_port};
    if (!is_path_id(machine.remote_id)) {
        return unreadable(who, "instance", "it has no usable id");
    }
    machine.running = machine.status == "active";
    machine.stopped = machine.status == "preempted";
    if (const Value* const type = object.find("instance_type")) {
        machine.gpu = word(*type, "gpu_description");
        machine.gpu_count = gpus_of(*type);
        machine.price = cents_price(*type).value_or(Price{});
    }
    read_tags(object, machine);
    return machine;
}

bool is_gone(const RemoteMachine& machine) {
    return machine.status == "terminated";
}

}  // namespace

HttpRequest make_types_request() {
    return {.target = "/api/v1/instance-types"};
}
HttpRequest make_list_request() {
    return {.target = "/api/v1/instances"};
}
HttpRequest make_get_request(std::string_view id) {
    return {.target = "/api/v1/instances/" + url_encode(id)};
}
HttpRequest make_terminate_request(std::string_view id) {
    return {
        .method = "POST",
        .target = "/api/v1/instance-operations/terminate",
        .body = fmt::format(R"({{"instance_ids":[{}]}})", quote(id))};
}

HttpRequest make_launch_request(const MachineSpec& spec, std::string_view ssh_key) {
    std::string systems;
    if (!spec.volume.empty()) {
        systems = fmt::format(R"("file_system_names":[{}],)", quote(spec.volume));
    }
    return {
        .method = "POST",
        .target = "/api/v1/instance-operations/launch",
        .body = fmt::format(
            R"({{"region_name":{},"instance_type_name":{},"ssh_key_names":[{}],"name":{},)"
            R"("hostname":{},{}"tags":[{{"key":"{}","value":{}}},{{"key":"{}","value":"{}"}},)"
            R"({{"key":"{}","value":"{}"}}],"user_data":{}}})",
            quote(spec.region),
            quote(spec.sku),
            quote(ssh_key),
            quote(spec.name),
            quote(spec.name),
            systems,
            owner_tag,
            quote(spec.owner_mark),
            expires_tag,
            format_rfc3339(spec.expires),
            port_tag,
            spec.port > 0 ? spec.port : default_port,
            quote(spec.user_data))};
}

Result<std::vector<MarketOffer>> parse_types(
    const HttpResponse& response, std::span<const std::string> wanted, UtcTime now) {
    const auto data = data_of(response, "price list");
    if (!data) {
        return std::unexpected{data.error()};
    }
    if (data->kind() != Value::Kind::object) {
        return unreadable(who, "price list", "it is not a table of types");
    }
    std::vector<MarketOffer> offers;
    for (const auto& [name, entry] : data->members()) {
        const Value* const type = entry.find("instance_type");
        const auto price = type == nullptr ? std::nullopt : cents_price(*type);
        if (!price || gpus_of(*type) == 0) {
            continue;
        }
        const auto add = [&](std::string_view region, bool in_stock) {
            offers.push_back(
                {.sku = word(*type, "name"),
                 .region = std::string{region},
                 .gpu = word(*type, "gpu_description"),
                 .gpu_count = gpus_of(*type),
                 .price = *price,
                 .min_bill = min_bill,
                 .in_stock = in_stock,
                 .seen = now});
        };
        const std::size_t before = offers.size();
        if (const Value* const regions = entry.find("regions_with_capacity_available")) {
            for (const Value& region : regions->items()) {
                add(region.text("name"), true);
            }
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

Result<RemoteMachine> parse_launched(const HttpResponse& response, const MachineSpec& spec) {
    const std::vector<std::string> secrets = secrets_of(spec);
    const Said why = said(response);
    const std::string detail = public_detail(why.message, secrets);
    if (why.code == "instance-operations/launch/insufficient-capacity") {
        return fail(
            Errc::no_capacity, fmt::format("{} has no {} in {} now", who, spec.sku, spec.region));
    }
    if (why.code == "global/quota-exceeded" || why.code == "global/invalid-address") {
        return fail(Errc::refused, fmt::format("{} refuses: {}", who, detail));
    }
    if (why.code.starts_with("provider/")) {
        return fail(
            Errc::outcome_unknown, fmt::format("{} failed behind its API: {}", who, detail));
    }
    if (response.status == 404) {
        return fail(
            Errc::rejected,
            fmt::format(
                "{} answered 404 to a launch ({}): check type, region, key and base_url",
                who,
                detail));
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{failure(response, Errc::outcome_unknown, secrets)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const data = value ? value->find("data") : nullptr;
    const Value* const ids = data == nullptr ? nullptr : data->find("instance_ids");
    if (ids == nullptr || ids->items().size() != 1 ||
        !is_path_id(ids->items().front().string().value_or(""))) {
        return unclear_create(who, "its answer does not name one machine");
    }
    return RemoteMachine{
        .remote_id = std::string{*ids->items().front().string()},
        .name = spec.name,
        .owner_mark = spec.owner_mark,
        .status = "booting"};
}

Result<std::vector<RemoteMachine>> parse_list(const HttpResponse& response) {
    const auto data = data_of(response, "list");
    if (!data) {
        return std::unexpected{data.error()};
    }
    if (data->kind() != Value::Kind::array) {
        return unreadable(who, "list", "it is no list");
    }
    auto machines = read_whole("Lambda's list", *data, &read_instance);
    if (machines) {
        std::erase_if(*machines, is_gone);
    }
    return machines;
}

Result<RemoteMachine> parse_machine(const HttpResponse& response) {
    if (response.status == 404 && said(response).code == no_such_object) {
        return fail(Errc::not_found, fmt::format("{} knows no such instance", who));
    }
    const auto data = data_of(response, "instance");
    if (!data) {
        return std::unexpected{data.error()};
    }
    auto machine = read_instance(*data);
    if (machine && is_gone(*machine)) {
        return fail(Errc::not_found, fmt::format("{} says the instance is terminated", who));
    }
    return machine;
}

Result<void> parse_terminated(const HttpResponse& response, std::string_view id) {
    if (response.status == 404 && said(response).code == no_such_object) {
        return fail(Errc::not_found, fmt::format("{} knows no such instance", who));
    }
    if (response.status < 200 || response.status > 299) {
        return std::unexpected{failure(response, Errc::outcome_unknown)};
    }
    const auto value = exact_json::parse(response.body);
    const Value* const data = value ? value->find("data") : nullptr;
    const Value* const ended = data == nullptr ? nullptr : data->find("terminated_instances");
    if (ended == nullptr || std::ranges::none_of(ended->items(), [&](const Value& each) {
            return each.text("id") == id;
        })) {
        return fail(
            Errc::outcome_unknown,
            fmt::format("{} does not name the instance among the terminated", who));
    }
    return {};
}

}  // namespace evenkeel::providers::lambda
