#include "policies/plan/worst_case.hpp"

#include "tests/unit/plan/worlds.hpp"

namespace evenkeel::plan::test {
namespace {

struct Case {
    const char* name{""};
    std::string policy{};
    std::string rentals{};  ///< "144 AUD", or "no limit"
    std::string apis{"no limit"};
};

std::string text(const DayCap& cap) {
    // All amounts of the table are whole.
    return !cap.amount ? "no limit"
                       : fmt::format(
                             "{} {}",
                             format_decimal(cap.amount->nanos(), 9),
                             cap.amount->currency().text());
}

std::string with(std::string_view scaling, std::string_view rest) {
    return std::string{route} + std::string{scaling} + std::string{rest};
}

constexpr std::string_view three =
    "scaling: [{name: burst, model: m, offers: [pod, do], max_price: 4 USD/h, max_life: 6h, max: "
    "3}]\n";
constexpr std::string_view two_models =
    "scaling:\n  - {name: a, model: m, offers: [pod], max_price: 4 USD/h, max_life: 6h, max: 2}\n"
    "  - {name: b, model: n, offers: [pod-n], max_price: 2 USD/h, max_life: 6h, max: 2}\n";

class WorstCaseOf : public testing::TestWithParam<Case> {};

TEST_P(WorstCaseOf, IsCountedByHand) {
    const Case& c = GetParam();
    const WorstCase found = worst_case(loaded(c.policy).config);
    EXPECT_EQ(text(found.rentals), c.rentals) << found.rentals.why;
    EXPECT_EQ(text(found.apis), c.apis) << found.apis.why;
    EXPECT_FALSE(found.rentals.why.empty());
    EXPECT_FALSE(found.apis.why.empty());
}

// One machine at 4 USD/h is 6 AUD/h, 144 AUD a day, 36 AUD in its life of 6 h.
INSTANTIATE_TEST_SUITE_P(
    Table,
    WorstCaseOf,
    testing::Values(
        Case{"NothingIsRented", std::string{route}, "0 AUD"},
        Case{"OneMachineAllDay", with(burst, ""), "144 AUD"},
        Case{"SafetysTwoOfThree", with(three, ""), "288 AUD"},
        Case{"ThreeWhenAllowed", with(three, "safety: {max_machines: 3}\n"), "432 AUD"},
        Case{
            "ProvidersHaveRoomForFour",
            with(
                "scaling: [{name: burst, model: m, offers: [pod, do], max_price: 4 USD/h, "
                "max_life: 6h, max: 9}]\n",
                "safety: {max_machines: 9}\n"),
            "576 AUD"},
        Case{
            "DearestFirst",
            with(two_models, "safety: {max_machines: 3}\n"),
            "360 AUD"},  // 2 x 144 + 1 x 72
        Case{
            "MaxRate",
            with(three, "safety: {max_machines: 3, max_rate: 5 USD/h}\n"),
            "180 AUD"},  // 24 x 7.50
        Case{
            "MaxPerDayStopsOrdersOnly",
            with(burst, "safety: {max_per_day: 40 USD}\n"),
            "96 AUD"},  // 60 + 36
        Case{
            "AWideLimitLimitsNothing",
            with(burst, "safety: {max_per_day: 80 USD}\n"),
            "144 AUD"},  // 120 + 36 is more
        Case{
            "BudgetOfRentals",
            with(
                burst,
                "budgets: [{name: d, scope: {kind: rental}, limit: 60 AUD, per: day, at: "
                "{\"100%\": "
                "no-new-machines}}]\n"),
            "96 AUD"},
        Case{
            "FirstStopOfABudget",
            with(
                burst,
                "budgets: [{name: d, limit: 60 AUD, per: day, at: {\"50%\": warn, \"90%\": "
                "local-only, \"100%\": refuse}}]\n"),
            "90 AUD",  // 54 + 36
            "54 AUD"},
        Case{
            "AMonthCanBeSpentInADay",
            with(burst, "budgets: [{name: m, limit: 70 AUD}]\n"),
            "106 AUD",
            "70 AUD"},
        Case{
            "HoursComeTwentyFourTimes",
            with(burst, "budgets: [{name: h, limit: 2 AUD, per: hour}]\n"),
            "84 AUD",
            "48 AUD"},
        Case{
            "WarningsStopNothing",
            with(burst, "budgets: [{name: w, limit: 1 AUD, at: {\"100%\": warn}}]\n"),
            "144 AUD"},
        Case{
            "BudgetOfOneModel",
            with(
                two_models,
                "safety: {max_machines: 4}\nbudgets: [{name: x, scope: {model: n}, limit: 10 AUD, "
                "per: day}]\n"),
            "334 AUD"},  // 288 and 10 + 2 x 18; pod has room for three machines of each
        Case{
            "BudgetOfTheOnlyProvider",
            with(burst, "budgets: [{name: x, scope: {provider: pod}, limit: 10 AUD, per: day}]\n"),
            "46 AUD"},
        Case{
            "BudgetOfOneOfTwoProviders",
            with(three, "budgets: [{name: x, scope: {provider: pod}, limit: 10 AUD, per: day}]\n"),
            "288 AUD"},
        Case{
            "BudgetOfAKeyHoldsNoMachine",
            with(burst, "budgets: [{name: k, scope: {key: me}, limit: 1 AUD}]\n"),
            "144 AUD"},
        Case{
            "BudgetOfApis",
            with(burst, "budgets: [{name: x, scope: {kind: api}, limit: 7 AUD, per: day}]\n"),
            "144 AUD",
            "7 AUD"},
        Case{
            "BudgetOfTheOnlyApi",
            with(burst, "budgets: [{name: x, scope: {provider: shop}, limit: 7 AUD, per: day}]\n"),
            "144 AUD",
            "7 AUD"},
        Case{
            "NoNewMachinesHoldsNoApi",
            with(
                burst,
                "budgets: [{name: x, limit: 7 AUD, per: day, at: {\"100%\": no-new-machines}}]\n"),
            "43 AUD"},
        Case{
            "NeverKeepsItsLeast",
            with(
                "scaling: [{name: burst, model: m, offers: [pod], max_price: 4 USD/h, max_life: "
                "6h, rule: never, min: 1, max: 2}]\n",
                ""),
            "144 AUD"},
        Case{
            "ALifeBeyondTheDayIsOneDay",
            with(
                "scaling: [{name: burst, model: m, offers: [pod], max_price: 4 USD/h, max_life: "
                "30d}]\n",
                "safety: {max_per_day: 1 USD}\n"),
            "144 AUD"}),
    [](const auto& info) { return info.param.name; });

TEST(WorstCaseText, SaysWhatHoldsIt) {
    const auto why = [](std::string_view policy) {
        return worst_case(loaded(policy).config).rentals.why;
    };
    EXPECT_EQ(why(with(burst, "")), "1 machine x 24 h x 4.00 USD/h");
    EXPECT_EQ(
        why(with(burst, "safety: {max_per_day: 40 USD}\n")),
        "orders stop at 40.00 USD (safety.max_per_day); 1 machine may then run on until max_life");
    EXPECT_EQ(
        why(with(
            three,
            "budgets: [{name: d, limit: 60 AUD, per: day, at: {\"90%\": "
            "local-only}}]\n")),
        "orders stop at 90 % of 60.00 AUD a day (d); 2 machines may then run on until max_life");
}

TEST(WorstCaseText, HugeAmountsDoNotOverflow) {
    const auto config = loaded(with(
        "scaling: [{name: burst, model: m, offers: [pod, do], max_price: 1000000 USD/h, max_life: "
        "30d, max: 64}]\n",
        "budgets: [{name: h, limit: 1000000000 AUD, per: hour}]\nsafety: {max_machines: 64}\n"));
    const WorstCase found = worst_case(config.config);
    ASSERT_TRUE(found.rentals.amount.has_value());
    EXPECT_GT(found.rentals.amount->nanos(), 0);
    EXPECT_FALSE(found.apis.amount.has_value() && found.apis.amount->nanos() < 0);
}

TEST(WorstCase, ABudgetOfAModelThatCountsItsInternalPriceHoldsNoMachine) {
    config::Config config =
        loaded(
            std::string{route} + std::string{burst} +
            "budgets: [{name: x, scope: {model: m}, limit: 10 AUD, per: day}]\n")
            .config;
    EXPECT_EQ(worst_case(config).rentals.amount, (Money{46'000'000'000, aud}));
    config.models.at(0).internal_price = config.models.at(0).offers.at(3).token_price;
    EXPECT_EQ(worst_case(config).rentals.amount, (Money{144'000'000'000, aud}));
}

}  // namespace
}  // namespace evenkeel::plan::test
