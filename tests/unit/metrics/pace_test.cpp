#include "agent/metrics/pace.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace evenkeel::agent::metrics {
namespace {

using namespace std::chrono_literals;

constexpr UtcTime begin{std::chrono::sys_days{std::chrono::November / 1 / 2026}};
constexpr UtcTime end = begin + std::chrono::days{30};

struct Case {
    const char* name;
    std::chrono::hours over;
    std::int64_t spent;
    std::int64_t wanted;
};

class BudgetPace : public testing::TestWithParam<Case> {};

TEST_P(BudgetPace, IsTheMeanOfTheWindowSoFar) {
    const Case& one = GetParam();
    EXPECT_EQ(spent_at_end(one.spent, begin, end, begin + one.over), one.wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    BudgetPace,
    testing::Values(
        Case{"HalfWayDoubles", 15 * 24h, 100, 200},
        Case{"AThirdTriples", 10 * 24h, 100, 300},
        Case{"AtTheEndItIsWhatItIs", 30 * 24h, 100, 100},
        Case{"PastTheEndToo", 31 * 24h, 100, 100},
        Case{"NothingSpentForetellsNothing", 15 * 24h, 0, 0},
        Case{"ARefundStays", 15 * 24h, -5, -5},
        Case{"TheFirstHourCountsAsATenth", 1h, 720, 720 + 719 * 10},
        Case{"BeforeTheBeginning", -1h, 10, 10 + 100}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(BudgetPaceLimits, SaturatesAndNeedsAWindow) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(spent_at_end(most / 2, begin, end, begin + 24h * 5), most);
    EXPECT_EQ(spent_at_end(7, begin, begin, begin), 7);
}

}  // namespace
}  // namespace evenkeel::agent::metrics
