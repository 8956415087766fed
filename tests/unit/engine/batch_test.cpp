#include "lab/engine/batch.hpp"

#include <gtest/gtest.h>

#include <cmath>

/// The engine's sequences in virtual time, against the formulae of the service-time model.
namespace evenkeel::lab::engine {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

capacity::Profile profile(const char* name) {
    return capacity::find_profile(name).value();
}

nanoseconds seconds(double value) {
    return nanoseconds{static_cast<std::int64_t>(std::llround(value * 1e9))};
}

/// When the sequence has ended, to the millisecond of real time.
nanoseconds end_of(Batch& batch, Batch::Id id, nanoseconds from) {
    nanoseconds at = from;
    while (!batch.progress(id, at).ended) {
        at += milliseconds{1};
        if (at > from + seconds(600)) {
            ADD_FAILURE() << "never ends";
            break;
        }
    }
    return at;
}

TEST(EngineBatch, OneSequenceTakesPrefillPlusOneStepPerToken) {
    // 3,000 prompt tokens at 3,000/s; the first token with the end of the prefill, 99 steps after.
    Batch batch{profile("5090-32b-awq"), 1};
    const Batch::Id id = batch.add(3'000, 100, nanoseconds{0});
    EXPECT_EQ(batch.progress(id, seconds(0.99)).tokens, 0);
    EXPECT_GE(batch.progress(id, seconds(1.01)).tokens, 1);
    const double expected = 1.0 + 99 * (0.016 + 0.0007);
    const nanoseconds end = end_of(batch, id, seconds(1.01));
    EXPECT_NEAR(std::chrono::duration<double>(end).count(), expected, 0.05);
    EXPECT_EQ(batch.progress(id, end).tokens, 100);
}

TEST(EngineBatch, SpeedDividesEveryDuration) {
    Batch slow{profile("h100-32b-fp8"), 1};
    Batch fast{profile("h100-32b-fp8"), 30};
    const Batch::Id a = slow.add(7'000, 500, nanoseconds{0});
    const Batch::Id b = fast.add(7'000, 500, nanoseconds{0});
    const nanoseconds end_slow = end_of(slow, a, nanoseconds{0});
    const nanoseconds end_fast = end_of(fast, b, nanoseconds{0});
    EXPECT_NEAR(
        static_cast<double>(duration_cast<milliseconds>(end_slow).count()) / 30,
        static_cast<double>(duration_cast<milliseconds>(end_fast).count()),
        2.0);
}

TEST(EngineBatch, AFullBatchYieldsTheProfilesRate) {
    // 48 sequences decode together: 48 tokens per alpha + 48 beta = 0.0496 s, about 970 a second.
    Batch batch{profile("5090-32b-awq"), 1};
    std::vector<Batch::Id> ids;
    for (int i = 0; i < 48; ++i) {
        ids.push_back(batch.add(1, 2'000, nanoseconds{0}));
    }
    const auto total = [&](nanoseconds at) {
        std::int64_t sum = 0;
        for (const Batch::Id id : ids) {
            sum += batch.progress(id, at).tokens;
        }
        return sum;
    };
    const std::int64_t before = total(seconds(2));
    const std::int64_t after = total(seconds(12));
    EXPECT_NEAR(static_cast<double>(after - before) / 10, 48 / (0.016 + 48 * 0.0007), 12);
}

TEST(EngineBatch, WaitsBeyondItsSequencesAndRoom) {
    Batch batch{profile("5090-32b-awq"), 1};
    std::vector<Batch::Id> ids;
    for (int i = 0; i < 60; ++i) {
        ids.push_back(batch.add(10, 1'000, nanoseconds{0}));
    }
    EXPECT_EQ(batch.running(), 48);
    EXPECT_EQ(batch.waiting(), 12);
    // A client that goes away makes room at once.
    batch.remove(ids.front(), seconds(0.1));
    EXPECT_EQ(batch.running(), 48);
    EXPECT_EQ(batch.waiting(), 11);
    EXPECT_GT(batch.kv_usage(), 0.0);
    EXPECT_LE(batch.kv_usage(), 1.0);
}

TEST(EngineBatch, TokensNeverGoBackwardsAndEndAtTheirNumber) {
    Batch batch{profile("h100-32b-fp8"), 7};
    std::vector<Batch::Id> ids;
    std::vector<std::int64_t> last;
    nanoseconds at{0};
    for (int i = 0; i < 200; ++i) {
        at += milliseconds{3};
        ids.push_back(batch.add(100 + 37 * i % 3'000, 1 + 13 * i % 400, at));
        last.push_back(0);
        for (std::size_t k = 0; k < ids.size(); ++k) {
            const std::int64_t now = batch.progress(ids[k], at).tokens;
            ASSERT_GE(now, last[k]) << k;
            last[k] = now;
        }
    }
    at += seconds(600);
    for (std::size_t k = 0; k < ids.size(); ++k) {
        const Batch::Progress progress = batch.progress(ids[k], at);
        ASSERT_TRUE(progress.ended);
        ASSERT_EQ(progress.tokens, 1 + 13 * static_cast<std::int64_t>(k) % 400);
        batch.remove(ids[k], at);
        batch.remove(ids[k], at);  // twice is harmless
    }
    EXPECT_EQ(batch.running() + batch.waiting(), 0);
}

TEST(EngineBatch, TheApiStandInIsAlwaysEquallyFast) {
    Batch batch{profile("api-standin"), 30};
    const Batch::Id lonely = batch.add(5'000, 40, nanoseconds{0});
    for (int i = 0; i < 500; ++i) {
        (void)batch.add(5'000, 1'000, nanoseconds{0});
    }
    EXPECT_EQ(batch.waiting(), 0);
    EXPECT_EQ(batch.progress(lonely, milliseconds{49}).tokens, 0);  // 1.5 s / 30
    EXPECT_GE(batch.progress(lonely, milliseconds{51}).tokens, 1);
    const nanoseconds end = end_of(batch, lonely, milliseconds{51});
    EXPECT_NEAR(static_cast<double>(duration_cast<milliseconds>(end).count()), 50 + 39.0 / 1.2, 3);
}

}  // namespace
}  // namespace evenkeel::lab::engine
