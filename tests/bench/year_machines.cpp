#include "tests/bench/year_machines.hpp"

#include "agent/ledger/zone.hpp"
#include "policies/lifecycle/bill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace evenkeel::bench {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// One life, stepped from happening to happening.
struct Life {
    ledger::MachineStep last{};
    std::int64_t aud_for_usd_nanos{0};
    UtcTime born{};
};

/// Every machine runs through these; a phase ends with each step from booting on.
struct Station {
    MachineState state;
    Phase ended;  ///< which the step into `state` closes
    bool closes;
};

constexpr std::array stations{
    Station{MachineState::creating, Phase::boot, false},
    Station{MachineState::booting, Phase::boot, false},
    Station{MachineState::warming, Phase::boot, true},
    Station{MachineState::serving, Phase::warm, true},
    Station{MachineState::draining, Phase::serve, true},
    Station{MachineState::deleting, Phase::drain, true},
    Station{MachineState::verifying, Phase::del, true},
    Station{MachineState::gone, Phase::del, false}};

/// The part of the month's budget that so many dollars are.
std::vector<ledger::BudgetShare> share_of(
    const ledger::Ledger& ledger, Money dollars, std::int64_t aud_for_usd_nanos, UtcTime at) {
    const auto nanos =
        mul_div(dollars.nanos(), aud_for_usd_nanos, 1'000'000'000, Rounding::up).value_or(0);
    const UtcTime month = ledger::window_start(config::BudgetPer::month, ledger.zone(), at);
    return {{NameIx{names::budget_all}, month, nanos}};
}

class Maker {
public:
    Maker(const YearShape& shape, Dice& dice, Machines& out)
        : shape_{shape}, dice_{dice}, out_{out}, ids_{0} {}

    void make(int number) {
        using namespace names;
        const bool runpod = dice_.chance(700);
        const std::int64_t year_us =
            std::chrono::duration_cast<microseconds>(std::chrono::days{shape_.days}).count();
        const std::int64_t slot = year_us / std::max(shape_.machines, 1);
        const UtcTime born =
            UtcTime{shape_.start} + microseconds{number * slot + dice_.below(slot * 3 / 4)};
        const int quarter = static_cast<int>(
            std::chrono::floor<std::chrono::days>(born - UtcTime{shape_.start}).count() * 4 /
            std::max(shape_.days, 1));
        const Prices prices = prices_of(quarter);
        const Price price = runpod ? prices.runpod_hour : prices.do_hour;
        const auto life = std::make_shared<Life>();
        life->born = born;
        life->aud_for_usd_nanos = prices.aud_for_usd_nanos;
        life->last = {
            .machine =
                {.id = MachineId{ids_.next(born)},
                 .provider = NameIx{runpod ? provider_runpod : provider_do},
                 .name = fmt::format("ek-0badcafe-{:04}", number),
                 .offer = NameIx{runpod ? offer_runpod : offer_do},
                 .model = NameIx{model_qwq},
                 .source = NameIx{runpod ? source_runpod : source_do},
                 .gpu = runpod ? "H100 PCIe" : "H100 80GB",
                 .price = price,
                 .created = born,
                 .expires = born + std::chrono::hours{6},
                 .reason = {},
                 .detail = "{}"},
            .expected_step = -1,
            .event = "wanted",
            .boot_id = "year"};
        const bool adopted = dice_.chance(20);
        out_.happenings.push_back({born, 0, [life, adopted](ledger::Ledger& ledger, Now now) {
                                       life->last.now = now;
                                       if (!adopted) {
                                           life->last.decision = ledger::Decision{
                                               .policy = 1,
                                               .kind = "rent",
                                               .model = life->last.machine.model,
                                               .machine = life->last.machine.id};
                                       }
                                       ledger.machine_step(life->last, {});
                                   }});
        live(life, number);
    }

private:
    /// Plans the rest of a life; its money is reckoned here, once, and told to the happenings.
    void live(const std::shared_ptr<Life>& life, int number) {
        const Price price = life->last.machine.price;
        const std::array<std::int64_t, stations.size()> pauses_s{
            1,
            dice_.between(2, 20),
            dice_.between(180, 480),
            dice_.between(20, 90),
            dice_.between(1'200, 18'000),
            dice_.between(10, 180),
            dice_.between(3, 30),
            dice_.between(60, 150)};
        UtcTime at = life->born;
        UtcTime phase_from = life->born;
        Money posted{0, usd};
        Money boot{0, usd};
        std::int64_t no = 0;
        Stay stay{
            .machine = life->last.machine.id,
            .source = life->last.machine.source.value(),
            .provider = life->last.machine.provider.value()};
        for (std::size_t i = 0; i < stations.size(); ++i) {
            at += seconds{pauses_s[i]} + microseconds{dice_.below(1'000'000)};
            const Station& station = stations[i];
            std::vector<ledger::PhaseChange> phases;
            const auto close = [&](Phase phase, UtcTime to) {
                const Money amount = lifecycle::phase_amount(price, to - life->born, posted);
                posted += amount;
                phases.push_back(
                    {.no = ++no,
                     .phase = phase,
                     .from = phase_from,
                     .to = to,
                     .amount = amount,
                     .paid_for = to - phase_from});
                phase_from = to;
            };
            if (station.closes && station.ended == Phase::serve) {
                // Some of the time between its requests it idled: the end of it, in one piece.
                stay.to = at;
                const auto idle = (at - phase_from) / dice_.between(3, 12);
                close(Phase::serve, at - idle);
                close(Phase::idle, at);
            } else if (station.closes) {
                close(station.ended, at);
            }
            if (station.state == MachineState::warming) {
                boot = posted;
            }
            if (station.state == MachineState::serving) {
                stay.from = at;
            }
            out_.happenings.push_back(
                {at,
                 0,
                 [life, state = station.state, number, phases = std::move(phases)](
                     ledger::Ledger& ledger, Now now) {
                     ledger::MachineStep step = life->last;
                     step.expected_step = step.machine.step;
                     ++step.machine.step;
                     step.from = step.machine.state;
                     step.machine.state = state;
                     step.event = std::string{to_text(state)};
                     step.now = now;
                     step.decision.reset();
                     step.phases = phases;
                     for (ledger::PhaseChange& phase : step.phases) {
                         phase.budgets =
                             share_of(ledger, phase.amount, life->aud_for_usd_nanos, now.utc);
                     }
                     if (state == MachineState::booting) {
                         step.machine.remote_id = fmt::format("pod-{:04}", number);
                     }
                     if (state == MachineState::gone) {
                         step.machine.gone = now.utc;
                         step.machine.gone_how = GoneHow::destroyed;
                     }
                     life->last = step;
                     ledger.machine_step(std::move(step), {});
                 }});
        }
        out_.stays.push_back(stay);
        bill(*life, number, at, posted, boot);
    }

    /// What the provider says afterwards: mostly the same, or a little more or less; now and then a
    /// free boot, another price or a refund; some have not billed yet.
    void bill(const Life& life, int number, UtcTime gone, Money posted, Money boot) {
        const ledger::MachineRow& machine = life.last.machine;
        const std::int64_t kind = dice_.below(100);
        std::int64_t off = 0;
        if (kind < 45) {
            off = 0;
        } else if (kind < 75) {
            off = dice_.between(-4'000'000, 4'000'000);
        } else if (kind < 85) {
            off = -boot.nanos();
        } else if (kind < 91) {
            off = posted.nanos() / 10 + 20'000'000;
        } else if (kind < 96) {
            off = -(posted.nanos() / 2);
        } else {
            out_.usd_nanos += posted.nanos();
            return;
        }
        out_.usd_nanos += posted.nanos() + off;
        const UtcTime at = gone + minutes{dice_.between(20, 180)};
        out_.happenings.push_back(
            {at,
             0,
             [machine, number, posted, off, rate = life.aud_for_usd_nanos](
                 ledger::Ledger& ledger, Now now) {
                 ledger.bill_seen(
                     {.provider = machine.provider,
                      .remote_id = fmt::format("pod-{:04}", number),
                      .amount = Money{posted.nanos() + off, usd},
                      .final = true});
                 ledger.adjust(
                     {.machine = machine.id,
                      .amount = Money{off, usd},
                      .paid_before = posted,
                      .reason = "bill",
                      .budgets = share_of(ledger, Money{off, usd}, rate, now.utc)},
                     {});
             }});
        if (number % 150 == 100) {
            out_.happenings.push_back({at, 0, [machine, number](ledger::Ledger& ledger, Now) {
                                           ledger.bill_seen(
                                               {.provider = machine.provider,
                                                .remote_id = fmt::format("stray-{:04}", number),
                                                .amount = Money{1'370'000'000, usd},
                                                .final = true});
                                       }});
        }
    }

    const YearShape& shape_;
    Dice& dice_;
    Machines& out_;
    IdGenerator ids_;
};

}  // namespace

Machines make_machines(const YearShape& shape, Dice& dice) {
    Machines machines;
    Maker maker{shape, dice, machines};
    for (int number = 0; number < shape.machines; ++number) {
        maker.make(number);
    }
    for (std::size_t i = 0; i < machines.happenings.size(); ++i) {
        machines.happenings[i].order = i;
    }
    std::ranges::sort(
        machines.happenings, {}, [](const Happening& one) { return std::pair{one.at, one.order}; });
    std::ranges::sort(
        machines.stays, {}, [](const Stay& one) { return std::pair{one.from, one.machine}; });
    return machines;
}

}  // namespace evenkeel::bench
