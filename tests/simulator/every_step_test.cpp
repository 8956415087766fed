#include "tests/simulator/life.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

/// Every step fails once, under every personality: one life from demand to gone is lived straight,
/// then again with the agent killed at a boundary or with a call that fails, for each of them.
/// What a life must fulfil is in life_checks.cpp. A failure prints the life's arguments and its
/// last events; `simulator_tests --personality ...` with the same arguments lives it again.
namespace evenkeel::simulator {
namespace {

constexpr int crash_points = 16;  ///< of a personality in the default run: 528 in all
constexpr int failing_calls = 5;  ///< likewise
constexpr int nightly_crash_points = 10'000;

struct Totals {
    int lives{0};
    int crashes{0};
    int leaks{0};
    int creates_twice{0};
    int foreign{0};
    int differences{0};
    int adjustments{0};
    double apart_s{0};

    void add(const Report& report) {
        ++lives;
        crashes += report.crashes;
        leaks += report.leaks;
        creates_twice += report.creates_twice;
        foreign += report.foreign_touched;
        differences += report.ledger_differences;
        adjustments += report.adjustments;
        apart_s = std::max(apart_s, report.apart_s);
    }
    void print(std::string_view who) const {
        fmt::print(
            "{}: lives={} crashes={} leaks={} double_creates={} foreign_touched={} "
            "ledger_differences={} adjustments={} apart_before_bill={:.2f}s\n",
            who,
            lives,
            crashes,
            leaks,
            creates_twice,
            foreign,
            differences,
            adjustments,
            apart_s);
    }
};

/// Lives `trial`; when something broke, lives it again to tell its story.
Report live(const Trial& trial, Totals& totals) {
    Report report = Life{trial}.run();
    totals.add(report);
    if (!report.ok()) {
        report = Life{trial, true}.run();
        std::string text;
        for (const std::string& line : report.failures) {
            text += line + '\n';
        }
        ADD_FAILURE() << "simulator_tests " << to_text(trial) << '\n' << text;
    }
    return report;
}

class EveryStep : public testing::TestWithParam<Traits> {};

TEST_P(EveryStep, ConvergesWhereNothingElseFails) {
    Totals totals;
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const Report report =
            live({.who = GetParam().who, .seed = seed, .both = seed == 2}, totals);
        EXPECT_GE(report.intents, 1) << "a life in which nothing is wanted shows nothing";
        for (const std::string& line : report.adjusted) {
            fmt::print("adjusted {}\n", line);
        }
    }
    totals.print(GetParam().name);
}

TEST_P(EveryStep, F13_F14_F25_IsKilledAtBoundaries) {
    Totals totals;
    const Trial straight{.who = GetParam().who, .seed = 11};
    const std::int64_t last = live(straight, totals).life;
    for (int i = 0; i < crash_points; ++i) {
        Trial trial = straight;
        trial.crash_at = last * i / crash_points + i % 3;
        trial.crashes_more = i % 2;
        live(trial, totals);
    }
    EXPECT_GE(totals.crashes, crash_points);
    totals.print(GetParam().name);
}

TEST_P(EveryStep, F01_F20_HasACallThatFails) {
    Totals totals;
    const Trial straight{.who = GetParam().who, .seed = 21};
    const Report plain = live(straight, totals);
    // Creates and deletes first, with and without their effect; then others, spread over the life.
    std::vector<CallFault> faults;
    for (std::int64_t number = 0; number < plain.life_calls; ++number) {
        const Api api = plain.made[static_cast<std::size_t>(number)];
        if ((api == Api::create || api == Api::destroy) && faults.size() + 1 < failing_calls) {
            faults.push_back({.number = number, .has_effect = false});
            faults.push_back({.number = number, .has_effect = true});
        }
    }
    const auto others = static_cast<std::int64_t>(failing_calls - faults.size());
    for (std::int64_t i = 0; i < others; ++i) {
        faults.push_back({.number = plain.life_calls * i / others + i % 3});
    }
    for (const CallFault& fault : faults) {
        Trial trial = straight;
        trial.fault = fault;
        live(trial, totals);
    }
    totals.print(GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(Of, EveryStep, testing::ValuesIn(personalities), [](const auto& one) {
    return std::string{one.param.name};
});

TEST(EveryStepOnce, TheSameTrialIsTheSameLife) {
    const Trial trial{.who = Personality::flapping, .seed = 5, .crash_at = 70, .crashes_more = 2};
    const Report first = Life{trial}.run();
    const Report second = Life{trial}.run();
    EXPECT_EQ(first.boundaries, second.boundaries);
    EXPECT_EQ(first.calls, second.calls);
    EXPECT_EQ(first.adjusted, second.adjusted);
    EXPECT_EQ(first.crashes, second.crashes);
}

/// 10,000 crash points, spread over all personalities, seeds and boundaries; every third life dies
/// more than once.
TEST(EveryStepOnce, NightlyF14_TenThousandCrashPoints) {
    Totals totals;
    int done = 0;
    for (std::uint64_t seed = 100; done < nightly_crash_points; ++seed) {
        for (const Traits& one : personalities) {
            const Trial straight{.who = one.who, .seed = seed, .both = seed % 4 == 3};
            const std::int64_t last = live(straight, totals).life;
            for (int i = 0; i < 30 && done < nightly_crash_points; ++i, ++done) {
                Trial trial = straight;
                trial.crash_at = last * i / 30 + static_cast<std::int64_t>(seed % 17);
                trial.crashes_more = i % 3 == 0 ? 2 : 0;
                live(trial, totals);
            }
        }
    }
    totals.print("nightly");
    EXPECT_GE(totals.crashes, nightly_crash_points * 9 / 10);
}

/// Every single call of a life fails, without and with its effect.
TEST(EveryStepOnce, NightlyEveryCallFails) {
    Totals totals;
    for (const Traits& one : personalities) {
        const Trial straight{.who = one.who, .seed = 31};
        const Report plain = live(straight, totals);
        for (std::int64_t number = 0; number < plain.life_calls; ++number) {
            const Api api = plain.made[static_cast<std::size_t>(number)];
            const bool acts = api == Api::create || api == Api::destroy;
            for (const bool effect : {false, true}) {
                if (effect && !acts) {
                    continue;
                }
                Trial trial = straight;
                trial.fault = {.number = number, .has_effect = effect};
                live(trial, totals);
            }
        }
    }
    totals.print("nightly, every call");
}

}  // namespace
}  // namespace evenkeel::simulator
