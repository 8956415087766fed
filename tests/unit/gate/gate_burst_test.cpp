#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory_resource>

/// Many at once: F50's burst, and memory that does not grow with work done.
namespace evenkeel::gate {
namespace {

using namespace desk;

/// Counts what a gate takes from the heap.
class CountingMemory final : public std::pmr::memory_resource {
public:
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        ++taken_;
        bytes_ += bytes;
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        bytes_ -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::size_t taken_{0};
    std::size_t bytes_{0};
};

TEST(GateBurst, F50TenThousandArrivalsInOneSecondAllEndOnce) {
    Desk desk{{.queue_limit = 10'000, .budgets = {budget(all, 4'000 * cent)}}};
    desk.worker(own, SourceKind::own, 4);
    desk.worker(nano, SourceKind::api, 64);
    std::vector<int> ends(10'001, 0);
    std::vector<Handle> running;
    const auto note = [&] {
        for (const Effect& effect : desk.effects) {
            if (effect.kind == EffectKind::grant) {
                running.push_back(effect.handle);
            }
            ends[effect.cookie] += effect.kind == EffectKind::queued ? 0 : 1;
        }
    };
    for (int i = 0; i < 10'000; ++i) {
        desk.now.boot = at(i * 100us);
        Arrival arrival = ask_or_buy(NameIx{100 + i % 7});
        arrival.overflow_at = desk.now.boot + 4s;
        arrival.give_up_at = desk.now.boot + 10s;
        desk.arrive(arrival);
        note();
    }
    EXPECT_EQ(desk.model().queued, 9'996);
    desk.worker(rented, SourceKind::rental, 128);
    EXPECT_EQ(desk.effects.size(), 128u);
    note();
    for (int second = 1; second <= 12; ++second) {
        desk.run_to(second * 1s);
        note();
        std::vector<Handle> finished;
        finished.swap(running);
        for (const Handle handle : finished) {
            desk.finish(handle, {.charged_report = 2 * cent});
            note();
        }
        EXPECT_LE(desk.source(nano).in_flight, 64);
        EXPECT_LE(desk.source(rented).in_flight, 128);
        EXPECT_LE(desk.source(own).in_flight, 4);
        const BudgetLimit now = desk.counters().budgets[0];
        EXPECT_LE(now.settled + now.held, now.limit);
    }
    EXPECT_EQ(std::count(ends.begin() + 1, ends.end(), 1), 10'000);
    EXPECT_EQ(desk.gate.next_due(), BootTime::max());
}

TEST(GateBurst, AllocatesNothingOnceWarm) {
    CountingMemory memory;
    {
        Gate gate{{.queue_limit = 500, .budgets = {budget(all, 1'000 * cent)}}, &memory};
        Effects effects;
        effects.reserve(1'000);
        Now now{.boot = at(0s)};
        gate.worker_changed({.source = own, .model = qwq, .slots = 4}, now, effects);
        gate.worker_changed({.source = nano, .kind = SourceKind::api, .slots = 2}, now, effects);
        std::vector<Handle> running;
        const auto round = [&](int i) {
            now.boot += 10ms;
            Arrival arrival = ask_or_buy(NameIx{100 + i % 5});
            // Very patient: what has left the queue must not stay among the deadlines.
            arrival.overflow_at = now.boot + (i % 3 == 0 ? 1s : 100h);
            arrival.give_up_at = now.boot + 200h;
            const Handle handle = gate.arrive(arrival, now, effects);
            if (i % 4 == 0) {
                gate.cancel(handle, now, effects);
            }
            gate.due(now, effects);
            for (const Effect& effect : effects) {
                if (effect.kind == EffectKind::grant) {
                    running.push_back(effect.handle);
                }
            }
            effects.clear();
            if (running.size() >= 5) {
                gate.retry(running.back(), now, effects);
                gate.finish(running.front(), {.charged_report = cent / 100}, now, effects);
                running.clear();
                for (const Effect& effect : effects) {
                    if (effect.kind == EffectKind::grant) {
                        running.push_back(effect.handle);
                    }
                }
            }
        };
        for (int i = 0; i < 20'000; ++i) {
            round(i);
        }
        const std::size_t taken = memory.taken();
        const std::size_t bytes = memory.bytes();
        EXPECT_GT(taken, 0u);
        for (int i = 0; i < 20'000; ++i) {
            round(i);
        }
        EXPECT_EQ(memory.taken(), taken);
        EXPECT_EQ(memory.bytes(), bytes);
        EXPECT_LT(bytes, 1'000'000u) << "some 500 requests";
    }
    EXPECT_EQ(memory.bytes(), 0u) << "all of it is given back";
}

TEST(GateBurst, PatienceOfThoseWhoLeftCostsNoMemory) {
    CountingMemory memory;
    Gate gate{{}, &memory};
    Effects effects;
    const Now now{.boot = at(0s)};
    gate.arrive(ask(), now, effects);  // its deadline is the first and stays at the top
    Arrival patient = ask(ben);
    patient.give_up_at = at(200h);
    std::size_t early = 0;
    for (int i = 0; i < 100'000; ++i) {
        gate.cancel(gate.arrive(patient, now, effects), now, effects);
        effects.clear();
        early = i == 1'000 ? memory.bytes() : early;
    }
    EXPECT_EQ(memory.bytes(), early);
    EXPECT_EQ(gate.next_due(), at(10s));
}

TEST(GateBurst, AMovedGateGoesOn) {
    Desk desk;
    desk.worker(own, SourceKind::own, 1);
    const Handle handle = desk.arrive(ask());
    Gate moved = std::move(desk.gate);
    desk.effects.clear();
    moved.finish(handle, {}, desk.now, desk.effects);
    Counters counters;
    moved.counters(counters);
    EXPECT_EQ(counters.sources.at(0).finished, 1);
}

}  // namespace
}  // namespace evenkeel::gate
