#include "lab/demo/checks.hpp"
#include "lab/player/trace_file.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lab::demo {
namespace {

using namespace std::chrono_literals;

std::vector<replay::TraceRow> shipped_window() {
    const auto rows = player::read_window(
        EVENKEEL_SOURCE_DIR "/lab/traces/azure2023_conv.csv.gz", 2'280s, 3'500s);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows.value_or(std::vector<replay::TraceRow>{});
}

TEST(DemoCompare, ApiOnlyIsExactAndTheOthersAreCheaper) {
    const auto rows = shipped_window();
    const World world;
    const auto comparison = compare(rows, world);
    ASSERT_TRUE(comparison) << comparison.error().message;
    std::int64_t nanos = 0;
    for (const replay::TraceRow& row : rows) {
        nanos += row.tokens_in * 4'000 + row.tokens_out * 20'000;  // 4 and 20 USD per Mtok
    }
    EXPECT_EQ(comparison->api_only, (Money{nanos, usd}));
    EXPECT_LT(comparison->own_api, comparison->api_only);
    EXPECT_LT(comparison->always_on, comparison->own_api);
    EXPECT_GT(comparison->always_on.nanos(), 0);
}

TEST(DemoCompare, IsDeterministic) {
    const auto rows = shipped_window();
    const auto one = compare(rows, World{});
    const auto two = compare(rows, World{});
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->own_api, two->own_api);
    EXPECT_EQ(one->always_on, two->always_on);
}

}  // namespace
}  // namespace evenkeel::lab::demo
