#include "policies/breakeven/table.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace evenkeel::breakeven {
namespace {

std::string text_of(const std::string& path) {
    std::ifstream file{std::string{EVENKEEL_SOURCE_DIR} + "/" + path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string golden() {
    return text_of("tests/data/breakeven/golden.csv");
}

TEST(BreakevenGolden, EveryRowIsReproducedDigitForDigit) {
    const auto table = solve_table(golden());
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->rows.size(), 63u);
    for (const Solved& row : table->rows) {
        for (const std::string& difference : row.differences) {
            ADD_FAILURE() << row.id << ": " << difference;
        }
    }
    EXPECT_EQ(to_csv(*table), golden()) << "the whole file, remarks and all";
}

/// A table that agrees with anything would prove nothing.
TEST(BreakevenGolden, ADifferentDigitIsFound) {
    std::string changed = golden();
    const auto at = changed.find(",9.72,months");
    ASSERT_NE(at, std::string::npos);
    changed.replace(at, 5, ",9.71");
    const auto table = solve_table(changed);
    ASSERT_TRUE(table);
    EXPECT_FALSE(table->agrees());
    for (const Solved& row : table->rows) {
        EXPECT_EQ(row.differences.size(), row.id == "G38" ? 1u : 0u) << row.id;
    }
}

/// The founding study's figures beside the corrected ones, as they ship.
TEST(BreakevenGolden, TheFoundingStudysScenariosAgree) {
    const auto table = solve_table(text_of("examples/founding-study/scenarios.csv"));
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_GE(table->rows.size(), 20u);
    for (const Solved& row : table->rows) {
        for (const std::string& difference : row.differences) {
            ADD_FAILURE() << row.id << ": " << difference;
        }
    }
}

}  // namespace
}  // namespace evenkeel::breakeven
