#include "agent/report/forecast.hpp"
#include "tests/unit/report/rentals_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
using std::chrono::day;
using std::chrono::year;
namespace json = boost::json;

class ForecastOfLedger : public RentalsTest {
protected:
    void SetUp() override {
        RentalsTest::SetUp();
        config_.budgets = {
            {.name = "all", .limit = ledger::dollars(80'000'000'000)},
            {.name = "rentals", .scope = {.kind = "rental"}, .limit = ledger::dollars(1)},
            {.name = "daily",
             .scope = {.kind = "api"},
             .limit = ledger::dollars(3'000'000'000),
             .per = config::BudgetPer::day},
            {.name = "hourly",
             .limit = ledger::dollars(3'000'000'000),
             .per = config::BudgetPer::hour}};
    }
    /// `paid` on each of the `count` days before today and today.
    void api_days(int count, std::int64_t paid) {
        for (int i = 0; i <= count; ++i) {
            const UtcTime at = ledger::test_start - 24h * i;
            ledger::Request request = ledger::api_request(least_id_at(at) + 1, paid);
            request.at = at;
            request.budgets.clear();
            ASSERT_TRUE(ledger_->record(request));
        }
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] ForecastReport forecast(
        const config::Config* config, UtcTime now = ledger::test_start + 2h) const {
        SpendOptions options = asked();
        options.now = now;  // at noon
        auto books = reader();
        auto made = make_forecast(books, config, options);
        if (!made) {
            throw std::runtime_error{made.error().message};
        }
        return *std::move(made);
    }
    config::Config config_{};
};

TEST_F(ForecastOfLedger, TooLittleDataIsSaid) {
    api_days(10, 2'000'000'000);
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.at_end(), nullptr);
    EXPECT_EQ(made.total.spent, ledger::dollars(22'000'000'000));
    EXPECT_EQ(
        made.total.note, "too little data: 9 whole days in the ledger, 14 are needed")
        << "the day on which it began is no whole one";
    EXPECT_FALSE(made.budgets[0].fits);
    EXPECT_NE(forecast_text(made).find("too little data"), std::string::npos);
}

TEST_F(ForecastOfLedger, SameDaysGoOn) {
    api_days(40, 2'000'000'000);
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.spent, ledger::dollars(46'000'000'000)) << "the 1st to the 23rd";
    EXPECT_EQ(made.total.history_days, 39);
    ASSERT_NE(made.total.at_end(), nullptr);
    EXPECT_EQ(made.total.at_end()->day, year{2026} / 11 / day{30});
    EXPECT_EQ(made.total.at_end()->expected, ledger::dollars(61'000'000'000))
        << "half of today and seven days more";
    EXPECT_EQ(made.total.at_end()->low, made.total.at_end()->high);
    const ForecastLine& all = made.budgets[0];
    EXPECT_FALSE(all.runs_out);
    EXPECT_FALSE(all.used_up);
    EXPECT_EQ(all.fits, ledger::dollars(61'000'000'000));
    EXPECT_EQ(made.budgets[1].spent, ledger::dollars(0)) << "nothing was rented";
    EXPECT_EQ(made.budgets[2].end, year{2026} / 11 / day{23});
    EXPECT_EQ(made.budgets[2].spent, ledger::dollars(2'000'000'000));
    EXPECT_EQ(made.budgets[2].at_end()->expected, ledger::dollars(3'000'000'000));
    EXPECT_EQ(made.budgets[2].runs_out, year{2026} / 11 / day{23});
    EXPECT_EQ(made.budgets[3].note, "an hour is too short for a forecast by days");
}

TEST_F(ForecastOfLedger, SaysWhenABudgetRunsOut) {
    api_days(40, 2'000'000'000);
    config_.budgets[0].limit = ledger::dollars(52'000'000'000);
    const ForecastReport made = forecast(&config_);
    const ForecastLine& all = made.budgets[0];
    EXPECT_EQ(all.runs_out, year{2026} / 11 / day{26}) << "47, 49, 51, 53";
    EXPECT_EQ(all.may_run_out, all.runs_out);
    config_.budgets[0].limit = ledger::dollars(46'000'000'000);
    EXPECT_TRUE(forecast(&config_).budgets[0].used_up);
    const std::string text = forecast_text(forecast(&config_));
    EXPECT_NE(text.find("used up\n"), std::string::npos) << text;
}

TEST_F(ForecastOfLedger, CountsMachinesThatRunUntilTheirEnd) {
    api_days(40, 2'000'000'000);
    life(1, {{Phase::serve, 2h, true}});
    ASSERT_TRUE(ledger_->flush());
    // It may live until 16:00; now it is noon.
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.running, ledger::dollars(8'820'000'000));
    EXPECT_EQ(made.total.committed, ledger::dollars(17'640'000'000));
    EXPECT_EQ(
        made.total.days[0].expected,
        ledger::dollars(46'000'000'000 + 8'820'000'000 + 17'640'000'000))
        << "more than what is left of a usual day";
    EXPECT_EQ(made.budgets[1].running, ledger::dollars(8'820'000'000)) << "of kind rental";
    EXPECT_EQ(made.budgets[2].running, ledger::dollars(0)) << "of kind api";
}

TEST_F(ForecastOfLedger, TakesWhatIsBookedAndHeldUnderTheName) {
    api_days(20, 1'000'000'000);
    const UtcTime month{std::chrono::sys_days{std::chrono::November / 1 / 2026}};
    ASSERT_TRUE(hold(
        {.request = RequestId{7},
         .source = ledger::source_claude,
         .amount = ledger::dollars(30'000'000'000),
         .budgets = {{ledger::budget_all, month, 30'000'000'000}}}));
    ASSERT_TRUE(ledger_->flush());
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.spent, ledger::dollars(21'000'000'000));
    EXPECT_EQ(made.budgets[0].spent, ledger::dollars(51'000'000'000))
        << "nothing was booked under its name, but its scope has cost 21";
    EXPECT_EQ(
        made.budgets[0].at_end()->expected - made.budgets[0].spent,
        made.total.at_end()->expected - made.total.spent);
}

TEST_F(ForecastOfLedger, TakesWhatIsBookedUnderTheNameWhereThatIsMore) {
    api_days(20, 1'000'000'000);
    ledger::Request request = ledger::api_request(least_id_at(ledger::test_start) + 7, 1);
    const UtcTime month{std::chrono::sys_days{std::chrono::November / 1 / 2026}};
    request.budgets = {{ledger::budget_all, month, 25'000'000'000}};
    ASSERT_TRUE(ledger_->record(request));
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(forecast(&config_).budgets[0].spent, ledger::dollars(25'000'000'000));
}

/// What is set aside for a machine and what it has cost are the same money.
TEST_F(ForecastOfLedger, CountsAMachineWithItsHoldOrItsCostNotBoth) {
    api_days(40, 2'000'000'000);
    const UtcTime month{std::chrono::sys_days{std::chrono::November / 1 / 2026}};
    const auto hold_for = [&](std::int64_t machine, std::int64_t nanos) {
        ASSERT_TRUE(hold(
            {.machine = MachineId{machine},
             .source = ledger::source_rented,
             .amount = ledger::dollars(nanos),
             .budgets = {{ledger::budget_all, month, nanos}}}));
    };
    hold_for(1, 5'000'000'000);
    life(1, {{Phase::serve, 2h, true}});
    ASSERT_TRUE(ledger_->flush());
    const ForecastReport dear = forecast(&config_);
    EXPECT_EQ(dear.budgets[0].spent, ledger::dollars(46'000'000'000));
    EXPECT_EQ(dear.budgets[0].running, ledger::dollars(8'820'000'000)) << "more than its hold";
    EXPECT_EQ(dear.budgets[0].days[0].expected, dear.total.days[0].expected);
    EXPECT_EQ(dear.budgets[1].running, ledger::dollars(8'820'000'000)) << "of kind rental";

    hold_for(2, 30'000'000'000);
    ASSERT_TRUE(step(ledger::intent(2, clock_.read())));  // ordered: it has cost nothing yet
    hold_for(3, 7'000'000'000);  // of a machine that never came to be: it is given back
    ASSERT_TRUE(ledger_->flush());
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.running, ledger::dollars(8'820'000'000));
    EXPECT_EQ(made.budgets[0].spent, ledger::dollars(46'000'000'000));
    EXPECT_EQ(made.budgets[0].running, ledger::dollars(38'820'000'000));
    EXPECT_EQ(
        made.budgets[0].days[0].expected, made.budgets[0].spent + made.budgets[0].running)
        << "what is set aside pays hours to come: at least that is expected";
    EXPECT_TRUE(made.budgets[0].used_up) << "84.82 of 80";
}

TEST_F(ForecastOfLedger, JsonCsvAndText) {
    api_days(40, 2'000'000'000);
    const ForecastReport made = forecast(&config_);
    const json::value root = json::parse(forecast_json(made));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.forecast/1");
    EXPECT_EQ(root.at("total").at("expected").as_string(), "61.00");
    EXPECT_EQ(root.at("total").at("days").as_array().size(), 8u);
    EXPECT_EQ(root.at("budgets").at(0).at("limit").as_string(), "80.00");
    EXPECT_TRUE(root.at("budgets").at(0).at("runs_out").is_null());
    EXPECT_EQ(root.at("budgets").at(2).at("runs_out").as_string(), "2026-11-23");
    EXPECT_TRUE(root.at("budgets").at(3).at("expected").is_null());
    const std::string csv = forecast_csv(made);
    EXPECT_NE(
        csv.find("\r\ntotal,month,2026-11-30,,46.00,0.00,0.00,61.00,61.00,61.00,USD,39,false,,,,"
                 "\r\n"),
        std::string::npos)
        << csv;
    EXPECT_NE(
        csv.find("\r\nall,month,2026-11-30,80.00,46.00,0.00,0.00,61.00,61.00,61.00,USD,39,false,,,"
                 "61.00,\r\n"),
        std::string::npos)
        << csv;
    const std::string text = forecast_text(made);
    EXPECT_TRUE(text.starts_with("November 2026 to the 23rd, USD\n\n")) << text;
    EXPECT_NE(text.find("\nexpected by 2026-11-30 "), std::string::npos) << text;
    EXPECT_NE(text.find("\nmethod: each day as the mean of its weekday"), std::string::npos);
    EXPECT_NE(
        forecast_text(forecast(nullptr)).find("budgets stand in the configuration"),
        std::string::npos);
}

TEST_F(ForecastOfLedger, AnEmptyLedgerHasNoForecast) {
    const ForecastReport made = forecast(&config_);
    EXPECT_EQ(made.total.history_days, 0);
    EXPECT_FALSE(made.total.note.empty());
    EXPECT_EQ(made.total.spent, ledger::dollars(0));
}

}  // namespace
}  // namespace evenkeel::report
