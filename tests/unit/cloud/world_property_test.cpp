#include "lab/cloud/world.hpp"
#include "tests/unit/cloud/world_fixture.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace evenkeel::lab::cloud {
namespace {

using testing::t0;
using testing::test_request;
using testing::test_shelf;

/// The same bill, worked out by hand: nano-units by long division, half to even.
std::int64_t expected_nanos(std::int64_t hourly_nanos, std::int64_t micros) {
    const __int128 product = static_cast<__int128>(hourly_nanos) * micros;
    const __int128 hour = 3'600'000'000;
    __int128 nanos = product / hour;
    const __int128 rest = product % hour;
    if (rest * 2 > hour || (rest * 2 == hour && nanos % 2 == 1)) {
        ++nanos;
    }
    return static_cast<std::int64_t>(nanos);
}

RC_GTEST_PROP(CloudBilling, EqualsTheLongDivision, ()) {
    Shelf shelf = test_shelf();
    shelf.hourly = Money{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000), usd};
    shelf.min_bill = Micros{*rc::gen::inRange<std::int64_t>(0, 600'000'000)};
    const auto life = *rc::gen::inRange<std::int64_t>(0, 30LL * 86'400'000'000);
    testing::WorldHarness h{shelf};
    const std::string id = h.create("a");
    h.now += Micros{life};
    h.keep(h.world.remove(id, h.now).step);
    const std::int64_t billed = std::max(life, shelf.min_bill.count());
    RC_ASSERT(h.line(id).amount == Money(expected_nanos(shelf.hourly.nanos(), billed), usd));
}

/// Drives a world at random, the way the service does, and keeps books of its own.
class RandomLife {
public:
    explicit RandomLife(Switches switches) : h{test_shelf(), switches} {}

    void step() {
        h.now += Micros{*rc::gen::inRange<std::int64_t>(1, 200'000'000)};
        perform(h.keep(h.world.tick(h.now)));
        switch (*rc::gen::inRange(0, 6)) {
            case 0:
            case 1:
                create();
                break;
            case 2:
                remove();
                break;
            case 3:
                exit_one();
                break;
            case 4:
                h.keep(h.world.proof_of_life(h.now));
                break;
            default:
                h.world.switches().vanish_after =
                    std::chrono::milliseconds{*rc::gen::inRange(0, 2'000'000)};
        }
    }

    testing::WorldHarness h;
    std::map<std::string, UtcTime> began{};   ///< every machine ever made
    std::map<std::string, UtcTime> over{};    ///< end of the process, or of one without
    std::map<std::string, bool> processes{};  ///< true: asked to end

private:
    void create() {
        const Outcome outcome =
            h.world.create(test_request("n" + std::to_string(began.size())), h.now);
        h.keep(outcome.step);
        for (const Record& record : outcome.step.records) {
            began.emplace(std::get<Created>(record).machine.id, h.now);
        }
    }
    void remove() {
        if (began.empty()) {
            return;
        }
        const auto any =
            std::next(began.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(began)));
        const Outcome outcome = h.world.remove(any->first, h.now);
        note_ends(outcome.step);
        perform(h.keep(outcome.step));
    }
    void perform(const std::vector<Effect>& effects) {
        for (const Effect& effect : effects) {
            if (effect.kind != Effect::Kind::start) {
                processes.at(effect.id) = true;
            } else if (*rc::gen::inRange(0, 5) == 0) {
                h.keep(h.world.start_failed(effect.id, h.now));
            } else {
                h.keep(h.world.started(effect.id, 40'000, h.now));
                processes.emplace(effect.id, false);
            }
        }
    }
    void exit_one() {
        if (processes.empty()) {
            return;
        }
        const auto any = std::next(
            processes.begin(), *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(processes)));
        over.emplace(any->first, h.now);
        h.keep(h.world.exited(any->first, h.now));
        processes.erase(any);
    }
    void note_ends(const Step& step) {
        for (const Record& record : step.records) {
            if (const auto* const ended = std::get_if<Ended>(&record)) {
                over.emplace(ended->id, ended->at);
            }
        }
    }
};

Switches random_switches() {
    return {
        .slow_boot = {*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 4)},
        .boot_fails = *rc::gen::inRange(0, 3),
        .create_lost = *rc::gen::inRange(0, 3),
        .create_twice = *rc::gen::inRange(0, 2),
        .delete_lost = *rc::gen::inRange(0, 3),
        .delete_ignored = *rc::gen::inRange(0, 3)};
}

RC_GTEST_PROP(CloudBilling, I3BillsEveryMicrosecondOfEveryMachine, ()) {
    RandomLife life{random_switches()};
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
        life.step();
    }
    const auto bill = life.h.world.bill("", life.h.now);
    RC_ASSERT(bill.size() == life.began.size());
    for (const BillEntry& entry : bill) {
        const UtcTime began = life.began.at(entry.id);
        const auto over = life.over.find(entry.id);
        if (over != life.over.end()) {
            RC_ASSERT(entry.final);
            RC_ASSERT(entry.elapsed == over->second - began);
        }
        if (!entry.final) {
            RC_ASSERT(entry.elapsed == life.h.now - began);
        }
        const std::int64_t billed = std::max<std::int64_t>(entry.elapsed.count(), 60'000'000);
        RC_ASSERT(entry.amount == Money(expected_nanos(4'410'000'000, billed), usd));
    }
}

RC_GTEST_PROP(CloudJournal, ReplayGivesTheSameBooks, ()) {
    RandomLife life{random_switches()};
    const int steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
        life.step();
    }
    World again{test_shelf(), {}};
    for (const Record& record : life.h.journal) {
        const auto back = parse_record(to_json(record));
        RC_ASSERT(back.has_value());
        RC_ASSERT(again.replay(*back).has_value());
    }
    RC_ASSERT(again.live() == life.h.world.live());
    const auto before = life.h.world.bill("", life.h.now);
    const auto after = again.bill("", life.h.now);
    RC_ASSERT(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
        RC_ASSERT(before[i].id == after[i].id);
        RC_ASSERT(before[i].amount == after[i].amount);
        RC_ASSERT(before[i].final == after[i].final);
    }
    life.h.world.switches() = {};
    const auto listed = life.h.world.list("", 1'000, life.h.now);
    const auto relisted = again.list("", 1'000, life.h.now);
    RC_ASSERT(listed.machines.size() == relisted.machines.size());
    for (std::size_t i = 0; i < listed.machines.size(); ++i) {
        RC_ASSERT(listed.machines[i]->id == relisted.machines[i]->id);
        RC_ASSERT(listed.machines[i]->status == relisted.machines[i]->status);
    }
}

RC_GTEST_PROP(CloudJournal, ACrashAfterAnyRecordLeavesTrueBooks, ()) {
    RandomLife life{random_switches()};
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
        life.step();
    }
    for (std::size_t kept = 0; kept <= life.h.journal.size(); ++kept) {
        World world{test_shelf(), {}};
        for (std::size_t i = 0; i < kept; ++i) {
            RC_ASSERT(world.replay(life.h.journal[i]).has_value());
        }
        const UtcTime proven = world.last_time();
        const UtcTime now = life.h.now + Micros{1};
        const Step step = world.begin(now, "7f3a9c");
        RC_ASSERT(world.live() == 0u);
        for (const BillEntry& entry : world.bill("", now)) {
            RC_ASSERT(entry.final);
            const UtcTime end = life.began.at(entry.id) + entry.elapsed;
            RC_ASSERT(end <= proven);
            const auto over = life.over.find(entry.id);
            RC_ASSERT(over == life.over.end() || end <= over->second);
        }
        // And once more, with the crash in the middle of the repair.
        for (std::size_t repaired = 0; repaired <= step.records.size(); ++repaired) {
            World twice{test_shelf(), {}};
            for (std::size_t i = 0; i < kept; ++i) {
                RC_ASSERT(twice.replay(life.h.journal[i]).has_value());
            }
            for (std::size_t i = 0; i < repaired; ++i) {
                RC_ASSERT(twice.replay(step.records[i]).has_value());
            }
            static_cast<void>(twice.begin(now, "7f3a9c"));
            const auto first = world.bill("", now);
            const auto second = twice.bill("", now);
            RC_ASSERT(first.size() == second.size());
            for (std::size_t i = 0; i < first.size(); ++i) {
                RC_ASSERT(first[i].amount == second[i].amount);
            }
        }
    }
}

}  // namespace
}  // namespace evenkeel::lab::cloud
