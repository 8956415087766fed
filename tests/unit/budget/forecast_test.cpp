#include "policies/budget/forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <random>

/// The forecast says what the weekdays say, keeps to its band as often as it claims, and is the
/// same every time.
namespace evenkeel::budget {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr std::int64_t one = 1'000'000'000;
constexpr sys_days monday{std::chrono::October / 5 / 2026};

History history(std::vector<std::int64_t> days_of) {
    return {.first = monday, .days = std::move(days_of)};
}

Ahead after(const History& past, int count) {
    return {.first = past.first + days{static_cast<int>(past.days.size())}, .days = count};
}

TEST(BudgetForecast, SaysNothingOfTooFewDays) {
    const History past = history(std::vector<std::int64_t>(history_days_min - 1, one));
    const Forecast said = forecast(past, after(past, 5));
    EXPECT_FALSE(said.enough);
    EXPECT_TRUE(said.days.empty());
    EXPECT_EQ(said.history_days, history_days_min - 1);
    EXPECT_FALSE(forecast({}, {.first = monday, .days = 3}).enough);
}

TEST(BudgetForecast, SameDaysGoOnWithoutDoubt) {
    const History past = history(std::vector<std::int64_t>(28, 3 * one));
    Ahead ahead = after(past, 10);
    ahead.first_permille = 250;
    const Forecast said = forecast(past, ahead);
    ASSERT_EQ(said.days.size(), 10u);
    EXPECT_EQ(said.days[0], (Until{ahead.first, 3 * one / 4, 3 * one / 4, 3 * one / 4}));
    EXPECT_EQ(said.days[9].expected, 3 * one / 4 + 27 * one);
    EXPECT_EQ(said.days[9].low, said.days[9].high);
    EXPECT_EQ(said.days[9].day, ahead.first + days{9});
}

TEST(BudgetForecast, KnowsWeekdays) {
    std::vector<std::int64_t> weeks;
    for (int i = 0; i < 56; ++i) {
        weeks.push_back(i % 7 < 5 ? 10 * one : 0);
    }
    const History past = history(weeks);
    const Forecast said = forecast(past, after(past, 7));
    const auto of_day = [&](std::size_t i) {
        return said.days[i].expected - (i == 0 ? 0 : said.days[i - 1].expected);
    };
    // The mean of all days, 50/7, counts as one more day of its kind beside the eight.
    EXPECT_EQ(of_day(0), 9'682'539'683);
    EXPECT_LT(of_day(5), one);
    EXPECT_GT(of_day(4), 9 * one);
}

TEST(BudgetForecast, LooksAtEightWeeksOnly) {
    std::vector<std::int64_t> long_past(40, 1'000 * one);
    long_past.insert(long_past.end(), history_days_max, one);
    const History past = history(long_past);
    const Forecast said = forecast(past, after(past, 1));
    EXPECT_EQ(said.history_days, history_days_max);
    EXPECT_EQ(said.days[0].expected, one);
}

TEST(BudgetForecast, WhatRunsNowIsCountedUntilItsEnd) {
    const History past = history(std::vector<std::int64_t>(28, 3 * one));
    Ahead ahead = after(past, 3);
    ahead.committed = {5 * one, 2 * one};
    const Forecast said = forecast(past, ahead);
    EXPECT_EQ(said.days[0].expected, 5 * one) << "more than usual";
    EXPECT_EQ(said.days[1].expected, 8 * one) << "less than usual: the usual stays";
    EXPECT_EQ(said.days[2].expected, 11 * one);
    EXPECT_EQ(said.days[2].low, 9 * one) << "it may end sooner";
    EXPECT_EQ(said.days[2].high, 11 * one);
}

TEST(BudgetForecast, IsTheSameEveryTimeAndInOrder) {
    std::mt19937 random{7};
    std::vector<std::int64_t> past_days;
    for (int i = 0; i < 45; ++i) {
        past_days.push_back(std::uniform_int_distribution<std::int64_t>{0, 90 * one}(random));
    }
    const History past = history(past_days);
    const Forecast said = forecast(past, after(past, 31));
    EXPECT_EQ(said.days, forecast(past, after(past, 31)).days);
    for (const Until& day : said.days) {
        EXPECT_LE(0, day.low);
        EXPECT_LE(day.low, day.expected);
        EXPECT_LE(day.expected, day.high);
    }
    EXPECT_TRUE(std::ranges::is_sorted(said.days, {}, &Until::expected));
}

TEST(BudgetForecast, HugeAmountsDoNotOverflow) {
    const History past = history(std::vector<std::int64_t>(56, 9'000'000'000 * one / 2));
    const Forecast said = forecast(past, after(past, 62));
    EXPECT_GT(said.days.back().high, 0);
    EXPECT_EQ(said.days.back().expected, std::numeric_limits<std::int64_t>::max());
}

TEST(BudgetForecast, LimitsAreRoundFigures) {
    EXPECT_EQ(round_limit(246'780 * one), 250'000 * one);
    EXPECT_EQ(round_limit(99 * one), 99 * one);
    EXPECT_EQ(round_limit(99 * one + 1), 100 * one);
    EXPECT_EQ(round_limit(101 * one), 110 * one);
    EXPECT_EQ(round_limit(1), 10'000'000) << "a cent";
    EXPECT_EQ(round_limit(0), 0);
    EXPECT_EQ(round_limit(-one), 0);
}

/// Made-up spending: how a day of it is drawn.
struct Habit {
    const char* name;
    double (*day)(std::mt19937_64& random, int weekday, double& memory);
};

double normal(std::mt19937_64& random) {
    return std::normal_distribution<double>{}(random);
}
double workdays(int weekday) {
    return weekday < 5 ? 12.0 : 5.0;
}

const Habit habits[] = {
    {"Steady",
     [](auto& random, int weekday, double&) {
         return std::max(0.0, workdays(weekday) * (1 + 0.3 * normal(random)));
     }},
    {"HeavyTailed",
     [](auto& random, int weekday, double&) {
         return workdays(weekday) * std::exp(0.8 * normal(random) - 0.32);
     }},
    {"Bursty",
     [](auto& random, int weekday, double&) {
         const bool rents = std::uniform_real_distribution<>{}(random) < 0.25;
         return 0.5 * workdays(weekday) +
                (rents ? std::exponential_distribution<>{1.0 / 40}(random) : 0.0);
     }},
    {"RareRentals",
     [](auto& random, int, double&) {
         return 3.0 + (std::uniform_real_distribution<>{}(random) < 0.08 ? 60.0 : 0.0);
     }},
    {"GoodAndBadWeeks",
     [](auto& random, int weekday, double& memory) {
         memory = 0.5 * memory + std::sqrt(0.75) * normal(random);
         return workdays(weekday) * std::exp(0.5 * memory);
     }},
    {"NoWeekends",
     [](auto& random, int weekday, double&) {
         return weekday < 5 ? std::max(0.0, 10 * (1 + 0.4 * normal(random))) : 0.0;
     }}};

/// Of many months, how many ends fell into the band and above it, by how far ahead they were.
struct Coverage {
    int days{0};
    int inside{0};
    int above{0};
};

/// Plays `months` months of a habit, each with a history of its own, and prints what came of them.
std::vector<Coverage> cover(const Habit& habit, int months, std::uint64_t seed) {
    std::vector<Coverage> found{{.days = 3}, {.days = 10}, {.days = 25}};
    std::mt19937_64 random{seed};
    for (int month = 0; month < months; ++month) {
        double memory = normal(random);
        std::vector<std::int64_t> drawn;
        for (int i = 0; i < history_days_max + found.back().days; ++i) {
            drawn.push_back(std::llround(habit.day(random, i % 7, memory) * 1e9));
        }
        const auto ahead = drawn.begin() + history_days_max;
        const History past = history({drawn.begin(), ahead});
        const Forecast said = forecast(past, after(past, found.back().days));
        for (Coverage& each : found) {
            const Until& end = said.days[static_cast<std::size_t>(each.days) - 1];
            const auto truth = std::reduce(ahead, ahead + each.days, std::int64_t{0});
            each.inside += end.low <= truth && truth <= end.high ? 1 : 0;
            each.above += truth > end.high ? 1 : 0;
        }
    }
    std::printf("%s, seed %lu:", habit.name, static_cast<unsigned long>(seed));
    for (Coverage& each : found) {
        each.inside = each.inside * 100 / months;
        each.above = each.above * 100 / months;
        std::printf("  %d days: %d %% inside, %d %% above", each.days, each.inside, each.above);
    }
    std::printf("\n");
    return found;
}

class ForecastCoverage : public testing::TestWithParam<Habit> {};

/// Four of five or more fall into the band, and about one in ten lies above it; the limits leave
/// room for the luck of fifty draws.
TEST_P(ForecastCoverage, BandHoldsWhatItPromises) {
    for (const Coverage& each : cover(GetParam(), 50, std::random_device{}())) {
        EXPECT_GE(each.inside, 50) << each.days << " days";
        EXPECT_LE(each.above, 36) << each.days << " days";
    }
}

TEST_P(ForecastCoverage, NightlyBandHoldsWhatItPromises) {
    for (const Coverage& each : cover(GetParam(), 2'000, std::random_device{}())) {
        EXPECT_GE(each.inside, 70) << each.days << " days";
        EXPECT_LE(each.inside, 98) << each.days << " days";
        EXPECT_LE(each.above, 17) << each.days << " days";
    }
}

INSTANTIATE_TEST_SUITE_P(
    Habits, ForecastCoverage, testing::ValuesIn(habits), [](const auto& given) {
        return given.param.name;
    });

}  // namespace
}  // namespace evenkeel::budget
