#include "agent/control/power.hpp"
#include "policies/energy/cost.hpp"
#include "tests/fakes/nvml/fake_driver.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

/// What the owner's GPUs drew, from the driver's counter to the ledger's rows.
namespace evenkeel::agent {
namespace {

using namespace std::chrono_literals;
using fake_nvml::FakeDriver;

constexpr std::int64_t host_watts = 150;

/// A desk with two GPUs under the driver of a script; the clock is the test's.
struct OwnPower : ledger::LedgerTest {
    void SetUp() override {
        ledger::store_names(*ledger_);
        config.energy.host_overhead_milliwatts = host_watts * 1'000;
        config.energy.tariff = {
            {.price = *parse_price("0.20 AUD/kWh"), .when = "22:00-06:00"},
            {.price = *parse_price("0.33 AUD/kWh"), .when = {}}};
        config.hardware.push_back(
            {.name = "desk",
             .gpus = {0, 1},
             .busy_milliwatts = 725'000,
             .idle_milliwatts = 90'000,
             .price = Money{6'800'000'000'000, aud},
             .residual_millis = 350,
             .wear_months = 36});
        own.source = {{"desk", ledger::source_desk}};
    }
    /// One second: the driver is looked at, then a tick.
    void second(FakeDriver& driver, inference::gpu::Watch& watch, bool busy) {
        own.busy = busy ? std::set<std::string>{"desk"} : std::set<std::string>{};
        driver.at(elapsed++);
        clock_.advance(1s);
        const Now now = clock_.read();
        gpus = watch.look(now.boot);
        meter.tick(config, own, gpus, now);
    }
    void end() {
        meter.close(config, clock_.read());
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] std::int64_t sum(const std::string& what) const {
        return count(fmt::format("SELECT coalesce(sum({}), 0) FROM energy", what));
    }
    [[nodiscard]] std::int64_t counter(int gpu) const {
        return gpus.gpus.at(static_cast<std::size_t>(gpu)).sample.energy_millijoules.value_or(0);
    }

    config::Config config{};
    OwnHardware own{};
    inference::gpu::Snapshot gpus{};
    std::int64_t elapsed{0};
    std::vector<Money> counted{};  ///< in budgets
    PowerMeter meter{
        *(open(), ledger_), ledger::Zone{}, [this](const std::string&, Money amount, UtcTime) {
            counted.push_back(amount);
            return std::vector<ledger::BudgetShare>{};
        }};
};

/// A night from 20:30 to 06:30 in virtual time: bursts of work on two GPUs, a look a second.
TEST_F(OwnPower, ANightSumsToTheMeterOfTheDriverToTheJoule) {
    clock_.advance(10h + 30min);
    constexpr int night = 10 * 3'600;
    std::mt19937_64 random{20'261'123};
    const auto between = [&](int low, int high) {
        return std::uniform_int_distribution{low, high}(random);
    };
    std::string script = "gpus 2\ngpu 0 name NVIDIA GeForce RTX 5090\n";
    std::vector<bool> busy(night, false);
    std::int64_t above_rest_uj = 0;
    for (int at = between(60, 300); at < night - 400;) {
        const int work = between(5, 240);
        for (int gpu = 0; gpu < 2; ++gpu) {
            const int milliwatts = between(300'000, 575'000);
            script += fmt::format("at {} gpu {} power {}\n", at, gpu, milliwatts);
            script += fmt::format("at {} gpu {} power {}\n", at + work, gpu, 18'000 + 3'000 * gpu);
            above_rest_uj += std::int64_t{milliwatts - 18'000 - 3'000 * gpu} * work * 1'000;
        }
        std::fill(busy.begin() + at + 1, busy.begin() + at + work + 1, true);
        at += work + between(30, 900);
    }
    for (int gpu = 0; gpu < 2; ++gpu) {
        script += fmt::format("at 0 gpu {} power {}\n", gpu, 18'000 + 3'000 * gpu);
    }
    FakeDriver driver{script};
    inference::gpu::Watch watch{driver.library()};
    second(driver, watch, false);
    const std::int64_t first = counter(0) + counter(1);
    for (int s = 1; s < night; ++s) {
        second(driver, watch, busy[static_cast<std::size_t>(s)]);
    }
    end();

    const std::int64_t meter_uj = (counter(0) + counter(1) - first) * 1'000;
    EXPECT_EQ(sum("idle_uj + work_uj"), meter_uj) << "the driver's own counters";
    EXPECT_EQ(sum("work_uj"), above_rest_uj);
    EXPECT_EQ(sum("estimated_uj"), 0);
    EXPECT_EQ(sum("on_ns"), (night - 1) * 1'000'000'000LL);
    EXPECT_EQ(sum("worked_ns"), std::ranges::count(busy, true) * 1'000'000'000LL);
    EXPECT_EQ(sum("host_uj"), host_watts * (night - 1) * 1'000'000);

    // Wear: each row is rounded once, so the sum is within half a nano-unit a row of the whole.
    const energy::Purchase desk{*config.hardware[0].price, 350, 36};
    const std::int64_t rows = count("SELECT count(*) FROM energy");
    EXPECT_GE(rows, 120) << "every five minutes";
    EXPECT_NEAR(
        static_cast<double>(sum("wear")),
        static_cast<double>(energy::wear_of(desk, std::chrono::seconds{night - 1}).nanos()),
        static_cast<double>(rows) / 2);
    EXPECT_EQ(count("SELECT sum(amount) FROM posting WHERE account = 'wear:desk'"), sum("wear"));

    // Money: each row at the tariff of its hour, no row over a change of it.
    const std::int64_t night_uj = count(
        "SELECT sum(idle_uj + work_uj + host_uj) FROM energy WHERE (at_us / 3600000000) % 24"
        " NOT BETWEEN 6 AND 21");
    EXPECT_EQ(
        count("SELECT count(*) FROM energy AS a JOIN energy AS b ON b.at_us = (SELECT min(at_us)"
              " FROM energy WHERE at_us > a.at_us) WHERE b.at_us - 1000000 - a.at_us > 300000000"),
        0);
    const std::int64_t night_paid = count(
        "SELECT sum(idle + work + host) FROM energy WHERE (at_us / 3600000000) % 24"
        " NOT BETWEEN 6 AND 21");
    EXPECT_NEAR(
        static_cast<double>(night_paid),
        static_cast<double>(
            parse_price("0.20 AUD/kWh")->cost(night_uj, Rounding::half_even).nanos()),
        static_cast<double>(rows));
    const std::int64_t posted =
        count("SELECT sum(amount) FROM posting WHERE account = 'expense:power:desk'");
    EXPECT_EQ(posted, sum("idle + work + host"));
    std::int64_t in_budgets = 0;
    for (const Money amount : counted) {
        in_budgets += amount.nanos();
    }
    EXPECT_EQ(in_budgets, posted);
    EXPECT_EQ(
        count("SELECT sum(quantity) FROM posting WHERE account = 'expense:power:desk'"),
        sum("idle_uj + work_uj + host_uj"));
    expect_sound();
}

TEST_F(OwnPower, SaysWhatIsDrawnNow) {
    config.hardware[0].gpus = {};  // nothing measures it: as stated
    const auto seconds = [&](int count, bool busy) {
        own.busy = busy ? std::set<std::string>{"desk"} : std::set<std::string>{};
        for (int i = 0; i < count; ++i) {
            clock_.advance(1s);
            meter.tick(config, own, gpus, clock_.read());
        }
    };
    seconds(6, true);
    EXPECT_EQ(meter.milliwatts(), 0) << "too young to say";
    seconds(10, true);
    EXPECT_EQ(meter.milliwatts(), 725'000);
    seconds(300 - 15, true);
    seconds(5, false);
    EXPECT_EQ(meter.milliwatts(), 725'000) << "just posted: that of the period before";
    seconds(60, false);
    EXPECT_EQ(meter.milliwatts(), 90'000);
    end();
}

TEST_F(OwnPower, AnOldDriverWithoutACounterIsAnEstimate) {
    FakeDriver driver{
        "gpus 2\nat 0 gpu 0 power 100000\nat 0 gpu 1 power 100000\n", FAKE_NVML_OLD_LIBRARY};
    inference::gpu::Watch watch{driver.library()};
    config.energy.host_overhead_milliwatts = 30'000;
    for (int s = 0; s <= 100; ++s) {
        second(driver, watch, true);
    }
    end();
    EXPECT_EQ(sum("idle_uj + work_uj"), 100 * 200'000'000LL);
    EXPECT_EQ(sum("estimated_uj"), 100 * 200'000'000LL);
    EXPECT_EQ(sum("idle_uj"), 100 * 60'000'000LL) << "the stated rest, less the host";
    EXPECT_EQ(sum("host_uj"), 100 * 30'000'000LL);
    expect_sound();
}

TEST_F(OwnPower, PlayedHardwareAndHardwareTheDriverDoesNotShowDrawTheStatedWatts) {
    FakeDriver driver{"gpus 1\nat 0 gpu 0 power 500000\n"};
    inference::gpu::Watch watch{driver.library()};
    config.hardware[0].gpus = {0};
    own.synthetic = {"desk"};
    for (int s = 0; s <= 10; ++s) {
        second(driver, watch, s > 5);
    }
    EXPECT_EQ(gpus.gpus.size(), 1u);
    config.hardware[0].gpus = {0, 1};
    own.synthetic.clear();
    for (int s = 0; s < 10; ++s) {
        second(driver, watch, false);
    }
    end();
    EXPECT_EQ(sum("idle_uj"), 20 * 90'000'000LL);
    EXPECT_EQ(sum("work_uj"), 5 * 635'000'000LL);
    EXPECT_EQ(sum("host_uj"), 0) << "the stated watts are the whole machine's";
    EXPECT_EQ(sum("estimated_uj"), sum("idle_uj + work_uj"));
}

TEST_F(OwnPower, WithoutATariffJoulesAndWearAreBookedAndNothingIsPaid) {
    config.energy.tariff.clear();
    FakeDriver driver{"gpus 2\n"};
    inference::gpu::Watch watch{driver.library()};
    for (int s = 0; s <= 60; ++s) {
        second(driver, watch, false);
    }
    end();
    EXPECT_EQ(sum("idle_uj"), 60 * 40'000'000LL);
    EXPECT_EQ(sum("idle + work + host"), 0);
    EXPECT_GT(sum("wear"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM posting WHERE account LIKE 'expense:%'"), 0);
    EXPECT_TRUE(counted.empty());
    expect_sound();
}

TEST_F(OwnPower, ADriverReloadCountsWhatItsNewCounterSays) {
    FakeDriver driver{"gpus 2\nat 20 driver unload\nat 28 driver load\n"};
    inference::gpu::Watch watch{driver.library()};
    for (int s = 0; s <= 60; ++s) {
        second(driver, watch, false);
    }
    end();
    const std::int64_t before = 19 * 40'000'000LL;
    const std::int64_t after = 32 * 40'000'000LL;
    EXPECT_EQ(sum("idle_uj"), before + after);
    EXPECT_EQ(sum("estimated_uj"), 2 * 40'000'000LL) << "until the first look after it";
}

TEST_F(OwnPower, HardwareThatIsNamedNoMoreIsBookedAtOnceAndNeverTwice) {
    FakeDriver driver{"gpus 2\n"};
    inference::gpu::Watch watch{driver.library()};
    for (int s = 0; s <= 10; ++s) {
        second(driver, watch, false);
    }
    const config::Hardware desk = config.hardware[0];
    config.hardware.clear();
    second(driver, watch, false);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(sum("idle_uj"), 10 * 40'000'000LL);
    for (int s = 0; s < 10; ++s) {
        second(driver, watch, false);
    }
    config.hardware.push_back(desk);
    for (int s = 0; s <= 5; ++s) {
        second(driver, watch, false);
    }
    end();
    EXPECT_EQ(sum("idle_uj"), 15 * 40'000'000LL) << "what it drew meanwhile is nobody's";
    expect_sound();
}

TEST_F(OwnPower, WhatWasBookedAsStatedIsNotBookedByTheCounterToo) {
    FakeDriver driver{"gpus 2\n"};
    inference::gpu::Watch watch{driver.library()};
    for (int s = 0; s <= 10; ++s) {
        second(driver, watch, false);
    }
    own.synthetic = {"desk"};
    for (int s = 0; s < 10; ++s) {
        second(driver, watch, false);
    }
    own.synthetic.clear();
    for (int s = 0; s <= 10; ++s) {
        second(driver, watch, false);
    }
    end();
    EXPECT_EQ(sum("idle_uj"), 20 * 40'000'000LL + 10 * 90'000'000LL);
    expect_sound();
}

TEST_F(OwnPower, TwoPiecesOfHardwareShareTheHost) {
    config.hardware[0].gpus = {0};
    config.hardware.push_back({.name = "shelf", .gpus = {1}});
    own.source["shelf"] = ledger::source_desk;
    config.energy.host_overhead_milliwatts = 101;
    FakeDriver driver{"gpus 2\n"};
    inference::gpu::Watch watch{driver.library()};
    for (int s = 0; s <= 100; ++s) {
        second(driver, watch, false);
    }
    end();
    EXPECT_EQ(sum("host_uj"), 100 * 101'000);
    EXPECT_EQ(count("SELECT host_uj FROM energy WHERE hardware = 'shelf'"), 100 * 50'000);
}

}  // namespace
}  // namespace evenkeel::agent
