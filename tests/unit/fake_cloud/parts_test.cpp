#include "caller.hpp"
#include "tests/fakes/cloud/base64.hpp"
#include "tests/fakes/cloud/limits.hpp"
#include "tests/fakes/cloud/node_data.hpp"
#include "tests/fakes/cloud/query.hpp"

#include <openssl/evp.h>

namespace evenkeel::fakes::cloud::test {
namespace {

constexpr std::string_view certificate =
    "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n";
constexpr std::string_view key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n";

std::string encoded(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(text.data()),
        static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::string cloud_init() {
    return "#cloud-config\nwrite_files:\n  - path: /etc/front.crt\n    content: |\n"
           "      -----BEGIN CERTIFICATE-----\n      MIIB\n      AAAA\n"
           "      -----END CERTIFICATE-----\n  - path: /etc/front.key\n    content: |\n"
           "      -----BEGIN PRIVATE KEY-----\n      MIGH\n      -----END PRIVATE KEY-----\n"
           "  - path: /etc/node.env\n    content: |\n      EVENKEEL_ENGINE_KEY=abc123\n"
           "      engine_arguments=('--model' 'Qwen/QwQ-32B' '--served-model-name' 'qwq-32b')\n"
           "  - path: /etc/front.conf\n    content: |\n      server {\n"
           "        listen 9443 ssl;\n      }\n";
}

TEST(FakeNodeData, IsFoundInCloudInit) {
    const auto data = read_node_data(cloud_init());
    ASSERT_TRUE(data);
    EXPECT_EQ(data->certificate, certificate);
    EXPECT_EQ(data->key, key);
    EXPECT_EQ(data->engine_key, "abc123");
    EXPECT_EQ(data->model, "qwq-32b");
    EXPECT_EQ(data->port, 9443);
}

TEST(FakeNodeData, IsFoundInContainerArguments) {
    const std::string script = fmt::format(
        "set -e\ncat >crt <<'END'\n{}END\ncat >key <<'END'\n{}END\n"
        "EVENKEEL_ENGINE_KEY='k-9'\nexec vllm serve --served-model-name=m1 --port 8000\n",
        certificate,
        key);
    const std::string args = fmt::format("-c \"echo {} | base64 -d | bash\"", encoded(script));
    const auto data = read_node_data(args);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->certificate, certificate);
    EXPECT_EQ(data->engine_key, "k-9");
    EXPECT_EQ(data->model, "m1");
    EXPECT_EQ(data->port, 8443) << "none named";
}

TEST(FakeNodeData, NeedsAllThree) {
    EXPECT_FALSE(read_node_data("#cloud-config\n"));
    std::string text = cloud_init();
    text.erase(text.find("EVENKEEL_ENGINE_KEY="), 26);
    EXPECT_FALSE(read_node_data(text));
    EXPECT_FALSE(read_node_data(certificate));
}

TEST(FakeParts, Base64) {
    EXPECT_EQ(base64_decode("aGVsbG8="), "hello");
    EXPECT_EQ(base64_decode("aGVsbG8h"), "hello!");
    EXPECT_EQ(base64_decode("aGVs*"), "hel");
}

TEST(FakeParts, Queries) {
    const Query query{"a=1&name=x%20y%2B+z&bad=0&b"};
    EXPECT_EQ(query.number("a"), 1);
    EXPECT_EQ(query.find("name"), "x y+ z");
    EXPECT_TRUE(query.bad("bad"));
    EXPECT_FALSE(query.bad("absent"));
    EXPECT_EQ(query.find("b"), "");
    EXPECT_EQ(percent_decode("%4"), "%4");
    EXPECT_EQ(percent_decode("%zz"), "%zz");
    EXPECT_EQ(rest_of("/v2/droplets/12/", "/v2/droplets"), "12");
    EXPECT_EQ(rest_of("/v2/droplets", "/v2/droplets"), "");
}

TEST(FakeParts, LimitsSlide) {
    const UtcTime start{};
    RateLimiter limiter{{{.name = "minute", .quota = 2, .length = 60s}}, 1};
    EXPECT_FALSE(limiter.admit(start));
    EXPECT_FALSE(limiter.admit(start + 30s));
    const auto denial = limiter.admit(start + 40s);
    ASSERT_TRUE(denial);
    EXPECT_EQ(denial->retry_after, 20s);
    EXPECT_EQ(limiter.standings(start + 40s)[0].left, 0);
    EXPECT_FALSE(limiter.admit(start + 60s)) << "the first has left the window";
    EXPECT_TRUE(limiter.admit(start + 61s));
    RateLimiter fast{{{.name = "minute", .quota = 1, .length = 60s}}, 60};
    EXPECT_FALSE(fast.admit(start));
    EXPECT_FALSE(fast.admit(start + 1s)) << "speed divides the window";
}

TEST(FakeInspection, TurnsPersonalitiesOnAndOff) {
    Caller caller;
    EXPECT_EQ(
        caller
            .turn(
                "/personalities",
                R"({"vendor":"runpod","on":[{"name":"create_lost","times":2},)"
                R"({"name":"dearer","value":9}]})")
            .status,
        200);
    const Personality& runpod = caller.shop.world().personality(Vendor::runpod);
    EXPECT_EQ(runpod.times(Trouble::create_lost), 2);
    EXPECT_EQ(runpod.value(Trouble::dearer), 9);
    EXPECT_TRUE(caller.look("/personalities").body.contains(R"("runpod":{"times":2,"value":0})"));
    EXPECT_EQ(caller.turn("/personalities", R"({"vendor":"runpod","off":["dearer"]})").status, 200);
    EXPECT_FALSE(runpod.is_on(Trouble::dearer));
    EXPECT_EQ(caller.turn("/personalities", R"({"vendor":"runpod","off":["*"]})").status, 200);
    EXPECT_FALSE(runpod.is_on(Trouble::create_lost));
    for (const char* const body :
         {"{}",
          R"({"vendor":"aws"})",
          R"({"vendor":"lambda","on":[{"name":"x"}]})",
          R"({"vendor":"lambda","off":["x"]})"}) {
        EXPECT_EQ(caller.turn("/personalities", body).status, 422) << body;
    }
}

TEST(FakeInspection, MakesEndsAndStopsMachinesByHand) {
    Caller caller;
    const Reply made = caller.turn(
        "/machines",
        R"({"vendor":"digitalocean","name":"ek-1a2b3c4d-lost","tags":["ek-1a2b3c4d"],)"
        R"("creator":"orphan"})");
    ASSERT_EQ(made.status, 201) << made.body;
    const std::string id{parsed(made.body).text("id")};
    EXPECT_EQ(caller.listed(Vendor::digitalocean), std::vector{id});
    EXPECT_EQ(caller.turn("/machines/" + id + "/stop", "").status, 200);
    EXPECT_EQ(caller.shown(Vendor::digitalocean, id).text("status"), "off");
    EXPECT_EQ(caller.turn("/machines/" + id + "/vanish", "").status, 200);
    EXPECT_TRUE(caller.listed(Vendor::digitalocean).empty());
    EXPECT_EQ(caller.turn("/machines/" + id + "/vanish", "").status, 422);
    EXPECT_EQ(caller.turn("/stock", R"({"stock":0})").status, 200);
    EXPECT_EQ(caller.create(Vendor::digitalocean).status, 422);
}

TEST(FakeInspection, TellsEveryCallWithoutKeysAndBodies) {
    Caller caller;
    caller.must_create(Vendor::runpod);
    static_cast<void>(caller.list(Vendor::runpod));
    const std::string body = caller.look("/calls").body;
    const Value calls = parsed(body);
    ASSERT_EQ(calls.find("calls")->items().size(), 2u);
    EXPECT_EQ(calls.find("calls")->items()[0].text("operation"), "create");
    EXPECT_EQ(calls.find("calls")->items()[0].text("name"), first_name);
    EXPECT_EQ(calls.find("calls")->items()[0].find("with_key")->boolean(), true);
    EXPECT_FALSE(body.contains("fake-token"));
    const Value machines = parsed(caller.look("/machines").body);
    EXPECT_EQ(machines.find("machines")->items()[0].text("creator"), "client");
    const Value summary = parsed(caller.look("/summary").body);
    EXPECT_EQ(summary.find("vendors")->find("runpod")->find("live")->integer(), 1);
    EXPECT_EQ(summary.find("vendors")->find("runpod")->find("calls")->find("create")->integer(), 1);
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
