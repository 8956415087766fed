#include "policies/capacity/fit.hpp"

#include "policies/domain/money.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace evenkeel::capacity {
namespace {

/// Decimal text as a whole number of `unit` bytes, rounded to the nearest.
std::int64_t bytes_of(const std::string& text, std::int64_t unit) {
    return *mul_div(*parse_decimal(text, 9), unit, 1'000'000'000, Rounding::half_even);
}

/// model,quant,weights_gb,kv_bytes_per_token,kv_dtype,gpu,gpus,vram_gib,util,overhead,seq_tokens,
/// fits,sequences
struct Row {
    std::string text{};
    GpuMemory memory{};
    ModelSize model{};
    std::int64_t tokens{0};
    bool fits{false};
    std::int64_t sequences{0};
};

std::vector<Row> golden() {
    std::ifstream file{EVENKEEL_SOURCE_DIR "/tests/data/capacity/golden.csv"};
    std::vector<Row> out;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::vector<std::string> cell;
        std::stringstream cells{line};
        for (std::string each; std::getline(cells, each, ',');) {
            cell.push_back(each);
        }
        if (cell.size() != 13) {
            ADD_FAILURE() << line;
            continue;
        }
        out.push_back(
            {.text = line,
             .memory =
                 {.vram_bytes = bytes_of(cell[7], gib_bytes),
                  .gpus = std::stoi(cell[6]),
                  .util_millis = static_cast<int>(*parse_decimal(cell[8], 3)),
                  .overhead_bytes = bytes_of(cell[9], gib_bytes)},
             .model =
                 {.weights_bytes = bytes_of(cell[2], gb_bytes), .kv_bytes = std::stoll(cell[3])},
             .tokens = std::stoll(cell[10]),
             .fits = cell[11] == "1",
             .sequences = std::stoll(cell[12])});
    }
    return out;
}

TEST(Fit, EveryGoldenRow) {
    const std::vector<Row> rows = golden();
    EXPECT_EQ(rows.size(), 336u);
    for (const Row& row : rows) {
        EXPECT_EQ(kv_room(row.memory, row.model.weights_bytes) >= 0, row.fits) << row.text;
        EXPECT_EQ(sequences(row.memory, row.model, row.tokens), row.sequences) << row.text;
        EXPECT_EQ(row.memory.overhead_bytes, gpu_overhead_bytes);
        EXPECT_EQ(row.memory.util_millis, util_millis_default);
    }
}

TEST(Fit, KvBytesFollowTheArchitecture) {
    EXPECT_EQ(gqa_kv_bytes(64, 8, 128, 2), 262'144);
    EXPECT_EQ(gqa_kv_bytes(80, 8, 128, 1), 163'840);
    EXPECT_EQ(gqa_kv_bytes(126, 8, 128, 2), 516'096);
    EXPECT_EQ(mla_kv_bytes(61, 512, 64, 2), 70'272);
    EXPECT_EQ(gib_hundredths(3184), 34'187'939'676);
}

TEST(Fit, TheEdgeIsExact) {
    const GpuMemory memory{.vram_bytes = 1'000, .util_millis = 1'000, .overhead_bytes = 100};
    EXPECT_EQ(kv_room(memory, 900), 0);
    EXPECT_EQ(kv_room(memory, 901), -1);
    EXPECT_EQ(sequences(memory, {.weights_bytes = 800, .kv_bytes = 10}, 10), 1);
    EXPECT_EQ(sequences(memory, {.weights_bytes = 801, .kv_bytes = 10}, 10), 0);
    EXPECT_EQ(sequences(memory, {.weights_bytes = 901, .kv_bytes = 1}, 1), 0);
    EXPECT_EQ(needed_bytes(memory, {.weights_bytes = 800, .kv_bytes = 10}, 10, 1), 1'000);
}

TEST(Fit, BeyondTheRangeIsTheMost) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const GpuMemory memory{.vram_bytes = most, .gpus = 64, .util_millis = 1'000};
    EXPECT_EQ(usable_bytes(memory), most);
    EXPECT_EQ(needed_bytes(memory, {.weights_bytes = most, .kv_bytes = most}, most, most), most);
    EXPECT_EQ(sequences(memory, {.kv_bytes = most}, most), 0);
}

struct Any {
    GpuMemory memory{};
    ModelSize model{};
    std::int64_t tokens{0};
};

Any any_case() {
    return {
        .memory =
            {.vram_bytes = *rc::gen::inRange<std::int64_t>(1, 300) * gib_bytes,
             .gpus = *rc::gen::inRange(1, 9),
             .util_millis = *rc::gen::inRange(1, 1'001)},
        .model =
            {.weights_bytes = *rc::gen::inRange<std::int64_t>(1, 800) * gb_bytes / 10,
             .kv_bytes = *rc::gen::inRange<std::int64_t>(1, 600'000)},
        .tokens = *rc::gen::inRange<std::int64_t>(1, 200'000)};
}

RC_GTEST_PROP(FitProperty, MoreMemoryNeverHoldsLess, ()) {
    const Any any = any_case();
    const std::int64_t before = sequences(any.memory, any.model, any.tokens);
    Any more = any;
    more.memory.vram_bytes += *rc::gen::inRange<std::int64_t>(0, 100) * gib_bytes;
    RC_ASSERT(sequences(more.memory, any.model, any.tokens) >= before);
    more = any;
    more.memory.util_millis += *rc::gen::inRange(0, 100);
    RC_ASSERT(sequences(more.memory, any.model, any.tokens) >= before);
}

RC_GTEST_PROP(FitProperty, MoreTokensWeightsOrKvNeverFitMore, ()) {
    const Any any = any_case();
    const std::int64_t before = sequences(any.memory, any.model, any.tokens);
    const std::int64_t tokens = any.tokens + *rc::gen::inRange<std::int64_t>(0, 100'000);
    RC_ASSERT(sequences(any.memory, any.model, tokens) <= before);
    ModelSize model = any.model;
    model.weights_bytes += *rc::gen::inRange<std::int64_t>(0, gb_bytes);
    RC_ASSERT(sequences(any.memory, model, any.tokens) <= before);
    model.kv_bytes += *rc::gen::inRange<std::int64_t>(0, 100'000);
    RC_ASSERT(sequences(any.memory, model, any.tokens) <= before);
}

RC_GTEST_PROP(FitProperty, WhatFitsIsNeededAndOneMoreIsNot, ()) {
    Any any = any_case();
    any.memory.vram_bytes += 2 * gib_bytes;
    any.memory.util_millis = *rc::gen::inRange(800, 1'001);
    any.model.weights_bytes = std::min(any.model.weights_bytes, kv_room(any.memory, 0));
    const std::int64_t count = sequences(any.memory, any.model, any.tokens);
    const std::int64_t usable = usable_bytes(any.memory);
    RC_ASSERT(needed_bytes(any.memory, any.model, any.tokens, count) <= usable);
    RC_ASSERT(
        count >= 1 << 20 || needed_bytes(any.memory, any.model, any.tokens, count + 1) > usable);
}

RC_GTEST_PROP(FitProperty, NeedGrowsWithSlots, ()) {
    const Any any = any_case();
    const auto slots = *rc::gen::inRange<std::int64_t>(0, 4'096);
    RC_ASSERT(
        needed_bytes(any.memory, any.model, any.tokens, slots) <
        needed_bytes(any.memory, any.model, any.tokens, slots + 1));
}

}  // namespace
}  // namespace evenkeel::capacity
