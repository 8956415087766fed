#include "agent/ledger/reader.hpp"
#include "scene.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>

/// kill -9 of the daemon in the middle of a burst, then start again (FAULTS F13, F14, F25, F77):
/// whatever is found is adopted or destroyed, the ledger verifies, nothing is left, the bills
/// agree.
namespace evenkeel::integration {
namespace {

/// The moments, in milliseconds after the burst begins: from before the rental is ordered, through
/// boot, warm-up and serving, to drain and proof.
constexpr int moments[] = {100,   250,   400,   600,   800,   1'000, 1'200, 1'400, 1'600, 1'800,
                           2'100, 2'400, 2'800, 3'200, 3'700, 4'200, 4'800, 5'400, 6'200, 7'000};

class KillNine : public testing::TestWithParam<int> {};

TEST_P(KillNine, LeavesNothingBehind) {
    Scene scene{quick_world(60)};
    ASSERT_TRUE(scene.start_daemon(10s));
    std::thread clients{[&scene] {
        for (int wave = 0; wave < 6; ++wave) {
            scene.burst(48, 1'500, 900);
        }
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{GetParam()});
    scene.stage().kill_daemon();
    const auto restarted = scene.start_daemon(10s);
    clients.join();
    ASSERT_TRUE(restarted) << restarted.error().message;
    EXPECT_LE(restarted->count(), 2'000) << "start after kill -9 takes at most 2 s";

    EXPECT_TRUE(eventually(60s, [&] { return scene.machines_gone(); })) << "a machine is left";
    EXPECT_TRUE(eventually(10s, [&] { return scene.bills_agree(); })) << scene.bills_text();
    const auto stopped = scene.stage().stop_daemon();
    EXPECT_EQ(stopped, 0);
    const auto verified = scene.stage().tool({"ledger", "verify"});
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->status, 0) << verified->err;
    auto books = ledger::Reader::open(scene.stage().state());
    ASSERT_TRUE(books);
    EXPECT_EQ(books->summary()->open_holds, 0) << "money is still set aside for nothing";
}

INSTANTIATE_TEST_SUITE_P(
    AtMoment, KillNine, testing::ValuesIn(moments), [](const testing::TestParamInfo<int>& test) {
        return std::to_string(test.param) + "ms";
    });

TEST(NightlyKillNine, EveryFewHundredMillisecondsForAnHour) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random{seed};
    Scene scene{quick_world(60)};
    const auto deadline = std::chrono::steady_clock::now() + 1h;
    int kills = 0;
    while (std::chrono::steady_clock::now() < deadline) {
        const auto started = scene.start_daemon(10s);
        ASSERT_TRUE(started) << started.error().message;
        ASSERT_LE(started->count(), 2'000) << "after " << kills << " kills";
        std::thread clients{[&scene] { scene.burst(48, 1'500, 900); }};
        std::this_thread::sleep_for(
            std::chrono::milliseconds{std::uniform_int_distribution{50, 500}(random)});
        scene.stage().kill_daemon();
        ++kills;
        clients.join();
    }
    ASSERT_TRUE(scene.start_daemon(10s));
    EXPECT_TRUE(eventually(120s, [&] { return scene.machines_gone(); })) << kills << " kills";
    EXPECT_TRUE(eventually(30s, [&] { return scene.bills_agree(); })) << scene.bills_text();
    EXPECT_EQ(scene.stage().stop_daemon(), 0);
    EXPECT_EQ(scene.stage().tool({"ledger", "verify"})->status, 0);
}

}  // namespace
}  // namespace evenkeel::integration
