#include "providers/digitalocean/digitalocean.hpp"

#include "tests/unit/provider_http/scripted_client.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedClient;

struct DigitalOceanDriver : ::testing::Test {
    DigitalOceanDriver() {
        auto spending = std::make_unique<ScriptedClient>();
        auto safe = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = safe.get();
        provider = *make_digitalocean(
            {.name = "do", .owner_mark = "ek-1a2b3c4d"},
            {std::move(spending), std::move(safe)},
            clock,
            [](std::chrono::milliseconds, const std::stop_token&) { return true; });
    }
    void page(std::vector<int> ids, int total, bool more = false) {
        std::string droplets;
        for (const int id : ids) {
            droplets += fmt::format(
                R"({}{{"id":{},"name":"{}"}})",
                droplets.empty() ? "" : ",",
                id,
                id < 9 ? "ek-1a2b3c4d-01" : "web-server");
        }
        answer(fmt::format(
            R"({{"droplets":[{}],"links":{},"meta":{{"total":{}}}}})",
            droplets,
            more ? R"({"pages":{"next":"https://api/next"}})" : "{}",
            total));
    }
    void answer(std::string body) { safety->answers.push_back(HttpResponse{200, std::move(body)}); }

    ManualClock clock{Now{.boot = BootTime{1h}, .utc = UtcTime{1s}}};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
    std::unique_ptr<Provider> provider{};
};

TEST_F(DigitalOceanDriver, ListsByTypeAndByTagAndKeepsWhatEitherHas) {
    page({1, 2}, 3, true);
    page({3}, 3);
    page({2, 4, 9}, 3);
    const auto machines = provider->list({});
    ASSERT_TRUE(machines) << machines.error().message;
    std::string ids;
    for (const RemoteMachine& machine : *machines) {
        ids += machine.remote_id;
    }
    EXPECT_EQ(ids, "1234") << "not the owner's server that has our tag";
    ASSERT_EQ(safety->sent.size(), 3u);
    EXPECT_EQ(safety->sent[1].target, "/v2/droplets?type=gpus&per_page=200&page=2");
    EXPECT_EQ(safety->sent[2].target, "/v2/droplets?tag_name=ek-1a2b3c4d&per_page=200&page=1");
}

TEST_F(DigitalOceanDriver, NeitherListMayBePartial) {
    page({1}, 2);
    EXPECT_EQ(provider->list({}).error().code, Errc::invalid_response);
    page({1, 2}, 2);
    page({1}, 2);
    EXPECT_EQ(provider->list({}).error().code, Errc::invalid_response);
    page({1, 2}, 2);
    safety->answers.push_back(HttpResponse{503, ""});
    EXPECT_EQ(provider->list({}).error().code, Errc::unavailable);
}

TEST_F(DigitalOceanDriver, OffersNeedSizesAndRegions) {
    spend->answers.push_back(HttpResponse{
        200,
        R"({"sizes":[{"slug":"gpu-x","price_hourly":1.5,"available":true,"regions":["tor1"],)"
        R"("gpu_info":{"count":1,"model":"m"}}],"meta":{"total":1}})"});
    spend->answers.push_back(
        HttpResponse{200, R"({"regions":[{"slug":"tor1","available":true}],"meta":{"total":1}})"});
    const auto offers = provider->offers({});
    ASSERT_TRUE(offers) << offers.error().message;
    ASSERT_EQ(offers->size(), 1u);
    EXPECT_TRUE(offers->front().in_stock);
    EXPECT_EQ(offers->front().seen, UtcTime{1s});
    spend->answers.push_back(HttpResponse{200, R"({"sizes":[],"links":{},"meta":{"total":0}})"});
    EXPECT_FALSE(provider->offers({})) << "without regions nothing is known";
}

TEST_F(DigitalOceanDriver, ARegionIsNeverLeftToTheProvider) {
    const auto refused = provider->create(
        {.name = "ek-1a2b3c4d-01", .sku = "gpu-x", .owner_mark = "ek-1a2b3c4d"}, {});
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_TRUE(spend->sent.empty());
}

TEST_F(DigitalOceanDriver, F102AddsUpTheNewestInvoices) {
    answer(R"({"invoices":[{"invoice_uuid":"oct","invoice_period":"2026-10"}],)"
           R"("invoice_preview":{"invoice_uuid":"nov","invoice_period":"2026-11",)"
           R"("updated_at":"2026-11-23T12:00:00Z"},"links":{},"meta":{"total":1}})");
    answer(R"({"invoice_items":[{"product":"Droplets","resource_id":"7","amount":"1.00",)"
           R"("end_time":"2026-10-31T23:59:59Z"}],"meta":{"total":1}})");
    answer(R"({"invoice_items":[{"product":"Droplets","resource_id":"7","amount":"0.25",)"
           R"("end_time":"2026-11-01T00:10:00Z"}],"meta":{"total":1}})");
    const auto lines = provider->billing({});
    ASSERT_TRUE(lines) << lines.error().message;
    ASSERT_EQ(lines->size(), 1u);
    EXPECT_EQ(lines->front().amount, (Money{1'250'000'000, usd}));
    EXPECT_TRUE(lines->front().final);
    ASSERT_EQ(safety->sent.size(), 3u);
    EXPECT_EQ(safety->sent[2].target, "/v2/customers/my/invoices/nov?per_page=200&page=1");
}

TEST_F(DigitalOceanDriver, TheAccountsTroubleIsTold) {
    const auto account = [&](std::string_view status, int limit) {
        answer(fmt::format(R"({{"account":{{"status":"{}","droplet_limit":{}}}}})", status, limit));
        return *provider->account({});
    };
    EXPECT_EQ(account("active", 3).trouble, "");
    EXPECT_NE(account("locked", 3).trouble.find("locked"), std::string::npos);
    EXPECT_NE(account("active", 0).trouble, "");
    page({1, 2, 3}, 3);
    page({}, 0);
    ASSERT_TRUE(provider->list({}));
    EXPECT_NE(account("active", 3).trouble.find("3 Droplets"), std::string::npos);
    EXPECT_EQ(account("active", 4).trouble, "");
}

TEST_F(DigitalOceanDriver, LeftoverCreditIsNoPrepaidBalance) {
    answer(R"({"account":{"status":"active","droplet_limit":3}})");
    // A promotion of which cents are left, on an account that pays afterwards.
    answer(R"({"month_to_date_balance":"-0.50","account_balance":"-0.50"})");
    const auto account = provider->account({});
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->balance, std::nullopt) << "a balance below an hour's price stops renting";
    EXPECT_EQ(account->trouble, "");
    EXPECT_EQ(safety->sent.size(), 1u);
}

}  // namespace
}  // namespace evenkeel::providers
