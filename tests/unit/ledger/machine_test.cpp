#include "tests/unit/ledger/ledger_fixture.hpp"

namespace evenkeel::ledger {
namespace {

using namespace std::chrono_literals;

class LedgerMachines : public LedgerTest {
protected:
    void SetUp() override {
        open();
        store_names(*ledger_);
    }
    /// 4.41 USD/h for `time`.
    [[nodiscard]] static Money cost(std::chrono::nanoseconds time) {
        return Price::per_hour(dollars(4'410'000'000)).cost_of(time, Rounding::half_even);
    }
};

TEST_F(LedgerMachines, LiveFromIntentToGone) {
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    clock_.advance(1s);
    MachineStep boot = next_step(first, MachineState::booting, clock_.read());
    boot.machine.remote_id = "m-1";
    const UtcTime born = clock_.read().utc;
    boot.phases = {{.no = 1, .phase = Phase::boot, .from = born}};
    ASSERT_TRUE(step(boot));
    clock_.advance(420s);
    MachineStep serve = next_step(boot, MachineState::serving, clock_.read());
    serve.phases = {
        {.no = 1,
         .phase = Phase::boot,
         .from = born,
         .to = clock_.read().utc,
         .amount = cost(420s),
         .paid_for = 420s,
         .budgets = shares_of(77)},
        {.no = 2, .phase = Phase::serve, .from = clock_.read().utc}};
    serve.decision = Decision{
        .kind = "serve",
        .model = model_qwq,
        .machine = MachineId{1},
        .reason = {ReasonCode::rent_debt, {1, 2, 1}}};
    ASSERT_TRUE(step(serve));
    clock_.advance(60s);
    MachineStep gone = next_step(serve, MachineState::gone, clock_.read());
    gone.machine.gone = clock_.read().utc;
    gone.machine.gone_how = GoneHow::destroyed;
    gone.phases = {
        {.no = 2,
         .phase = Phase::serve,
         .from = born + 420s,
         .to = clock_.read().utc,
         .amount = cost(60s),
         .paid_for = 60s}};
    ASSERT_TRUE(step(gone));

    const auto machines = reader().machines(UtcTime{});
    ASSERT_EQ(machines->size(), 1u);
    const MachineView& seen = machines->front();
    EXPECT_EQ(seen.row.state, MachineState::gone);
    EXPECT_EQ(seen.row.gone_how, GoneHow::destroyed);
    EXPECT_EQ(seen.row.remote_id, "m-1");
    EXPECT_EQ(seen.provider, "sandbox");
    EXPECT_EQ(seen.model, "qwq-32b");
    EXPECT_EQ(to_text(seen.row.price), "4.41 USD/h");
    EXPECT_TRUE(seen.row.synthetic);
    EXPECT_EQ(seen.paid, cost(480s));
    const auto events = reader().events(MachineId{1});
    ASSERT_EQ(events->size(), 4u);
    EXPECT_EQ(events->front().event, first.event);
    EXPECT_EQ(events->at(1).to, MachineState::booting);
    EXPECT_EQ(events->back().event, "gone");
    EXPECT_TRUE(reader().events(MachineId{99})->empty());
    ASSERT_EQ(seen.phases.size(), 2u);
    EXPECT_EQ(seen.phases[0].billed, cost(420s));
    EXPECT_EQ(seen.phases[1].to, clock_.read().utc);
    EXPECT_EQ(seen.last.event, "gone");
    EXPECT_EQ(seen.last.boot_id, "boot-1");
    EXPECT_EQ(seen.last.boot_ns, clock_.read().boot.time_since_epoch().count());
    EXPECT_EQ(
        count("SELECT sum(amount) FROM posting WHERE account = "
              "'expense:rental:sandbox:boot'"),
        cost(420s).nanos());
    EXPECT_EQ(count("SELECT sum(settled) FROM budget_window"), 154);
    EXPECT_EQ(count("SELECT count(*) FROM decision"), 1);
    expect_sound();
    reopen();
    EXPECT_TRUE(ledger_->recovered().machines.empty()) << "gone machines need no care";
}

TEST_F(LedgerMachines, OneStepWins) {
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    clock_.advance(1s);
    const MachineStep one = next_step(first, MachineState::booting, clock_.read());
    clock_.advance(1s);
    MachineStep other = next_step(first, MachineState::deleting, clock_.read());
    other.phases = {{.no = 1, .phase = Phase::boot, .from = test_start, .amount = dollars(5)}};
    ASSERT_TRUE(step(one));
    const auto lost = step(other);
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Errc::conflict);
    EXPECT_EQ(count("SELECT count(*) FROM tx"), 0) << "the loser changed nothing";
    EXPECT_TRUE(step(one)) << "the very same step again is no conflict";
    EXPECT_EQ(count("SELECT count(*) FROM machine_event"), 2);
    expect_sound();
}

TEST_F(LedgerMachines, IntentsAreUnique) {
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    EXPECT_TRUE(step(first)) << "the same intent is in the ledger: fine";
    MachineStep twin = intent(2, clock_.read());
    twin.machine.name = first.machine.name;
    EXPECT_EQ(step(twin).error().code, Errc::conflict);
    MachineStep second = intent(3, clock_.read());
    ASSERT_TRUE(step(second));
    MachineStep one = next_step(first, MachineState::booting, clock_.read());
    one.machine.remote_id = "m-9";
    ASSERT_TRUE(step(one));
    MachineStep same_remote = next_step(second, MachineState::booting, clock_.read());
    same_remote.machine.remote_id = "m-9";
    EXPECT_EQ(step(same_remote).error().code, Errc::conflict);
    EXPECT_EQ(ledger_->recovered().machines.size(), 0u);
    reopen();
    EXPECT_EQ(ledger_->recovered().machines.size(), 2u);
    EXPECT_EQ(ledger_->recovered().machines[0].last.to, MachineState::booting);
}

TEST_F(LedgerMachines, RefuseWhatCannotBeBooked) {
    MachineStep free = intent(1, clock_.read());
    free.machine.price = Price{};
    EXPECT_EQ(step(free).error().code, Errc::invalid_argument) << "F98: never free";
    MachineStep skips = intent(1, clock_.read());
    skips.machine.step = 3;
    EXPECT_EQ(step(skips).error().code, Errc::invalid_argument);
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    MachineStep foreign = next_step(first, MachineState::booting, clock_.read());
    foreign.phases = {{.no = 1, .phase = Phase::boot, .from = test_start, .amount = Money{5, aud}}};
    EXPECT_EQ(step(foreign).error().code, Errc::invalid_argument);
    MachineStep unmarked = next_step(first, MachineState::gone, clock_.read());
    EXPECT_FALSE(step(unmarked)) << "gone without saying when and how";
    EXPECT_EQ(count("SELECT step FROM machine"), 0);
    expect_sound();
}

TEST_F(LedgerMachines, AccrualAndAdjustmentAddUp) {
    const MachineStep first = intent(1, clock_.read());
    ASSERT_TRUE(step(first));
    MachineStep now = next_step(first, MachineState::serving, clock_.read());
    now.phases = {
        {.no = 1, .phase = Phase::serve, .from = test_start, .amount = cost(10s), .paid_for = 10s}};
    ASSERT_TRUE(step(now));
    now = next_step(now, MachineState::serving, clock_.read());
    now.phases = {
        {.no = 1,
         .phase = Phase::serve,
         .from = test_start,
         .to = test_start + 20s,
         .amount = cost(20s) - cost(10s),
         .paid_for = 10s}};
    ASSERT_TRUE(step(now));
    const auto adjust = [this](std::int64_t nanos, Money before) {
        Answer<void> answer;
        ledger_->adjust(
            {.machine = MachineId{1},
             .amount = dollars(nanos),
             .paid_before = before,
             .reason = "bill of 2026-11-23 \"final\""},
            answer.done());
        return answer.get();
    };
    EXPECT_TRUE(adjust(-3, cost(20s)));
    EXPECT_TRUE(adjust(-3, cost(20s))) << "the same correction once";
    EXPECT_TRUE(adjust(0, cost(20s)));
    EXPECT_EQ(adjust(5, cost(20s)).error().code, Errc::conflict) << "less is booked by now";
    EXPECT_TRUE(adjust(3, cost(20s) - dollars(3))) << "back again";
    EXPECT_TRUE(adjust(-3, cost(20s))) << "and once more: it is another correction";
    Answer<void> unknown;
    ledger_->adjust({.machine = MachineId{9}, .amount = dollars(1)}, unknown.done());
    EXPECT_EQ(unknown.get().error().code, Errc::not_found);
    const auto machines = reader().machines(UtcTime{});
    EXPECT_EQ(machines->front().paid, cost(20s) - dollars(3));
    EXPECT_EQ(machines->front().phases.front().billed, cost(20s));
    EXPECT_EQ(count("SELECT count(*) FROM posting WHERE account LIKE '%:adjust'"), 3);
    expect_sound();
}

}  // namespace
}  // namespace evenkeel::ledger
