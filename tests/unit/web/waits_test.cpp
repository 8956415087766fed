#include "agent/web/waits.hpp"

#include "agent/web/measured.hpp"
#include "agent/web/verifier.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

namespace evenkeel::web {
namespace {

using namespace std::chrono_literals;

const UtcTime hour{std::chrono::sys_days{std::chrono::November / 23 / 2026} + 10h};

TEST(Waits, PercentilesAreOfTheNearestRank) {
    std::vector<std::int64_t> values(100);
    std::iota(values.begin(), values.end(), 1);
    EXPECT_EQ(percentile(values, 50), 50);
    EXPECT_EQ(percentile(values, 95), 95);
    EXPECT_EQ(percentile(values, 99), 99);
    std::vector<std::int64_t> few{7, 1};
    EXPECT_EQ(percentile(few, 50), 1);
    EXPECT_EQ(percentile(few, 99), 7);
    std::vector<std::int64_t> one{3};
    EXPECT_EQ(percentile(one, 50), 3);
}

TEST(Waits, AreCountedByTheHour) {
    WaitCounter counter;
    counter.add(hour + 1h + 59min, 0ms);
    counter.add(hour + 1h, 100ms);
    counter.add(hour + 1h, 101ms);
    counter.add(hour + 59min, 500s);
    const auto hours = counter.finish();
    ASSERT_EQ(hours.size(), 2u);
    EXPECT_EQ(hours[0].hour, hour + 1h);
    EXPECT_EQ(hours[0].requests, 3);
    EXPECT_EQ(hours[0].p50_ms, 100);
    EXPECT_EQ(hours[0].p99_ms, 101);
    EXPECT_EQ(hours[0].buckets[0], 2) << "up to and with 100 ms";
    EXPECT_EQ(hours[0].buckets[1], 1);
    EXPECT_EQ(hours[1].buckets.back(), 1) << "longer than all limits";
    EXPECT_TRUE(counter.finish().empty());
}

class LedgerWalks : public testing::Test {
protected:
    [[nodiscard]] Verifier::Walk walk_of(std::chrono::nanoseconds time) {
        return [this, time]() -> Result<ledger::Verification> {
            clock_.advance(time);
            return ledger::Verification{.transactions = ++walks_};
        };
    }

    int walks_{0};
    ManualClock clock_{{BootTime{1h}, hour}};
    Verifier verifier_{clock_};
};

TEST_F(LedgerWalks, AreKeptForAMinute) {
    EXPECT_FALSE(verifier_.last());
    EXPECT_EQ(verifier_.verify(walk_of(1s))->transactions, 1);
    clock_.advance(59s);
    EXPECT_EQ(verifier_.verify(walk_of(1s))->transactions, 1);
    clock_.advance(1s);
    EXPECT_EQ(verifier_.verify(walk_of(1s))->transactions, 2);
    EXPECT_EQ(verifier_.last()->transactions, 2);
}

TEST_F(LedgerWalks, ThatTookLongAreKeptLonger) {
    EXPECT_EQ(verifier_.verify(walk_of(90s))->transactions, 1);
    clock_.advance(899s);
    EXPECT_EQ(verifier_.verify(walk_of(90s))->transactions, 1);
    clock_.advance(1s);
    EXPECT_EQ(verifier_.verify(walk_of(90s))->transactions, 2);
}

TEST_F(LedgerWalks, ThatFailedAreNotKept) {
    EXPECT_FALSE(verifier_.verify(
        []() -> Result<ledger::Verification> { return fail(Errc::io_failed, "no"); }));
    EXPECT_FALSE(verifier_.last());
    EXPECT_EQ(verifier_.verify(walk_of(1s))->transactions, 1);
}

TEST_F(LedgerWalks, AreOneAtATime) {
    const auto walk = [this]() -> Result<ledger::Verification> {
        Errc told{};
        std::thread{[&] {
            const auto second = verifier_.verify([] { return ledger::Verification{}; });
            told = second ? Errc::conflict : second.error().code;
        }}.join();
        EXPECT_EQ(told, Errc::unavailable);
        return ledger::Verification{};
    };
    EXPECT_TRUE(verifier_.verify(walk));
}

TEST(MeasuredUse, IsKeptForAMinuteUnderOnePolicy) {
    ManualClock clock{{BootTime{1h}, hour}};
    MeasuredUses uses{clock};
    int measured = 0;
    const auto measure = [&measured]() -> Result<MeasuredUses::Use> {
        ++measured;
        return MeasuredUses::Use{report::MeasuredUse{.span = std::chrono::hours{measured}}};
    };
    EXPECT_EQ((*uses.get(1, measure))->span, 1h);
    clock.advance(59s);
    EXPECT_EQ((*uses.get(1, measure))->span, 1h);
    EXPECT_EQ((*uses.get(2, measure))->span, 2h) << "another policy";
    clock.advance(60s);
    EXPECT_EQ((*uses.get(2, measure))->span, 3h);
    clock.advance(60s);
    const auto failed =
        uses.get(2, []() -> Result<MeasuredUses::Use> { return fail(Errc::io_failed, "no"); });
    EXPECT_FALSE(failed);
    EXPECT_EQ((*uses.get(2, measure))->span, 4h);
}

}  // namespace
}  // namespace evenkeel::web
