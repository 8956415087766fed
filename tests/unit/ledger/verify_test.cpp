#include "agent/ledger/schema.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace evenkeel::ledger {
namespace {

/// What a person with a shell may do to the books, and what `verify` must say about it.
struct Forgery {
    const char* name;
    const char* sql;
    const char* complaint;
};

class LedgerForgery : public LedgerTest, public testing::WithParamInterface<Forgery> {};

TEST_P(LedgerForgery, IsFound) {
    open();
    store_names(*ledger_);
    const auto open_hold = hold(
        {.machine = MachineId{1},
         .source = source_rented,
         .amount = dollars(5),
         .budgets = shares_of(5)});
    ASSERT_TRUE(open_hold);
    const auto paid_hold = hold(hold_for(1, 500));
    ASSERT_TRUE(ledger_->record(api_request(1, 400, *paid_hold)));
    ASSERT_TRUE(ledger_->record(api_request(2, 600)));
    ASSERT_TRUE(ledger_->record(own_request(3)));
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    MachineStep boot = next_step(first, MachineState::booting, clock_.read());
    boot.phases = {{.no = 1, .phase = Phase::boot, .from = test_start, .amount = dollars(70)}};
    ASSERT_TRUE(step(boot));
    expect_sound();
    close();

    // The triggers are in the way of forging, so a forger drops them first.
    shell(
        "DROP TRIGGER tx_no_update; DROP TRIGGER tx_no_delete; DROP TRIGGER posting_no_update;"
        "DROP TRIGGER posting_no_delete; DROP TRIGGER posting_closed");
    shell(GetParam().sql);
    const auto found = reader().verify();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->ok());
    bool named = false;
    for (const std::string& problem : found->problems) {
        named = named || problem.find(GetParam().complaint) != std::string::npos;
    }
    EXPECT_TRUE(named) << fmt::format("{}", fmt::join(found->problems, "\n"));
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    LedgerForgery,
    testing::Values(
        Forgery{
            "AmountOfBothLines",
            "UPDATE posting SET amount = amount * 2",
            "its hash does not match"},
        Forgery{
            "AmountOfOneLine",
            "UPDATE posting SET amount = 1 WHERE line = 0",
            "does not sum to zero"},
        Forgery{
            "Account",
            "UPDATE posting SET account = 'expense:x' WHERE line = 0",
            "its hash does not match"},
        Forgery{"Day", "UPDATE tx SET day = day + 1", "its hash does not match"},
        Forgery{
            "TransactionRemoved",
            "DELETE FROM posting WHERE tx = (SELECT id FROM tx WHERE seq = 2);"
            "DELETE FROM tx WHERE seq = 2",
            "transaction 2 of gateway 0 is missing"},
        Forgery{
            "FirstRemoved",
            "DELETE FROM posting WHERE tx = (SELECT id FROM tx WHERE seq = 1);"
            "DELETE FROM tx WHERE seq = 1",
            "transaction 1 of gateway 0 is missing"},
        Forgery{
            "StrayPosting",
            "INSERT INTO posting VALUES(5, 0, 'expense:x', 'USD', 5, 0, '', NULL)",
            "postings without a transaction"},
        Forgery{
            "RollUpMoney",
            "UPDATE rollup_day SET paid = paid + 1 WHERE paid > 0",
            "differs from its postings"},
        Forgery{
            "RollUpTokens",
            "UPDATE rollup_day SET tok_out = tok_out + 1",
            "differ from its requests"},
        Forgery{"RollUpHour", "UPDATE rollup_hour SET requests = requests + 1", "daily and hourly"},
        Forgery{
            "RequestPaid",
            "UPDATE request SET paid = 1 WHERE id = 3",
            "request 3 was paid differently"},
        Forgery{"RequestRemoved", "DELETE FROM request WHERE id = 3", "differ from its requests"},
        Forgery{"MachinePaid", "UPDATE machine SET paid = paid - 1", "was paid differently"},
        Forgery{
            "PhaseBilled",
            "UPDATE machine_phase SET billed = billed - 1",
            "the phases of machine 1"},
        Forgery{"BudgetHeld", "UPDATE budget_window SET held = held + 1", "counts other holds"},
        Forgery{
            "HoldReopened",
            "UPDATE hold SET state = 'released' WHERE state = 'settled'",
            "ended in another way"},
        Forgery{"StepRemoved", "DELETE FROM machine_event WHERE step = 0", "does not follow"}),
    [](const auto& info) { return info.param.name; });

/// Four days on which everything happens that is rolled up: requests of two sources, a rented
/// machine with an adjustment, power.
class LedgerRollUps : public LedgerTest {
protected:
    static constexpr NameIx source_other{20};

    void SetUp() override {
        open();
        store_names(*ledger_);
        ledger_->name({source_other, routing::NameKind::source, "other"});
        for (std::int64_t day = 0; day < 4; ++day) {
            fill(clock_.read().utc, day + 1);
            clock_.advance(std::chrono::days{1});
        }
        ASSERT_TRUE(ledger_->flush());
    }
    void fill(UtcTime at, std::int64_t number) {
        const std::int64_t id = least_id_at(at);
        for (std::int64_t i = 1; i <= 3; ++i) {
            Request api = api_request(id + i, 400 + i);
            Request own = own_request(id + 10 + i);
            api.at = own.at = at;
            own.charged = dollars(7);
            ASSERT_TRUE(ledger_->record(api));
            ASSERT_TRUE(ledger_->record(own));
        }
        const MachineStep first = intent(number, clock_.read());
        ASSERT_TRUE(step(first));
        MachineStep gone = next_step(first, MachineState::gone, clock_.read());
        gone.machine.gone = at;
        gone.machine.gone_how = GoneHow::destroyed;
        gone.phases = {
            {.no = 1,
             .phase = Phase::boot,
             .from = at,
             .to = at,
             .amount = dollars(70),
             .paid_for = std::chrono::seconds{60}}};
        ASSERT_TRUE(step(gone));
        Answer<void> adjusted;
        ledger_->adjust(
            {.machine = MachineId{number},
             .amount = dollars(-5),
             .paid_before = dollars(70),
             .reason = "bill"},
            adjusted.done());
        ASSERT_TRUE(adjusted.get());
        ledger_->power(
            {.hardware = "desk",
             .source = source_desk,
             .hour = std::chrono::floor<std::chrono::hours>(at),
             .microjoules = 3'600'000'000'000,
             .price = Price::per_kwh(dollars(330'000'000)),
             .on = std::chrono::hours{1}});
    }
    /// Moves what a WHERE finds in a table of roll-ups to another source.
    void give_to_other(const std::string& table, const std::string& where) const {
        shell("UPDATE " + table + " SET source = 20 WHERE " + where);
    }
    [[nodiscard]] std::vector<std::string> problems() const {
        auto found = reader().verify();
        return found ? found->problems : std::vector<std::string>{found.error().message};
    }
    void expect_problem(const std::string& sentence) const {
        const auto found = problems();
        EXPECT_NE(std::ranges::find(found, sentence), found.end())
            << sentence << "\nis not among\n"
            << fmt::format("{}", fmt::join(found, "\n"));
    }
};

TEST_F(LedgerRollUps, AreSound) {
    expect_sound();
    reopen();
    expect_sound();
}

TEST_F(LedgerRollUps, MoneyOfAnotherSourceIsFound) {
    close();
    for (const char* table : {"rollup_day", "rollup_hour"}) {
        const std::string day =
            std::string{table} == "rollup_day" ? " AND day = 20261123" : " AND hour < 498742";
        give_to_other(table, "source = 4 AND phase = ''" + day);
        give_to_other(table, "source = 9 AND phase = 'boot'" + day);
        give_to_other(table, "source = 9 AND phase = 'adjust'" + day);
        give_to_other(table, "source = 5 AND phase = 'power'" + day);
    }
    for (const auto& [source, what] : std::vector<std::pair<std::string, std::string>>{
             {"claude", "requests"},
             {"sandbox-h100", "boot"},
             {"sandbox-h100", "adjust"},
             {"desk", "power"}}) {
        const std::string end =
            fmt::format(" on 2026-11-23 ({}, USD) differs from its postings", what);
        expect_problem("the roll-up of " + source + end);
        expect_problem("the roll-up of other" + end);
    }
}

TEST_F(LedgerRollUps, MoneyOfAnotherDayIsFound) {
    close();
    shell("UPDATE rollup_day SET paid = paid + 1 WHERE day = 20261124 AND phase = 'boot'");
    shell("UPDATE rollup_day SET paid = paid - 1 WHERE day = 20261125 AND phase = 'boot'");
    expect_problem(
        "the roll-up of sandbox-h100 on 2026-11-24 (boot, USD) differs from its postings");
    expect_problem(
        "the roll-up of sandbox-h100 on 2026-11-25 (boot, USD) differs from its postings");
}

TEST_F(LedgerRollUps, AMachineThatCameBackIsComparedForAllSources) {
    // As the fleet does when a machine that was thought gone is listed again.
    const MachineStep first = intent(9, clock_.read());
    ASSERT_TRUE(step(first));
    MachineStep gone = next_step(first, MachineState::gone, clock_.read());
    gone.machine.gone = clock_.read().utc;
    gone.machine.gone_how = GoneHow::lost;
    gone.phases = {{.no = 1, .phase = Phase::serve, .from = test_start, .amount = dollars(30)}};
    ASSERT_TRUE(step(gone));
    MachineStep back = next_step(gone, MachineState::deleting, clock_.read());
    back.machine.gone.reset();
    back.machine.gone_how.reset();
    back.machine.source = source_other;
    back.phases = {{.no = 2, .phase = Phase::serve, .from = test_start, .amount = dollars(30)}};
    ASSERT_TRUE(step(back));
    expect_sound();
    close();
    shell("UPDATE rollup_day SET paid = paid + 1 WHERE phase = 'serve' AND source = 20");
    expect_problem(
        "the roll-up of all sources on 2026-11-27 (serve, USD) differs from its postings");
}

TEST_F(LedgerRollUps, EveryColumnOfAnHourIsCompared) {
    close();
    for (const char* column :
         {"requests",
          "answered",
          "tok_in",
          "tok_cached",
          "tok_cache_write",
          "tok_out",
          "paid",
          "charged",
          "wait_ms",
          "time_ns"}) {
        SCOPED_TRACE(column);
        const std::string change = fmt::format("UPDATE rollup_hour SET {0} = {0}", column);
        const std::string where = " WHERE source = 4 AND hour % 24 = 10";
        shell(change + " + 1" + where);
        expect_problem("the daily and hourly roll-ups of claude differ");
        shell(change + " - 1" + where);
    }
    shell("UPDATE rollup_hour SET key = 99 WHERE source = 5 AND phase = ''");
    expect_problem("the daily and hourly roll-ups of desk differ");
}

TEST_F(LedgerRollUps, ADayIsComparedWithItsRequests) {
    close();
    // The file was made on the 23rd, so days are certain from the 25th on. Sums over all days
    // stay, and so do those of hours.
    for (const char* column :
         {"requests",
          "answered",
          "tok_in",
          "tok_cached",
          "tok_cache_write",
          "tok_out",
          "charged",
          "wait_ms"}) {
        SCOPED_TRACE(column);
        const auto move = [&](const char* from, const char* to) {
            const std::string where = " WHERE source = 5 AND phase = '' AND day = 202611";
            shell(fmt::format("UPDATE rollup_day SET {0} = {0} - 1{1}{2}", column, where, from));
            shell(fmt::format("UPDATE rollup_day SET {0} = {0} + 1{1}{2}", column, where, to));
        };
        move("25", "26");
        EXPECT_EQ(
            problems(),
            (std::vector<std::string>{
                "the roll-up of desk on 2026-11-25 differs from its requests",
                "the roll-up of desk on 2026-11-26 differs from its requests"}));
        move("26", "25");
    }
    EXPECT_EQ(problems(), std::vector<std::string>{});
    shell("UPDATE rollup_day SET day = 20261399 WHERE day = 20261126 AND source = 5");
    expect_problem("the roll-ups have a day 20261399 that is none");
}

TEST_F(LedgerRollUps, RequestsAtMidnightMayBeOfEitherDay) {
    // A clock that was set back: the id is of the 28th, the request was booked on the 27th.
    Request late = own_request(
        least_id_at(UtcTime{std::chrono::sys_days{std::chrono::November / 28 / 2026}}) + 1);
    late.at =
        UtcTime{std::chrono::sys_days{std::chrono::November / 28 / 2026}} - std::chrono::seconds{1};
    ASSERT_TRUE(ledger_->record(late));
    clock_.advance(std::chrono::days{1});
    fill(clock_.read().utc, 5);
    expect_sound();
}

TEST_F(LedgerRollUps, DaysOfAnEarlierZoneAreNotComparedWithRequests) {
    close();
    Options east = options();
    east.zone = "+14:00";
    open(east);
    expect_sound();
    fill(clock_.read().utc, 6);
    clock_.advance(std::chrono::hours{51});
    fill(clock_.read().utc, 7);
    expect_sound();
    close();
    shell(
        "UPDATE rollup_day SET tok_in = tok_in + 1 WHERE source = 5 AND phase = '' AND day ="
        " 20261130; UPDATE rollup_day SET tok_in = tok_in - 1 WHERE source = 5 AND phase = '' AND"
        " day = 20261126");
    EXPECT_EQ(
        problems(),
        std::vector<std::string>{"the roll-up of desk on 2026-11-30 differs from its requests"});
}

TEST_F(LedgerTest, SummaryCounts) {
    open();
    store_names(*ledger_);
    ASSERT_TRUE(ledger_->record(api_request(1, 400)));
    ASSERT_TRUE(ledger_->record(own_request(2)));
    ASSERT_TRUE(step(intent(1, clock_.read())));
    const auto summary = reader().summary();
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->schema, newest_schema());
    EXPECT_EQ(summary->transactions, 1);
    EXPECT_EQ(summary->machines_not_gone, 1);
    EXPECT_EQ(summary->zone, "UTC");
    EXPECT_EQ(summary->report, usd);
    EXPECT_EQ(summary->first, test_start);
    EXPECT_GT(summary->bytes, 4096);
}

}  // namespace
}  // namespace evenkeel::ledger
