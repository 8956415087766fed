#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

/// What one key or one route may ask for, in virtual time.
namespace evenkeel::gate {
namespace {

using namespace desk;

constexpr NameIx way{50};
constexpr NameIx other_way{51};

struct GateLimits : testing::Test {
    GateLimits() { desk.worker(own, SourceKind::own, 1'000); }
    void limit(RateLimit rate) {
        desk.effects.clear();
        desk.gate.key_changed({.rate = rate}, desk.now, desk.effects);
    }
    /// How many of `n` at once come in.
    int let_in(int n, NameIx key = ann, NameIx route = way) {
        int count = 0;
        for (int i = 0; i < n; ++i) {
            desk.arrive(by(route, key));
            count += desk.effects[0].kind == EffectKind::grant ? 1 : 0;
        }
        return count;
    }
    Desk desk{};
};

TEST_F(GateLimits, AMinuteOfRequestsMayComeAtOnceAndThenOneAtATime) {
    limit({.name = ann, .requests_min = 6});
    EXPECT_EQ(let_in(10), 6);
    EXPECT_EQ(desk.said(), "refuse 10 limit_requests");
    EXPECT_EQ(desk.effects[0].reason.args, (std::array<std::int64_t, 3>{10'000, 6, ann.value()}))
        << "in ten seconds the next has flowed in";
    EXPECT_EQ(let_in(10, ben), 10) << "nobody else's";
    desk.now.boot = at(10s - 1ns);
    EXPECT_EQ(let_in(1), 0);
    EXPECT_EQ(desk.effects[0].reason.args[0], 1) << "a started millisecond is waited for";
    desk.now.boot = at(10s);
    EXPECT_EQ(let_in(2), 1);
    desk.now.boot = at(70s);
    EXPECT_EQ(let_in(10), 6) << "no more than a minute is saved up";
}

TEST_F(GateLimits, AnyNumberAMinuteIsLetInToTheLastOne) {
    for (const int n : {1, 7, 59, 60, 61, 997}) {
        Desk fresh{{.limits = {{.name = way, .requests_min = n}}}};
        fresh.worker(own, SourceKind::own, 10'000);
        int count = 0;
        for (int i = 0; i < n + 3; ++i) {
            fresh.arrive(by(way));
            count += fresh.effects[0].kind == EffectKind::grant ? 1 : 0;
        }
        EXPECT_EQ(count, n);
    }
}

TEST_F(GateLimits, TokensCountAsEstimatedAndThenAsTheyWere) {
    limit({.name = ann, .tokens_min = 600});
    const Handle first = desk.arrive(by(way));
    EXPECT_EQ(let_in(4), 3) << "150 tokens each";
    EXPECT_EQ(desk.said(), "refuse 5 limit_tokens");
    EXPECT_EQ(desk.effects[0].reason.args, (std::array<std::int64_t, 3>{15'000, 600, ann.value()}));
    desk.finish(first, {.tokens_in = 20, .tokens_out = 30});
    EXPECT_EQ(let_in(1), 0) << "100 came back, 150 are asked";
    EXPECT_EQ(desk.effects[0].reason.args[0], 5'000);
    desk.now.boot = at(5s);
    const Handle long_one = desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "grant 7 on 20 own_free");
    desk.finish(long_one, {.tokens_in = 100, .tokens_out = 1'250});
    EXPECT_EQ(let_in(1), 0);
    EXPECT_EQ(desk.effects[0].reason.args[0], 135'000) << "1,200 more than was thought: overdrawn";
}

TEST_F(GateLimits, WhatWasNotServedGivesItsTokensBack) {
    limit({.name = ann, .tokens_min = 150});
    const Handle granted = desk.arrive(by(way));
    desk.cancel(granted);
    EXPECT_EQ(let_in(2), 1);
    Desk closed{{.limits = {{.name = way, .tokens_min = 150}}}};
    closed.arrive(by(way));  // nobody serves it
    EXPECT_EQ(closed.said(), "queued 1");
    closed.arrive(by(way));
    EXPECT_EQ(closed.said(), "refuse 2 limit_tokens") << "those who wait count";
    closed.run_to(10s);
    EXPECT_EQ(closed.said(), "refuse 1 no_source");
    closed.now.boot = at(10s);
    Arrival later = by(way);
    later.give_up_at = at(20s);
    closed.arrive(later);
    EXPECT_EQ(closed.said(), "queued 3");
}

TEST_F(GateLimits, MoreThanAMinutesTokensNeedAFullBucket) {
    limit({.name = ann, .tokens_min = 100});
    EXPECT_EQ(let_in(2), 1) << "else it could never come in";
    EXPECT_EQ(desk.effects[0].reason.args[0], 90'000);
    desk.now.boot = at(90s - 1ns);
    EXPECT_EQ(let_in(1), 0);
    desk.now.boot = at(90s);
    EXPECT_EQ(let_in(1), 1);
}

TEST_F(GateLimits, AtOnceCountsThoseThatWaitAndThoseThatRun) {
    limit({.name = ann, .in_flight = 3});
    desk.worker(own, SourceKind::own, 2);
    const Handle first = desk.arrive(by(way));
    desk.arrive(by(way));
    const Handle waits = desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "queued 3");
    desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "refuse 4 limit_in_flight");
    EXPECT_EQ(desk.effects[0].reason.args, (std::array<std::int64_t, 3>{0, 3, ann.value()}));
    desk.cancel(waits);
    desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "queued 5");
    desk.finish(first);
    EXPECT_EQ(desk.said(), "grant 5 on 20 own_waited");
    desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "queued 6");
    desk.arrive(by(way));
    EXPECT_EQ(desk.said(), "refuse 7 limit_in_flight");
    desk.stop();
    EXPECT_EQ(desk.said(), "refuse 6 stopping");
    EXPECT_EQ(desk.model().left, 4) << "two by the limit, one by the stop, one by itself";
    EXPECT_EQ(desk.model().refused, 0) << "no work that more machines would have done";
}

TEST_F(GateLimits, ARetryKeepsItsPlaceAmongThoseAtOnce) {
    limit({.name = ann, .requests_min = 1, .in_flight = 1});
    desk.worker(own2, SourceKind::own, 1);
    const Handle handle = desk.arrive(by(way));
    desk.retry(handle);
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "asked once, at arrival";
    desk.finish(handle);
    desk.now.boot = at(60s);
    EXPECT_EQ(let_in(1), 1);
}

TEST_F(GateLimits, KeyAndRouteAreBothAskedAndARefusalTakesFromNeither) {
    desk.apply({.limits = {{.name = way, .requests_min = 4}}});
    limit({.name = ann, .requests_min = 2});
    EXPECT_EQ(let_in(3), 2);
    EXPECT_EQ(desk.effects[0].reason.args[2], ann.value());
    EXPECT_EQ(let_in(3, ben), 2) << "ann's third took nothing from the route";
    EXPECT_EQ(desk.effects[0].reason.args[2], way.value());
    EXPECT_EQ(let_in(3, ben, other_way), 3);
    desk.apply({});
    EXPECT_EQ(let_in(3, ben), 3) << "the limit of the route is gone with its line";
}

TEST_F(GateLimits, ANewNumberKeepsWhatIsUsed) {
    limit({.name = ann, .requests_min = 10, .in_flight = 10});
    EXPECT_EQ(let_in(10), 10);
    limit({.name = ann, .requests_min = 1'000, .in_flight = 10});
    EXPECT_EQ(let_in(1), 0);
    EXPECT_EQ(desk.effects[0].reason.code, ReasonCode::limit_in_flight) << "ten run";
    limit({.name = ann});
    EXPECT_EQ(let_in(50), 50) << "none any more";
    limit({.name = ann, .in_flight = 61});
    EXPECT_EQ(let_in(2), 1) << "those that came without a limit count";
}

TEST_F(GateLimits, ARestartGivesNothingTwice) {
    limit({.name = ann, .requests_min = 6, .tokens_min = 1'000});
    for (int i = 0; i < 6; ++i) {
        desk.gate.recall(ann, way, 100, at(-30s));
    }
    EXPECT_EQ(let_in(6), 3) << "half of a minute's have flowed in since";
    EXPECT_EQ(desk.effects[0].reason.code, ReasonCode::limit_requests);
    Desk again{};
    again.worker(own, SourceKind::own, 100);
    Effects effects;
    again.gate.key_changed({.rate = {.name = ann, .requests_min = 6}}, again.now, effects);
    for (int i = 0; i < 6; ++i) {
        again.gate.recall(ann, way, 100, at(-1s));
    }
    again.arrive(by(way));
    EXPECT_EQ(again.said(), "refuse 1 limit_requests");
    EXPECT_EQ(again.effects[0].reason.args[0], 9'000);
}

}  // namespace
}  // namespace evenkeel::gate
