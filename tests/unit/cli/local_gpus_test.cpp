#include "agent/cli/local_gpus.hpp"

#include "tests/fakes/nvml/fake_driver.hpp"

#include <gtest/gtest.h>

/// What `init` and `doctor` see of a driver.
namespace evenkeel::cli {
namespace {

using fake_nvml::FakeDriver;

TEST(LocalGpus, AreFoundAndJudged) {
    const FakeDriver driver{
        "gpus 2\n"
        "version 580.95\n"
        "gpu 0 name NVIDIA GeForce RTX 5090\n"
        "gpu 0 memory 34190917632\n"
        "gpu 0 limit 575000\n"
        "at 0 gpu 0 power 18000\n"
        "at 0 gpu 0 temperature 31\n"
        "at 0 gpu 0 throttle 0x20\n"
        "at 0 gpu 1 ecc 3\n"};
    const LocalGpus gpus = look_at_gpus(driver.library());
    EXPECT_EQ(gpus.without, "");
    ASSERT_EQ(gpus.found.size(), 2u);
    EXPECT_EQ(gpus.found[0].name, "NVIDIA GeForce RTX 5090");
    EXPECT_EQ(gpus.found[0].memory_bytes, 34'190'917'632);
    EXPECT_EQ(gpus.found[0].power_limit_milliwatts, 575'000);
    EXPECT_EQ(gpus.found[0].driver, "580.95");
    const Findings findings = gpu_findings(gpus.facts, gpus.without, std::vector{0, 1, 2});
    ASSERT_EQ(findings.size(), 3u);
    EXPECT_EQ(findings[0].level, Level::warn);
    EXPECT_TRUE(findings[0].text.starts_with("31 C, 18 W")) << findings[0].text;
    EXPECT_TRUE(findings[0].text.contains("slowed: thermal")) << findings[0].text;
    EXPECT_EQ(findings[1].level, Level::fail) << "uncorrected memory errors";
    EXPECT_EQ(findings[2].check, "gpu 2");
    EXPECT_EQ(findings[2].level, Level::fail);
}

TEST(LocalGpus, WithoutADriverThereIsALineAndNoFailure) {
    const LocalGpus gpus = look_at_gpus("libnvidia-ml-that-nobody-has.so.1");
    EXPECT_TRUE(gpus.found.empty());
    const Findings findings = gpu_findings(gpus.facts, gpus.without, {});
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].level, Level::ok);
    const Findings named = gpu_findings(gpus.facts, gpus.without, std::vector{0});
    ASSERT_EQ(named.size(), 1u);
    EXPECT_EQ(named[0].level, Level::warn) << "the configuration counts on one";
    EXPECT_TRUE(findings[0].text.starts_with("no NVIDIA driver on this host"));
}

}  // namespace
}  // namespace evenkeel::cli
