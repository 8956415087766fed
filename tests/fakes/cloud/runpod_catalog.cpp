#include "providers/http/rfc3339.hpp"
#include "tests/fakes/cloud/contains.hpp"
#include "tests/fakes/cloud/runpod.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace evenkeel::fakes::cloud::runpod {

using json::quote;

namespace {

std::string_view level(int stock) {
    return stock == 0 ? "NONE" : stock <= 2 ? "LOW" : stock <= 5 ? "MEDIUM" : "HIGH";
}

int stock_of(const Shop& shop, const Sku& sku) {
    int best = 0;
    for (const std::string_view centre : sku.regions) {
        best = std::max(best, wire::shown_stock(shop, sku, centre));
    }
    return best;
}

std::string gpu_json(const Shop& shop, const Sku& sku, bool with_stock) {
    const World& world = shop.world();
    json::Members members{
        {"id", quote(sku.slug)},
        {"name", quote(sku.title)},
        {"pool", "null"},
        {"manufacturer", quote("NVIDIA")},
        {"memory", std::to_string(sku.vram_gib)},
        {"secure", "true"},
        {"community", "true"},
        {"price",
         fmt::format(
             R"({{"secure":{},"community":{}}})",
             amount_text(world.listed(sku, 1, false)),
             amount_text(world.listed(sku, 1, true)))},
        {"maxCount", fmt::format(R"({{"secure":{},"community":{}}})", sku.gpus, sku.gpus)}};
    if (with_stock) {
        members.emplace_back("availability", quote(level(stock_of(shop, sku))));
        std::vector<std::string> centres;
        for (const Place& place : places(Vendor::runpod)) {
            if (contains(sku.regions, place.slug)) {
                centres.push_back(json::object(
                    {{"id", quote(place.slug)},
                     {"name", quote(place.title)},
                     {"availability", quote(level(wire::shown_stock(shop, sku, place.slug)))}}));
            }
        }
        members.emplace_back("dataCenters", json::array(centres));
    }
    return json::object(members);
}

/// The buckets a bill is asked for in.
struct Buckets {
    std::chrono::seconds size{0};
    UtcTime from{};
    UtcTime to{};
    std::string_view name{};
};

UtcTime snapped(UtcTime time, std::chrono::seconds size) {
    const auto count = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()) / size;
    return UtcTime{count * size};
}

std::optional<Buckets> read_buckets(const Query& query, std::int64_t speed, UtcTime now) {
    const std::string size = query.find("bucketSize").value_or("day");
    if (size != "hour" && size != "day") {
        return std::nullopt;
    }
    Buckets buckets{
        .size = std::max(
            std::chrono::seconds{size == "hour" ? std::chrono::hours{1} : std::chrono::hours{24}} /
                speed,
            std::chrono::seconds{1}),
        .name = size == "hour" ? "hour" : "day"};
    buckets.to = snapped(now, buckets.size) + buckets.size;
    buckets.from = snapped(now - std::chrono::days{30}, buckets.size);
    const auto last = query.find("lastN");
    const auto start = query.find("startTime");
    const auto end = query.find("endTime");
    if (last && (start || end || query.bad("lastN"))) {
        return std::nullopt;
    }
    if (last) {
        buckets.from = buckets.to - buckets.size * *query.number("lastN");
    }
    for (const auto& [text, target] : {std::pair{start, &buckets.from}, {end, &buckets.to}}) {
        if (text) {
            const auto time = providers::parse_rfc3339(*text);
            if (!time) {
                return std::nullopt;
            }
            *target = target == &buckets.from ? snapped(*time, buckets.size) : *time;
        }
    }
    return buckets;
}

Reply wrong_query() {
    return problem(
        422,
        "Unprocessable Entity",
        "Request validation failed.",
        {"bucketSize must be hour or day here; lastN excludes startTime and endTime"});
}

/// What one pod's bucket costs. The provider's own sums: they telescope to the pod's whole bill.
Money in_bucket(const World& world, const Machine& machine, UtcTime from, UtcTime to) {
    return world.billed(machine, to) - world.billed(machine, from);
}

std::string query_json(const Buckets& buckets, std::string_view more) {
    return fmt::format(
        R"({{"startTime":"{}","endTime":"{}","bucketSize":"{}"{}}})",
        wire::seconds_text(buckets.from),
        wire::seconds_text(buckets.to),
        buckets.name,
        more);
}

std::string amounts(Money total) {
    const std::string text = amount_text(total);
    return fmt::format(
        R"("totalAmount":{},"gpuAmount":{},"cpuAmount":0.00,"diskAmount":0.00)", text, text);
}

}  // namespace

Reply list_gpus(const Shop& shop, const Call& call) {
    const Query query{call.query};
    const auto include = query.find("include");
    const bool with_stock = include == "AVAILABILITY";
    const bool filtered = query.find("product") || query.find("count") || query.find("cloud");
    if ((include && !with_stock) || (filtered && !with_stock) || query.bad("count")) {
        return problem(
            422,
            "Unprocessable Entity",
            "Request validation failed.",
            {"product, count and cloud are valid only with include=AVAILABILITY"});
    }
    const std::string id = percent_decode(rest_of(call.path, "/v2/catalog/gpus"));
    if (!id.empty()) {
        const Sku* const sku = find_sku(Vendor::runpod, id);
        return sku == nullptr ? problem(404, "Not Found", "resource not found")
                              : Reply{.body = gpu_json(shop, *sku, with_stock)};
    }
    std::vector<std::string> items;
    for (const Sku& sku : catalog(Vendor::runpod)) {
        items.push_back(gpu_json(shop, sku, with_stock));
    }
    return {.body = json::object({{"gpus", json::array(items)}})};
}

Reply list_centres(const Shop& shop, const Call& call) {
    const bool with_stock =
        Query{call.query}.find("include").value_or("").contains("GPU_AVAILABILITY");
    std::vector<std::string> items;
    for (const Place& place : places(Vendor::runpod)) {
        std::vector<std::string> gpus;
        for (const Sku& sku : catalog(Vendor::runpod)) {
            gpus.push_back(json::object(
                {{"id", quote(sku.slug)},
                 {"name", quote(sku.title)},
                 {"availability", quote(level(wire::shown_stock(shop, sku, place.slug)))}}));
        }
        const bool europe = place.slug.starts_with("EU");
        items.push_back(json::object(
            {{"id", quote(place.slug)},
             {"name", quote(place.title)},
             {"region", quote(europe ? "EUROPE" : "NORTH_AMERICA")},
             {"globalNetwork", "false"},
             {"networkVolumeTypes", R"(["STANDARD"])"},
             {"compliance", "[]"},
             {"gpuAvailability", with_stock ? json::array(gpus) : ""}}));
    }
    return {.body = json::object({{"dataCenters", json::array(items)}})};
}

Reply pod_bill(const Shop& shop, const Call& call, UtcTime now) {
    const Query query{call.query};
    const auto buckets = read_buckets(query, shop.options().world.speed, now);
    if (!buckets) {
        return wrong_query();
    }
    const auto wanted = query.find("podId");
    std::vector<std::string> records;
    std::set<std::string> pods;
    Money total{0, usd};
    for (const Machine& machine : shop.world().machines()) {
        if (machine.vendor != Vendor::runpod || (wanted && *wanted != machine.id)) {
            continue;
        }
        const UtcTime first = std::max(buckets->from, snapped(machine.created, buckets->size));
        const UtcTime end = std::min(buckets->to, now);
        for (UtcTime from = first; from < end; from += buckets->size) {
            const UtcTime to = from + buckets->size;
            const Money amount = in_bucket(shop.world(), machine, from, std::min(to, now));
            if (amount.is_zero()) {
                continue;
            }
            total += amount;
            pods.insert(machine.id);
            records.push_back(fmt::format(
                R"({{"startTime":"{}","endTime":"{}","podId":{},{}}})",
                wire::seconds_text(from),
                wire::seconds_text(to),
                quote(machine.id),
                amounts(amount)));
        }
    }
    const std::string metadata = fmt::format(
        R"({{"query":{},"recordCount":{},"uniquePodCount":{},"totals":{{{}}}}})",
        query_json(*buckets, ",\"podId\":" + (wanted ? quote(*wanted) : std::string{"null"})),
        records.size(),
        pods.size(),
        amounts(total));
    return {.body = json::object({{"records", json::array(records)}, {"metadata", metadata}})};
}

Reply whole_bill(const Shop& shop, const Call& call, UtcTime now) {
    const auto buckets = read_buckets(Query{call.query}, shop.options().world.speed, now);
    if (!buckets) {
        return wrong_query();
    }
    const auto fields = [](Money amount) {
        return fmt::format(
            R"("totalAmount":{0},"podGpuAmount":{0},"podCpuAmount":0.00,"podDiskAmount":0.00,)"
            R"("serverlessGpuAmount":0.00,"serverlessCpuAmount":0.00,"serverlessDiskAmount":0.00,)"
            R"("serverlessFeeAmount":0.00,"storageStandardAmount":0.00,)"
            R"("storageHighPerformanceAmount":0.00,"endpointAmount":0.00,)"
            R"("clusterGpuAmount":0.00,"clusterDiskAmount":0.00,"clusterNetworkingAmount":0.00)",
            amount_text(amount));
    };
    std::vector<std::string> records;
    Money total{0, usd};
    for (UtcTime from = buckets->from; from < std::min(buckets->to, now); from += buckets->size) {
        const UtcTime to = from + buckets->size;
        Money amount{0, usd};
        for (const Machine& machine : shop.world().machines()) {
            if (machine.vendor == Vendor::runpod) {
                amount += in_bucket(shop.world(), machine, from, std::min(to, now));
            }
        }
        if (!amount.is_zero()) {
            total += amount;
            records.push_back(fmt::format(
                R"({{"startTime":"{}","endTime":"{}",{}}})",
                wire::seconds_text(from),
                wire::seconds_text(to),
                fields(amount)));
        }
    }
    const std::string metadata = fmt::format(
        R"({{"query":{},"recordCount":{},"totals":{{{}}}}})",
        query_json(*buckets, ""),
        records.size(),
        fields(total));
    return {.body = json::object({{"records", json::array(records)}, {"metadata", metadata}})};
}

}  // namespace evenkeel::fakes::cloud::runpod
