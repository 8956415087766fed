#include "agent/control/gpu_history.hpp"

#include "tests/fakes/nvml/fake_driver.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <gtest/gtest.h>

namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;

struct GpuHistoryTest : ledger::LedgerTest {
    void SetUp() override { open(); }
    void play(fake_nvml::FakeDriver& driver, std::chrono::seconds time) {
        inference::gpu::Watch watch{driver.library()};
        GpuHistory history{*ledger_};
        for (std::int64_t s = 0; s < time.count(); ++s) {
            driver.at(s);
            const inference::gpu::Snapshot gpus = watch.look(clock_.read().boot);
            history.add(gpus, clock_.read().utc);
            history.add(gpus, clock_.read().utc);  // a second tick within one look
            clock_.advance(1s);
        }
        history.close();
        ASSERT_TRUE(ledger_->flush());
    }
};

TEST_F(GpuHistoryTest, MinutesAndHoursOfAGpu) {
    fake_nvml::FakeDriver driver{
        "at 0 gpu 0 power 20000\n"
        "at 60 gpu 0 power 500000\n"
        "at 60 gpu 0 util 100\n"
        "at 70 gpu 0 temperature 81\n"
        "at 71 gpu 0 temperature 70\n"
        "at 75 gpu 0 throttle 4\n"
        "at 76 gpu 0 throttle 0x20\n"
        "at 77 gpu 0 throttle 0\n"
        "at 100 gpu 0 xid 48\n"};
    play(driver, 150s);
    auto books = reader();
    const auto minutes = books.gpu_minutes(ledger::test_start);
    ASSERT_TRUE(minutes) << minutes.error().message;
    ASSERT_EQ(minutes->size(), 3u);
    EXPECT_EQ(minutes->at(0).samples, 60);
    EXPECT_EQ(minutes->at(0).power_milliwatts, 60 * 20'000);
    EXPECT_EQ(minutes->at(0).energy_millijoules, 59 * 20'000) << "between its looks";
    const ledger::GpuRollup& second = minutes->at(1);
    EXPECT_EQ(second.at, ledger::test_start + 1min);
    EXPECT_EQ(second.energy_millijoules, 20'000 + 59 * 500'000);
    EXPECT_EQ(second.utilisation, 6'000);
    EXPECT_EQ(second.temperature_c, 81);
    EXPECT_EQ(second.throttle, 0x24);
    EXPECT_EQ(second.xids, 1);
    EXPECT_EQ(second.sick, 20);
    EXPECT_EQ(minutes->at(2).samples, 30);
    const auto hours = books.gpu_hours(ledger::test_start);
    ASSERT_EQ(hours->size(), 1u);
    EXPECT_EQ(hours->at(0).samples, 150);
    EXPECT_EQ(hours->at(0).energy_millijoules, 60 * 20'000 + 89 * 500'000);
    EXPECT_EQ(hours->at(0).temperature_c, 81);
    EXPECT_EQ(hours->at(0).sick, 50);
}

TEST_F(GpuHistoryTest, AMinuteIsStoredOnceAndGoesAfterAWeek) {
    ledger::GpuRollup row{.gpu = "GPU-1", .at = ledger::test_start, .samples = 60};
    ledger_->gpu_minute(row);
    ledger_->gpu_minute(row);
    row.at += 1min;
    ledger_->gpu_minute(row);
    row.gpu = "GPU-2";
    ledger_->gpu_minute(row);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT samples FROM gpu_hour WHERE gpu = 'GPU-1'"), 120);
    row.gpu = "GPU-1";
    row.at = ledger::test_start + std::chrono::days{7} + 2min;
    ledger_->gpu_minute(row);
    row.at += std::chrono::days{401};
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM gpu_minute WHERE gpu = 'GPU-1'"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM gpu_minute WHERE gpu = 'GPU-2'"), 1) << "of another";
    EXPECT_EQ(count("SELECT count(*) FROM gpu_hour WHERE gpu = 'GPU-1'"), 2);
    ledger_->gpu_minute(row);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM gpu_hour WHERE gpu = 'GPU-1'"), 1);
}

}  // namespace
}  // namespace evenkeel::agent
