#include "inference/gpu/health.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>

namespace evenkeel::inference::gpu {
namespace {

GpuSample healthy() {
    return {.index = 1, .driver_load = 1, .energy_millijoules = 1'000, .ecc_uncorrected = 0};
}

struct Case {
    const char* name;
    std::function<void(GpuSample&)> change;
    const char* why;  ///< its beginning; empty: not sick
};

class GpuHealth : public testing::TestWithParam<Case> {};

TEST_P(GpuHealth, F44_WhatMakesAGpuSick) {
    GpuSample sample = healthy();
    GetParam().change(sample);
    const Verdict verdict = judge(judge({}, healthy()), sample);
    EXPECT_EQ(verdict.sick, GetParam().why[0] != '\0');
    EXPECT_TRUE(verdict.why.starts_with(GetParam().why)) << verdict.why;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    GpuHealth,
    testing::Values(
        Case{"Nothing", [](GpuSample&) {}, ""},
        Case{"AnErrorOfAProgram", [](GpuSample& s) { s.xids = {13, 31, 43}; }, ""},
        Case{"Throttling", [](GpuSample& s) { s.throttle = 0x40; }, ""},
        Case{"Xid48", [](GpuSample& s) { s.xids = {31, 48}; }, "GPU 1 reported Xid 48"},
        Case{"Xid79", [](GpuSample& s) { s.xids = {79}; }, "GPU 1 reported Xid 79"},
        Case{"Xid94", [](GpuSample& s) { s.xids = {94}; }, "GPU 1 reported Xid 94"},
        Case{"Xid95", [](GpuSample& s) { s.xids = {95}; }, "GPU 1 reported Xid 95"},
        Case{"Lost", [](GpuSample& s) { s.state = GpuState::lost; }, "GPU 1 is lost"},
        Case{"Ecc", [](GpuSample& s) { s.ecc_uncorrected = 2; }, "GPU 1 has 2 uncorrected"},
        Case{"Remap", [](GpuSample& s) { s.remap_pending = true; }, "a memory row of GPU 1"},
        Case{
            "Driver",
            [](GpuSample& s) { s.state = GpuState::driver_gone; },
            "the NVIDIA driver is not loaded"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(GpuHealthOverTime, StaysSickUntilTheDriverWasLoadedAgain) {
    GpuSample sample = healthy();
    sample.xids = {79};
    Verdict verdict = judge({}, sample);
    sample.xids.clear();
    sample.energy_millijoules = 2'000;
    verdict = judge(verdict, sample);
    EXPECT_TRUE(verdict.sick) << "it answers again, but nobody has reset it";
    sample.driver_load = 2;
    EXPECT_FALSE(judge(verdict, sample).sick);
    sample.driver_load = 1;
    sample.energy_millijoules = 100;
    EXPECT_FALSE(judge(verdict, sample).sick) << "a reset starts the counter anew";
    sample.ecc_uncorrected = 1;
    EXPECT_TRUE(judge(verdict, sample).sick) << "and does not mend what is still wrong";
}

}  // namespace
}  // namespace evenkeel::inference::gpu
