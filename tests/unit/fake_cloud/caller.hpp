#pragma once

#include "providers/http/exact_json.hpp"
#include "tests/fakes/cloud/inspect.hpp"
#include "tests/fakes/cloud/shop.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace evenkeel::fakes::cloud::test {

using namespace std::chrono_literals;
using providers::exact_json::Value;

inline constexpr std::string_view first_name = "ek-1a2b3c4d-01jd0000000000000000000001";

inline Value parsed(std::string_view text) {
    auto value = providers::exact_json::parse(text);
    EXPECT_TRUE(value) << text;
    return value ? *value : Value{};
}

/// A shop in virtual time and a customer who speaks all three dialects.
class Caller {
public:
    explicit Caller(ShopOptions options = {.rate_limits = false}) : shop{std::move(options)} {}

    Reply call(
        Vendor vendor,
        std::string method,
        std::string target,
        std::string body = {},
        std::string authorization = "Bearer fake-token",
        std::string user_agent = "test/1") {
        const std::size_t split = std::min(target.find('?'), target.size());
        return shop.answer(
            vendor,
            {.method = std::move(method),
             .path = target.substr(0, split),
             .query = target.substr(std::min(split + 1, target.size())),
             .authorization = std::move(authorization),
             .user_agent = std::move(user_agent),
             .body = std::move(body)},
            now);
    }
    Reply look(std::string target) {
        return inspect(shop, {.method = "GET", .path = target.substr(0, target.find('?'))}, now);
    }
    Reply turn(std::string path, std::string body) {
        return inspect(
            shop, {.method = "POST", .path = std::move(path), .body = std::move(body)}, now);
    }
    void put_on(Vendor vendor, Trouble trouble) {
        put_on(vendor, trouble, kind_of(trouble).times, kind_of(trouble).standard);
    }
    void put_on(Vendor vendor, Trouble trouble, int times, std::int64_t value) {
        shop.world().put_on(vendor, trouble, times, value, now);
    }

    static std::string create_target(Vendor vendor) {
        switch (vendor) {
            case Vendor::digitalocean:
                return "/v2/droplets";
            case Vendor::runpod:
                return "/v2/pods";
            case Vendor::lambda:
                return "/api/v1/instance-operations/launch";
        }
        return "";
    }
    static std::string create_body(Vendor vendor, std::string_view name) {
        switch (vendor) {
            case Vendor::digitalocean:
                return fmt::format(
                    R"({{"name":"{}","region":"tor1","size":"gpu-h100x1-80gb",)"
                    R"("image":"gpu-h100x1-base","tags":["evenkeel","ek-1a2b3c4d"]}})",
                    name);
            case Vendor::runpod:
                return fmt::format(
                    R"({{"name":"{}","image":"vllm/vllm-openai:v0.11.0","cloud":"SECURE",)"
                    R"("gpu":{{"id":"NVIDIA H100 80GB HBM3","count":1}},"ports":["8443/tcp"]}})",
                    name);
            case Vendor::lambda:
                return fmt::format(
                    R"({{"name":"{}","region_name":"us-east-1",)"
                    R"("instance_type_name":"gpu_1x_h100_sxm5","ssh_key_names":["owner"],)"
                    R"("tags":[{{"key":"evenkeel","value":"ek-1a2b3c4d"}}]}})",
                    name);
        }
        return "";
    }
    Reply create(Vendor vendor, std::string_view name = first_name) {
        return call(vendor, "POST", create_target(vendor), create_body(vendor, name));
    }
    /// Creates, and fails the test when that is refused. Returns the id.
    std::string must_create(Vendor vendor, std::string_view name = first_name) {
        const Reply reply = create(vendor, name);
        EXPECT_LT(reply.status, 300) << reply.body;
        return reply.machine;
    }

    Reply list(Vendor vendor) {
        switch (vendor) {
            case Vendor::digitalocean:
                return call(vendor, "GET", "/v2/droplets?type=gpus&per_page=200");
            case Vendor::runpod:
                return call(vendor, "GET", "/v2/pods");
            case Vendor::lambda:
                return call(vendor, "GET", "/api/v1/instances");
        }
        return {};
    }
    static std::string list_member(Vendor vendor) {
        return vendor == Vendor::digitalocean ? "droplets"
               : vendor == Vendor::runpod     ? "pods"
                                              : "data";
    }
    std::vector<std::string> listed(Vendor vendor) {
        const Value body = parsed(list(vendor).body);
        std::vector<std::string> ids;
        const Value* const items = body.find(list_member(vendor));
        EXPECT_NE(items, nullptr);
        for (const Value& item : items->items()) {
            const Value& id = *item.find("id");
            ids.emplace_back(id.decimal_text().value_or(id.string().value_or("")));
        }
        return ids;
    }
    Reply get(Vendor vendor, const std::string& id) {
        return call(vendor, "GET", base(vendor) + id);
    }
    /// The machine as a get shows it.
    Value shown(Vendor vendor, const std::string& id) {
        const Value body = parsed(get(vendor, id).body);
        const Value* const inner = body.find(vendor == Vendor::digitalocean ? "droplet" : "data");
        return inner == nullptr ? body : *inner;
    }
    Reply destroy(Vendor vendor, const std::string& id) {
        return vendor == Vendor::lambda ? call(
                                              vendor,
                                              "POST",
                                              "/api/v1/instance-operations/terminate",
                                              fmt::format(R"({{"instance_ids":["{}"]}})", id))
                                        : call(vendor, "DELETE", base(vendor) + id);
    }
    static std::string base(Vendor vendor) {
        return vendor == Vendor::digitalocean ? "/v2/droplets/"
               : vendor == Vendor::runpod     ? "/v2/pods/"
                                              : "/api/v1/instances/";
    }
    /// Lets time pass.
    void pass(Micros time) {
        now += time;
        shop.world().tick(now);
    }
    [[nodiscard]] const Machine& machine(const std::string& id) { return *shop.world().any(id); }
    [[nodiscard]] std::size_t live(Vendor vendor) { return shop.world().live(vendor).size(); }

    Shop shop;
    UtcTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 25} + 10h};
};

inline std::string vendor_name(const testing::TestParamInfo<Vendor>& info) {
    return std::string{to_text(info.param)};
}

}  // namespace evenkeel::fakes::cloud::test
