#include "policies/lifecycle/bill_cause.hpp"

#include <gtest/gtest.h>

namespace evenkeel::lifecycle {
namespace {

Money dollars(std::int64_t nanos) {
    return Money{nanos, usd};
}

/// Two hours at 3.60 USD/h, of them ten minutes of boot: a second costs a tenth of a cent.
BillFacts two_hours(std::int64_t bill) {
    return {
        .bill = dollars(bill),
        .metered = dollars(7'200'000'000),
        .boot = dollars(600'000'000),
        .price = Price::per_hour(dollars(3'600'000'000))};
}

struct Case {
    const char* name;
    BillFacts facts;
    std::optional<BillCause> cause;
};

BillFacts with_price(BillFacts facts, std::int64_t hour) {
    facts.other_prices = {facts.price, Price::per_hour(dollars(hour))};
    return facts;
}

BillFacts adopted(BillFacts facts) {
    facts.adopted = true;
    return facts;
}

class BillCauses : public testing::TestWithParam<Case> {};

TEST_P(BillCauses, AreTold) {
    EXPECT_EQ(cause_of(GetParam().facts), GetParam().cause);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    BillCauses,
    testing::Values(
        Case{"EqualIsNoDifference", two_hours(7'200'000'000), std::nullopt},
        Case{"ACentIsRounding", two_hours(7'210'000'000), BillCause::rounding},
        Case{"ACentLessIsRounding", two_hours(7'190'000'000), BillCause::rounding},
        Case{"ANanoBeyondIsTime", two_hours(7'210'000'001), BillCause::not_metered},
        Case{"WithoutTheBoot", two_hours(6'600'000'000), BillCause::not_metered},
        Case{"WithoutMoreThanTheBoot", two_hours(6'589'999'999), BillCause::credit},
        Case{"WithinTheHourIsTime", two_hours(10'800'000'000), BillCause::not_metered},
        Case{"BeyondTheHourIsOther", two_hours(10'800'000'001), BillCause::other},
        Case{
            "AnotherPriceOfTheOffer",
            with_price(two_hours(8'000'000'000), 4'000'000'000),
            BillCause::price_change},
        Case{
            "ACheaperPriceOfTheOffer",
            with_price(two_hours(6'605'000'000), 3'300'000'000),
            BillCause::price_change},
        Case{
            "APriceThatDoesNotExplain",
            with_price(two_hours(8'000'000'000), 4'400'000'000),
            BillCause::not_metered},
        Case{"AdoptedIsUnknown", adopted(two_hours(9'000'000'000)), BillCause::unknown_machine},
        Case{"AdoptedWithinACent", adopted(two_hours(7'205'000'000)), BillCause::rounding}),
    [](const auto& info) { return info.param.name; });

TEST(BillCauses, ADearMachinesTwoSecondsAreRounding) {
    BillFacts facts{
        .bill = dollars(100'060'000'000),
        .metered = dollars(100'000'000'000),
        .price = Price::per_hour(dollars(108'000'000'000))};
    EXPECT_EQ(cause_of(facts), BillCause::rounding) << "three cents a second";
    facts.bill = dollars(100'060'000'001);
    EXPECT_EQ(cause_of(facts), BillCause::not_metered);
}

TEST(BillCauses, NothingMeteredAtAll) {
    BillFacts facts{
        .bill = dollars(500'000'000),
        .metered = dollars(0),
        .price = Price::per_hour(dollars(3'600'000'000)),
        .other_prices = {Price::per_hour(dollars(4'000'000'000))}};
    EXPECT_EQ(cause_of(facts), BillCause::not_metered);
}

}  // namespace
}  // namespace evenkeel::lifecycle
