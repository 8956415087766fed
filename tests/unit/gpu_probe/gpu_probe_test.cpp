#include "agent/cli/probe_report.hpp"
#include "gpu-probe/arguments.hpp"
#include "gpu-probe/cublas_api.hpp"
#include "gpu-probe/print.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <functional>

/// The parts of evenkeel-gpu-probe that need no GPU.
namespace evenkeel::gpu_probe {
namespace {

Figures sound() {
    return {
        .index = 0,
        .uuid = "GPU-1",
        .name = "NVIDIA GeForce RTX 5090",
        .memory_bytes = 34'190'917'632,
        .copy_bytes_s = 1.64e12,
        .bf16_flops_s = 1.9e14,
        .fp16_flops_s = 1.9e14,
        .to_device_bytes_s = 5.2e10,
        .from_device_bytes_s = 5.3e10,
        .pattern_bytes = std::int64_t{31} << 30,
        .product_entries = 2 * 8'192 * 8'192,
        .sm_clock_mhz = 2'400,
        .temperature_c = 61,
        .power_milliwatts = 574'600,
        .throttled = "power cap",
        .seconds = 7.2};
}

struct Case {
    const char* name;
    std::function<void(Figures&)> change;
    Verdict verdict;
    int exit;
    const char* says;
};
class ProbeVerdict : public testing::TestWithParam<Case> {};

TEST_P(ProbeVerdict, Is) {
    Figures figures = sound();
    GetParam().change(figures);
    EXPECT_EQ(verdict_of(figures), GetParam().verdict);
    EXPECT_EQ(exit_of({sound(), figures}), GetParam().exit);
    EXPECT_TRUE(reason_of(figures).contains(GetParam().says)) << reason_of(figures);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ProbeVerdict,
    testing::Values(
        Case{"Good", [](Figures&) {}, Verdict::good, 0, ""},
        Case{
            "UnknownCardIsNotCalledSlow",
            [](Figures& f) {
                f.name = "Some card";
                f.copy_bytes_s = 1e9;
            },
            Verdict::good,
            0,
            ""},
        Case{
            "AtTheFloor",
            [](Figures& f) { f.copy_bytes_s = 1.792e12 * copy_share_least; },
            Verdict::good,
            0,
            ""},
        Case{
            "SlowMemory",
            [](Figures& f) { f.copy_bytes_s = 1.792e12 * copy_share_least - 1e6; },
            Verdict::slow,
            3,
            "its memory reaches less than 75 % of the data sheet; it was held back: power cap"},
        Case{"SlowMatrix", [](Figures& f) { f.fp16_flops_s = 1e14; }, Verdict::slow, 3, "matrix"},
        Case{
            "WithoutCublasStillGood",
            [](Figures& f) { f.bf16_flops_s = f.fp16_flops_s = 0; },
            Verdict::good,
            0,
            ""},
        Case{
            "Failed", [](Figures& f) { f.trouble = "no memory"; }, Verdict::failed, 1, "no memory"},
        Case{"NoCopy", [](Figures& f) { f.copy_bytes_s = 0; }, Verdict::failed, 1, "not measured"},
        Case{
            "WrongMemory",
            [](Figures& f) { f.pattern_errors = 1; },
            Verdict::lemon,
            4,
            "1 of its memory words"},
        Case{
            "WrongProduct",
            [](Figures& f) { f.product_errors = 3; },
            Verdict::lemon,
            4,
            "3 rows of matrix products were wrong"},
        Case{
            "HardwareFaultBeatsTrouble",
            [](Figures& f) {
                f.trouble = "uncorrectable ECC error";
                f.hardware_fault = true;
            },
            Verdict::lemon,
            4,
            "errors of its hardware"}),
    [](const auto& tested) { return std::string{tested.param.name}; });

TEST(Probe, NoGpuIsNotMeasured) {
    EXPECT_EQ(exit_of({}), 1);
    EXPECT_EQ(table_text({}), "No NVIDIA GPU can be used here.\n");
}

TEST(Probe, SharesAreOfTheDataSheet) {
    const Shares shares = shares_of(sound());
    EXPECT_NEAR(*shares.copy, 1'640.0 / 1'792, 1e-9);
    EXPECT_NEAR(*shares.bf16, 190 / 209.5, 1e-9);
    Figures unknown = sound();
    unknown.name = "Some card";
    EXPECT_FALSE(shares_of(unknown).copy);
}

TEST(Probe, TableIsReadable) {
    EXPECT_EQ(
        table_text({sound()}),
        "GPU 0  NVIDIA GeForce RTX 5090, 32 GB: good\n"
        "  memory          1640 GB/s   92 % of the data sheet\n"
        "  bf16 matrix     190 TFLOP/s   91 % of the data sheet\n"
        "  fp16 matrix     190 TFLOP/s   91 % of the data sheet\n"
        "  host to GPU     52 GB/s\n"
        "  GPU to host     53 GB/s\n"
        "  patterns        31.0 GiB, 0 errors\n"
        "  products        134217728 entries checked, 0 rows wrong\n"
        "  under load      2400 MHz, 61 C, 575 W, held back: power cap\n");
    Figures lemon = sound();
    lemon.pattern_errors = 7;
    EXPECT_TRUE(table_text({lemon}).contains("! 7 of its memory words came back wrong"));
}

TEST(Probe, JsonIsWhatInitReads) {
    const std::string text = json_text({sound()}, "0.1.0");
    const auto document = boost::json::parse(text);
    EXPECT_EQ(document.at("schema").as_string(), "evenkeel.gpu-probe/1");
    const auto& gpu = document.at("gpus").at(0);
    EXPECT_EQ(gpu.at("copy_bytes_s").as_int64(), 1'640'000'000'000);
    EXPECT_EQ(gpu.at("datasheet_permille").at("copy").as_int64(), 915);
    EXPECT_EQ(gpu.at("verdict").as_string(), "good");
    const auto read = cli::parse_probe_report(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->bytes_s, 1.64e12);
    EXPECT_EQ(read->flops_s, 1.9e14);
    Figures lemon = sound();
    lemon.product_errors = 1;
    EXPECT_EQ(cli::parse_probe_report(json_text({lemon}, "")).error().code, Errc::refused);
}

TEST(Probe, Arguments) {
    const auto parse = [](std::vector<std::string_view> words) { return parse_arguments(words); };
    const auto all = parse({"--json", "--gpu", "3", "--seconds", "5"});
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->json);
    EXPECT_EQ(all->gpu, 3);
    EXPECT_EQ(all->seconds, 5);
    EXPECT_EQ(parse({})->seconds, seconds_most);
    EXPECT_TRUE(parse({"-h"})->help);
    for (const std::vector<std::string_view>& wrong :
         {std::vector<std::string_view>{"--gpu"},
          {"--gpu", "x"},
          {"--gpu", "-1"},
          {"--seconds", "21"},
          {"--seconds", "1"},
          {"--seconds", "5s"},
          {"fast"}}) {
        EXPECT_FALSE(parse(wrong)) << wrong.back();
    }
}

TEST(Probe, AWholeRunStaysWithinItsTime) {
    for (const int gpus : {0, 1, 2, 8}) {
        const TimeShares shares = divide_time(seconds_most, gpus);
        const double each = shares.copy + 2 * shares.matrix + shares.transfer + shares.pattern;
        EXPECT_LE(each * std::max(gpus, 1), seconds_most) << gpus;
        EXPECT_GT(shares.copy, 0);
    }
}

TEST(Probe, WithoutCublasThereIsASentenceAndNoCrash) {
    std::string trouble;
    const Cublas cublas = Cublas::open(trouble);
    EXPECT_EQ(cublas.is_open(), trouble.empty());
    if (!cublas.is_open()) {
        EXPECT_EQ(cublas.make_handle(), nullptr);
        EXPECT_TRUE(trouble.contains("libcublas.so")) << trouble;
    }
    cublas.drop_handle(nullptr);
}

}  // namespace
}  // namespace evenkeel::gpu_probe
