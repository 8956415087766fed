#include "providers/sandbox/sandbox.hpp"

#include "providers/sandbox/wire.hpp"
#include "tests/unit/provider_http/scripted_client.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using testing::ScriptedClient;

struct SandboxDriver : ::testing::Test {
    SandboxDriver() {
        auto spending = std::make_unique<ScriptedClient>();
        auto saving = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = saving.get();
        provider =
            make_sandbox("lab-cloud", "ek-1a2b3c4d", std::move(spending), std::move(saving), clock);
    }
    void page(std::vector<std::string> ids, const std::string& next, int total) {
        std::string machines;
        for (const std::string& id : ids) {
            machines += fmt::format(R"({}{{"id":"{}"}})", machines.empty() ? "" : ",", id);
        }
        safety->answers.push_back(HttpResponse{
            200,
            fmt::format(
                R"({{"machines":[{}],"next":{},"total":{}}})",
                machines,
                next.empty() ? "null" : "\"" + next + "\"",
                total)});
    }

    ManualClock clock{Now{.utc = from_us(1'000'000)}};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
    std::unique_ptr<Provider> provider{};
};

TEST_F(SandboxDriver, SpendsOnOneLineAndKeepsSafeOnTheOther) {
    static_cast<void>(provider->offers({}));
    static_cast<void>(provider->create({.name = "n"}, {}));
    EXPECT_EQ(spend->sent.size(), 2u);
    EXPECT_TRUE(safety->sent.empty());
    static_cast<void>(provider->list({}));
    static_cast<void>(provider->get("m-1", {}));
    static_cast<void>(provider->destroy("m-1", {}));
    static_cast<void>(provider->billing({}));
    EXPECT_EQ(spend->sent.size(), 2u);
    EXPECT_EQ(safety->sent.size(), 4u);
    EXPECT_EQ(safety->sent.back().target, "/v1/bill?owner_mark=ek-1a2b3c4d");
    EXPECT_EQ(provider->name(), "lab-cloud");
}

TEST_F(SandboxDriver, F01ALostCreateIsPassedOnAndNotRepeated) {
    spend->answers.push_back(fail(Errc::outcome_unknown, "no answer"));
    const auto machine = provider->create({.name = "n", .engine_key = "marked"}, {});
    ASSERT_FALSE(machine);
    EXPECT_EQ(machine.error().code, Errc::outcome_unknown);
    EXPECT_EQ(spend->sent.size(), 1u);
}

TEST_F(SandboxDriver, ReadsEveryPage) {
    page({"m-1", "m-2"}, "m-2", 5);
    page({"m-3", "m-4"}, "m-4", 5);
    page({"m-5"}, "", 5);
    const auto machines = provider->list({});
    ASSERT_TRUE(machines) << machines.error().message;
    EXPECT_EQ(machines->size(), 5u);
    ASSERT_EQ(safety->sent.size(), 3u);
    EXPECT_EQ(safety->sent[1].target, "/v1/machines?limit=100&after=m-2");
    EXPECT_EQ(safety->sent[2].target, "/v1/machines?limit=100&after=m-4");
}

TEST_F(SandboxDriver, NeverReturnsAPartialList) {
    page({"m-1"}, "m-1", 2);
    safety->answers.push_back(fail(Errc::unavailable, "gone"));
    EXPECT_EQ(provider->list({}).error().code, Errc::unavailable);

    page({"m-1"}, "m-1", 2);
    safety->answers.push_back(HttpResponse{500, ""});
    EXPECT_EQ(provider->list({}).error().code, Errc::unavailable);

    page({"m-1"}, "", 2);
    EXPECT_EQ(provider->list({}).error().code, Errc::invalid_response) << "one is missing";

    page({"m-1"}, "m-1", 2);
    page({"m-2"}, "", 3);
    EXPECT_EQ(provider->list({}).error().code, Errc::unavailable) << "changed meanwhile";

    page({"m-1"}, "m-1", 2);
    page({"m-1"}, "", 2);
    EXPECT_EQ(provider->list({}).error().code, Errc::invalid_response) << "the same one twice";
}

TEST_F(SandboxDriver, AnEndlessListIsRefused) {
    constexpr int endless = sandbox::pages_max * 2;
    for (int i = 0; i < endless; ++i) {
        page({fmt::format("m-{}", i)}, fmt::format("m-{}", i), endless);
    }
    EXPECT_EQ(provider->list({}).error().code, Errc::invalid_response);
    EXPECT_EQ(safety->sent.size(), static_cast<std::size_t>(sandbox::pages_max));
}

TEST_F(SandboxDriver, F29AnEmptyListIsOnlyAnEmptyList) {
    page({}, "", 0);
    const auto machines = provider->list({});
    ASSERT_TRUE(machines);
    EXPECT_TRUE(machines->empty());
}

TEST_F(SandboxDriver, AnAnswerAboutAnotherMachineIsNoAnswer) {
    safety->answers.push_back(HttpResponse{200, R"({"id":"m-2"})"});
    EXPECT_EQ(provider->get("m-1", {}).error().code, Errc::invalid_response);
}

TEST_F(SandboxDriver, IdsThatWouldChangeThePathAreNotSent) {
    for (const char* id : {"", "..", "m-1/../m-2", "m-1?x", "m 1"}) {
        EXPECT_EQ(provider->get(id, {}).error().code, Errc::invalid_argument) << id;
        EXPECT_EQ(provider->destroy(id, {}).error().code, Errc::invalid_argument) << id;
    }
    EXPECT_TRUE(safety->sent.empty());
}

TEST_F(SandboxDriver, DatesOffersByTheClock) {
    spend->answers.push_back(HttpResponse{
        200, R"({"offers":[{"sku":"a","price_per_hour":"1","currency":"USD","stock":1}]})"});
    const auto offers = provider->offers({});
    ASSERT_TRUE(offers);
    ASSERT_EQ(offers->size(), 1u);
    EXPECT_EQ(offers->front().seen, from_us(1'000'000));
}

TEST_F(SandboxDriver, RefusesAForbiddenAddress) {
    const auto made = make_sandbox({.base_url = "http://api.example.com"}, clock);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace evenkeel::providers
