#include "caller.hpp"

/// DigitalOcean's own ways, as https://docs.digitalocean.com/reference/api/ and clients' issue
/// trackers tell them.
namespace evenkeel::fakes::cloud::test {
namespace {

constexpr Vendor vendor = Vendor::digitalocean;

struct Bad {
    const char* name;
    std::string body;
    int status;
    const char* says;
};

class FakeDropletRefusal : public testing::TestWithParam<Bad> {};

TEST_P(FakeDropletRefusal, IsTyped) {
    Caller caller;
    const Reply reply = caller.call(vendor, "POST", "/v2/droplets", GetParam().body);
    EXPECT_EQ(reply.status, GetParam().status) << reply.body;
    EXPECT_TRUE(parsed(reply.body).text("message").contains(GetParam().says)) << reply.body;
    EXPECT_EQ(caller.live(vendor), 0u);
}

std::string with(std::string_view from, std::string_view to) {
    std::string body = Caller::create_body(vendor, "good-name");
    body.replace(body.find(from), from.size(), to);
    return body;
}

INSTANTIATE_TEST_SUITE_P(
    Each,
    FakeDropletRefusal,
    testing::Values(
        Bad{"NotJson", "{", 400, "JSON"},
        Bad{"NoName", with(R"("name":"good-name",)", ""), 422, "hostname characters"},
        Bad{"Underscore", with("good-name", "bad_name"), 422, "hostname characters"},
        Bad{"DashAtEnd", with("good-name", "name-"), 422, "hostname characters"},
        Bad{"LongName", with("good-name", std::string(256, 'a')), 422, "hostname characters"},
        Bad{"Size", with("gpu-h100x1-80gb", "gpu-h100x3"), 422, "invalid size"},
        Bad{"Image", with("gpu-h100x1-base", "windows"), 422, "invalid image"},
        Bad{"ImageOfAnotherShape", with("gpu-h100x1-base", "gpu-amd-base"), 422, "fit"},
        Bad{"Region", with("tor1", "moon1"), 422, "Region is not available"},
        Bad{"RegionWithout", with("tor1", "nyc3"), 422, "Size is not available in this region."},
        Bad{"Tag", with("\"evenkeel\"", "\"even keel\""), 422, "Tags"},
        Bad{"TypeOfFlag", with("\"tags\"", R"("ipv6":"yes","tags")"), 422, "ipv6"},
        Bad{"Key", with("\"tags\"", R"("ssh_keys":[7],"tags")"), 422, "invalid key"},
        Bad{"UserData",
            with("\"tags\"", R"("user_data":")" + std::string(65'537, 'x') + R"(","tags")"),
            422,
            "64 KiB"}),
    [](const auto& info) { return info.param.name; });

TEST(FakeDroplets, UserDataBeyondAsciiIsAcceptedAndNeverPlaced) {
    Caller caller;
    const Reply reply = caller.call(
        vendor, "POST", "/v2/droplets", with("\"tags\"", R"("user_data":"caf\u00e9","tags")"));
    EXPECT_EQ(reply.status, 202);
    caller.pass(5min);
    EXPECT_EQ(caller.get(vendor, reply.machine).status, 404);
}

TEST(FakeDroplets, GpuDropletsAreInNoListThatDoesNotAskForThem) {
    Caller caller;
    const std::string id = caller.must_create(vendor);
    const auto count = [&](const std::string& target) {
        const Value body = parsed(caller.call(vendor, "GET", target).body);
        const Value* const items = body.find("droplets");
        return items == nullptr ? -1 : static_cast<int>(items->items().size());
    };
    EXPECT_EQ(count("/v2/droplets"), 0);
    EXPECT_EQ(count("/v2/droplets?type=droplets"), 0);
    EXPECT_EQ(count("/v2/droplets?type=gpus"), 1);
    EXPECT_EQ(count("/v2/droplets/?type=gpus&per_page=500"), 1) << "clients send such things";
    EXPECT_EQ(count("/v2/droplets?tag_name=ek-1a2b3c4d"), 1);
    EXPECT_EQ(count("/v2/droplets?tag_name=other"), 0);
    EXPECT_EQ(count("/v2/droplets?type=gpus&name=EK-1A2B3C4D-01JD0000000000000000000001"), 1);
    EXPECT_EQ(count("/v2/droplets?type=gpus&tag_name=evenkeel"), -1) << "cannot be combined";
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/droplets?type=gpus&page=0").status, 422);
    EXPECT_EQ(caller.get(vendor, id).status, 200);
}

TEST(FakeDroplets, ListsComeInPages) {
    Caller caller{{.world = {.stock = 30, .machine_limit = 30}, .rate_limits = false}};
    for (int i = 0; i < 25; ++i) {
        caller.must_create(vendor, fmt::format("ek-1a2b3c4d-{:03}", i));
    }
    const Value first = parsed(caller.call(vendor, "GET", "/v2/droplets?type=gpus").body);
    EXPECT_EQ(first.find("droplets")->items().size(), 20u);
    EXPECT_EQ(first.find("meta")->find("total")->integer(), 25);
    EXPECT_TRUE(first.find("links")->find("pages")->text("next").contains("page=2"));
    const Value second = parsed(caller.call(vendor, "GET", "/v2/droplets?type=gpus&page=2").body);
    EXPECT_EQ(second.find("droplets")->items().size(), 5u);
    EXPECT_EQ(second.find("links")->find("pages")->find("next"), nullptr);
}

TEST(FakeDroplets, HaveALife) {
    Caller caller;
    const std::string id = caller.must_create(vendor);
    Value droplet = caller.shown(vendor, id);
    EXPECT_EQ(droplet.text("status"), "new");
    EXPECT_EQ(droplet.find("locked")->boolean(), true);
    EXPECT_TRUE(droplet.find("networks")->find("v4")->items().empty());
    EXPECT_EQ(caller.destroy(vendor, id).status, 422) << "a pending event";
    caller.pass(30s);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "new");
    caller.pass(30s);
    droplet = caller.shown(vendor, id);
    EXPECT_EQ(droplet.text("status"), "active");
    EXPECT_EQ(droplet.find("networks")->find("v4")->items()[1].text("type"), "public");
    EXPECT_EQ(
        caller.call(vendor, "POST", "/v2/droplets/" + id + "/actions", R"({"type":"power_off"})")
            .status,
        201);
    EXPECT_EQ(caller.shown(vendor, id).text("status"), "off");
    EXPECT_EQ(caller.destroy(vendor, id).status, 204);
    EXPECT_EQ(caller.destroy(vendor, id).status, 422) << "being deleted";
    caller.pass(2s);
    EXPECT_EQ(caller.destroy(vendor, id).status, 404);
}

TEST(FakeDroplets, ACreateHasAnAction) {
    Caller caller;
    caller.put_on(vendor, Trouble::vanishing_placement, 1, 30'000);
    const Reply reply = caller.create(vendor);
    const Value action = parsed(reply.body).find("links")->find("actions")->items()[0];
    const std::string target = "/v2/actions/" + std::string{*action.find("id")->decimal_text()};
    const auto status = [&] {
        return std::string{
            parsed(caller.call(vendor, "GET", target).body).find("action")->text("status")};
    };
    EXPECT_EQ(status(), "in-progress");
    caller.pass(31s);
    EXPECT_EQ(status(), "errored");
}

TEST(FakeDroplets, DeleteByTagTakesThemAll) {
    Caller caller;
    caller.must_create(vendor, "one");
    caller.must_create(vendor, "two");
    caller.pass(1min);
    EXPECT_EQ(caller.call(vendor, "DELETE", "/v2/droplets?tag_name=ek-1a2b3c4d").status, 204);
    caller.pass(1min);
    EXPECT_EQ(caller.live(vendor), 0u);
    EXPECT_EQ(caller.call(vendor, "DELETE", "/v2/droplets").status, 422);
}

TEST(FakeDroplets, RateLimitsAreHourlyWithABurst) {
    Caller caller{{}};
    for (int i = 0; i < 250; ++i) {
        ASSERT_EQ(caller.list(vendor).status, 200) << i;
    }
    const Reply burst = caller.list(vendor);
    EXPECT_EQ(burst.status, 429);
    std::string seen;
    for (const auto& [name, value] : burst.headers) {
        seen += name + '=' + value + ';';
    }
    EXPECT_TRUE(seen.contains("retry-after=60;")) << seen;
    EXPECT_TRUE(seen.contains("ratelimit-limit=5000;ratelimit-remaining=4750;")) << seen;
    caller.pass(1min);
    EXPECT_EQ(caller.list(vendor).status, 200);
}

TEST(FakeDroplets, KeysTagsAndFirewallsAreKept) {
    Caller caller;
    const Reply key = caller.call(
        vendor, "POST", "/v2/account/keys", R"({"name":"k","public_key":"ssh-ed25519 AAAA x"})");
    EXPECT_EQ(key.status, 201);
    EXPECT_EQ(
        parsed(caller.call(vendor, "GET", "/v2/account/keys").body)
            .find("ssh_keys")
            ->items()
            .size(),
        2u);
    EXPECT_EQ(caller.call(vendor, "POST", "/v2/tags", R"({"name":"a b"})").status, 422);
    EXPECT_EQ(caller.call(vendor, "POST", "/v2/tags", R"({"name":"a:b"})").status, 201);
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/tags/a:b").status, 200);
    const Reply wall = caller.call(
        vendor,
        "POST",
        "/v2/firewalls",
        R"({"name":"w","tags":["ek-1a2b3c4d"],"inbound_rules":[{"protocol":"tcp",)"
        R"("ports":"8443","sources":{"addresses":["203.0.113.5"]}}]})");
    EXPECT_EQ(wall.status, 202);
    const std::string id{parsed(wall.body).find("firewall")->text("id")};
    EXPECT_EQ(caller.call(vendor, "DELETE", "/v2/firewalls/" + id).status, 204);
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/firewalls/" + id).status, 404);
}

TEST(FakeDroplets, NeedAKey) {
    Caller caller;
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/account", "", "").status, 401);
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/account", "", "Bearer wrong").status, 401);
    EXPECT_EQ(caller.call(vendor, "GET", "/v2/account").status, 200);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
