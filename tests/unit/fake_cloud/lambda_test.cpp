#include "caller.hpp"

/// Lambda's own ways, as https://docs.lambda.ai/api/cloud tells them.
namespace evenkeel::fakes::cloud::test {
namespace {

constexpr Vendor vendor = Vendor::lambda;

struct Bad {
    const char* name;
    std::string body;
    const char* code;
};

class FakeLaunchRefusal : public testing::TestWithParam<Bad> {};

TEST_P(FakeLaunchRefusal, HasACode) {
    Caller caller;
    const Reply reply =
        caller.call(vendor, "POST", "/api/v1/instance-operations/launch", GetParam().body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(parsed(reply.body).find("error")->text("code"), GetParam().code);
    EXPECT_EQ(caller.live(vendor), 0u);
}

std::string with(std::string_view from, std::string_view to) {
    std::string body = Caller::create_body(vendor, "n");
    body.replace(body.find(from), from.size(), to);
    return body;
}

INSTANTIATE_TEST_SUITE_P(
    Each,
    FakeLaunchRefusal,
    testing::Values(
        Bad{"NotJson", "7", "global/invalid-parameters"},
        Bad{"NoRegion", with(R"("region_name":"us-east-1",)", ""), "global/invalid-parameters"},
        Bad{"NoKey", with(R"(["owner"])", "[]"), "global/invalid-parameters"},
        Bad{"TwoKeys", with(R"(["owner"])", R"(["owner","b"])"), "global/invalid-parameters"},
        Bad{"UnknownKey", with(R"(["owner"])", R"(["b"])"), "global/object-does-not-exist"},
        Bad{"LongName",
            with(R"("name":"n")", R"("name":")" + std::string(65, 'n') + '"'),
            "global/invalid-parameters"},
        Bad{"UnknownType", with("gpu_1x_h100_sxm5", "gpu_2x"), "global/object-does-not-exist"},
        Bad{"Tag",
            with(R"("key":"evenkeel")", R"("key":"Even Keel")"),
            "global/invalid-parameters"},
        Bad{"UserData",
            with("\"tags\"", R"("user_data":")" + std::string(1'000'001, 'x') + R"(","tags")"),
            "global/invalid-parameters"},
        Bad{"NoStock",
            with("gpu_1x_h100_sxm5", "gpu_1x_h100_pcie"),
            "instance-operations/launch/insufficient-capacity"}),
    [](const auto& info) { return info.param.name; });

TEST(FakeInstances, HaveALife) {
    Caller caller;
    const std::string id = caller.must_create(vendor);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "booting");
    caller.pass(1min);
    const Value instance = caller.shown(vendor, id);
    EXPECT_EQ(instance.text("status"), "active");
    EXPECT_TRUE(instance.text("ip").starts_with("127."));
    EXPECT_EQ(instance.find("tags")->items()[0].text("value"), "ek-1a2b3c4d");
    const Reply ended = caller.destroy(vendor, id);
    EXPECT_EQ(ended.status, 200);
    EXPECT_TRUE(ended.body.contains(R"("status":"terminating")"));
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "terminating");
    caller.pass(2s);
    EXPECT_EQ(caller.get(vendor, id).status, 404);
    EXPECT_EQ(
        parsed(caller.destroy(vendor, id).body).find("error")->text("code"),
        "global/object-does-not-exist");
}

TEST(FakeInstances, TypesCarryPriceAndRegionsWithCapacity) {
    Caller caller;
    const Value types = parsed(caller.call(vendor, "GET", "/api/v1/instance-types").body);
    const Value* const data = types.find("data");
    EXPECT_EQ(
        data->find("gpu_1x_h100_sxm5")
            ->find("instance_type")
            ->find("price_cents_per_hour")
            ->integer(),
        429);
    EXPECT_EQ(
        data->find("gpu_1x_h100_sxm5")->find("regions_with_capacity_available")->items().size(),
        2u);
    EXPECT_TRUE(
        data->find("gpu_1x_h100_pcie")->find("regions_with_capacity_available")->items().empty());
}

TEST(FakeInstances, OneCallASecondAndOneLaunchInTwelve) {
    Caller caller{{}};
    EXPECT_EQ(caller.create(vendor, "a").status, 200);
    EXPECT_EQ(caller.list(vendor).status, 429);
    caller.pass(1s);
    EXPECT_EQ(caller.create(vendor, "b").status, 429);
    caller.pass(11s);
    EXPECT_EQ(caller.create(vendor, "b").status, 200);
    EXPECT_EQ(caller.live(vendor), 2u);
}

TEST(FakeInstances, TakeBasicAuthenticationToo) {
    Caller caller;
    EXPECT_EQ(
        caller.call(vendor, "GET", "/api/v1/instances", "", "Basic ZmFrZS10b2tlbjo=").status, 200);
    EXPECT_EQ(caller.call(vendor, "GET", "/api/v1/instances", "", "Basic eDo=").status, 401);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
