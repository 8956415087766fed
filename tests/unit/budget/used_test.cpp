#include "policies/budget/used.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>

namespace evenkeel::budget {
namespace {

TEST(UsedBudget, TakesTheLargerOfScopeAndNameAndWhatIsHeld) {
    EXPECT_EQ(used({.spent = 21, .settled = 4, .held = 2}, {}).sum(), 23);
    EXPECT_EQ(used({.spent = 4, .settled = 21, .held = 2}, {}).sum(), 23);
}

TEST(UsedBudget, CountsAMachineOnceWithTheLargerOfCostAndHold) {
    const auto of = [](MachineMoney machine) {
        const std::array machines{machine};
        return used({.spent = 10, .settled = 10, .held = machine.in_window}, machines);
    };
    EXPECT_EQ(of({.held = 5, .in_window = 5}).sum(), 15) << "nothing was spent of it";
    EXPECT_EQ(of({.held = 5, .in_window = 5, .accrued = 3, .posted = 1}).sum(), 14)
        << "1 of the 10 is its own";
    EXPECT_EQ(of({.held = 5, .in_window = 5, .accrued = 9, .posted = 1}).sum(), 18);
    EXPECT_EQ(of({.held = 5, .in_window = 0, .accrued = 3}).sum(), 15)
        << "set aside in an earlier window";
    EXPECT_EQ(of({.held = 5, .in_window = 5, .lives = false}).sum(), 10) << "it is given back";
    EXPECT_EQ(of({.held = 5, .in_window = 5, .accrued = 9, .posted = 1}).machines, 8);
}

}  // namespace
}  // namespace evenkeel::budget
