#include "providers/http/rate_budget.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace evenkeel::providers {
namespace {

using namespace std::chrono_literals;

constexpr Now at(std::chrono::nanoseconds since) {
    return {
        .boot = BootTime{1h + since},
        .utc = UtcTime{std::chrono::duration_cast<std::chrono::microseconds>(1'000'000h + since)}};
}

RateHint left(std::int64_t remaining, std::chrono::milliseconds resets_in, std::string name = "") {
    return {.name = std::move(name), .remaining = remaining, .resets_in = resets_in};
}

/// How many requests of `lane` are admitted at `now` before the first refusal.
int admitted(RateBudget& budget, Lane lane, Now now, int most = 10'000) {
    int count = 0;
    while (count < most && budget.take(lane, CallClass::ordinary, now)) {
        ++count;
    }
    return count;
}

TEST(RateBudget, WithoutRulesEverythingIsSent) {
    RateBudget budget{"X"};
    EXPECT_EQ(admitted(budget, Lane::spend, at(0s), 500), 500);
}

TEST(RateBudget, KeepsThirtyPercentForSafety) {
    RateBudget budget{"X", {.windows = {{"minute", 10, 60s}}}};
    EXPECT_EQ(admitted(budget, Lane::spend, at(0s)), 7);
    EXPECT_EQ(admitted(budget, Lane::safety, at(1s)), 3) << "the reserve is for safety";
    const auto none = budget.take(Lane::safety, CallClass::ordinary, at(20s));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Errc::rate_limited);
    EXPECT_EQ(none.error().retry_after, 40s) << "until the window ends";
    EXPECT_NE(none.error().message.find("X: not sent"), std::string::npos) << none.error().message;
    EXPECT_EQ(admitted(budget, Lane::spend, at(60s)), 7) << "a new window";
}

TEST(RateBudget, AProviderThatLivesFasterHasShorterWindowsAndGaps) {
    const RateRules rules =
        scaled({.windows = {{"minute", 10, 60s}}, .gap = 1s, .launch_gap = 12s}, 120);
    EXPECT_EQ(rules.gap, 8ms);
    EXPECT_EQ(rules.launch_gap, 100ms);
    RateBudget budget{"X", scaled({.windows = {{"minute", 10, 60s}}}, 120)};
    EXPECT_EQ(admitted(budget, Lane::spend, at(0s)), 7);
    EXPECT_EQ(admitted(budget, Lane::spend, at(499ms)), 0);
    EXPECT_EQ(admitted(budget, Lane::spend, at(500ms)), 7) << "half a second is its minute";
}

TEST(RateBudget, SafetyUsesWhatSpendingLeavesAndMore) {
    RateBudget budget{"X", {.windows = {{"minute", 10, 60s}}}};
    EXPECT_EQ(admitted(budget, Lane::safety, at(0s), 4), 4);
    EXPECT_EQ(admitted(budget, Lane::spend, at(0s)), 3);
    EXPECT_EQ(admitted(budget, Lane::safety, at(0s)), 3);
}

TEST(RateBudget, BelievesTheHeadersOfTheNewestAnswer) {
    RateBudget budget{"X", {.windows = {{"hour", 5'000, 1h}}}};
    // Somebody else used the same token.
    const RateHint hint{.limit = 5'000, .remaining = 1'502, .resets_at = at(600s).utc};
    EXPECT_FALSE(budget.answered(Lane::spend, 200, {}, std::array{hint}, at(0s)));
    EXPECT_EQ(admitted(budget, Lane::spend, at(1s)), 2) << "1,500 are kept";
    const auto refused = budget.take(Lane::spend, CallClass::ordinary, at(1s));
    EXPECT_EQ(refused.error().retry_after, 599s);
    EXPECT_EQ(admitted(budget, Lane::safety, at(1s)), 1'500);
}

TEST(RateBudget, TheTightestOfSeveralWindowsDecides) {
    RateBudget budget{"RunPod"};
    const std::vector<RateHint> hints{
        {.name = "minute", .limit = 60, .remaining = 20, .resets_in = 12s},
        {.name = "hour", .limit = 3'000, .remaining = 2'800, .resets_in = 1'812s}};
    budget.answered(Lane::spend, 200, {}, hints, at(0s));
    EXPECT_EQ(admitted(budget, Lane::spend, at(1s)), 2) << "18 of 60 are kept";
    EXPECT_GT(admitted(budget, Lane::spend, at(12s), 100), 90) << "the minute is over";
}

TEST(RateBudget, F12RetryAfterStopsBothAndDeletesGoFirst) {
    RateBudget budget{"X"};
    EXPECT_EQ(budget.answered(Lane::spend, 429, 12s, {}, at(0s)), 12s);
    for (const Lane lane : {Lane::spend, Lane::safety}) {
        const auto refused = budget.take(lane, CallClass::ordinary, at(11s));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::rate_limited);
    }
    EXPECT_TRUE(budget.take(Lane::safety, CallClass::ordinary, at(12s)));
    const auto spend = budget.take(Lane::spend, CallClass::ordinary, at(12s));
    ASSERT_FALSE(spend) << "the first second is for safety";
    EXPECT_EQ(spend.error().retry_after, 1s);
    EXPECT_TRUE(budget.take(Lane::spend, CallClass::ordinary, at(13s)));
}

TEST(RateBudget, F12AStormOf429ForTenMinutesSendsOneRequestEachTime) {
    RateBudget budget{"X"};
    int sent = 0;
    for (auto now = 0s; now < 10min; now += 1s) {
        for (const Lane lane : {Lane::spend, Lane::safety}) {
            if (budget.take(lane, CallClass::ordinary, at(now))) {
                ++sent;
                budget.answered(Lane::spend, 429, 12s, {}, at(now));
            }
        }
    }
    EXPECT_LE(sent, 51);
    EXPECT_GE(sent, 49);
}

TEST(RateBudget, A429WithoutRetryAfterUsesTheLongestExhaustedWindow) {
    const std::vector<RateHint> hints{
        {.name = "minute", .limit = 60, .remaining = 0, .resets_in = 12s},
        {.name = "hour", .limit = 3'000, .remaining = 2'800, .resets_in = 1'812s}};
    RateBudget minute{"X"};
    EXPECT_EQ(minute.answered(Lane::spend, 429, {}, hints, at(0s)), 12s);
    RateBudget silent{"X"};
    EXPECT_EQ(silent.answered(Lane::spend, 429, {}, {}, at(0s)), RateBudget::pause_default);
    RateBudget unix_time{"X"};
    const RateHint hint{.remaining = 0, .resets_at = at(29s).utc};
    EXPECT_EQ(unix_time.answered(Lane::spend, 429, {}, std::array{hint}, at(0s)), 29s);
    RateBudget wrong_clock{"X"};
    const RateHint past{.remaining = 0, .resets_at = UtcTime{1402425459s}};
    EXPECT_EQ(wrong_clock.answered(Lane::spend, 429, {}, std::array{past}, at(0s)), 1s)
        << "never at once";
    RateBudget far{"X"};
    EXPECT_EQ(far.answered(Lane::spend, 429, 9'000h, {}, at(0s)), RateBudget::pause_max);
}

TEST(RateBudget, RetryAfterBeatsAnOlderCountOfZero) {
    RateBudget budget{"X"};
    // DigitalOcean's burst limit: the hour's reset is far away, Retry-After is short.
    const RateHint hint{.limit = 5'000, .remaining = 0, .resets_in = 3'000s};
    EXPECT_EQ(budget.answered(Lane::spend, 429, 29s, std::array{hint}, at(0s)), 29s);
    EXPECT_TRUE(budget.take(Lane::safety, CallClass::ordinary, at(29s)));
}

TEST(RateBudget, F20NoHeaderKeepsADeleteAwayForLongerThanAMinute) {
    RateBudget budget{"X", {.windows = {{"hour", 100, 1h}}}};
    const RateHint none{.limit = 100, .remaining = 0, .resets_in = 1h};
    ASSERT_TRUE(budget.take(Lane::safety, CallClass::destroy, at(0s)));
    EXPECT_EQ(budget.answered(Lane::safety, 429, 1h, std::array{none}, at(0s)), 60s);
    int sent = 0;
    for (auto now = 1s; now < 30min; now += 1s) {
        const auto taken = budget.take(Lane::safety, CallClass::destroy, at(now));
        if (!taken) {
            EXPECT_LE(taken.error().retry_after, 60s);
            continue;
        }
        ++sent;
        budget.answered(Lane::safety, 429, 1h, std::array{none}, at(now));
    }
    EXPECT_EQ(sent, 29) << "once a minute";
    EXPECT_FALSE(budget.take(Lane::spend, CallClass::ordinary, at(31min)));
}

TEST(RateBudget, F20QuestionsLeaveTheProbeOfAStormToDeletes) {
    const std::array none{RateHint{.limit = 100, .remaining = 0, .resets_in = 1h}};
    struct Sent {
        int questions{0};
        int deletes{0};
    };
    const auto storm = [&](bool deleting) {
        RateBudget budget{"X", {.windows = {{"hour", 100, 1h}}}};
        budget.answered(Lane::safety, 429, 1h, none, at(0s));
        Sent sent;
        for (auto now = 1s; now <= 30min; now += 1s) {
            const auto question = budget.take(Lane::safety, CallClass::ordinary, at(now));
            if (question) {
                ++sent.questions;
                budget.answered(Lane::safety, 429, 1h, none, at(now));
            } else {
                EXPECT_LE(question.error().retry_after, 120s);
            }
            if (deleting && budget.take(Lane::safety, CallClass::destroy, at(now))) {
                ++sent.deletes;
                budget.answered(Lane::safety, 429, 1h, none, at(now));
            }
        }
        return sent;
    };
    const Sent busy = storm(true);
    EXPECT_EQ(busy.deletes, 30);
    EXPECT_EQ(busy.questions, 0);
    EXPECT_EQ(storm(false).questions, 15) << "nothing to delete: every two minutes";
}

TEST(RateBudget, PacesRequestsAndLaunches) {
    RateBudget budget{"Lambda", {.gap = 1s, .launch_gap = 12s}};
    const auto pause = [&](CallClass what, std::chrono::nanoseconds now) {
        return budget.take(Lane::spend, what, at(now));
    };
    EXPECT_EQ(*pause(CallClass::launch, 0s), 0ms);
    EXPECT_EQ(*pause(CallClass::ordinary, 0s), 1s) << "one request a second";
    EXPECT_EQ(*pause(CallClass::ordinary, 500ms), 1'500ms);
    const auto refused = pause(CallClass::launch, 3s);
    ASSERT_FALSE(refused) << "nine seconds is longer than a request waits";
    EXPECT_EQ(refused.error().retry_after, 9s);
    EXPECT_EQ(*pause(CallClass::launch, 12s), 0s) << "one launch in twelve seconds";
}

TEST(RateBudget, F20AnEarlyLaunchIsRefusedAtOnceAndHoldsUpNothing) {
    RateBudget budget{"Lambda", {.gap = 1s, .launch_gap = 12s}};
    ASSERT_TRUE(budget.take(Lane::spend, CallClass::launch, at(0s)));
    const auto early = budget.take(Lane::spend, CallClass::launch, at(8s));
    ASSERT_FALSE(early) << "a launch that waits takes the next slot, and deletes stand behind it";
    EXPECT_EQ(early.error().code, Errc::rate_limited);
    EXPECT_EQ(early.error().retry_after, 4s);
    EXPECT_EQ(*budget.take(Lane::safety, CallClass::ordinary, at(8s)), 0ms);
    EXPECT_EQ(*budget.take(Lane::spend, CallClass::launch, at(12s)), 0ms) << "as it was told";
}

TEST(RateBudget, HeadersOfUnknownWindowsAreBounded) {
    RateBudget budget{"X"};
    for (int i = 0; i < 1'000; ++i) {
        budget.answered(Lane::spend, 200, {}, std::array{left(0, 1s, std::to_string(i))}, at(0s));
    }
    EXPECT_FALSE(budget.take(Lane::safety, CallClass::ordinary, at(0s)));
    EXPECT_TRUE(budget.take(Lane::safety, CallClass::ordinary, at(1s)));
}

TEST(RateBudget, SeededNeverMoreThanTheWindowHolds) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random{seed};
    constexpr int limit = 20;
    RateBudget budget{"X", {.windows = {{"minute", limit, 60s}}}};
    std::vector<std::chrono::seconds> sent;
    for (auto now = 0s; now < 600s; now += std::chrono::seconds{random() % 3}) {
        const Lane lane = random() % 2 == 0 ? Lane::spend : Lane::safety;
        if (budget.take(lane, CallClass::ordinary, at(now))) {
            sent.push_back(now);
        }
    }
    // A fixed window: at most one window's worth may stand at each side of its border.
    for (std::size_t i = 0; i + 2 * limit < sent.size(); ++i) {
        EXPECT_GE(sent[i + 2 * limit] - sent[i], 60s);
    }
}

TEST(RateBudget, IsSharedByThreads) {
    constexpr int limit = 4'000;
    RateBudget budget{"X", {.windows = {{"minute", limit, 60s}}}};
    std::array<int, 4> counts{};
    {
        std::vector<std::jthread> threads;
        for (int& count : counts) {
            threads.emplace_back([&] { count = admitted(budget, Lane::safety, at(0s)); });
        }
    }
    EXPECT_EQ(counts[0] + counts[1] + counts[2] + counts[3], limit);
}

}  // namespace
}  // namespace evenkeel::providers
