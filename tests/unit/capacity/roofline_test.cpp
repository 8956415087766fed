#include "policies/capacity/roofline.hpp"

#include "policies/capacity/fit.hpp"

#include <gtest/gtest.h>

namespace evenkeel::capacity {
namespace {

struct BoundCase {
    const char* gpu;
    const char* weights;
    int tokens_s;  ///< of a stream without any context, rounded
};
class RooflineBound : public testing::TestWithParam<BoundCase> {};

/// Bandwidth over weights, worked out by hand from both data sheets.
TEST_P(RooflineBound, IsBandwidthOverWeights) {
    const auto card = datasheet_speed(GetParam().gpu);
    const auto work = work_of(GetParam().weights);
    ASSERT_TRUE(card && work);
    const Prediction found = predict(*card, *work, 0, 1);
    EXPECT_NEAR(found.bound_tok_s, GetParam().tokens_s, 0.6);
    EXPECT_DOUBLE_EQ(found.single_tok_s, found.bound_tok_s * roofline_reached);
    EXPECT_FALSE(found.measured_bandwidth);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    RooflineBound,
    testing::Values(
        BoundCase{"RTX 4090", "qwq-32b-q4_k_m.gguf", 51},
        BoundCase{"NVIDIA GeForce RTX 5090", "qwq-32b-q4_k_m.gguf", 90},
        BoundCase{"2x RTX 5090", "qwq-32b-q4_k_m.gguf", 181},
        BoundCase{"A100 80GB", "qwq-32b-q4_k_m.gguf", 103},
        BoundCase{"H100 PCIe", "Qwen/QwQ-32B", 31},
        BoundCase{"H100", "Qwen/QwQ-32B", 51},
        BoundCase{"H100", "llama-3.3-70b-instruct-q4_k_m.gguf", 79},
        BoundCase{"gpu-h100x8-640gb", "Qwen/QwQ-32B", 409},
        BoundCase{"gpu-h100x8-640gb", "deepseek-ai/DeepSeek-R1", 705}));

TEST(Roofline, PublishedFiguresStayBelowTheBound) {
    // 70B Q4_K_M by llama.cpp on one H100 PCIe: 25.0; claims of 100 on two RTX 4090 break it.
    const auto work = work_of("llama-3.3-70b-instruct-q4_k_m.gguf");
    EXPECT_GT(predict(*datasheet_speed("H100 PCIe"), *work, 0, 1).bound_tok_s, 25.0);
    EXPECT_LT(predict(*datasheet_speed("2x RTX 4090"), *work, 0, 1).bound_tok_s, 100.0);
}

TEST(Roofline, ContextAndBatchCount) {
    const auto card = *datasheet_speed("RTX 5090");
    const auto work = *work_of("qwq-32b-q4_k_m.gguf");
    EXPECT_EQ(work.kv_bytes, gqa_kv_bytes(64, 8, 128, 2));
    const Prediction empty = predict(card, work, 0, 1);
    const Prediction full = predict(card, work, 8'192, 1);
    EXPECT_LT(full.bound_tok_s, empty.bound_tok_s);
    const Prediction four = predict(card, work, 8'192, 4);
    EXPECT_GT(four.aggregate_tok_s, 2.5 * full.single_tok_s) << "weights are read once for all";
    EXPECT_LT(four.aggregate_tok_s, 4 * full.single_tok_s);
    const Prediction many = predict(card, work, 1, 100'000);
    EXPECT_DOUBLE_EQ(many.aggregate_tok_s, 209.5e12 * 0.4 / (2 * 32.764e9)) << "arithmetic bounds";
}

TEST(Roofline, WhatIsNotKnownIsNotGuessed) {
    EXPECT_FALSE(datasheet_speed("RTX 5090 Laptop GPU"));
    EXPECT_FALSE(datasheet_speed("Radeon RX 7900"));
    EXPECT_FALSE(work_of("somebody/new-model-9b"));
    const auto stated = work_of("somebody/new-model-9b", 9 * gb_bytes, 1'000);
    ASSERT_TRUE(stated);
    EXPECT_EQ(stated->weights_bytes, 9 * gb_bytes);
    EXPECT_EQ(predict(*datasheet_speed("RTX 4090"), *stated, 0, 1).prefill_tok_s, 0);
    EXPECT_FALSE(mixed_tok_s(predict(*datasheet_speed("RTX 4090"), *stated, 0, 1), 4));
    EXPECT_EQ(datasheet_speed("A100 80GB PCIe")->bytes_s, 1'935e9);
}

TEST(Roofline, SaysThatItIsAPrediction) {
    CardSpeed card = *datasheet_speed("RTX 5090");
    const auto work = *work_of("qwq-32b-q4_k_m.gguf");
    EXPECT_EQ(
        to_text(predict(card, work, 0, 1), card),
        "about 63 tokens/s for one stream (prediction from 1,792 GB/s of the data sheet)");
    card.measured = true;
    EXPECT_TRUE(to_text(predict(card, work, 0, 4), card).ends_with("GB/s measured by the probe)"));
    const Prediction some = predict(card, work, 0, 1);
    const double mixed = *mixed_tok_s(some, 4);
    EXPECT_NEAR(5 / mixed, 1 / some.aggregate_tok_s + 4 / some.prefill_tok_s, 1e-9);
}

}  // namespace
}  // namespace evenkeel::capacity
