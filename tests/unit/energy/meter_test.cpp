#include "policies/energy/meter.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace evenkeel::energy {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t joule = 1'000'000;  // microjoules

Look at(std::int64_t second, std::int64_t millijoules, bool working) {
    return {
        .at = BootTime{std::chrono::seconds{second}},
        .driver_load = 1,
        .energy_millijoules = millijoules,
        .power_milliwatts = {},
        .working = working};
}

TEST(GpuMeter, TheFirstLookCountsNothing) {
    GpuMeter meter;
    EXPECT_EQ(meter.look(at(0, 123'456'789, true)), Split{});
}

TEST(GpuMeter, AnIdleGpuDrawsIdleEnergyAndTeachesItsRest) {
    GpuMeter meter;
    Split all;
    for (int s = 0; s <= 60; ++s) {
        all += meter.look(at(s, s * 20'000, false));
    }
    EXPECT_EQ(all, (Split{.idle = 1'200 * joule}));
    EXPECT_EQ(meter.idle_milliwatts(), 20'000);
}

TEST(GpuMeter, WorkIsWhatIsDrawnAboveRestWhileRequestsAreInFlight) {
    GpuMeter meter;
    for (int s = 0; s <= 20; ++s) {
        static_cast<void>(meter.look(at(s, s * 20'000, false)));
    }
    const Split second = meter.look(at(21, 20 * 20'000 + 570'000, true));
    EXPECT_EQ(second, (Split{.idle = 20 * joule, .work = 550 * joule}));
    // Its clocks are still high: that is no rest, and no work any more.
    const Split after = meter.look(at(22, 20 * 20'000 + 570'000 + 150'000, false));
    EXPECT_EQ(after, (Split{.idle = 150 * joule}));
    EXPECT_EQ(meter.idle_milliwatts(), 20'000);
}

TEST(GpuMeter, BeforeAnyRestTheStatedOneIsTakenOff) {
    GpuMeter stated{30'000};
    static_cast<void>(stated.look(at(0, 0, true)));
    EXPECT_EQ(stated.look(at(1, 500'000, true)), (Split{.idle = 30 * joule, .work = 470 * joule}));
    GpuMeter unknown;
    static_cast<void>(unknown.look(at(0, 0, true)));
    EXPECT_EQ(unknown.look(at(1, 500'000, true)), (Split{.work = 500 * joule}));
}

TEST(GpuMeter, ACounterThatIsSilentForAWhileLosesNothing) {
    GpuMeter meter;
    static_cast<void>(meter.look(at(0, 1'000, false)));
    Look silent = at(1, 0, true);
    silent.energy_millijoules.reset();
    silent.power_milliwatts = 400'000;
    EXPECT_EQ(meter.look(silent), Split{}) << "or it would be counted twice";
    EXPECT_EQ(meter.look(at(7'200, 901'000, false)), (Split{.work = 900 * joule}))
        << "hours later: it is a counter";
}

TEST(GpuMeter, AReloadedDriverBeginsAnewAndTheRestIsAnEstimate) {
    GpuMeter meter;
    static_cast<void>(meter.look(at(0, 5'000'000, false)));
    Look after = at(10, 70'000, false);
    after.driver_load = 2;
    EXPECT_EQ(meter.look(after), (Split{.idle = 70 * joule, .estimated = 70 * joule}));
    EXPECT_EQ(meter.look(at(11, 10, false)).estimated, 10'000) << "unseen reload: it went back";
}

TEST(GpuMeter, WithoutACounterPowerIsIntegratedAndMarked) {
    GpuMeter meter;
    Look look{
        .at = BootTime{0s},
        .driver_load = 1,
        .energy_millijoules = {},
        .power_milliwatts = 100'000};
    static_cast<void>(meter.look(look));
    look.at = BootTime{1s};
    look.power_milliwatts = 200'000;
    EXPECT_EQ(meter.look(look), (Split{.idle = 150 * joule, .estimated = 150 * joule}));
    look.at = BootTime{2s};
    look.working = true;
    EXPECT_EQ(meter.look(look).estimated, 200 * joule);
    look.at = BootTime{2s + 2min};
    EXPECT_EQ(meter.look(look), Split{}) << "nobody saw what was drawn";
    look.power_milliwatts.reset();
    look.at += 1s;
    EXPECT_EQ(meter.look(look), Split{});
}

RC_GTEST_PROP(GpuMeter, PartsSumToWhatTheCounterMoved, ()) {
    GpuMeter meter{*rc::gen::inRange<std::int64_t>(0, 100'000)};
    std::int64_t counter = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
    const std::int64_t first = counter;
    std::int64_t second = 0;
    Split all = meter.look(at(second, counter, false));
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, bool>>>(rc::gen::tuple(
        rc::gen::inRange(0, 700'000), rc::gen::inRange(1, 90), rc::gen::arbitrary<bool>()));
    for (const auto& [milliwatts, seconds, working] : steps) {
        second += seconds;
        counter += static_cast<std::int64_t>(milliwatts) * seconds;
        const Split split = meter.look(at(second, counter, working));
        RC_ASSERT(split.idle >= 0 && split.work >= 0);
        RC_ASSERT(working || split.work == 0);
        all += split;
    }
    RC_ASSERT(all.total() == (counter - first) * 1'000);
    RC_ASSERT(all.estimated == 0);
}

TEST(StatedMeter, SplitsStatedWattsAndCarriesWhatIsLess) {
    StatedMeter meter;
    Split all;
    for (int i = 0; i < 3'000; ++i) {
        all += meter.run(333'333ns, true, 725'000, 90'000);
    }
    // 0.999999 s of 90 W and of 635 W
    EXPECT_EQ(all.idle, 89'999'910);
    EXPECT_EQ(all.work, 634'999'365);
    EXPECT_EQ(all.estimated, all.total());
    EXPECT_EQ(meter.run(1s, false, 725'000, 90'000).work, 0);
    EXPECT_EQ(StatedMeter{}.host(2s, 150'000), (Split{.host = 300 * joule}));
}

}  // namespace
}  // namespace evenkeel::energy
