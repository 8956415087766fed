#include "caller.hpp"

#include <algorithm>

/// RunPod's own ways, as https://docs.runpod.io/api-reference-v2 tells them.
namespace evenkeel::fakes::cloud::test {
namespace {

constexpr Vendor vendor = Vendor::runpod;

struct Bad {
    const char* name;
    std::string body;
    int status;
    const char* says;
};

class FakePodRefusal : public testing::TestWithParam<Bad> {};

TEST_P(FakePodRefusal, IsAProblem) {
    Caller caller;
    const Reply reply = caller.call(vendor, "POST", "/v2/pods", GetParam().body);
    EXPECT_EQ(reply.status, GetParam().status) << reply.body;
    EXPECT_EQ(reply.content_type, "application/problem+json");
    EXPECT_EQ(parsed(reply.body).find("status")->integer(), GetParam().status);
    EXPECT_TRUE(reply.body.contains(GetParam().says)) << reply.body;
    EXPECT_EQ(caller.live(vendor), 0u);
}

std::string with(std::string_view from, std::string_view to) {
    std::string body = Caller::create_body(vendor, "p");
    body.replace(body.find(from), from.size(), to);
    return body;
}

std::string env(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += fmt::format(R"({}"N{}":"v")", i == 0 ? "" : ",", i);
    }
    return "\"env\":{" + text + "},\"cloud\"";
}

INSTANTIATE_TEST_SUITE_P(
    Each,
    FakePodRefusal,
    testing::Values(
        Bad{"NotJson", "[]", 400, "JSON"},
        Bad{"UnknownField",
            with("\"cloud\"", R"("bogus":1,"cloud")"),
            422,
            "additional properties 'bogus' not allowed"},
        Bad{"UnknownFieldOfGpu", with("\"count\":1", R"("count":1,"spot":true)"), 422, "spot"},
        Bad{"NoName", with(R"("name":"p",)", ""), 422, "missing property 'name'"},
        Bad{"EmptyName", with(R"("name":"p")", R"("name":"")"), 422, "minLength"},
        Bad{"NoImage", with(R"("image":"vllm/vllm-openai:v0.11.0",)", ""), 422, "'image'"},
        Bad{"Cloud", with("SECURE", "FREE"), 422, "$.cloud"},
        Bad{"Count", with("\"count\":1", "\"count\":0"), 422, "$.gpu.count"},
        Bad{"Port", with("8443/tcp", "8443/udp"), 422, "$.ports"},
        Bad{"Args", with("\"cloud\"", R"("args":["a"],"cloud")"), 422, "$.args"},
        Bad{"Env", with("\"cloud\"", R"("env":{"A":1},"cloud")"), 422, "$.env"},
        Bad{"FiftyOneEnv", with("\"cloud\"", env(51)), 422, "$.env"},
        Bad{"Disk", with("\"cloud\"", R"("disk":0,"cloud")"), 422, "$.disk"},
        Bad{"Cuda", with("\"count\":1", R"("count":1,"minCudaVersion":"12")"), 422, "Cuda"},
        Bad{"Mount",
            with("\"cloud\"", R"("mounts":{"network":[{"volumeId":"v"}]},"cloud")"),
            422,
            "'path'"},
        Bad{"TwoKinds",
            with(
                "\"cloud\"",
                R"("mounts":{"persistent":{"size":20,"path":"/w"},)"
                R"("network":[{"volumeId":"agv6w2qcg7","path":"/m"}]},"cloud")"),
            400,
            "exclude"},
        Bad{"UnknownVolume",
            with("\"cloud\"", R"("mounts":{"network":[{"volumeId":"v","path":"/m"}]},"cloud")"),
            404,
            "network volume"},
        Bad{"GpuAndCpu", with("\"cloud\"", R"("cpu":{},"cloud")"), 400, "exactly one"},
        Bad{"UnknownGpu", with("NVIDIA H100 80GB HBM3", "NVIDIA H100"), 400, "unknown gpu"},
        Bad{"TooManyGpus", with("\"count\":1", "\"count\":9"), 400, "gpu.count"},
        Bad{"NoStockThere",
            with("\"cloud\"", R"("dataCenterIds":["US-TX-1"],"cloud")"),
            400,
            "no longer any instances"}),
    [](const auto& info) { return info.param.name; });

TEST(FakePods, FiftyEnvironmentVariablesAreFine) {
    Caller caller;
    EXPECT_EQ(caller.call(vendor, "POST", "/v2/pods", with("\"cloud\"", env(50))).status, 201);
}

TEST(FakePods, TheEdgeWantsAUserAgent) {
    Caller caller;
    const Reply reply = caller.call(vendor, "GET", "/v2/pods", "", "Bearer fake-token", "");
    EXPECT_EQ(reply.status, 403);
    EXPECT_EQ(reply.body, "error code: 1010");
    EXPECT_EQ(reply.content_type, "text/plain");
}

TEST(FakePods, HaveALife) {
    Caller caller;
    const std::string id = caller.must_create(vendor);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "PROVISIONING");
    EXPECT_TRUE(caller.shown(vendor, id).find("dataCenterId")->is_null());
    caller.pass(30s);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "STARTING");
    EXPECT_TRUE(caller.shown(vendor, id).find("runtime")->is_null());
    caller.pass(30s);
    Value pod = caller.shown(vendor, id);
    EXPECT_EQ(pod.text("status"), "RUNNING");
    EXPECT_EQ(pod.text("dataCenterId"), "US-KS-2");
    EXPECT_TRUE(pod.find("runtime")->find("ports")->items().empty()) << "image still pulling";
    EXPECT_EQ(*pod.find("cost")->decimal_text(), "3.99");
    const auto act = [&](const char* action) {
        return caller
            .call(
                vendor,
                "POST",
                "/v2/pods/" + id + "/action",
                fmt::format(R"({{"action":"{}"}})", action))
            .status;
    };
    EXPECT_EQ(act("start"), 409);
    EXPECT_EQ(act("jump"), 422);
    EXPECT_EQ(act("stop"), 200);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "EXITED");
    EXPECT_EQ(act("start"), 200);
    EXPECT_EQ(caller.shown(vendor, id).find("gpu")->find("count")->integer(), 0)
        << "its GPUs went to others";
    EXPECT_EQ(act("terminate"), 204);
    caller.pass(2s);
    EXPECT_EQ(caller.get(vendor, id).status, 404);
}

TEST(FakePods, ThePortOfTheFrontIsMapped) {
    Caller caller;
    const std::string id = caller.must_create(vendor);
    Machine& machine = *caller.shop.world().any(id);
    machine.node = NodeData{.engine_key = "k", .port = 8443};
    caller.pass(10min);
    const auto effects = caller.shop.world().take_effects();
    ASSERT_EQ(effects.size(), 1u);
    EXPECT_EQ(effects[0].kind, Effect::Kind::start_front);
    World::fronted(machine, 40'123);
    const Value pod = caller.shown(vendor, id);
    const Value& port = pod.find("runtime")->find("ports")->items().at(0);
    EXPECT_EQ(port.find("private")->integer(), 8443);
    EXPECT_EQ(port.find("public")->integer(), 40'123);
    EXPECT_TRUE(port.text("ip").starts_with("127."));
}

TEST(FakePods, GpuCountAndCloudMakeThePrice) {
    Caller caller;
    const Reply two = caller.call(vendor, "POST", "/v2/pods", with("\"count\":1", "\"count\":2"));
    EXPECT_EQ(*parsed(two.body).find("cost")->decimal_text(), "7.98");
    const Reply community = caller.call(vendor, "POST", "/v2/pods", with("SECURE", "COMMUNITY"));
    EXPECT_EQ(*parsed(community.body).find("cost")->decimal_text(), "2.69");
}

TEST(FakePods, TheCatalogueShowsStockOnlyWhenAsked) {
    Caller caller;
    const auto body = [&](const char* target) { return caller.call(vendor, "GET", target); };
    EXPECT_FALSE(body("/v2/catalog/gpus").body.contains("availability"));
    EXPECT_EQ(body("/v2/catalog/gpus?count=1").status, 422);
    const Value gpus =
        parsed(body("/v2/catalog/gpus?include=AVAILABILITY&product=POD&count=1&cloud=SECURE").body);
    const Value& first = gpus.find("gpus")->items()[0];
    EXPECT_EQ(first.text("availability"), "HIGH");
    EXPECT_EQ(first.find("dataCenters")->items().size(), 3u);
    EXPECT_EQ(body("/v2/catalog/gpus/NVIDIA%20H200").status, 200);
    EXPECT_EQ(body("/v2/catalog/gpus/NVIDIA").status, 404);
    EXPECT_TRUE(
        body("/v2/catalog/datacenters?include=GPU_AVAILABILITY").body.contains("gpuAvailability"));
}

TEST(FakePods, BillsRefuseWhatTheyCannotAnswer) {
    Caller caller;
    for (const char* const query :
         {"bucketSize=second", "lastN=2&startTime=2026-11-01T00:00:00Z", "startTime=yesterday"}) {
        EXPECT_EQ(caller.call(vendor, "GET", fmt::format("/v2/billing/pods?{}", query)).status, 422)
            << query;
    }
    caller.must_create(vendor);
    caller.pass(90min);
    const Value bill =
        parsed(caller.call(vendor, "GET", "/v2/billing/pods?bucketSize=hour&lastN=2").body);
    EXPECT_EQ(bill.find("records")->items().size(), 2u);
    EXPECT_EQ(bill.find("records")->items()[0].text("startTime"), "2026-11-25T10:00:00Z");
    EXPECT_EQ(*bill.find("metadata")->find("totals")->find("totalAmount")->decimal_text(), "5.985");
    EXPECT_EQ(
        *parsed(caller.call(vendor, "GET", "/v2/billing?bucketSize=day&lastN=1").body)
             .find("metadata")
             ->find("totals")
             ->find("podGpuAmount")
             ->decimal_text(),
        "5.985");
}

TEST(FakePods, RateLimitHeadersAreTheDraftsForm) {
    Caller caller{{}};
    const Reply reply = caller.list(vendor);
    const auto rate = std::ranges::find(
        reply.headers, "RateLimit", [](const auto& header) { return header.first; });
    ASSERT_NE(rate, reply.headers.end());
    EXPECT_EQ(rate->second, R"("minute";r=59;t=60, "hour";r=2999;t=3600, "day";r=49999;t=86400)");
    for (int i = 0; i < 59; ++i) {
        EXPECT_EQ(caller.list(vendor).status, 200);
    }
    EXPECT_EQ(caller.list(vendor).status, 429);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
