#include "agent/report/idle.hpp"

#include "tests/unit/report/rentals_fixture.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <random>

namespace evenkeel::report {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class IdleReport : public RentalsTest {
protected:
    [[nodiscard]] Idle idle(SpendOptions options) const {
        auto books = reader();
        auto made = make_idle(books, options);
        if (!made) {
            throw std::runtime_error{made.error().message};
        }
        return *std::move(made);
    }
    [[nodiscard]] Idle idle() const {
        SpendOptions options = asked();
        options.now = clock_.read().utc;
        return idle(options);
    }
    /// An id that says when it was given, as the agent's do.
    [[nodiscard]] std::int64_t id_now() const {
        return least_id_at(clock_.read().utc) + 1;
    }
    [[nodiscard]] static std::vector<std::string> told(const Idle& idle) {
        std::vector<std::string> told;
        for (const IdleLine& line : idle.lines) {
            told.push_back(fmt::format(
                "{} {} {} {} {}",
                to_text(line.phase),
                std::chrono::duration_cast<std::chrono::seconds>(line.time).count(),
                amount_text(line.cost),
                to_text(line.cause),
                to_text(line.reason.code)));
        }
        return told;
    }
};

TEST_F(IdleReport, GivesEachPhaseItsCause) {
    life(
        id_now(),
        {{Phase::boot, 60s},
         {Phase::warm, 20s},
         {Phase::serve, 120s},
         {Phase::idle, 30s},
         {Phase::serve, 60s},
         {Phase::idle, 40s},
         {Phase::drain, 10s},
         {Phase::del, 10s},
         {Phase::minimum, 100s}},
        {ReasonCode::rent_release, {500'000'000, 400'000'000, 0}});
    ASSERT_TRUE(ledger_->flush());
    const Idle made = idle();
    EXPECT_EQ(
        told(made),
        (std::vector<std::string>{
            "boot 60 0.0735 start rent_debt",
            "warm 20 0.0245 start rent_debt",
            "idle 30 0.03675 kept none",
            "idle 40 0.049 end rent_release",
            "drain 10 0.01225 drain rent_release",
            "delete 10 0.01225 delete rent_release",
            "minimum 100 0.1225 minimum rent_release"}));
    EXPECT_EQ(made.rental, ledger::dollars(330'750'000));
    EXPECT_EQ(made.total, made.rental);
    SpendOptions month = asked();
    month.now = clock_.read().utc;
    EXPECT_EQ(made.rental, this->made(month).rental_not_serving) << "as report spend has it";
    EXPECT_EQ(
        made.lines[0].why, "overflow has cost 2.0000 USD, a rental commits 1.5000 USD; orders 1");
    EXPECT_EQ(made.lines[3].why, "idling has cost 0.5000 USD, booting again costs 0.4000 USD");
    ASSERT_EQ(made.totals.size(), 6u);
    EXPECT_EQ(made.totals[0].cause, IdleCause::minimum) << "the dearest first";
    EXPECT_EQ(made.totals[1].cause, IdleCause::start);
    EXPECT_EQ(made.totals[1].count, 2);
    EXPECT_EQ(made.totals[1].time, 80s);
    Money sum{0, usd};
    for (const IdleTotal& total : made.totals) {
        sum += total.cost;
    }
    EXPECT_EQ(sum, made.total);
}

TEST_F(IdleReport, AMachineThatNeverServedIsAllWaste) {
    life(
        id_now(),
        {{Phase::boot, 600s}, {Phase::del, 60s}},
        {ReasonCode::machine_boot_late, {600'000}});
    ASSERT_TRUE(ledger_->flush());
    const Idle made = idle();
    EXPECT_EQ(
        told(made),
        (std::vector<std::string>{
            "boot 600 0.735 never_served machine_boot_late",
            "delete 60 0.0735 never_served machine_boot_late"}));
    EXPECT_EQ(made.lines[0].why, "not reachable within 600 s");
}

TEST_F(IdleReport, CountsWhatStillRunsApart) {
    life(id_now(), {{Phase::boot, 60s}, {Phase::serve, 60s}, {Phase::idle, 1200s, true}});
    ASSERT_TRUE(ledger_->flush());
    const Idle made = idle();
    EXPECT_EQ(
        told(made),
        (std::vector<std::string>{
            "boot 60 0.0735 start rent_debt", "idle 1200 1.47 running none"}));
    EXPECT_EQ(made.rental, ledger::dollars(73'500'000));
    EXPECT_EQ(made.running, ledger::dollars(1'470'000'000));
    EXPECT_EQ(made.total, made.rental) << "not booked yet";
    const std::string text = idle_text(made);
    EXPECT_NE(text.find("still runs, not booked yet"), std::string::npos) << text;
    EXPECT_NE(text.find("and 1.4700 so far for what still runs"), std::string::npos) << text;
    SpendOptions past = asked();
    past.now = clock_.read().utc + 24h * 3;
    past.since = past.until = "2026-11-23";
    EXPECT_EQ(idle(past).lines.size(), 1u) << "of a past day only what was booked";
}

TEST_F(IdleReport, CountsOwnHardwareAtRest) {
    ledger_->power(
        {.hardware = "desk",
         .source = ledger::source_desk,
         .hour = ledger::test_start,
         .microjoules = 3'600'000'000'000,
         .price = Price::per_kwh(ledger::dollars(400'000'000)),
         .work_microjoules = 1'800'000'000'000,
         .host_microjoules = 900'000'000'000,
         .on = 10h,
         .worked = 4h,
         .wear = ledger::dollars(500'000'000),
         .wear_worked = ledger::dollars(200'000'000)});
    ASSERT_TRUE(ledger_->flush());
    const Idle made = idle();
    ASSERT_EQ(made.own.size(), 1u);
    EXPECT_EQ(made.own[0].idle, 6h);
    EXPECT_EQ(made.own_power, ledger::dollars(120'000'000)) << "rest and host, 0.20, for 6 of 10 h";
    EXPECT_EQ(made.own_wear, ledger::dollars(300'000'000));
    EXPECT_EQ(made.total, ledger::dollars(420'000'000));
    ASSERT_EQ(made.totals.size(), 1u);
    EXPECT_EQ(made.totals[0].cause, IdleCause::own_rest);
    EXPECT_EQ(
        idle_text(made),
        "November 2026 to the 23rd, USD          paid without work\n"
        "\n"
        "OWN HARDWARE               ON   AT REST        POWER         WEAR\n"
        "desk                   10.0 h     6.0 h       0.1200       0.3000\n"
        "\n"
        "CAUSE                             TIME         COST   SHARE\n"
        "own hardware at rest             6.0 h       0.4200   100 %\n"
        "total                                        0.4200\n"
        "0.3000 of it is wear of own hardware: lost worth, which nobody was paid\n");
}

TEST_F(IdleReport, JsonAndCsvSayTheSame) {
    const std::int64_t id = id_now();
    life(id, {{Phase::boot, 60s}, {Phase::serve, 60s}});
    ASSERT_TRUE(ledger_->flush());
    const Idle made = idle();
    const json::value root = json::parse(idle_json(made));
    EXPECT_EQ(root.at("schema").as_string(), "evenkeel.idle/1");
    const json::value& line = root.at("lines").at(0);
    EXPECT_EQ(line.at("name").as_string(), "sandbox-h100");
    EXPECT_EQ(line.at("phase").as_string(), "boot");
    EXPECT_EQ(line.at("from").as_string(), "2026-11-23T10:00:00.000000Z");
    EXPECT_EQ(line.at("to").as_string(), "2026-11-23T10:01:00.000000Z");
    EXPECT_EQ(line.at("seconds").as_int64(), 60);
    EXPECT_EQ(line.at("cost").as_string(), "0.0735");
    EXPECT_EQ(line.at("booked").as_bool(), true);
    EXPECT_EQ(line.at("cause").as_string(), "start");
    EXPECT_EQ(root.at("totals").at(0).at("reason").as_string(), "rent_debt");
    EXPECT_EQ(root.at("total").as_string(), "0.0735");
    const std::string csv = idle_csv(made);
    EXPECT_NE(
        csv.find(fmt::format(
            "rental,ek-0011aabb-{},sandbox-h100,sandbox,qwq-32b,H100 80GB,boot,"
            "2026-11-23T10:00:00.000000Z,2026-11-23T10:01:00.000000Z,60,0.0735,,USD,true,start,"
            "rent_debt,\"overflow",
            id)),
        std::string::npos)
        << csv;
}

/// In another currency too, the lines sum to the phases of `report spend`.
TEST_F(IdleReport, SumsToThePhasesOfTheSpendReport) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937 random{seed};
    const auto some = [&] {
        return std::chrono::milliseconds{
            std::uniform_int_distribution<std::int64_t>{1, 5'000'000}(random)};
    };
    ledger_->fx_seen({usd, aud, 14'235'671, 10'000'003, ledger::test_start});
    for (int i = 0; i < 10; ++i) {
        life(
            id_now(),
            {{Phase::boot, some()},
             {Phase::warm, some()},
             {Phase::serve, some()},
             {Phase::idle, some()},
             {Phase::drain, some()}});
    }
    ASSERT_TRUE(ledger_->flush());
    SpendOptions options = asked();
    options.now = clock_.read().utc;
    options.currency = aud;
    const Idle all = idle(options);
    EXPECT_EQ(all.lines.size(), 40u);
    EXPECT_EQ(all.rental, made(options).rental_not_serving);
    ASSERT_TRUE(ledger_->flush());
    auto books = reader();
    const auto machines = books.machines(UtcTime{});
    ASSERT_TRUE(machines);
    adjust(machines->front().row.id.value(), 1'234'567);
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(idle(options).rental, all.rental) << "a bill's word is no time without work";
    EXPECT_EQ(made(options).rental_not_serving, all.rental);
}

TEST_F(IdleReport, NothingIsSaidPlainly) {
    EXPECT_NE(idle_text(idle()).find("no machine was paid"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::report
