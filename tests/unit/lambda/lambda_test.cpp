#include "providers/lambda/lambda.hpp"

#include "providers/http/exact_json.hpp"
#include "providers/lambda/wire.hpp"
#include "tests/unit/provider_http/scripted_client.hpp"
#include "tests/unit/provider_http/test_data.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedClient;

const MachineSpec spec{
    .name = "ek-1a2b3c4d-01",
    .sku = "gpu_1x_h100_sxm5",
    .region = "us-east-1",
    .image = "vllm/vllm-openai:v0.11.0",
    .owner_mark = "ek-1a2b3c4d",
    .expires = UtcTime{1'772'600'767s},
    .user_data = "#cloud-config\n"};

struct LambdaDriver : ::testing::Test {
    LambdaDriver() { make({"my-key"}); }
    void make(std::vector<std::string> keys) {
        auto spending = std::make_unique<ScriptedClient>();
        auto safe = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = safe.get();
        provider = make_lambda(
            {.name = "lam", .owner_mark = "ek-1a2b3c4d", .ssh_keys = std::move(keys)},
            {std::move(spending), std::move(safe)},
            clock,
            [this](std::chrono::milliseconds pause, const std::stop_token&) {
                pauses.push_back(pause);
                clock.advance(pause);
                return true;
            });
    }
    Result<RemoteMachine> launch() {
        spend->answers.push_back(HttpResponse{200, R"({"data":{"instance_ids":["abc"]}})"});
        return provider->create(spec, {});
    }
    ManualClock clock{Now{.boot = BootTime{1h}, .utc = UtcTime{1'000'000h}}};
    std::vector<std::chrono::milliseconds> pauses{};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
    std::unique_ptr<Provider> provider{};
};

TEST(LambdaWire, LaunchBodyIsExact) {
    EXPECT_EQ(
        lambda::make_launch_request(spec, "my-key").body,
        R"({"region_name":"us-east-1","instance_type_name":"gpu_1x_h100_sxm5",)"
        R"("ssh_key_names":["my-key"],"name":"ek-1a2b3c4d-01","hostname":"ek-1a2b3c4d-01",)"
        R"("tags":[{"key":"evenkeel","value":"ek-1a2b3c4d"},)"
        R"({"key":"evenkeel-expires","value":"2026-03-04T05:06:07.000000Z"},)"
        R"({"key":"evenkeel-port","value":"8443"}],"user_data":"#cloud-config\n"})");
    MachineSpec other = spec;
    other.volume = "weights";
    const auto body = exact_json::parse(lambda::make_launch_request(other, "k").body);
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->find("file_system_names")->items().at(0).string(), "weights");
}

TEST(LambdaWire, CentsBecomeOffersByRegion) {
    const HttpResponse answer{200, testing::provider_data("lambda-types.json")};
    const auto offers = lambda::parse_types(answer, {}, UtcTime{1s});
    ASSERT_TRUE(offers) << offers.error().message;
    ASSERT_EQ(offers->size(), 3u) << "no machine without a GPU";
    EXPECT_EQ((*offers)[0].sku, "gpu_1x_h100_sxm5");
    EXPECT_EQ((*offers)[0].region, "us-east-1");
    EXPECT_EQ((*offers)[0].price, Price::per_hour(Money{4'290'000'000, usd}));
    EXPECT_TRUE((*offers)[0].in_stock);
    EXPECT_EQ((*offers)[1].region, "");
    EXPECT_FALSE((*offers)[1].in_stock);
    EXPECT_EQ((*offers)[2].gpu_count, 8);
    EXPECT_EQ((*offers)[2].price, Price::per_hour(Money{31'920'000'000, usd}));
    EXPECT_EQ((*offers)[0].min_bill, 60s);
}

TEST(LambdaWire, F24StatesOfAnInstance) {
    const auto seen = [](std::string_view status) {
        return lambda::parse_machine(
            {200, fmt::format(R"({{"data":{{"id":"a","status":"{}"}}}})", status)});
    };
    EXPECT_FALSE(seen("booting")->running);
    EXPECT_TRUE(seen("active")->running);
    EXPECT_FALSE(seen("unhealthy")->running);
    EXPECT_FALSE(seen("terminating")->stopped) << "on its way, and it may still bill";
    EXPECT_TRUE(seen("preempted")->stopped);
    EXPECT_EQ(seen("terminated").error().code, Errc::not_found);
    const auto list = lambda::parse_list(
        {200, R"({"data":[{"id":"a","status":"terminated"},{"id":"b","status":"active"}]})"});
    ASSERT_EQ(list.value().size(), 1u);
    EXPECT_EQ(list.value()[0].remote_id, "b");
}

TEST(LambdaWire, ATerminateThatDoesNotNameTheMachineIsNotBelieved) {
    for (const char* body :
         {"{}",
          R"({"data":{"terminated_instances":[]}})",
          R"({"data":{"terminated_instances":[{"id":"other"}]}})"}) {
        EXPECT_EQ(lambda::parse_terminated({200, body}, "abc").error().code, Errc::outcome_unknown);
    }
}

TEST_F(LambdaDriver, LaunchesAreTwelveSecondsApart) {
    ASSERT_TRUE(launch());
    const auto soon = launch();
    ASSERT_FALSE(soon);
    EXPECT_EQ(soon.error().code, Errc::rate_limited);
    EXPECT_EQ(soon.error().retry_after, 12'100ms);
    spend->answers.clear();
    clock.advance(12'100ms);
    EXPECT_TRUE(launch());
    EXPECT_EQ(spend->sent.size(), 2u);
}

TEST_F(LambdaDriver, RequestsOfBothLinesAreOneSecondApart) {
    for (int i = 0; i < 2; ++i) {
        safety->answers.push_back(HttpResponse{200, R"({"data":[]})"});
        EXPECT_TRUE(provider->list({}));
        spend->answers.push_back(HttpResponse{200, R"({"data":{}})"});
        EXPECT_TRUE(provider->offers({}));
    }
    EXPECT_EQ(pauses, (std::vector<std::chrono::milliseconds>{1'100ms, 1'100ms, 1'100ms}));
}

TEST_F(LambdaDriver, WantsExactlyOneKey) {
    for (const std::vector<std::string>& keys :
         {std::vector<std::string>{}, std::vector<std::string>{"a", "b"}}) {
        make(keys);
        const auto refused = provider->create(spec, {});
        EXPECT_EQ(refused.error().code, Errc::rejected);
        EXPECT_NE(refused.error().message.find("providers.lam.ssh_keys"), std::string::npos);
        EXPECT_TRUE(spend->sent.empty());
    }
}

TEST_F(LambdaDriver, AFileSystemIsFoundByItsName) {
    EXPECT_EQ(provider->volume_place("weights").path, "/lambda/nfs/weights");
    EXPECT_EQ(provider->volume_place("weights").device, "");
}

TEST_F(LambdaDriver, HasNoBillAndNoBalance) {
    EXPECT_TRUE(provider->billing({}).value().empty());
    EXPECT_EQ(provider->account({})->balance, std::nullopt);
    EXPECT_TRUE(safety->sent.empty());
}

}  // namespace
}  // namespace evenkeel::providers
