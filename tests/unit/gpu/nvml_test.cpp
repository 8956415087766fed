#include "inference/gpu/gpu.hpp"
#include "tests/fakes/nvml/fake_driver.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

/// The code that opens the driver's library, on a library that is played from a script.
namespace evenkeel::inference::gpu {
namespace {

using fake_nvml::FakeDriver;

std::unique_ptr<Nvml> open(const FakeDriver& driver) {
    auto loaded = Nvml::load(driver.library());
    if (!loaded) {
        throw std::runtime_error{loaded.error().message};
    }
    return *std::move(loaded);
}

TEST(Nvml, AHostWithoutTheDriverIsAnAnswer) {
    const auto loaded = Nvml::load("libnvidia-ml-that-nobody-has.so.1");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::not_found);
    EXPECT_TRUE(loaded.error().message.starts_with("no NVIDIA driver on this host"));
}

TEST(Nvml, AnotherLibraryOfThatNameIsRefused) {
    const auto loaded = Nvml::load("libm.so.6");
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::invalid_response);
}

TEST(Nvml, ADriverThatIsNotLoadedMayComeLater) {
    FakeDriver driver{"at 0 driver unload\nat 5 driver load\n"};
    const auto loaded = Nvml::load(driver.library());
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::unavailable);
    EXPECT_NE(loaded.error().message.find("kernel module is not loaded"), std::string::npos);
    driver.at(5);
    EXPECT_TRUE(Nvml::load(driver.library()));
}

TEST(Nvml, TellsWhatTheDriverSays) {
    FakeDriver driver{
        "gpus 1\n"
        "version 575.57.08\n"
        "gpu 0 name NVIDIA GeForce RTX 5090\n"
        "gpu 0 used 20000000000\n"
        "at 0 gpu 0 power 18000\n"
        "at 10 gpu 0 power 571250\n"
        "at 10 gpu 0 util 100\n"
        "at 10 gpu 0 temperature 74\n"
        "at 10 gpu 0 clock 2407\n"
        "at 10 gpu 0 memory_clock 14001\n"
        "at 10 gpu 0 throttle 0x24\n"
        "at 10 gpu 0 process 4711 19000000000\n"
        "at 10 gpu 0 process 4712 1000000000\n"};
    const auto nvml = open(driver);
    const auto gpus = nvml->gpus();
    ASSERT_EQ(gpus.size(), 1u);
    EXPECT_EQ(gpus[0].name, "NVIDIA GeForce RTX 5090");
    EXPECT_EQ(gpus[0].driver, "575.57.08");
    EXPECT_EQ(gpus[0].uuid, "GPU-00000000-fake-0000-0000-000000000000");
    EXPECT_EQ(gpus[0].memory_bytes, 34'190'917'632);
    EXPECT_EQ(gpus[0].power_limit_milliwatts, 575'000);
    EXPECT_FALSE(gpus[0].mig);
    driver.at(12);
    const GpuSample sample = nvml->sample(0);
    EXPECT_EQ(sample.state, GpuState::present);
    EXPECT_EQ(sample.energy_millijoules, 18'000 * 10 + 571'250 * 2);
    EXPECT_EQ(sample.power_milliwatts, 571'250);
    EXPECT_EQ(sample.memory_used_bytes, 20'000'000'000) << "without what the driver keeps";
    EXPECT_EQ(sample.utilisation_percent, 100);
    EXPECT_EQ(sample.temperature_c, 74);
    EXPECT_EQ(sample.sm_clock_mhz, 2407);
    EXPECT_EQ(sample.memory_clock_mhz, 14001);
    EXPECT_EQ(throttle_text(sample.throttle.value_or(0)), "power cap, thermal");
    EXPECT_EQ(sample.ecc_uncorrected, 0);
    EXPECT_EQ(sample.remap_pending, false);
    ASSERT_TRUE(sample.processes);
    ASSERT_EQ(sample.processes->size(), 2u);
    EXPECT_EQ((*sample.processes)[1].pid, 4712);
    EXPECT_EQ((*sample.processes)[1].memory_bytes, 1'000'000'000);
}

TEST(Nvml, EightGpusKeepTheirNumbers) {
    FakeDriver driver{"gpus 8\ngpu 5 name H100\nat 0 gpu 5 power 700000\n"};
    const auto nvml = open(driver);
    ASSERT_EQ(nvml->gpus().size(), 8u);
    EXPECT_EQ(nvml->gpus()[5].name, "H100");
    EXPECT_EQ(nvml->sample(5).power_milliwatts, 700'000);
    EXPECT_EQ(nvml->sample(4).power_milliwatts, 20'000);
}

TEST(Nvml, AnOldDriverLacksFunctionsAndTheRestWorks) {
    FakeDriver driver{
        "gpu 0 used 1000\nat 0 gpu 0 process 9 5\nat 3 gpu 0 xid 13\nat 3 gpu 0 throttle 4\n",
        FAKE_NVML_OLD_LIBRARY};
    const auto nvml = open(driver);
    EXPECT_FALSE(nvml->gpus().at(0).mig);
    driver.at(4);
    const GpuSample sample = nvml->sample(0);
    EXPECT_EQ(sample.state, GpuState::present);
    EXPECT_EQ(sample.energy_millijoules, std::nullopt);
    EXPECT_EQ(sample.remap_pending, std::nullopt);
    EXPECT_EQ(sample.power_milliwatts, 20'000);
    EXPECT_EQ(sample.memory_used_bytes, 600'001'000) << "the older call counts the driver's own";
    EXPECT_EQ(sample.throttle, throttle_power_cap) << "under its older name";
    EXPECT_EQ(sample.xids, std::vector{13});
    ASSERT_TRUE(sample.processes);
    EXPECT_EQ(sample.processes->at(0).memory_bytes, 5);
}

TEST(Nvml, WhatACardDoesNotSupportIsLeftOut) {
    FakeDriver driver{
        "gpu 0 mute energy\ngpu 0 mute ecc\ngpu 0 mute events\ngpu 0 mute throttle\n"};
    const auto nvml = open(driver);
    const GpuSample sample = nvml->sample(0);
    EXPECT_EQ(sample.state, GpuState::present);
    EXPECT_FALSE(sample.energy_millijoules || sample.ecc_uncorrected || sample.throttle);
    EXPECT_EQ(sample.power_milliwatts, 20'000);
}

TEST(Nvml, MigIsSeen) {
    FakeDriver driver{"gpus 2\ngpu 1 mig 1\n"};
    const auto nvml = open(driver);
    EXPECT_FALSE(nvml->gpus()[0].mig);
    EXPECT_TRUE(nvml->gpus()[1].mig);
    EXPECT_EQ(nvml->sample(1).utilisation_percent, std::nullopt);
    EXPECT_EQ(nvml->sample(1).state, GpuState::present);
}

TEST(Nvml, EachXidIsToldOnceAndToItsGpu) {
    FakeDriver driver{
        "gpus 2\nat 1 gpu 1 xid 31\nat 2 gpu 0 xid 48\nat 2 gpu 1 xid 79\nat 9 gpu 0 xid 13\n"};
    const auto nvml = open(driver);
    EXPECT_TRUE(nvml->sample(0).xids.empty());
    driver.at(3);
    EXPECT_EQ(nvml->sample(0).xids, std::vector{48});
    EXPECT_EQ(nvml->sample(1).xids, (std::vector{31, 79}));
    EXPECT_TRUE(nvml->sample(1).xids.empty());
    driver.at(9);
    EXPECT_EQ(nvml->sample(0).xids, std::vector{13});
}

TEST(Nvml, F44_ALostGpuLeavesTheOthersAlone) {
    FakeDriver driver{"gpus 2\nat 5 gpu 1 xid 79\nat 5 gpu 1 lost\n"};
    const auto nvml = open(driver);
    driver.at(6);
    EXPECT_EQ(nvml->sample(0).state, GpuState::present);
    EXPECT_EQ(nvml->sample(0).power_milliwatts, 20'000);
    const GpuSample lost = nvml->sample(1);
    EXPECT_EQ(lost.state, GpuState::lost);
    EXPECT_EQ(lost.xids, std::vector{79});
    EXPECT_EQ(lost.power_milliwatts, std::nullopt);
    EXPECT_EQ(nvml->sample(7).state, GpuState::lost) << "never listed";
}

TEST(Nvml, AReloadedDriverIsOpenedAnew) {
    FakeDriver driver{"gpus 2\nat 5 gpu 1 lost\nat 10 driver unload\nat 20 driver load\n"};
    const auto nvml = open(driver);
    EXPECT_EQ(nvml->driver_load(), 1u);
    driver.at(12);
    EXPECT_EQ(nvml->sample(0).state, GpuState::driver_gone);
    EXPECT_TRUE(nvml->gpus().empty());
    EXPECT_EQ(nvml->sample(1).state, GpuState::driver_gone);
    driver.at(25);
    ASSERT_EQ(nvml->gpus().size(), 2u);
    EXPECT_EQ(nvml->driver_load(), 2u);
    const GpuSample sample = nvml->sample(1);
    EXPECT_EQ(sample.state, GpuState::present) << "the reload mended it";
    EXPECT_EQ(sample.driver_load, 2u);
    EXPECT_EQ(sample.energy_millijoules, 100'000) << "five seconds of 20 W";
}

TEST(OtherGpus, AmdAndOthersAreNamed) {
    const std::filesystem::path drm =
        std::filesystem::temp_directory_path() / fmt::format("evenkeel-drm-{}", ::getpid());
    const auto card = [&](const char* name, const char* vendor) {
        std::filesystem::create_directories(drm / name / "device");
        std::ofstream{drm / name / "device" / "vendor"} << vendor << "\n";
    };
    card("card1", "0x1002");
    card("card0", "0x10de");
    card("card1-DP-1", "0x1002");
    card("card2", "0x1a03");
    std::filesystem::create_directories(drm / "renderD128" / "device");
    const auto others = other_gpus(drm);
    std::filesystem::remove_all(drm);
    ASSERT_EQ(others.size(), 2u);
    EXPECT_EQ(
        without_nvml({.code = Errc::not_found, .message = "no NVIDIA driver on this host"}, others),
        "no NVIDIA driver on this host: no GPU is watched, and own power is taken from "
        "hardware.power; card0 is an NVIDIA card without its driver; card1 is from AMD, which is "
        "not read");
    EXPECT_TRUE(other_gpus("/nowhere").empty());
}

}  // namespace
}  // namespace evenkeel::inference::gpu
