#include "policies/capacity/known.hpp"

#include "policies/capacity/fit.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::capacity {
namespace {

struct GpuCase {
    const char* text{""};
    const char* name{""};  ///< empty: not known
    int count{1};
    std::int64_t vram_hundredths{0};
};

class KnownGpu : public testing::TestWithParam<GpuCase> {};

TEST_P(KnownGpu, IsWhatTheTextSays) {
    const GpuCase& c = GetParam();
    const auto found = find_gpu(c.text);
    ASSERT_EQ(found.has_value(), *c.name != '\0') << c.text;
    if (found) {
        EXPECT_EQ(found->gpu.name, c.name) << c.text;
        EXPECT_EQ(found->count, c.count) << c.text;
        EXPECT_EQ(found->gpu.vram_bytes, gib_hundredths(c.vram_hundredths)) << c.text;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Words,
    KnownGpu,
    testing::Values(
        GpuCase{"RTX 5090", "RTX 5090", 1, 3184},
        GpuCase{"NVIDIA GeForce RTX 4090", "RTX 4090", 1, 2399},
        GpuCase{"2x RTX 5090", "RTX 5090", 2, 3184},
        GpuCase{"H100 PCIe", "H100 PCIe", 1, 7965},
        GpuCase{"NVIDIA H100 80GB HBM3", "H100", 1, 7965},
        GpuCase{"gpu-h100x1-80gb", "H100", 1, 7965},
        GpuCase{"gpu-h100x8-640gb", "H100", 8, 7965},
        GpuCase{"gpu_8x_h100_sxm5", "H100", 8, 7965},
        GpuCase{"gpu_1x_h100_pcie", "H100 PCIe", 1, 7965},
        GpuCase{"gpu-h200x1-141gb", "H200", 1, 13980},
        GpuCase{"NVIDIA A100-SXM4-80GB", "A100 80GB", 1, 7925}));

INSTANTIATE_TEST_SUITE_P(
    OtherMemory,
    KnownGpu,
    testing::Values(
        GpuCase{"RTX 5090 Laptop GPU"},
        GpuCase{"H100 NVL"},
        GpuCase{"gpu_1x_gh200"},
        GpuCase{"A100 SXM"},
        GpuCase{"A100-PCIE-40GB"},
        GpuCase{"gpu-mi300x1-192gb"},
        GpuCase{"gpu-l40sx1-48gb"},
        GpuCase{"H100 MIG 1g.10gb"},
        GpuCase{"L4"},
        GpuCase{"..."}));

struct WeightsCase {
    const char* text{""};
    const char* model{""};          ///< empty: not known
    std::int64_t hundredths_gb{0};  ///< 0: not known
};

class KnownWeights : public testing::TestWithParam<WeightsCase> {};

TEST_P(KnownWeights, AreWhatTheNameSays) {
    const WeightsCase& c = GetParam();
    const auto model = find_model(c.text);
    EXPECT_EQ(model ? model->name : "", c.model) << c.text;
    EXPECT_EQ(find_weights_bytes(c.text).value_or(0), c.hundredths_gb * 10'000'000) << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    Names,
    KnownWeights,
    testing::Values(
        WeightsCase{"Qwen/QwQ-32B", "qwq-32b", 6550},
        WeightsCase{"Qwen/QwQ-32B@976055f8", "qwq-32b", 6550},
        WeightsCase{"someone/QwQ-32B", "qwq-32b", 0},
        WeightsCase{"qwq-32b", "qwq-32b", 0},
        WeightsCase{"Qwen/QwQ-32B-AWQ", "qwq-32b", 1930},
        WeightsCase{"qwq-32b-q4_k_m.gguf", "qwq-32b", 1985},
        WeightsCase{"/models/qwq-32b-q4_k_m-00001-of-00002.gguf", "qwq-32b", 1985},
        WeightsCase{"Qwen/QwQ-32B-GGUF:Q4_K_M", "qwq-32b", 1985},
        WeightsCase{"Qwen/QwQ-32B-GGUF", "qwq-32b", 0},
        WeightsCase{"qwq-32b-q5_k_m.gguf", "qwq-32b", 0},
        WeightsCase{"QwQ-32B-Preview", "", 0},
        WeightsCase{
            "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek-r1-distill-llama-70b", 14110},
        WeightsCase{"r1-distill-llama-70b", "deepseek-r1-distill-llama-70b", 0},
        WeightsCase{"meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b", 14110},
        WeightsCase{"RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.3-70b", 7270},
        WeightsCase{"hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4", "llama-3.1-70b", 3980},
        WeightsCase{"meta-llama/Llama-3.1-405B-Instruct-FP8", "llama-3.1-405b", 41000},
        WeightsCase{"llama-3.1-405b-awq", "llama-3.1-405b", 0},
        WeightsCase{"deepseek-ai/DeepSeek-R1", "deepseek-r1", 68900},
        WeightsCase{"deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "", 0},
        WeightsCase{"deepseek-r1-awq", "deepseek-r1", 35200},
        WeightsCase{"qwq-32b-", "qwq-32b", 0},
        WeightsCase{"qwq-320b", "", 0},
        WeightsCase{"/", "", 0}));

TEST(Known, TheCacheOfAModelIsItsArchitectures) {
    EXPECT_EQ(find_model("qwq-32b")->kv_bytes, 262'144);
    EXPECT_EQ(find_model("llama-3.1-70b")->kv_bytes, 327'680);
    EXPECT_EQ(find_model("llama-3.1-405b")->kv_bytes, 516'096);
    EXPECT_EQ(find_model("deepseek-r1")->kv_bytes, 70'272);
    EXPECT_TRUE(find_model("deepseek-r1")->kv_on_each_gpu);
    EXPECT_FALSE(find_model("qwq-32b")->kv_on_each_gpu);
}

RC_GTEST_PROP(KnownProperty, AnyTextIsReadSafely, (const std::string& text)) {
    const auto gpu = find_gpu(text);
    RC_ASSERT(!gpu || (gpu->count >= 1 && gpu->count <= 64));
    for (const std::string& name : {text, text + "-awq", "qwq-32b" + text}) {
        RC_ASSERT(find_weights_bytes(name).value_or(1) > 0);
        RC_ASSERT(!find_model(name) || find_model(name)->kv_bytes > 0);
    }
}

}  // namespace
}  // namespace evenkeel::capacity
