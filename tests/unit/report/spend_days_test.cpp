#include "agent/report/spend_days.hpp"

#include "tests/unit/report/rentals_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class SpendOverTime : public RentalsTest {
protected:
    void api(std::int64_t id, std::int64_t paid) {
        ledger::Request request = ledger::api_request(id, paid);
        request.at = clock_.read().utc;
        request.budgets.clear();
        ASSERT_TRUE(ledger_->record(request));
    }
    [[nodiscard]] SpendHours hours(const SpendOptions& options) const {
        auto books = reader();
        auto spend = make_spend_hours(books, options);
        if (!spend) {
            throw std::runtime_error{spend.error().message};
        }
        return *std::move(spend);
    }
};

TEST_F(SpendOverTime, DaysAreJsonCsvAndText) {
    api(1, 2'000'000'000);
    clock_.jump_utc(24h);
    api(2, 500'000'000);
    life(1, {{Phase::serve, 3600s}});
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc;
    auto books = reader();
    const auto spend = make_spend_days(books, options);
    ASSERT_TRUE(spend) << spend.error().message;
    const json::value root = json::parse(spend_days_json(*spend));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.spend-days/1");
    EXPECT_EQ(root.at("currency").as_string(), "USD");
    EXPECT_EQ(root.at("by").as_string(), "source");
    ASSERT_EQ(root.at("days").as_array().size(), 2u);
    EXPECT_EQ(root.at("days").at(0).at("day").as_string(), "2026-11-23");
    const json::value& second = root.at("days").at(1);
    EXPECT_EQ(second.at("cost").as_string(), "4.91");
    EXPECT_EQ(second.at("lines").at(0).at("kind").as_string(), "rental");
    EXPECT_EQ(second.at("lines").at(0).at("cost").as_string(), "4.41");
    EXPECT_EQ(second.at("lines").at(1).at("label").as_string(), "claude");
    EXPECT_EQ(second.at("lines").at(1).at("requests").as_int64(), 1);
    EXPECT_EQ(
        spend_days_csv(*spend),
        "day,kind,label,synthetic,requests,cost,currency\r\n"
        "2026-11-23,api,claude,false,1,2.00,USD\r\n"
        "2026-11-24,rental,H100,false,0,4.41,USD\r\n"
        "2026-11-24,api,claude,false,1,0.50,USD\r\n");
    EXPECT_EQ(
        spend_days_text(*spend),
        "November 2026 to the 24th, USD\n\n"
        "DAY                             REQUESTS         COST\n"
        "2026-11-23  API    claude              1         2.00\n"
        "2026-11-24  rented H100                0         4.41\n"
        "            API    claude              1         0.50\n"
        "total                                            6.91\n");
}

TEST_F(SpendOverTime, DaysRefuseWhatTheyCannotCount) {
    for (const SpendBy by : {SpendBy::tag, SpendBy::machine}) {
        SpendOptions options = asked();
        options.by = by;
        auto books = reader();
        const auto spend = make_spend_days(books, options);
        ASSERT_FALSE(spend);
        EXPECT_EQ(spend.error().code, Errc::invalid_argument);
    }
}

TEST_F(SpendOverTime, HoursSpreadAPhaseOverItsTime) {
    clock_.jump_utc(30min);  // 10:30
    life(1, {{Phase::boot, 15min}, {Phase::serve, 2h}, {Phase::idle, 15min}});
    api(1, 1'000'000'000);  // 13:00
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc + 1h;
    options.since = "4h";
    const SpendHours spend = hours(options);
    ASSERT_EQ(spend.hours.size(), 4u);
    EXPECT_EQ(spend.hours[0].at, ledger::test_start);
    EXPECT_EQ(spend.hours[0].waste, ledger::dollars(1'102'500'000)) << "a quarter to boot";
    EXPECT_EQ(spend.hours[0].rental, ledger::dollars(1'102'500'000));
    EXPECT_EQ(spend.hours[1].rental, ledger::dollars(4'410'000'000));
    EXPECT_EQ(spend.hours[1].waste, ledger::dollars(0));
    EXPECT_EQ(spend.hours[2].rental, ledger::dollars(3'307'500'000));
    EXPECT_EQ(spend.hours[2].waste, ledger::dollars(1'102'500'000));
    EXPECT_EQ(spend.hours[3].api, ledger::dollars(1'000'000'000));
    Money sum{0, usd};
    for (const SpendHour& hour : spend.hours) {
        sum += hour.own + hour.rental + hour.api + hour.waste;
    }
    SpendOptions month = asked();
    month.now = options.now;
    EXPECT_EQ(sum, made(month).total.cost);
    const json::value root = json::parse(spend_hours_json(spend));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.hours/1");
    EXPECT_EQ(root.at("hours").at(3).at("at").as_string(), "2026-11-23T13:00:00.000000Z");
    EXPECT_EQ(root.at("hours").at(3).at("api").as_string(), "1.00");
    EXPECT_EQ(root.at("hours").at(0).at("waste").as_string(), "1.1025");
    EXPECT_TRUE(spend_hours_csv(spend).starts_with(
        "at,own,rental,api,waste,adjust,currency\r\n"
        "2026-11-23T10:00:00.000000Z,0.00,1.1025,0.00,1.1025,0.00,USD\r\n"));
    EXPECT_NE(
        spend_hours_text(spend, ledger::Zone{}).find("2026-11-23 13:00         0.00         0.00"),
        std::string::npos)
        << spend_hours_text(spend, ledger::Zone{});
}

TEST_F(SpendOverTime, HoursBeginWithTheLedger) {
    api(1, 1'000'000'000);
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc + 1h;
    options.since = "1970-01-01";
    const SpendHours spend = hours(options);
    ASSERT_EQ(spend.hours.size(), 11u) << "from the midnight before 10:00 to 11:00";
    EXPECT_EQ(spend.hours[10].api, ledger::dollars(1'000'000'000));
    options.until = "2026-11-20";
    EXPECT_TRUE(hours(options).hours.empty()) << "the ledger knows nothing of so long ago";
}

TEST_F(SpendOverTime, HoursAreNotCountedWithoutEnd) {
    api(1, 1'000'000'000);
    clock_.jump_utc(24h * 500);
    api(2, 1'000'000'000);
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc;
    options.since = "1970-01-01";
    auto books = reader();
    const auto spend = make_spend_hours(books, options);
    ASSERT_FALSE(spend);
    EXPECT_EQ(spend.error().code, Errc::invalid_argument);
    EXPECT_NE(spend.error().message.find("at most 10,000"), std::string::npos)
        << spend.error().message;
    options.until = "2027-11-23";
    EXPECT_TRUE(make_spend_hours(books, options)) << "a year";
}

TEST_F(SpendOverTime, HoursOfTheLastDayNamed) {
    api(1, 1'000'000'000);
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc + 24h * 3;
    options.until = "2026-11-23";
    const SpendHours spend = hours(options);
    ASSERT_EQ(spend.hours.size(), 24u);
    EXPECT_EQ(spend.hours[10].api, ledger::dollars(1'000'000'000));
}

/// A bill's word on a machine is neither service nor waste.
TEST_F(SpendOverTime, HoursKeepAdjustmentsApart) {
    life(1, {{Phase::boot, 30min}, {Phase::serve, 90min}});
    adjust(1, -250'000'000);
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc + 1h;
    const SpendHours spend = hours(options);
    SpendHour sum;
    for (const SpendHour& hour : spend.hours) {
        sum.rental += hour.rental;
        sum.waste += hour.waste;
        sum.adjust += hour.adjust;
    }
    EXPECT_EQ(sum.rental, ledger::dollars(6'615'000'000));
    EXPECT_EQ(sum.waste, ledger::dollars(2'205'000'000));
    EXPECT_EQ(sum.adjust, ledger::dollars(-250'000'000));
    const Spend month = made(options);
    EXPECT_EQ(sum.waste, month.rental_not_serving);
    EXPECT_EQ(sum.rental + sum.waste + sum.adjust, month.total.cost);
    EXPECT_NE(spend_hours_text(spend, ledger::Zone{}).find(" ADJUSTED "), std::string::npos);
    EXPECT_NE(spend_hours_json(spend).find("\"adjust\":\"-0.25\""), std::string::npos);
}

TEST_F(SpendOverTime, HoursCountAMachineThatStillRuns) {
    life(1, {{Phase::serve, 90min, true}});
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc;
    const SpendHours spend = hours(options);
    ASSERT_EQ(spend.hours.size(), 25u) << "the last 24, and the one that runs";
    EXPECT_EQ(spend.hours[23].rental, ledger::dollars(4'410'000'000));
    EXPECT_EQ(spend.hours[24].rental, ledger::dollars(2'205'000'000));
}

}  // namespace
}  // namespace evenkeel::report
