#include "agent/replay/compare.hpp"

#include "tests/unit/agent_replay/past.hpp"

#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

using ledger::test_start;
using namespace std::chrono_literals;

class CompareWorlds : public Past {
protected:
    [[nodiscard]] static std::vector<Subject> two_worlds() {
        const auto world = replay_world(
            past_config(), "reference-32b", std::chrono::floor<std::chrono::days>(test_start));
        EXPECT_TRUE(world) << world.error().message;
        replay::Options own = world->options;
        own.policy = replay::ReplayPolicy::own_api;  // nobody rents: quiet days take no time
        replay::Options bought = world->options;
        bought.policy = replay::ReplayPolicy::api_only;
        return {{.model = "reference-32b", .worlds = {own, bought}}};
    }
    [[nodiscard]] static Demand all_of(ledger::Reader& reader, std::chrono::days days) {
        auto demand = read_demand(reader, past_config(), {test_start - days, test_start});
        EXPECT_TRUE(demand) << demand.error().message;
        return demand ? std::move(*demand) : Demand{};
    }
    /// Replays the newest `days` in both worlds; what came of it is in `subjects`.
    [[nodiscard]] auto newest(int days, const ReplayLimit& limit) {
        ledger::Reader reader = this->reader();
        return replay_newest(
            reader, past_config(), all_of(reader, std::chrono::days{days}), subjects, limit);
    }
    std::vector<Subject> subjects{two_worlds()};
};

TEST_F(CompareWorlds, EveryWorldSeesTheSameRequests) {
    fill(test_start, 4, 2'000);
    const auto done = newest(30, {.time = 60s});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->span.since, test_start - 30 * 24h);
    ASSERT_EQ(subjects[0].totals.size(), 2u);
    EXPECT_EQ(subjects[0].totals[0].requests, 2'000);
    EXPECT_EQ(subjects[0].totals[0].answered_own, 2'000);
    EXPECT_EQ(subjects[0].totals[1].answered_api, 2'000);
    // 2,000 x (1,200 x 5 + 300 x 25) / 1e6 USD
    EXPECT_EQ(subjects[0].totals[1].total, Money(27'000'000'000, usd));
    EXPECT_TRUE(is_enough(done->of("reference-32b")));
}

/// The clock says how far the reading has come: each look takes 100 ms.
TEST_F(CompareWorlds, ALongHistoryIsCutToItsNewestDays) {
    fill(test_start, 10, 30'000);
    int looks = 0;
    const auto done = newest(10, {.time = 800ms, .spent = [&looks] { return 100ms * looks++; }});
    ASSERT_TRUE(done) << done.error().message;
    const auto days = std::chrono::floor<std::chrono::days>(done->span.until - done->span.since);
    EXPECT_GE(days.count(), 1);
    EXPECT_LT(days.count(), 10);
    EXPECT_EQ(done->span.until, test_start);
    EXPECT_EQ(done->of("reference-32b").requests, 3'000 * days.count());
    ASSERT_EQ(subjects[0].totals.size(), 2u);
    EXPECT_EQ(subjects[0].totals[0].requests, 3'000 * days.count());
    EXPECT_EQ(subjects[0].totals[1].requests, 3'000 * days.count());
}

TEST_F(CompareWorlds, ADayThatTakesTooLongIsSaid) {
    fill(test_start, 1, 9'000);
    int looks = 0;
    const auto done = newest(1, {.time = 1s, .spent = [&looks] { return 1s * looks++; }});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::timed_out);
}

TEST_F(CompareWorlds, StopsWhenAsked) {
    fill(test_start, 1, 10);
    std::stop_source stop;
    stop.request_stop();
    const auto done = newest(1, {.stop = stop.get_token()});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::cancelled);
}

TEST(Enough, IsAThousandRequestsInThreeDays) {
    ModelDemand demand{
        .requests = 1'000, .sized = 1, .first = test_start, .last = test_start + 72h};
    EXPECT_TRUE(is_enough(demand));
    demand.requests = 999;
    EXPECT_FALSE(is_enough(demand));
    demand.requests = 1'000;
    demand.last -= 1us;
    EXPECT_FALSE(is_enough(demand));
    demand.last += 1us;
    demand.sized = 0;
    EXPECT_FALSE(is_enough(demand));
}

}  // namespace
}  // namespace evenkeel::agent
