#include "policies/breakeven/table.hpp"

#include <gtest/gtest.h>

namespace evenkeel::breakeven {
namespace {

std::string error_of(std::string_view csv) {
    const auto table = solve_table(csv);
    return table ? "none" : table.error().message;
}

TEST(BreakevenTable, ColumnsMayComeInAnyOrderAndAnswersAreFilledIn) {
    const auto table = solve_table(
        "note,report_currency,kind,rent_rate,expected,status\n"
        "\"an hour, \"\"dear\"\"\",USD,rent_monthly,2.89,,\n");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_TRUE(table->agrees());
    EXPECT_EQ(
        to_csv(*table),
        "note,report_currency,kind,rent_rate,expected,status\n"
        "\"an hour, \"\"dear\"\"\",USD,rent_monthly,2.89,2109.70,ok\n");
}

TEST(BreakevenTable, LinesOfOtherSystemsAndEmptyOnesAreRead) {
    const auto table = solve_table(
        "\xEF\xBB\xBFkind,rent_rate,report_currency\r\nrent_monthly,1,USD\r\n\r\n"
        "rent_monthly,2,USD");
    ASSERT_TRUE(table) << table.error().message;
    ASSERT_EQ(table->rows.size(), 2u);
    EXPECT_EQ(table->rows[1].line, 4u);
}

TEST(BreakevenTable, MistakesAreSaidWithTheirLine) {
    EXPECT_EQ(error_of(""), "line 1: the table is empty");
    EXPECT_EQ(error_of("id,rent_rate\n"), "line 1: there is no column 'kind'");
    EXPECT_EQ(error_of("kind,price\n"), "line 1: unknown column 'price'");
    EXPECT_EQ(error_of("kind,kind\n"), "line 1: column 'kind' stands twice");
    EXPECT_EQ(error_of("kind,capex\nbuy_vs_rnt,1\n"), "line 2: unknown kind 'buy_vs_rnt'");
    EXPECT_EQ(error_of("kind,capex\nrent_monthly\n"), "line 2: 1 cells, the header has 2");
    EXPECT_EQ(
        error_of("kind,rent_rate\n\nrent_monthly,two\n"),
        "line 3: rent_rate: 'two' is not a decimal number of at most 30 digits");
    EXPECT_EQ(
        error_of("kind,rent_currency\nrent_monthly,usd\n"),
        "line 2: rent_currency: 'usd' is no currency");
    EXPECT_EQ(
        error_of("kind,rent_units\nrent_monthly,2\n"),
        "line 2: rent_monthly: rent_rate is missing");
    EXPECT_EQ(error_of("kind,note\nrent_monthly,\"a\n"), "line 2: a quote that is never closed");
    EXPECT_EQ(
        error_of("kind,note\nrent_monthly,\"a\"b\n"),
        "line 2: text after the closing quote of a cell");
    EXPECT_EQ(
        error_of("kind,note\nrent_monthly,a\"b\n"),
        "line 2: a quote inside a cell that does not begin with one");
    EXPECT_EQ(error_of(std::string(table_bytes_max + 1, 'x')), "a table has at most 16 MiB");
    EXPECT_EQ(
        error_of("kind,rent_rate\nrent_monthly,-1\n"), "line 2: rent_rate: a quantity below zero");
    std::string many = "kind,rent_rate,report_currency\n";
    for (std::size_t i = 0; i <= table_rows_max; ++i) {
        many += "rent_monthly,1,USD\n";
    }
    EXPECT_EQ(error_of(many), "line 20002: a table has at most 20000 rows");
}

TEST(BreakevenTable, AFigureMayBeWrittenShorterButNotOtherwise) {
    const auto agrees = [](const char* expected) {
        return solve_table(
                   std::string{"kind,rent_rate,hours_per_month,report_currency,expected\n"
                               "rent_monthly,1,100,USD,"} +
                   expected + "\n")
            ->agrees();
    };
    EXPECT_TRUE(agrees("100"));
    EXPECT_TRUE(agrees("100.000"));
    EXPECT_TRUE(agrees("100.005"));
    EXPECT_FALSE(agrees("100.006"));
    EXPECT_FALSE(agrees("about 100"));
}

}  // namespace
}  // namespace evenkeel::breakeven
