#include "inference/dialect/limited.hpp"

#include <gtest/gtest.h>

namespace evenkeel::inference::dialect {
namespace {

using namespace std::chrono_literals;

const Limited who{
    .key = "ci",
    .key_ix = NameIx{7},
    .route = "default",
    .report = aud,
    .now = UtcTime{std::chrono::sys_days{std::chrono::November / 23 / 2026} + 10h}};

TEST(Limited, NamesTheLimitAndWhenThereIsRoom) {
    const auto error = limited({ReasonCode::limit_requests, {1'500, 60, 7}}, who);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->status, 429);
    EXPECT_EQ(error->code, "rate_limit_exceeded");
    EXPECT_EQ(error->retry_after, 2s);
    EXPECT_FALSE(error->should_retry);
    EXPECT_EQ(
        error->message,
        "Key 'ci' has used its 60 requests a minute. There is room again in 2 s, at 2026-11-23 "
        "10:00:02 UTC.");
}

TEST(Limited, TellsNoSdkToWaitTooLongAndSaysTheTruth) {
    const auto error = limited({ReasonCode::limit_tokens, {135'000, 600, 9}}, who);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->retry_after, retry_after_max);
    EXPECT_EQ(
        error->message,
        "Route 'default' has used its 600 tokens a minute. There is room again in 135 s, at "
        "2026-11-23 10:02:15 UTC.");
}

TEST(Limited, ThoseAtOnceAreToldToComeBackSoon) {
    const auto error = limited({ReasonCode::limit_in_flight, {0, 8, 7}}, who);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->status, 429);
    EXPECT_EQ(error->retry_after, 1s);
    EXPECT_NE(error->message.find("Key 'ci' has 8 requests running"), std::string::npos);
}

TEST(Limited, SpentMoneyIsNotTriedAgain) {
    const auto error = limited(
        {ReasonCode::key_budget_spent, {19'990'000'000, 20'000'000'000, 8 * 86'400 - 36'000}}, who);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->status, 429);
    EXPECT_EQ(error->type, "insufficient_quota");
    EXPECT_EQ(error->code, "insufficient_quota");
    EXPECT_EQ(error->should_retry, false);
    EXPECT_FALSE(error->retry_after);
    EXPECT_NE(error->message.find("key 'ci'"), std::string::npos);
    EXPECT_NE(error->message.find("19.99 of 20.00 AUD"), std::string::npos) << error->message;
    EXPECT_NE(error->message.find("2026-12-01 00:00 UTC"), std::string::npos) << error->message;
}

TEST(Limited, SmallLimitsAreSaidWithTheirDecimals) {
    Limited later = who;
    later.now += 300ms;  // since the gate looked
    const auto error = limited(
        {ReasonCode::key_budget_spent, {1'451'970, 10'000'000, 8 * 86'400 - 36'000}}, later);
    ASSERT_TRUE(error);
    EXPECT_NE(error->message.find("0.0015 of 0.0100 AUD"), std::string::npos) << error->message;
    EXPECT_NE(error->message.find("2026-12-01 00:00 UTC"), std::string::npos) << error->message;
}

TEST(Limited, ABudgetSaysWhenItsNextWindowBegins) {
    Limited soon = who;
    soon.budget_resets = UtcTime{std::chrono::sys_days{std::chrono::December / 1 / 2026}};
    const Reason reason{ReasonCode::budget_spent, {19'990'000'000, 20'000'000'000, 77}};
    const auto error = limited(reason, soon);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "insufficient_quota");
    EXPECT_EQ(error->should_retry, false);
    EXPECT_FALSE(error->retry_after);
    EXPECT_NE(error->message.find("19.99 of 20.00 AUD"), std::string::npos) << error->message;
    EXPECT_NE(error->message.find("2026-12-01 00:00 UTC"), std::string::npos) << error->message;
    soon.now = soon.budget_resets - 12s - 300ms;
    const auto later = limited(reason, soon);
    ASSERT_TRUE(later);
    EXPECT_EQ(later->retry_after, 13s) << "so soon that whoever waits gets in";
    EXPECT_FALSE(later->should_retry);
}

TEST(Limited, EveryOtherReasonIsSomebodyElses) {
    for (const ReasonCode code :
         {ReasonCode::queue_full, ReasonCode::budget_spent, ReasonCode::stopping}) {
        EXPECT_FALSE(limited({code, {1, 2, 7}}, who));
    }
}

}  // namespace
}  // namespace evenkeel::inference::dialect
