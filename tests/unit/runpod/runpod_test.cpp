#include "providers/runpod/runpod.hpp"

#include "tests/unit/provider_http/scripted_client.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;
using testing::ScriptedClient;

constexpr std::string_view stock =
    R"({"gpus":[{"id":"H","secure":true,"price":{"secure":3.99},"availability":"LOW",)"
    R"("dataCenters":[{"id":"A","availability":"LOW"},{"id":"B","availability":"HIGH"}]}]})";

struct RunPodDriver : ::testing::Test {
    RunPodDriver() {
        auto spending = std::make_unique<ScriptedClient>();
        auto safe = std::make_unique<ScriptedClient>();
        spend = spending.get();
        safety = safe.get();
        provider = *make_runpod(
            {.name = "rp", .owner_mark = "ek-1a2b3c4d"},
            {std::move(spending), std::move(safe)},
            clock,
            [](std::chrono::milliseconds, const std::stop_token&) { return true; });
    }
    Errc create(
        std::string region, int status, std::string_view detail, std::string_view sku = "H") {
        spend->answers.push_back(HttpResponse{
            status,
            fmt::format(
                R"({{"title":"t","status":{},"detail":"{}","id":"p","name":"ek-1a2b3c4d-01"}})",
                status,
                detail)});
        const auto made = provider->create(
            {.name = "ek-1a2b3c4d-01",
             .sku = std::string{sku},
             .region = std::move(region),
             .image = "i",
             .owner_mark = "ek-1a2b3c4d"},
            {});
        message = made ? "" : made.error().message;
        return made ? Errc::cancelled : made.error().code;
    }
    Result<Account> account(Result<HttpResponse> answer) {
        safety->answers.push_back(std::move(answer));
        return provider->account({});
    }

    ManualClock clock{Now{.boot = BootTime{1h}, .utc = UtcTime{1'000'000h}}};
    ScriptedClient* spend{nullptr};
    ScriptedClient* safety{nullptr};
    std::unique_ptr<Provider> provider{};
    std::string message{};
};

TEST_F(RunPodDriver, F11EveryCandidateRefusingMeansTheRequestIsWrong) {
    spend->answers.push_back(HttpResponse{200, std::string{stock}});
    ASSERT_TRUE(provider->offers({}));
    EXPECT_EQ(create("A", 400, "disk too large"), Errc::no_capacity);
    EXPECT_EQ(create("A", 400, "disk too large"), Errc::no_capacity);
    EXPECT_EQ(create("A", 400, "disk too large"), Errc::no_capacity) << "B has not been tried";
    EXPECT_EQ(create("B", 400, "disk too large"), Errc::rejected);
    EXPECT_NE(message.find("disk too large"), std::string::npos) << message;
    EXPECT_EQ(create("A", 201, ""), Errc::cancelled) << "a success";
    EXPECT_EQ(create("B", 400, "disk too large"), Errc::no_capacity) << "forgiven";
}

TEST_F(RunPodDriver, F11RefusalsOfAnHourAgoOrOfAnotherGpuBlameNothing) {
    spend->answers.push_back(HttpResponse{200, std::string{stock}});
    ASSERT_TRUE(provider->offers({}));
    EXPECT_EQ(create("A", 400, "no"), Errc::no_capacity);
    EXPECT_EQ(create("B", 400, "no"), Errc::no_capacity);
    EXPECT_EQ(create("A", 201, "", "G"), Errc::cancelled) << "a success of another GPU";
    clock.advance(59min);
    EXPECT_EQ(create("A", 400, "no", "G"), Errc::no_capacity) << "its first refusal";
    clock.advance(1min);
    EXPECT_EQ(create("A", 400, "no"), Errc::no_capacity) << "the others were yesterday's news";
    EXPECT_EQ(create("A", 400, "no"), Errc::no_capacity) << "B has not been tried in this hour";
    EXPECT_EQ(create("B", 400, "no"), Errc::rejected);
    EXPECT_EQ(create("A", 201, "", "G"), Errc::cancelled);
    EXPECT_EQ(create("A", 400, "no"), Errc::rejected) << "what one GPU takes says nothing of this";
}

TEST_F(RunPodDriver, F36EveryPoolClosedMeansTheKeyIsTooNarrow) {
    spend->answers.push_back(HttpResponse{200, std::string{stock}});
    ASSERT_TRUE(provider->offers({}));
    EXPECT_EQ(create("A", 403, "access denied"), Errc::no_capacity);
    EXPECT_EQ(create("B", 403, "access denied"), Errc::no_capacity);
    EXPECT_EQ(create("B", 403, "access denied"), Errc::unauthorized);
}

TEST_F(RunPodDriver, APodNeedsAnImage) {
    const auto refused =
        provider->create({.name = "ek-1a2b3c4d-01", .sku = "H", .owner_mark = "ek-1a2b3c4d"}, {});
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_TRUE(spend->sent.empty());
}

TEST_F(RunPodDriver, TheBalanceIsWatched) {
    const auto with = [&](std::string_view left, std::string_view rate) {
        return account(HttpResponse{
            200,
            fmt::format(
                R"({{"data":{{"myself":{{"clientBalance":{},"currentSpendPerHr":{}}}}}}})",
                left,
                rate)});
    };
    EXPECT_EQ(with("50", "3.99")->trouble, "");
    EXPECT_EQ(with("50", "3.99")->balance, (Money{50'000'000'000, usd}));
    EXPECT_NE(with("3.99", "3.99")->trouble.find("less than an hour"), std::string::npos);
    EXPECT_NE(with("0.0", "null")->trouble.find("used up"), std::string::npos);
    EXPECT_NE(with("-1", "0")->trouble.find("used up"), std::string::npos);
    EXPECT_EQ(safety->sent.back().target, "/graphql");
    EXPECT_EQ(safety->sent.back().body.find("api_key"), std::string::npos);
}

TEST_F(RunPodDriver, AQuestionIsNeverAnUnknownOutcome) {
    EXPECT_EQ(account(fail(Errc::outcome_unknown, "lost")).error().code, Errc::unavailable);
    const auto gone = account(HttpResponse{410, ""});
    ASSERT_FALSE(gone);
    EXPECT_NE(gone.error().message.find("console"), std::string::npos);
}

TEST_F(RunPodDriver, F12ItsHeadersKeepAThirdForDeletes) {
    // The owner's console used up most of the minute.
    safety->answers.push_back(HttpResponse{
        .status = 200,
        .body = R"({"pods":[]})",
        .rate = {{.name = "minute", .limit = 60, .remaining = 18, .resets_in = 12s}}});
    ASSERT_TRUE(provider->list({}));
    EXPECT_EQ(provider->offers({}).error().code, Errc::rate_limited);
    safety->answers.push_back(HttpResponse{204, ""});
    EXPECT_TRUE(provider->destroy("p", {}));
    EXPECT_TRUE(spend->sent.empty());
}

}  // namespace
}  // namespace evenkeel::providers
