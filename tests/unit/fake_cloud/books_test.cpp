#include "caller.hpp"

#include <rapidcheck/gtest.h>

#include <algorithm>

namespace evenkeel::fakes::cloud::test {
namespace {

std::string cost_text(Caller& caller, const std::string& id) {
    return amount_text(caller.shop.world().cost(caller.machine(id), caller.now));
}

TEST(FakeCloudBooks, ADropletCostsAtLeastAMinuteAndThenBySecond) {
    Caller caller;
    const std::string id = caller.must_create(Vendor::digitalocean);
    EXPECT_EQ(cost_text(caller, id), "0.00") << "nothing has begun";
    caller.pass(1s);
    EXPECT_EQ(cost_text(caller, id), "0.0735");
    caller.pass(3'599s);
    EXPECT_EQ(cost_text(caller, id), "4.41");
    EXPECT_LT(caller.destroy(Vendor::digitalocean, id).status, 300);
    caller.pass(1h);
    EXPECT_EQ(cost_text(caller, id), "4.41245") << "the two seconds of deleting are billed";
}

TEST(FakeCloudBooks, APodCostsBySecondWithoutAMinimum) {
    Caller caller;
    const std::string id = caller.must_create(Vendor::runpod);
    caller.pass(36s);
    EXPECT_EQ(cost_text(caller, id), "0.0399");
}

TEST(FakeCloudBooks, AnInstanceCostsByBegunMinuteOnceItRuns) {
    Caller caller;
    const std::string id = caller.must_create(Vendor::lambda);
    caller.pass(60s);
    EXPECT_EQ(cost_text(caller, id), "0.00");
    caller.pass(61s);
    EXPECT_EQ(cost_text(caller, id), "0.143") << "two begun minutes";
}

TEST(FakeCloudBooks, SpeedMultipliesPricesAndDividesDurations) {
    Caller caller{{.world = {.speed = 100}, .rate_limits = false}};
    const std::string id = caller.must_create(Vendor::digitalocean);
    EXPECT_EQ(amount_text(caller.machine(id).hourly), "441.00");
    caller.pass(36s);
    EXPECT_EQ(cost_text(caller, id), "4.41");
    EXPECT_EQ(caller.machine(id).running_at - caller.machine(id).created, Micros{600ms});
    EXPECT_TRUE(caller.call(Vendor::digitalocean, "GET", "/v2/sizes?per_page=200")
                    .body.contains(R"("price_hourly":441.00)"));
}

TEST(FakeCloudBooks, TheInvoiceHoldsEveryDropletEver) {
    Caller caller;
    const std::string first = caller.must_create(Vendor::digitalocean);
    caller.must_create(Vendor::digitalocean, "ek-1a2b3c4d-second");
    caller.pass(30min);
    static_cast<void>(caller.destroy(Vendor::digitalocean, first));
    caller.pass(30min);
    const Value invoices =
        parsed(caller.call(Vendor::digitalocean, "GET", "/v2/customers/my/invoices").body);
    const Value& preview = *invoices.find("invoice_preview");
    const Value items =
        parsed(caller
                   .call(
                       Vendor::digitalocean,
                       "GET",
                       "/v2/customers/my/invoices/" + std::string{preview.text("invoice_uuid")})
                   .body);
    ASSERT_EQ(items.find("invoice_items")->items().size(), 2u);
    Money sum{0, usd};
    for (const Value& item : items.find("invoice_items")->items()) {
        sum += Money{*parse_decimal(item.text("amount"), 9), usd};
    }
    EXPECT_EQ(amount_text(sum), preview.text("amount"));
    EXPECT_EQ(items.find("invoice_items")->items()[0].text("resource_id"), first);
}

RC_GTEST_PROP(FakeCloudBooks, BucketsOfAPodAddUpToItsWholeBill, ()) {
    Caller caller;
    std::vector<std::string> pods;
    const auto lives = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 20'000));
    for (std::size_t i = 0; i < std::min<std::size_t>(lives.size(), 5); ++i) {
        pods.push_back(caller.must_create(Vendor::runpod, fmt::format("p{}", i)));
        caller.pass(std::chrono::seconds{lives[i]});
        static_cast<void>(caller.destroy(Vendor::runpod, pods.back()));
        caller.pass(Micros{*rc::gen::inRange(0, 5'000'000)});
    }
    for (const char* const size : {"hour", "day"}) {
        const Value bill = parsed(
            caller.call(Vendor::runpod, "GET", fmt::format("/v2/billing/pods?bucketSize={}", size))
                .body);
        Money sum{0, usd};
        for (const Value& record : bill.find("records")->items()) {
            sum += Money{*parse_decimal(*record.find("totalAmount")->decimal_text(), 9), usd};
        }
        RC_ASSERT(sum == caller.shop.world().billed_total(Vendor::runpod, caller.now));
    }
}

TEST(FakeCloudBooks, CreditRunsOutAndTakesThePodsWithIt) {
    Caller caller;
    EXPECT_EQ(caller.turn("/balance", R"({"vendor":"runpod","left":"4.00"})").status, 200);
    const std::string id = caller.must_create(Vendor::runpod);
    caller.pass(30min);
    EXPECT_EQ(caller.create(Vendor::runpod, "another").status, 402)
        << "less than an hour of credit";
    const Reply graph = caller.call(
        Vendor::runpod,
        "POST",
        "/graphql",
        R"({"query":"{myself{clientBalance currentSpendPerHr}}"})");
    EXPECT_EQ(
        graph.body, R"({"data":{"myself":{"clientBalance":2.005,"currentSpendPerHr":3.99}}})");
    caller.pass(40min);
    EXPECT_EQ(caller.machine(id).gone_how, "balance");
}

TEST(FakeCloudBooks, WhatIsOwedAtDigitalOceanGrows) {
    Caller caller;
    caller.must_create(Vendor::digitalocean);
    caller.pass(1h);
    const Value balance =
        parsed(caller.call(Vendor::digitalocean, "GET", "/v2/customers/my/balance").body);
    EXPECT_EQ(balance.text("month_to_date_usage"), "4.41");
    EXPECT_EQ(balance.text("account_balance"), "0.00");
}

TEST(FakeCloudBooks, StockIsFinite) {
    Caller caller{{.world = {.stock = 2}, .rate_limits = false}};
    caller.must_create(Vendor::lambda, "one");
    const std::string second = caller.must_create(Vendor::lambda, "two");
    EXPECT_EQ(caller.create(Vendor::lambda, "three").status, 400);
    caller.pass(1min);
    static_cast<void>(caller.destroy(Vendor::lambda, second));
    caller.pass(1min);
    EXPECT_EQ(caller.create(Vendor::lambda, "three").status, 200);
}

TEST(FakeCloudBooks, TheAccountHasALimit) {
    Caller caller{{.world = {.machine_limit = 1}, .rate_limits = false}};
    caller.must_create(Vendor::digitalocean);
    EXPECT_TRUE(caller.create(Vendor::digitalocean, "b").body.contains("droplet limit"));
}

}  // namespace
}  // namespace evenkeel::fakes::cloud::test
