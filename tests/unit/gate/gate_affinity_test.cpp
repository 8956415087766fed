#include "policies/gate/fair_queue.hpp"
#include "policies/gate/prefix_memory.hpp"
#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

/// Conversations go back to the worker that has their beginning, and no worker gets crowded by it.
namespace evenkeel::gate {
namespace {

using namespace desk;

constexpr NameIx rented2{23};
/// 1,000 prompt tokens a second (600 beside others), 20 ms a step, 10,000 tokens of cache.
constexpr Speed plain_speed{
    .prefill_tok_s = 1'000, .step_s = 0.02, .step_per_seq_s = 0.001, .kv_tokens = 10'000};

/// A turn of 1,000 tokens; `marks`, the longest first, cover 900, 800, ... of them.
Arrival turn(const std::vector<std::uint64_t>& marks, NameIx key = ann) {
    Arrival arrival = ask(key);
    arrival.tokens_in = 1'000;
    for (std::size_t i = 0; i < marks.size(); ++i) {
        const auto shorter = static_cast<std::int64_t>(i + 1) * 100;
        arrival.marks[i] = {.hash = marks[i], .tokens = 1'000 - shorter};
    }
    return arrival;
}

void add(
    Desk& desk, NameIx name, SourceKind kind, int slots, Speed speed = {}, std::int64_t rank = 0) {
    desk.gate.worker_changed(
        {.source = name, .kind = kind, .model = qwq, .slots = slots, .rank = rank, .speed = speed},
        desk.now,
        desk.effects);
}

/// Two workers; what any request would take is the first one, and a conversation that left mark 1
/// has been on the second.
struct Pair : Desk {
    explicit Pair(
        SourceKind kind = SourceKind::own, int slots = 4, Speed speed = {}, Policy policy = {})
        : Desk{std::move(policy)} {
        const NameIx first = kind == SourceKind::own ? own : rented;
        const NameIx second = kind == SourceKind::own ? own2 : rented2;
        add(*this, first, kind, slots, speed);
        add(*this, second, kind, slots, speed, 1);
        worker(first, kind, 0);
        finish(arrive(turn({1})));
        add(*this, first, kind, slots, speed);
        cookies = 0;
    }
};

TEST(GateAffinity, AConversationReturnsToTheWorkerThatHasItsBeginning) {
    Pair desk;
    desk.arrive(turn({3, 2, 1}));
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_free");
    desk.arrive(turn({9, 8}));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free") << "others go where there is most room";
    desk.arrive(turn({4, 3}));
    EXPECT_EQ(desk.said(), "grant 3 on 21 own_free") << "what the second turn left";
    EXPECT_EQ(desk.model().returned, 2);
    EXPECT_EQ(desk.model().returned_tokens_in, 700 + 800);
}

TEST(GateAffinity, TheLongestBeginningCounts) {
    Pair desk;
    desk.finish(desk.arrive(turn({7})));
    EXPECT_EQ(desk.said(), "");
    desk.arrive(turn({5, 1, 7}));  // 1 was on the second, the shorter 7 on the first
    EXPECT_EQ(desk.said(), "grant 2 on 21 own_free");
    desk.arrive(turn({6, 7, 1}));  // now 7 was there last
    EXPECT_EQ(desk.said(), "grant 3 on 21 own_free");
}

TEST(GateAffinity, AHolderWithoutAFreeSlotIsLeft) {
    Pair desk{SourceKind::own, 1};
    desk.arrive(turn({2, 1}));
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_free");
    desk.arrive(turn({3, 1}));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free");
    desk.arrive(turn({4, 3}));
    EXPECT_EQ(desk.said(), "queued 3") << "both are full";
}

TEST(GateAffinity, AHolderThatAnswersLaterIsLeft) {
    for (const std::int64_t ahead : {1'000, 100}) {
        Pair desk{SourceKind::own, 32, plain_speed};
        desk.worker(own, SourceKind::own, 0);
        Arrival other = turn({});
        other.tokens_in = ahead;
        other.streams = true;
        desk.arrive(other);  // `ahead` tokens before us at the holder
        add(desk, own, SourceKind::own, 32, plain_speed);
        desk.arrive(turn({2, 1}));  // 200 of its 1,000 left to read there, at 600 a second
        EXPECT_EQ(
            desk.said(), ahead == 1'000 ? "grant 2 on 20 own_free" : "grant 2 on 21 own_free");
    }
}

TEST(GateAffinity, AHolderShortOfCacheIsLeft) {
    for (const std::int64_t used : {9'500, 2'000}) {
        Pair desk{SourceKind::own, 32, plain_speed};
        desk.worker(own, SourceKind::own, 0);
        Arrival other = turn({});
        other.tokens_in = 1;
        desk.arrive(other);
        desk.gate.worker_load(own2, used, 0, desk.now, desk.effects);
        add(desk, own, SourceKind::own, 32, plain_speed);
        desk.arrive(turn({2, 1}));
        EXPECT_EQ(desk.said(), used == 9'500 ? "grant 2 on 20 own_free" : "grant 2 on 21 own_free");
    }
}

TEST(GateAffinity, WhatTheCacheMustHaveDroppedSinceIsForgotten) {
    for (const int between : {4, 12}) {  // of 1,050 tokens each, in a cache of 10,000
        Pair desk{SourceKind::own, 32, plain_speed};
        desk.worker(own, SourceKind::own, 0);
        for (int i = 0; i < between; ++i) {
            desk.finish(desk.arrive(turn({})));
        }
        desk.cookies = 0;
        add(desk, own, SourceKind::own, 32, plain_speed);
        desk.arrive(turn({2, 1}));
        EXPECT_EQ(desk.said(), between == 12 ? "grant 1 on 20 own_free" : "grant 1 on 21 own_free");
    }
}

TEST(GateAffinity, DrainedAndRemovedWorkersAreForgotten) {
    for (const bool removed : {false, true}) {
        Pair desk;
        desk.worker(own2, SourceKind::own, 4, /*takes_work=*/false, 1);
        if (removed) {
            EXPECT_TRUE(desk.gate.worker_removed(own2));
        }
        desk.worker(own2, SourceKind::own, 4, true, 1);
        desk.arrive(turn({2, 1}));
        EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
        EXPECT_EQ(desk.model().returned, 0);
    }
}

TEST(GateAffinity, OwnWorkersStillComeBeforeRentedOnes) {
    Pair desk{SourceKind::rental};
    add(desk, own, SourceKind::own, 1);
    desk.arrive(turn({2, 1}));
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    desk.arrive(turn({3, 1}));
    EXPECT_EQ(desk.said(), "grant 2 on 22 rental_free") << "the own one was the last to serve it";
    Pair rented_ones{SourceKind::rental};
    rented_ones.arrive(turn({2, 1}));
    EXPECT_EQ(rented_ones.said(), "grant 1 on 23 rental_free");
    Pair stays{SourceKind::rental};
    Arrival at_home = turn({2, 1});
    at_home.own_only = true;
    stays.arrive(at_home);
    EXPECT_EQ(stays.said(), "queued 1");
}

TEST(GateAffinity, ARetriedRequestDoesNotReturnToTheHolderThatFailed) {
    Pair desk;
    const Handle request = desk.arrive(turn({2, 1}));
    desk.retry(request);
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_waited");
    EXPECT_EQ(desk.model().returned, 0) << "counted back";
    EXPECT_EQ(desk.model().returned_tokens_in, 0);
    desk.finish(request);
    desk.arrive(turn({3, 2}));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free") << "where it was answered";
}

TEST(GateAffinity, SwitchedOffNothingIsRemembered) {
    Pair desk{SourceKind::own, 4, {}, Policy{.routing = {.affinity = false}}};
    desk.arrive(turn({2, 1}));
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
}

/// One slot is free again and four requests of one key wait: the one that was here comes first,
/// but nobody is passed by for ever.
TEST(GateAffinity, AFreedSlotGoesToAConversationThatWasThere) {
    Desk desk;
    add(desk, own, SourceKind::own, 1);
    Handle running = desk.arrive(turn({1}));
    desk.arrive(turn({100}));
    const std::uint64_t stranger = desk.cookies;
    int passed = 0;
    for (std::uint64_t mark = 2;; ++mark) {
        desk.arrive(turn({mark, mark - 1}));
        desk.finish(running);
        ASSERT_EQ(desk.effects.size(), 1u);
        running = desk.effects[0].handle;
        if (desk.effects[0].cookie == stranger) {
            break;
        }
        ++passed;
    }
    EXPECT_EQ(passed, FairQueue::passes_max);
}

/// All share one system prompt: the worker that has it must not draw them all to itself.
TEST(GateAffinity, LoadStaysBoundedWhenAllShareABeginning) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&](int limit) {
            return static_cast<int>(random() % static_cast<unsigned>(limit));
        };
        Desk desk;
        const int workers = 2 + below(5);
        const int slots = 4 + below(28);
        const Speed speed = below(2) == 0 ? Speed{} : plain_speed;
        for (int i = 0; i < workers; ++i) {
            add(desk, NameIx{20 + i}, SourceKind::own, slots, speed);
        }
        std::vector<Handle> running;
        for (int step = 0; step < 400; ++step) {
            desk.now.boot += 50ms;
            if (!running.empty() && below(3) == 0) {
                const auto one = running.begin() + below(static_cast<int>(running.size()));
                desk.finish(*one);
                running.erase(one);
                continue;
            }
            if (static_cast<int>(running.size()) == workers * slots) {
                continue;
            }
            Arrival arrival = turn({1'000u + static_cast<unsigned>(step), 7});
            arrival.give_up_at = desk.now.boot + 1h;
            arrival.streams = true;
            running.push_back(desk.arrive(arrival));
            ASSERT_EQ(desk.effects.at(0).kind, EffectKind::grant);
            desk.gate.first_token(running.back(), desk.now, desk.effects);
            const SourceCounters taken = desk.source(desk.effects.at(0).source);
            const double share = static_cast<double>(running.size()) / workers;
            ASSERT_LE(taken.in_flight, load_bound * share + 1)
                << "seed " << seed << ", " << workers << " workers, step " << step;
        }
        EXPECT_GT(desk.model().returned, 0) << "seed " << seed;
    }
}

/// Marks that nothing has left before, or none, decide nothing.
TEST(GateAffinity, WithoutAKnownBeginningEverythingIsAsBefore) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        std::vector<std::string> said[3];
        for (int mode = 0; mode < 3; ++mode) {  // switched off; no marks; marks met once
            std::mt19937 random{seed};
            const auto below = [&](int limit) {
                return static_cast<int>(random() % static_cast<unsigned>(limit));
            };
            Desk desk{Policy{.routing = {.affinity = mode > 0}}};
            desk.worker(nano, SourceKind::api, 3);
            std::vector<Handle> all;
            for (int step = 0; step < 500; ++step) {
                desk.effects.clear();
                const int what = below(10);
                if (what < 4) {
                    Arrival arrival = with_api(ask(below(2) == 0 ? ann : ben), nano, cent);
                    arrival.tokens_in = 10 + below(3'000);
                    arrival.overflow_at = desk.now.boot + 3s;
                    arrival.give_up_at = desk.now.boot + 20s;
                    arrival.first_token_by = desk.now.boot + 6s;
                    arrival.api_first_token = 1'500ms;
                    arrival.streams = below(3) != 0;
                    if (mode == 2) {
                        arrival.marks[0] = {
                            .hash = 1 + static_cast<std::uint64_t>(step), .tokens = 10};
                    }
                    all.push_back(desk.arrive(arrival));
                } else if (what < 6 && !all.empty()) {
                    desk.finish(all[static_cast<std::size_t>(below(static_cast<int>(all.size())))]);
                } else if (what == 6 && !all.empty()) {
                    desk.retry(all[static_cast<std::size_t>(below(static_cast<int>(all.size())))]);
                } else if (what == 7) {
                    const NameIx name = below(2) == 0 ? own : rented;
                    Speed speed = plain_speed;
                    speed.prefill_tok_s = below(4) == 0 ? 0 : 500 + below(3'000);
                    const SourceKind kind = name == own ? SourceKind::own : SourceKind::rental;
                    add(desk, name, kind, below(6), speed);
                } else {
                    desk.now.boot += std::chrono::milliseconds{below(900)};
                    desk.gate.due(desk.now, desk.effects);
                }
                said[mode].push_back(desk.said());
            }
        }
        EXPECT_EQ(said[0], said[1]) << "seed " << seed;
        // A retried request is known where it failed, and never goes there again.
        EXPECT_EQ(said[0], said[2]) << "seed " << seed;
    }
}

TEST(PrefixMemory, KeepsWhatWasUsedLastWithinItsBound) {
    PrefixMemory memory{std::pmr::get_default_resource()};
    EXPECT_EQ(memory.find(1), nullptr);
    std::mt19937_64 random{1};
    std::vector<std::uint64_t> hashes(20'000);
    std::ranges::generate(hashes, [&random] { return random() | 1; });
    const std::uint64_t pinned = hashes[0];
    for (std::uint32_t i = 0; i < hashes.size(); ++i) {
        memory.put({.hash = hashes[i], .source = i});
        memory.put({.hash = pinned, .source = i});
        ASSERT_NE(memory.find(hashes[i]), nullptr);
        ASSERT_EQ(memory.find(pinned)->source, i);
    }
    const auto kept = [&](std::size_t from, std::size_t to) {
        return std::count_if(
            hashes.begin() + static_cast<std::ptrdiff_t>(from),
            hashes.begin() + static_cast<std::ptrdiff_t>(to),
            [&](std::uint64_t hash) { return memory.find(hash) != nullptr; });
    };
    EXPECT_LE(kept(0, hashes.size()), static_cast<std::ptrdiff_t>(PrefixMemory::entries_max));
    EXPECT_GE(kept(hashes.size() - 1'000, hashes.size()), 990) << "the latest thousand";
    EXPECT_LE(kept(1, hashes.size() - 2 * PrefixMemory::entries_max), 50) << "the old ones";
}

}  // namespace
}  // namespace evenkeel::gate
