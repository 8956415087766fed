#include "agent/ledger/schema.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

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
