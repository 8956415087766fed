#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

/// Placement by prediction, rescue, short prompts first, room for the output.
namespace evenkeel::gate {
namespace {

using namespace desk;

/// 1,000 prompt tokens a second (600 beside others), 20 ms a step, 10,000 tokens of cache.
constexpr Speed plain_speed{
    .prefill_tok_s = 1'000, .step_s = 0.02, .step_per_seq_s = 0.001, .kv_tokens = 10'000};

/// A streamed request that is late 6 s after it came; its API needs 1.5 s and is free after 3.6 s.
Arrival timely(Desk& desk, std::int64_t tokens_in, NameIx key = ann) {
    Arrival arrival = with_api(ask(key), nano, cent);
    arrival.tokens_in = tokens_in;
    arrival.tokens_out = 100;
    arrival.tokens_out_room = 150;
    arrival.overflow_at = desk.now.boot + 3'600ms;
    arrival.give_up_at = desk.now.boot + 60s;
    arrival.first_token_by = desk.now.boot + 6s;
    arrival.per_output_token = 80ms;
    arrival.api_first_token = 1'500ms;
    arrival.streams = true;
    return arrival;
}

void add_worker(Desk& desk, NameIx name, SourceKind kind, Speed speed, int slots = 32) {
    desk.gate.worker_changed(
        {.source = name, .kind = kind, .model = qwq, .slots = slots, .speed = speed},
        desk.now,
        desk.effects);
}

void add_api(Desk& desk) {
    desk.worker(nano, SourceKind::api, 1'000);
}

TEST(GateOutlook, PromptsBehindWhichItWouldBeLateAreNotJoined) {
    Desk desk;
    add_api(desk);
    add_worker(desk, own, SourceKind::own, plain_speed);
    desk.arrive(timely(desk, 2'000));
    EXPECT_EQ(desk.said(), "grant 1 on 20 own_free");
    desk.arrive(timely(desk, 2'000));  // 4,000 tokens at 600 a second: 6.7 s
    EXPECT_EQ(desk.said(), "queued 2");
    desk.run_to(3'600ms);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_overflow");
}

TEST(GateOutlook, AFirstTokenLetsTheNextOneIn) {
    Desk desk;
    add_api(desk);
    add_worker(desk, own, SourceKind::own, plain_speed);
    const Handle first = desk.arrive(timely(desk, 2'000));
    desk.arrive(timely(desk, 2'000));
    desk.now.boot = at(2s);
    desk.effects.clear();
    desk.gate.first_token(first, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
}

TEST(GateOutlook, PromptsWaitInTheGateNotInLineAtAWorker) {
    for (const bool short_backlog : {false, true}) {
        Desk desk{Policy{.routing = {.short_backlog = short_backlog}}};
        add_api(desk);
        add_worker(desk, own, SourceKind::own, plain_speed);
        const Handle first = desk.arrive(timely(desk, 2'000));  // 3.3 s beside another
        desk.arrive(timely(desk, 100));                         // in time behind it: 3.5 of 6 s
        EXPECT_EQ(desk.said(), short_backlog ? "queued 2" : "grant 2 on 20 own_free");
        if (short_backlog) {
            desk.arrive(timely(desk, 10));  // the shorter one overtakes
            desk.now.boot = at(2s);
            desk.effects.clear();
            desk.gate.first_token(first, desk.now, desk.effects);
            EXPECT_EQ(desk.said(), "grant 3 on 20 own_waited, grant 2 on 20 own_waited");
        }
    }
}

TEST(GateOutlook, ReserveIsKeptOnlyByThoseThatCouldNotLeaveAgain) {
    for (const bool streams : {false, true}) {
        Desk desk;
        add_api(desk);
        add_worker(desk, own, SourceKind::own, plain_speed);
        Arrival arrival = timely(desk, 5'700);  // its first token after 5.7 of 6 s
        arrival.streams = streams;
        desk.arrive(arrival);
        EXPECT_EQ(desk.said(), streams ? "grant 1 on 20 own_free" : "queued 1");
    }
}

TEST(GateOutlook, WithoutAnApiAnyFreeSlotIsTaken) {
    Desk desk;
    add_worker(desk, own, SourceKind::own, plain_speed);
    Arrival arrival = timely(desk, 4'000);
    arrival.api_count = 0;
    arrival.overflow_at = BootTime::max();
    desk.arrive(arrival);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free");
}

TEST(GateOutlook, StreamsThatWouldBeTooSlowAreNotAdded) {
    Desk desk;
    add_api(desk);
    Speed slow = plain_speed;
    slow.step_s = 0.05;
    slow.step_per_seq_s = 0.02;  // two at once: 90 ms a token
    add_worker(desk, own, SourceKind::own, slow);
    desk.arrive(timely(desk, 10));
    desk.arrive(timely(desk, 10));
    EXPECT_EQ(desk.said(), "queued 2");
}

TEST(GateOutlook, RoomIsKeptForTheOutputAndItsSpread) {
    for (const bool output_room : {false, true}) {
        Desk desk{Policy{.routing = {.output_room = output_room}}};
        add_api(desk);
        add_worker(desk, own, SourceKind::own, plain_speed);
        const Handle first = desk.arrive(timely(desk, 100));
        desk.gate.first_token(first, desk.now, desk.effects);
        // With a prompt of 100 and 100 of output it just fits; with the spread it does not.
        desk.gate.worker_load(own, 9'770, 0, desk.now, desk.effects);
        desk.arrive(timely(desk, 100));
        EXPECT_EQ(desk.said(), output_room ? "queued 2" : "grant 2 on 20 own_free");
    }
}

TEST(GateOutlook, AnEngineWhoseOwnQueueIsNotEmptyGetsNoMore) {
    Desk desk;
    add_api(desk);
    add_worker(desk, own, SourceKind::own, plain_speed);
    desk.arrive(timely(desk, 100));
    desk.gate.worker_load(own, 500, 1, desk.now, desk.effects);
    desk.arrive(timely(desk, 100));
    EXPECT_EQ(desk.said(), "queued 2");
    desk.effects.clear();
    desk.gate.worker_load(own, 500, 0, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
}

TEST(GateOutlook, ShortPromptsGoFirstTiesByArrival) {
    for (const bool short_first : {false, true}) {
        Desk desk{Policy{.routing = {.short_first = short_first}}};
        add_api(desk);
        add_worker(desk, own, SourceKind::own, plain_speed, 1);
        const Handle first = desk.arrive(timely(desk, 100));
        desk.arrive(timely(desk, 1'500));
        desk.arrive(timely(desk, 200));
        desk.arrive(timely(desk, 200));
        desk.finish(first);
        EXPECT_EQ(
            desk.said(), short_first ? "grant 3 on 20 own_waited" : "grant 2 on 20 own_waited");
    }
}

TEST(GateOutlook, WhoHasNoApiIsNotPassedByShorterOnes) {
    Desk desk;
    add_api(desk);
    add_worker(desk, own, SourceKind::own, plain_speed, 1);
    const Handle first = desk.arrive(timely(desk, 100));
    Arrival alone = timely(desk, 1'500);
    alone.api_count = 0;
    alone.overflow_at = BootTime::max();
    desk.arrive(alone);
    desk.arrive(timely(desk, 10));
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
}

TEST(GateOutlook, KeysKeepTheirShareWhateverTheLengthOfTheirPrompts) {
    Desk desk;
    add_api(desk);
    Speed fast = plain_speed;
    fast.prefill_tok_s = 1e6;
    fast.kv_tokens = 0;
    add_worker(desk, own, SourceKind::own, fast, 1);
    Handle running = desk.arrive(timely(desk, 100));
    for (int i = 0; i < 40; ++i) {
        desk.arrive(timely(desk, 2'000, ann));
        desk.arrive(timely(desk, 200, ben));
    }
    std::map<bool, std::int64_t> tokens;  // of ann, of others
    for (int i = 0; i < 30; ++i) {
        desk.finish(running);
        ASSERT_EQ(desk.effects.size(), 1u);
        running = desk.effects[0].handle;
        const bool anns = desk.effects[0].cookie % 2 == 0;
        tokens[anns] += anns ? 2'100 : 300;
    }
    EXPECT_LT(std::abs(tokens[true] - tokens[false]), 2 * drr_quantum_tokens);
}

struct Late : Desk {
    Handle request{};
    Late(Policy policy = {}) : Desk{std::move(policy)} {
        add_api(*this);
        add_worker(*this, own, SourceKind::own, plain_speed);
        request = arrive(timely(*this, 2'000));  // 2 s, but nothing comes
    }
};

TEST(GateOutlook, RescueRecallsWhoWillBeLateWhileTheApiCanStillMakeIt) {
    Late desk;
    desk.run_to(3'400ms);
    EXPECT_EQ(desk.said(), "");
    desk.run_to(4'500ms);
    EXPECT_EQ(desk.said(), "recall 1 from 20");
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "") << "once";
    desk.effects.clear();
    desk.gate.leave(desk.request, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "grant 1 on 30 rescued");
    EXPECT_EQ(desk.source(own).in_flight, 0);
    EXPECT_EQ(desk.source(own).recalled, 1);
    EXPECT_EQ(desk.model().rescued, 1);
    EXPECT_EQ(desk.model().overflowed, 1);
    EXPECT_EQ(desk.model().served_own, 0);
}

TEST(GateOutlook, RescuePrefersAWorkerThatMakesIt) {
    Late desk;
    add_worker(desk, rented, SourceKind::rental, plain_speed);
    desk.run_to(4'500ms);
    EXPECT_EQ(desk.said(), "recall 1 from 20");
    Speed fast = plain_speed;
    fast.prefill_tok_s = 10'000;
    add_worker(desk, rented, SourceKind::rental, fast);
    desk.effects.clear();
    desk.gate.leave(desk.request, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "grant 1 on 22 rescued");
}

TEST(GateOutlook, NoRescueAfterTheFirstTokenNorWithoutAnyoneNorWhenSwitchedOff) {
    Late begun;
    begun.gate.first_token(begun.request, begun.now, begun.effects);
    begun.run_to(10s);
    EXPECT_EQ(begun.said(), "");
    Late lonely;
    lonely.worker(nano, SourceKind::api, 1'000, false);
    lonely.run_to(10s);
    EXPECT_EQ(lonely.said(), "");
    Late old{Policy{.routing = {.rescue = false}}};
    old.run_to(10s);
    EXPECT_EQ(old.said(), "");
}

TEST(GateOutlook, LeavingWithoutARecallDoesNothing) {
    Late desk;
    desk.gate.leave(desk.request, desk.now, desk.effects);
    EXPECT_EQ(desk.source(own).in_flight, 1);
    desk.run_to(4'500ms);
    desk.finish(desk.request);  // it began in the same instant: the caller ignores the recall
    desk.effects.clear();
    desk.gate.leave(desk.request, desk.now, desk.effects);
    EXPECT_EQ(desk.said(), "");
}

TEST(GateOutlook, APlainAnswersPromptIsTakenAsDoneInItsTime) {
    Desk desk;
    add_api(desk);
    add_worker(desk, own, SourceKind::own, plain_speed);
    Arrival plain = timely(desk, 2'000);
    plain.streams = false;
    desk.arrive(plain);
    desk.arrive(timely(desk, 1'500));
    EXPECT_EQ(desk.said(), "queued 2");
    desk.run_to(2'500ms);
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_waited");
}

/// Whatever happens, in any order: one answer each, and every slot comes back.
TEST(GateOutlook, EveryRequestIsAnsweredOnceUnderRandomCalls) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
        Desk desk;
        desk.worker(nano, SourceKind::api, 3);
        std::map<std::uint64_t, Handle> waiting;
        std::map<std::uint64_t, Handle> granted;
        std::set<std::uint64_t> recalled;
        int refused = 0;
        int answered = 0;
        const auto take = [&] {
            for (const Effect& effect : desk.effects) {
                if (effect.kind == EffectKind::grant) {
                    ASSERT_EQ(waiting.erase(effect.cookie), 1u) << "seed " << seed;
                    granted[effect.cookie] = effect.handle;
                } else if (effect.kind == EffectKind::refuse) {
                    ASSERT_EQ(waiting.erase(effect.cookie), 1u) << "seed " << seed;
                    ++refused;
                } else if (effect.kind == EffectKind::recall) {
                    ASSERT_TRUE(granted.contains(effect.cookie)) << "seed " << seed;
                    ASSERT_TRUE(recalled.insert(effect.cookie).second) << "seed " << seed;
                }
            }
            desk.effects.clear();
        };
        const auto any = [&](const std::map<std::uint64_t, Handle>& from) {
            return std::next(from.begin(), below(static_cast<unsigned>(from.size())));
        };
        int arrived = 0;
        for (int i = 0; i < 800; ++i) {
            desk.effects.clear();
            const int what = below(10);
            if (what < 4) {
                Arrival arrival = timely(desk, 10 + below(3'000), below(2) == 0 ? ann : ben);
                arrival.streams = below(3) != 0;
                arrival.cookie = ++desk.cookies;
                waiting[arrival.cookie] = {};
                ++arrived;
                const Handle handle = desk.gate.arrive(arrival, desk.now, desk.effects);
                if (const auto found = waiting.find(arrival.cookie); found != waiting.end()) {
                    found->second = handle;
                }
            } else if (what < 6 && !granted.empty()) {
                const auto it = any(granted);
                recalled.erase(it->first);
                const Handle handle = it->second;
                granted.erase(it);
                ++answered;
                desk.gate.finish(handle, {}, desk.now, desk.effects);
            } else if (what == 6 && !granted.empty()) {
                desk.gate.first_token(any(granted)->second, desk.now, desk.effects);
            } else if (what == 7 && !recalled.empty()) {
                const std::uint64_t cookie = *recalled.begin();
                recalled.erase(cookie);
                waiting[cookie] = granted[cookie];
                granted.erase(cookie);
                desk.gate.leave(waiting[cookie], desk.now, desk.effects);
            } else if (what == 8) {
                const NameIx name = below(2) == 0 ? own : rented;
                Speed speed = plain_speed;
                speed.prefill_tok_s = below(4) == 0 ? 0 : 500 + below(3'000);
                add_worker(
                    desk,
                    name,
                    name == own ? SourceKind::own : SourceKind::rental,
                    speed,
                    below(6));
            } else {
                desk.now.boot += std::chrono::milliseconds{below(900)};
                desk.gate.due(desk.now, desk.effects);
            }
            take();
        }
        desk.now.boot += 1h;
        desk.gate.due(desk.now, desk.effects);
        take();
        while (!granted.empty()) {
            const Handle handle = granted.begin()->second;
            granted.erase(granted.begin());
            ++answered;
            desk.gate.finish(handle, {}, desk.now, desk.effects);
            take();
        }
        EXPECT_TRUE(waiting.empty()) << "seed " << seed;
        EXPECT_EQ(arrived, answered + refused) << "seed " << seed;
        for (const SourceCounters& source : desk.counters().sources) {
            EXPECT_EQ(source.in_flight, 0);
            EXPECT_EQ(
                source.granted,
                source.finished + source.failed + source.cancelled + source.recalled);
        }
        EXPECT_EQ(desk.gate.next_due(), BootTime::max()) << "no timer is left behind";
    }
}

}  // namespace
}  // namespace evenkeel::gate
