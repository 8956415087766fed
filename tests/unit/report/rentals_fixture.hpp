#pragma once

#include "agent/report/spend.hpp"
#include "tests/unit/ledger/ledger_fixture.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

namespace evenkeel::report {

/// A ledger in which rented machines at 4.41 USD an hour live and end.
class RentalsTest : public ledger::LedgerTest {
protected:
    struct Part {
        Phase phase{};
        std::chrono::milliseconds time{};
        bool open{false};  ///< still runs: nothing is posted for it
    };

    void SetUp() override {
        open();
        ledger::store_names(*ledger_);
        ledger_->source({ledger::source_desk, SourceKind::own, {}, "desk", false});
        ledger_->source(
            {ledger::source_rented, SourceKind::rental, ledger::provider_cloud, "H100", false});
    }
    /// The machine `id`, from now on, phase after phase; the clock goes on with it. Without an open
    /// phase at the end it is gone then.
    ledger::MachineStep life(
        std::int64_t id, const std::vector<Part>& parts, const Reason& ended = {}) {
        auto last = ledger::intent(id, clock_.read());
        last.machine.created = clock_.read().utc;
        last.machine.synthetic = false;
        last.machine.reason = {ReasonCode::rent_debt, {2'000'000'000, 1'500'000'000, 1}};
        last.decision = ledger::Decision{
            .kind = "rent",
            .model = ledger::model_qwq,
            .machine = last.machine.id,
            .reason = last.machine.reason};
        EXPECT_TRUE(step(last));
        std::int64_t no = 0;
        for (const Part& part : parts) {
            const bool is_last = &part == &parts.back();
            const UtcTime from = clock_.read().utc;
            clock_.advance(part.time);
            const bool ends = is_last && !part.open;
            auto next = ledger::next_step(
                last, ends ? MachineState::gone : MachineState::serving, clock_.read());
            if (ends) {
                next.machine.gone = clock_.read().utc;
                next.machine.gone_how = GoneHow::destroyed;
            }
            if (ended.code != ReasonCode::none) {
                next.machine.reason = ended;
            }
            next.phases = {
                {.no = ++no,
                 .phase = part.phase,
                 .from = from,
                 .to = part.open ? std::optional<UtcTime>{} : clock_.read().utc,
                 .amount = part.open ? Money{0, usd}
                                     : next.machine.price.cost_of(part.time, Rounding::half_even),
                 .paid_for = part.open ? std::chrono::nanoseconds{0} : part.time}};
            EXPECT_TRUE(step(next));
            last = next;
        }
        return last;
    }
    /// The provider's bill said `nanos` more than was booked.
    void adjust(std::int64_t id, std::int64_t nanos) {
        ASSERT_TRUE(ledger_->flush());
        auto books = reader();
        const auto machines = books.machines(UtcTime{});
        ASSERT_TRUE(machines);
        for (const ledger::MachineView& machine : *machines) {
            if (machine.row.id == MachineId{id} && nanos != 0) {
                ledger::Answer<void> answer;
                ledger_->adjust(
                    {.machine = machine.row.id,
                     .amount = {nanos, usd},
                     .paid_before = machine.paid,
                     .reason = "bill"},
                    answer.done());
                EXPECT_TRUE(answer.get());
            }
        }
    }
    void served_by_rental(std::int64_t id) {
        ledger::Request served = ledger::own_request(id);
        served.at = clock_.read().utc;
        served.source = ledger::source_rented;
        served.kind = SourceKind::rental;
        served.provider = ledger::provider_cloud;
        ASSERT_TRUE(ledger_->record(served));
    }
    [[nodiscard]] SpendOptions asked() const {
        return {.now = ledger::test_start, .currency = usd};
    }
    [[nodiscard]] Spend made(const SpendOptions& options) const {
        auto books = reader();
        auto spend = make_spend(books, options);
        if (!spend) {
            throw std::runtime_error{spend.error().message};
        }
        return *std::move(spend);
    }
};

}  // namespace evenkeel::report
