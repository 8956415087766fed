#include "agent/report/spend_days.hpp"
#include "tests/unit/report/rentals_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <random>

/// `report spend --by machine`, and the same money day by day and hour by hour.
namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;

using SpendByMachine = RentalsTest;

std::vector<std::string> told(const Spend& spend) {
    std::vector<std::string> told;
    for (const SpendLine& line : spend.lines) {
        told.push_back(fmt::format(
            "{} {} {} {}", line.kind, line.label, line.requests, amount_text(line.cost)));
    }
    return told;
}

TEST_F(SpendByMachine, ShowsEachMachineWithItsMoney) {
    ledger_->power(
        {.hardware = "tower",
         .source = ledger::source_desk,
         .hour = ledger::test_start,
         .microjoules = 3'600'000'000'000,
         .price = Price::per_kwh(ledger::dollars(330'000'000))});
    ASSERT_TRUE(ledger_->record(ledger::own_request(1)));
    ASSERT_TRUE(ledger_->record(ledger::api_request(2, 2'000'000'000)));
    life(1, {{Phase::boot, 60s}, {Phase::serve, 120s}});
    served_by_rental(3);
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.by = SpendBy::machine;
    EXPECT_EQ(
        told(made(options)),
        (std::vector<std::string>{
            "own tower 1 0.33",
            "rental sandbox-h100 ek-0011aabb-1 1 0.2205",
            "api claude 1 2.00"}))
        << "alone under its name: it answered them";
    // A second one gets the name: whose requests they were, no roll-up says.
    life(2, {{Phase::boot, 30s}});
    adjust(1, 10'000'000);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(
        told(made(options)),
        (std::vector<std::string>{
            "own tower 1 0.33",
            "rental sandbox-h100 (requests of 2 machines) 1 0.00",
            "rental sandbox-h100 ek-0011aabb-1 0 0.2305",
            "rental sandbox-h100 ek-0011aabb-2 0 0.03675",
            "api claude 1 2.00"}));
    options.hardware_of["desk"] = "under the table";
    EXPECT_EQ(made(options).lines[0].label, "under the table") << "as the configuration says";
}

TEST_F(SpendByMachine, MoneyOfTheDaysAskedOnly) {
    life(1, {{Phase::boot, 60s}, {Phase::serve, 120s}});
    clock_.jump_utc(24h);
    life(2, {{Phase::boot, 600s}});
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now += 24h;
    options.by = SpendBy::machine;
    options.since = "2026-11-24";
    EXPECT_EQ(
        told(made(options)),
        (std::vector<std::string>{"rental sandbox-h100 ek-0011aabb-2 0 0.735"}));
}

/// However it is cut, it is the same money to the last unit, in another currency too.
TEST_F(SpendByMachine, AnyGroupingSumsToTheSame) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random{seed};
    const auto below = [&](std::int64_t limit) {
        return std::uniform_int_distribution<std::int64_t>{0, limit - 1}(random);
    };
    ledger_->fx_seen({usd, aud, 14'235'671, 10'000'003, ledger::test_start});
    for (int i = 1; i <= 12; ++i) {
        clock_.jump_utc(std::chrono::hours{below(60)});
        life(
            i,
            {{Phase::boot, 1s + std::chrono::milliseconds{below(400'000)}},
             {Phase::serve, 1s + std::chrono::milliseconds{below(9'000'000)}},
             {Phase::idle, 1s + std::chrono::milliseconds{below(900'000)}}});
        if (below(2) == 0) {
            adjust(i, below(1'000'000'000) - 500'000'000);
        }
        served_by_rental(100 + i);
        ledger::Request paid = ledger::api_request(200 + i, 1 + below(3'000'000'000));
        paid.at = clock_.read().utc;
        paid.budgets.clear();
        ASSERT_TRUE(ledger_->record(paid));
        ledger_->power(
            {.hardware = "desk",
             .source = ledger::source_desk,
             .hour = clock_.read().utc,
             .microjoules = 1 + below(3'600'000'000'000),
             .price = Price::per_kwh({331'234'567, aud})});
    }
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc;
    options.currency = aud;
    options.since = "2026-11-01";
    const Money total = made(options).total.cost;
    EXPECT_GT(total.nanos(), 0);
    for (const SpendBy by :
         {SpendBy::source,
          SpendBy::model,
          SpendBy::key,
          SpendBy::route,
          SpendBy::provider,
          SpendBy::machine}) {
        options.by = by;
        const Spend spend = made(options);
        Money sum{0, aud};
        for (const SpendLine& line : spend.lines) {
            sum += line.cost;
        }
        EXPECT_EQ(sum, total) << to_text(by);
        EXPECT_EQ(spend.total.cost, total) << to_text(by);
        Money phases{0, aud};
        for (const PhaseLine& phase : spend.rental) {
            phases += phase.cost;
        }
        Money rented{0, aud};
        for (const SpendLine& line : spend.lines) {
            rented += line.kind == "rental" ? line.cost : Money{0, aud};
        }
        if (by == SpendBy::source || by == SpendBy::machine) {
            EXPECT_EQ(phases, rented) << to_text(by);
        }
        if (by == SpendBy::machine) {
            for (const SpendLine& line : spend.lines) {
                EXPECT_NE(line.label, "(no machine)");
            }
            continue;
        }
        auto books = reader();
        const auto days = make_spend_days(books, options);
        ASSERT_TRUE(days) << days.error().message;
        EXPECT_EQ(days->total, total) << to_text(by);
        std::map<std::string, Money> by_label;
        for (const SpendDay& day : days->days) {
            for (const DayLine& line : day.lines) {
                by_label[line.label] += line.cost;
            }
        }
        for (const SpendLine& line : spend.lines) {
            EXPECT_EQ(by_label[line.label], line.cost) << line.label;
        }
    }
}

}  // namespace
}  // namespace evenkeel::report
