#include "tests/unit/ledger/ledger_fixture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

/// Detail of two moments, a year apart, and then its end by age.
class LedgerAge : public LedgerTest {
protected:
    static std::int64_t id_at(UtcTime time, std::int64_t i) { return least_id_at(time) + i; }

    void fill(UtcTime at) {
        for (std::int64_t i = 1; i <= 40; ++i) {
            const std::int64_t id = id_at(at, i);
            Request request = i % 2 == 0 ? own_request(id) : api_request(id, 1'000 + i);
            request.at = at;
            if (i % 4 == 1) {
                const auto held = hold(hold_for(id, 5'000));
                ASSERT_TRUE(held);
                request.hold = *held;
                request.budgets.clear();
            }
            ASSERT_TRUE(ledger_->record(request));
        }
        const MachineStep wanted = intent(id_at(at, 100), clock_.read());
        ASSERT_TRUE(step(wanted));
        MachineStep gone = next_step(wanted, MachineState::gone, clock_.read());
        gone.machine.gone = clock_.read().utc;
        gone.machine.gone_how = GoneHow::destroyed;
        gone.phases = {
            {.no = 1,
             .phase = Phase::serve,
             .from = at,
             .to = at,
             .amount = dollars(70),
             .paid_for = 60s}};
        ASSERT_TRUE(step(gone));
        ASSERT_TRUE(ledger_->flush());
    }
    [[nodiscard]] std::vector<std::int64_t> sums() const {
        return {
            count("SELECT sum(paid) FROM rollup_day"),
            count("SELECT sum(requests) FROM rollup_hour"),
            count("SELECT sum(amount) FROM posting WHERE amount > 0"),
            count("SELECT sum(settled) FROM budget_window"),
            count("SELECT sum(billed) FROM machine_phase"),
            count("SELECT count(*) FROM tx")};
    }
    void wait_until_left(std::int64_t requests) {
        for (int i = 0; i < 400 && count("SELECT count(*) FROM request") != requests; ++i) {
            std::this_thread::sleep_for(5ms);
        }
    }
};

TEST_F(LedgerAge, OldDetailGoesAndNoSumChanges) {
    open();
    store_names(*ledger_);
    const auto forgotten = hold(hold_for(id_at(test_start, 900), 7));
    ASSERT_TRUE(forgotten);
    fill(test_start);
    clock_.advance(days{365});
    fill(clock_.read().utc);
    const auto before = sums();
    ledger_->keep_detail(days{400});
    ledger_->decision({.kind = "hold"});
    ASSERT_TRUE(ledger_->flush());
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(count("SELECT count(*) FROM request"), 80) << "nothing is old enough";

    ledger_->keep_detail(days{300});
    wait_until_left(40);
    for (int i = 0; i < 400 && count("SELECT count(DISTINCT machine) FROM machine_event") != 1;
         ++i) {
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_EQ(count("SELECT count(*) FROM request"), 40);
    EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state <> 'open'"), 10);
    EXPECT_EQ(count("SELECT count(*) FROM hold_budget"), 2 * 11);
    EXPECT_EQ(count("SELECT count(*) FROM hold WHERE state = 'open'"), 1)
        << "money that is still set aside stays, however old";
    EXPECT_EQ(count("SELECT count(DISTINCT machine) FROM machine_event"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM machine"), 2);
    EXPECT_EQ(sums(), before);
    expect_sound();
    const auto found = reader().verify();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->requests, 40);
    ASSERT_EQ(found->deleted.size(), 3u);
    EXPECT_EQ(found->deleted[0].what, "hold");
    EXPECT_EQ(found->deleted[0].rows, 10);
    EXPECT_EQ(found->deleted[1].what, "machine_event");
    EXPECT_EQ(found->deleted[1].rows, 2);
    EXPECT_EQ(found->deleted[2].what, "request");
    EXPECT_EQ(found->deleted[2].rows, 40);
    EXPECT_LE(found->deleted[2].before, test_start + 1h);

    ledger_->release(*forgotten);
    reopen();
    expect_sound();
}

TEST_F(LedgerAge, SumsOfWhatWasDeletedCannotBeForged) {
    open();
    store_names(*ledger_);
    fill(test_start);
    clock_.advance(days{365});
    fill(clock_.read().utc);
    ledger_->keep_detail(days{300});
    wait_until_left(40);
    expect_sound();
    close();
    shell("UPDATE request_deleted SET tok_out = tok_out + 1 WHERE paid > 0");
    EXPECT_FALSE(reader().verify()->ok());
    shell("UPDATE request_deleted SET tok_out = tok_out - 1 WHERE paid > 0");
    EXPECT_TRUE(reader().verify()->ok());
    shell("UPDATE request_deleted SET transactions = transactions + 1 WHERE paid > 0");
    EXPECT_FALSE(reader().verify()->ok());
}

TEST_F(LedgerAge, SettlementsGoOnWhileMuchIsDeleted) {
    open();
    store_names(*ledger_);
    for (std::int64_t i = 1; i <= 8'000; ++i) {
        ASSERT_TRUE(ledger_->record(own_request(id_at(test_start, i))));
    }
    ASSERT_TRUE(ledger_->flush());
    clock_.advance(days{100});
    ledger_->keep_detail(days{50});
    std::int64_t settled = 0;
    for (int i = 0; i < 4'000 && (i < 50 || count(
                                                "SELECT count(*) FROM request WHERE id < " +
                                                std::to_string(id_at(test_start, 9'000))) > 0);
         ++i) {
        const std::int64_t id = id_at(clock_.read().utc, i);
        const auto held = hold(hold_for(id, 1'000));
        ASSERT_TRUE(held);
        ASSERT_TRUE(ledger_->record(api_request(id, 900, *held)));
        ++settled;
    }
    ASSERT_TRUE(ledger_->flush());
    EXPECT_EQ(count("SELECT count(*) FROM request"), settled);
    EXPECT_EQ(count("SELECT sum(requests) FROM rollup_day"), settled + 8'000);
    EXPECT_EQ(count("SELECT sum(requests) FROM request_deleted"), 8'000);
    expect_sound();
}

TEST_F(LedgerAge, WithoutAnAgeNothingIsDeleted) {
    open();
    store_names(*ledger_);
    fill(test_start);
    clock_.advance(days{5'000});
    ledger_->decision({.kind = "hold"});
    ASSERT_TRUE(ledger_->flush());
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(count("SELECT count(*) FROM request"), 40);
    EXPECT_TRUE(reader().deleted()->empty());
}

TEST_F(LedgerAge, BillsKeepTheNewestWordAndFindTheirMachine) {
    open();
    store_names(*ledger_);
    const MachineStep wanted = intent(77, clock_.read());
    ASSERT_TRUE(step(wanted));
    MachineStep boot = next_step(wanted, MachineState::booting, clock_.read());
    boot.machine.remote_id = "pod-1";
    ASSERT_TRUE(step(boot));
    const auto say = [&](const char* remote, std::int64_t amount, bool final) {
        ledger_->bill_seen(
            {.provider = provider_cloud,
             .remote_id = remote,
             .amount = dollars(amount),
             .final = final});
    };
    say("pod-1", 50, false);
    say("pod-9", 5, true);
    ASSERT_TRUE(ledger_->flush());
    clock_.advance(1h);
    say("pod-1", 70, true);
    say("pod-9", 5, true);
    ASSERT_TRUE(ledger_->flush());
    const auto bills = reader().bills();
    ASSERT_TRUE(bills);
    ASSERT_EQ(bills->size(), 2u);
    EXPECT_EQ((*bills)[0].machine, MachineId{77});
    EXPECT_EQ((*bills)[0].amount, dollars(70));
    EXPECT_TRUE((*bills)[0].final);
    EXPECT_EQ((*bills)[0].at, test_start + 1h);
    EXPECT_EQ((*bills)[1].machine, MachineId{});
    EXPECT_EQ((*bills)[1].at, test_start) << "it said nothing new";
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::ledger
