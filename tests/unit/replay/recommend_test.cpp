#include "policies/replay/recommend.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace evenkeel::replay {
namespace {

std::vector<Totals> of(std::initializer_list<std::int64_t> js) {
    std::vector<Totals> totals;
    for (const std::int64_t j : js) {
        totals.push_back({.total = Money{j, usd}, .j = Money{j, usd}});
    }
    return totals;
}

TEST(Recommend, TheLeastJ) {
    EXPECT_EQ(recommend(of({500, 300, 200, 400}), 0), 2u);
}
TEST(Recommend, NoMoveForASmallSaving) {
    EXPECT_EQ(recommend(of({1'000, 981}), 0), 0u);
    EXPECT_EQ(recommend(of({1'000, 980}), 0), 1u);
    EXPECT_EQ(recommend(of({1'000, 999}), 1), 1u);
}
TEST(Recommend, OfEqualOnesTheOneInForceThenTheCheapest) {
    EXPECT_EQ(recommend(of({0, 0, 0}), 2), 2u);
    std::vector<Totals> totals = of({200, 100, 100});
    totals[1].total = Money{90, usd};
    totals[2].total = Money{80, usd};
    EXPECT_EQ(recommend(totals, 0), 2u);
    EXPECT_EQ(recommend(totals, 1), 1u);
}

}  // namespace
}  // namespace evenkeel::replay
