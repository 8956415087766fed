#include "inference/gpu/sampler.hpp"

#include "tests/fakes/nvml/fake_driver.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

namespace evenkeel::inference::gpu {
namespace {

using namespace std::chrono_literals;
using fake_nvml::FakeDriver;

std::chrono::nanoseconds thread_time() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

TEST(GpuWatch, F44_ASickGpuIsToldAndTheOtherGoesOn) {
    FakeDriver driver{
        "gpus 2\nat 5 gpu 1 xid 79\nat 5 gpu 1 lost\nat 30 driver unload\nat 40 driver load\n"};
    Watch watch{driver.library()};
    std::vector<bool> sick;
    for (int second = 0; second <= 60; ++second) {
        driver.at(second);
        const Snapshot snapshot = watch.look(BootTime{std::chrono::seconds{100 + second}});
        ASSERT_EQ(snapshot.gpus.size(), 2u);
        EXPECT_EQ(snapshot.trouble, "");
        sick.push_back(snapshot.gpus[1].verdict.sick);
        const bool reloading = second >= 30 && second <= 46;
        EXPECT_TRUE(reloading || !snapshot.gpus[0].verdict.sick) << second;
        if (second == 6) {
            EXPECT_EQ(snapshot.gpus[1].xids_seen, 1);
            EXPECT_EQ(snapshot.gpus[1].last_xid, 79);
            EXPECT_NE(snapshot.gpus[1].verdict.why.find("fell off the bus"), std::string::npos);
        }
    }
    EXPECT_FALSE(sick[4]);
    EXPECT_TRUE(sick[5] && sick[29] && sick[35]);
    EXPECT_FALSE(sick[47]) << "the reloaded driver was opened within some seconds";
    EXPECT_FALSE(sick[60]);
}

TEST(GpuWatch, AHostWithoutDriverSaysSoAndLooksAgainAMinuteLater) {
    Watch watch{"libnvidia-ml-that-nobody-has.so.1"};
    const Snapshot first = watch.look(BootTime{1s});
    EXPECT_TRUE(first.gpus.empty());
    EXPECT_TRUE(first.trouble.starts_with("no NVIDIA driver on this host")) << first.trouble;
    EXPECT_EQ(watch.look(BootTime{2s}).round, 2u);
}

/// At one round a second a thousandth of a core is a millisecond a round.
TEST(GpuWatch, CostsLessThanAThousandthOfACore) {
    FakeDriver driver{
        "gpus 8\nat 0 gpu 0 process 1 1\nat 0 gpu 3 power 700000\nat 0 gpu 3 process 2 2\n"};
    Watch watch{driver.library()};
    static_cast<void>(watch.look(BootTime{0s}));
    constexpr int rounds = 1'000;
    const auto before = thread_time();
    for (int i = 1; i <= rounds; ++i) {
        driver.at(i);
        ASSERT_EQ(watch.look(BootTime{std::chrono::seconds{i}}).gpus.size(), 8u);
    }
    const auto used = thread_time() - before;
    RecordProperty(
        "us_per_round",
        static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(used).count()) /
            rounds);
    EXPECT_LT(used, rounds * 1ms);
}

TEST(GpuSampler, PublishesFromAThreadOfItsOwn) {
    FakeDriver driver{"gpus 1\nat 0 gpu 0 power 30000\n"};
    ManualClock clock{{.boot = BootTime{5s}, .utc = {}}};
    Sampler sampler{clock, driver.library(), 2ms};
    std::shared_ptr<const Snapshot> seen = sampler.read();
    for (int i = 0; i < 500 && seen->round < 3; ++i) {
        std::this_thread::sleep_for(5ms);
        seen = sampler.read();
    }
    ASSERT_GE(seen->round, 3u);
    EXPECT_EQ(seen->at, BootTime{5s});
    EXPECT_EQ(seen->gpus.at(0).sample.power_milliwatts, 30'000);
}

TEST(GpuSampler, F93_ADriverThatHangsHoldsNobodyUp) {
    FakeDriver driver{"gpus 1\nat 0 hang 3000\nat 1 hang 0\n"};  // one question
    static const ManualClock clock{{.boot = BootTime{5s}, .utc = {}}};
    const auto began = std::chrono::steady_clock::now();
    {
        const Sampler sampler{clock, driver.library()};
        const auto none = sampler.first(50ms);
        EXPECT_TRUE(none->gpus.empty());
        EXPECT_NE(none->trouble.find("has not answered for 50 ms"), std::string::npos);
        driver.at(1);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2900ms) << "it was waited for";
    std::this_thread::sleep_until(began + 3500ms);  // its thread ends before the library goes
}

TEST(GpuSampler, TheFirstRoundIsWaitedFor) {
    FakeDriver driver{"gpus 2\nat 0 hang 20\n"};
    const ManualClock clock{{.boot = BootTime{5s}, .utc = {}}};
    const Sampler sampler{clock, driver.library()};
    EXPECT_EQ(sampler.first(20s)->gpus.size(), 2u);
}

}  // namespace
}  // namespace evenkeel::inference::gpu
