#include "agent/cli/text.hpp"

#include <gtest/gtest.h>

namespace evenkeel::cli {
namespace {

using namespace std::chrono_literals;

TEST(Text, MoneyCarriesItsCurrency) {
    EXPECT_EQ(money_text(Money{4'300'000'000, aud}), "A$4.30");
    EXPECT_EQ(money_text(Money{-310'000'000, usd}), "-US$0.31");
    EXPECT_EQ(money_text(Money{1'200'000'000, *Currency::parse("EUR")}), "EUR 1.20");
    EXPECT_EQ(money_text(Money{}), "0.00");
}

TEST(Text, CountsHaveGroups) {
    EXPECT_EQ(count_text(0), "0");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(61'204), "61,204");
    EXPECT_EQ(count_text(-1'234'567), "-1,234,567");
}

TEST(Text, DurationsShowTwoUnits) {
    EXPECT_EQ(duration_text(850ms), "850 ms");
    EXPECT_EQ(duration_text(12'500ms), "12.5 s");
    EXPECT_EQ(duration_text(14min + 20s), "14m 20s");
    EXPECT_EQ(duration_text(2h + 11min), "2h 11m");
    EXPECT_EQ(duration_text(292h), "12d 04h");
    EXPECT_EQ(duration_text(-1s), "0 ms");
}

TEST(Table, AlignsByDisplayWidthWithoutTrailingSpaces) {
    Table table{{{"NAME", Table::Align::left}, {"N", Table::Align::right}}};
    table.add({"ek-a1f…", "7"});
    table.add({"x", "1,234"});
    EXPECT_EQ(table.text(), "NAME         N\nek-a1f…      7\nx        1,234\n");
}

TEST(Table, CsvQuotesAndDefusesFormulas) {
    Table table{{{"NAME", Table::Align::left}, {"COST NOW", Table::Align::right}}};
    table.add({"=cmd()", "a,b"});
    table.add({"say \"hi\"", "-1.5"});
    EXPECT_EQ(table.csv(), "name,cost_now\n'=cmd(),\"a,b\"\n\"say \"\"hi\"\"\",-1.5\n");
}

TEST(Table, CsvLetsNoFormulaThroughThatBeginsWithANumber) {
    Table table{{{"NAME", Table::Align::left}, {"COST", Table::Align::right}}};
    table.add({"=1+cmd|' /C calc'!A0", "-12"});
    table.add({"-2+3", "-1+1"});
    table.add({"\t=1", "\r=1"});
    table.add({"+61 400", "=1"});
    EXPECT_EQ(
        table.csv(),
        "name,cost\n'=1+cmd|' /C calc'!A0,-12\n'-2+3,'-1+1\n'\t=1,\"'\r=1\"\n'+61 400,'=1\n");
}

}  // namespace
}  // namespace evenkeel::cli
