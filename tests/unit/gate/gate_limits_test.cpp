#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

#include <limits>

/// What one key or one route may ask for, in virtual time.
namespace evenkeel::gate {
namespace {

using namespace desk;

constexpr NameIx way{50};
constexpr NameIx other_way{51};

/// 150 tokens of `ann` by `way`.
Arrival by(NameIx route, NameIx key = ann) {
    Arrival arrival = ask(key);
    arrival.route = route;
    return arrival;
}

struct GateLimits : testing::Test {
    GateLimits() { desk.worker(own, SourceKind::own, 1'000); }
    void limit(RateLimit rate, std::int64_t money = -1, UtcTime resets = {}) {
        Effects effects;
        desk.gate.key_changed({.rate = rate, .money = money, .resets = resets}, desk.now, effects);
        desk.effects = effects;
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

// ---- money of a key --------------------------------------------------------------------------

struct GateKeyMoney : GateLimits {
    GateKeyMoney() {
        desk.worker(nano, SourceKind::api, 5'000);
        desk.now.utc = UtcTime{1000h};
    }
    /// May cost ten cents, and only nano may answer.
    static Arrival paid(NameIx key = ann) {
        Arrival arrival = buy();
        arrival.key = key;
        arrival.budgets = 0;
        return arrival;
    }
};

TEST_F(GateKeyMoney, F94AThousandAtOnceAgainstAKeyForTen) {
    limit({.name = ann}, 100 * cent, desk.now.utc + 90s);
    std::vector<Handle> granted;
    for (int i = 0; i < 1'000; ++i) {
        const Handle handle = desk.arrive(paid());
        if (desk.effects[0].kind == EffectKind::grant) {
            granted.push_back(handle);
        }
    }
    EXPECT_EQ(granted.size(), 10u) << "exactly those that fit";
    desk.arrive(paid(ben));
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "ben has no limit";
    for (const Handle handle : granted) {
        desk.finish(handle, {.charged_report = 10 * cent});
    }
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 1002 key_budget_spent");
    EXPECT_EQ(
        desk.effects[0].reason.args, (std::array<std::int64_t, 3>{100 * cent, 100 * cent, 90}));
    desk.run_to(10s);
    EXPECT_EQ(desk.effects.size(), 990u);
    for (const Effect& effect : desk.effects) {
        EXPECT_EQ(effect.reason.code, ReasonCode::key_budget_spent);
    }
}

TEST_F(GateKeyMoney, OwnWorkersGoOnWhenTheMoneyIsSpent) {
    limit({.name = ann}, 0);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 1 key_budget_spent");
    EXPECT_EQ(let_in(1), 1);
}

TEST_F(GateKeyMoney, TheOthersBudgetsCountBesideIt) {
    desk.apply({.revision = 1, .budgets = {budget(all, 15 * cent)}});
    limit({.name = ann}, 100 * cent);
    Arrival arrival = paid();
    arrival.revision = 1;
    arrival.budgets = 1;
    const Handle first = desk.arrive(arrival);
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(first, {.charged_report = 10 * cent});
    EXPECT_EQ(desk.said(), "") << "of 15 cents 10 are spent";
    desk.arrive(arrival);
    EXPECT_EQ(desk.said(), "refuse 3 budget_spent");
    EXPECT_EQ(desk.counters().budgets[0].settled, 10 * cent);
}

TEST_F(GateKeyMoney, ALimitThatIsNewCountsWhatRunsAndWhatWasSpent) {
    const Handle runs = desk.arrive(paid());
    limit({.name = ann}, 30 * cent);
    desk.gate.budget_added(ann, 10 * cent, desk.now);
    desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "10 held, 10 spent, 10 more";
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 3");
    desk.finish(runs, {.charged_report = 0});
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only");
}

TEST_F(GateKeyMoney, ALimitThatGrowsLetsThoseGoWhoWait) {
    limit({.name = ann}, 10 * cent);
    desk.arrive(paid());
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 2");
    limit({.name = ann}, 20 * cent - 1);
    EXPECT_EQ(desk.said(), "");
    limit({.name = ann}, 20 * cent);
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only") << "to the last unit";
}

TEST_F(GateKeyMoney, AWindowThatTurnsOverKeepsWhatRuns) {
    limit({.name = ann}, 20 * cent);
    const Handle done = desk.arrive(paid());
    desk.finish(done, {.charged_report = 10 * cent});
    desk.arrive(paid());
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 3");
    desk.gate.budget_booked(ann, 0, desk.now);
    desk.run_to(0s);
    EXPECT_EQ(desk.said(), "grant 3 on 30 api_only");
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 4") << "two holds of ten fill it";
}

TEST_F(GateKeyMoney, TheGateItselfBeginsTheNextWindow) {
    const UtcTime midnight = desk.now.utc + 10s;
    limit({.name = ann}, 10 * cent, midnight);
    desk.finish(desk.arrive(paid()), {.charged_report = 10 * cent});
    desk.now.utc = midnight - 1us;
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 2 key_budget_spent");
    EXPECT_EQ(desk.effects[0].reason.args[2], 1) << "a started second is waited for";
    desk.now.utc = midnight;
    const Handle first = desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "before anybody has told it";
    desk.finish(first, {.charged_report = 4 * cent});
    limit({.name = ann}, 10 * cent, midnight + 24h);
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "refuse 4 key_budget_spent") << "what was spent since is not forgotten";
    desk.now.utc = midnight + 24h;
    limit({.name = ann}, 10 * cent, midnight + 48h);
    desk.arrive(paid());
    EXPECT_EQ(desk.effects[0].kind, EffectKind::grant) << "told before it has looked";
}

TEST_F(GateKeyMoney, AReloadKeepsItsHolds) {
    limit({.name = ann}, 10 * cent);
    const Handle runs = desk.arrive(paid());
    desk.apply({.revision = 2, .budgets = {budget(all, 100 * cent)}});
    desk.arrive(paid());
    EXPECT_EQ(desk.said(), "queued 2");
    desk.finish(runs, {.charged_report = 1 * cent});
    EXPECT_EQ(desk.said(), "") << "9 cents are left, 10 are asked";
    limit({.name = ann});
    EXPECT_EQ(desk.said(), "grant 2 on 30 api_only") << "no limit any more";
}

/// 150 tokens of a minute's 600 count while a request runs; then what it was: 40 and 60 here.
TEST_F(GateLimits, TheFirstPartOfAnAnswerCountsWhateverBecomesOfTheRest) {
    for (const int end : {0, 1, 2}) {
        Desk fresh{{.limits = {{.name = way, .requests_min = 2, .tokens_min = 600}}}};
        fresh.worker(own, SourceKind::own, 1);
        fresh.worker(own2, SourceKind::own, 1, true, 9);
        const Handle handle = fresh.arrive(by(way));
        fresh.go_on(handle, at(5s), {.tokens_in = 30, .tokens_out = 10});
        ASSERT_EQ(fresh.said(), "grant 1 on 21 own_waited");
        EXPECT_EQ(fresh.source(own).tokens_in, 30);
        std::int64_t used = 40;
        if (end == 0) {
            fresh.finish(handle, {.tokens_in = -10, .tokens_out = 70});
            EXPECT_EQ(fresh.source(own2).tokens_in, 0) << "counters never step down";
            EXPECT_EQ(fresh.source(own2).tokens_out, 70);
            used = 100;
        } else if (end == 1) {
            fresh.cancel(handle);
        } else {
            fresh.retry(handle);
            EXPECT_EQ(fresh.said(), "refuse 1 source_failed");
        }
        Arrival rest = by(way);
        rest.tokens_in = 600 - used - rest.tokens_out + 1;
        fresh.arrive(rest);
        EXPECT_EQ(fresh.said(), "refuse 2 limit_tokens") << end;
        --rest.tokens_in;
        fresh.arrive(rest);
        EXPECT_EQ(fresh.said().substr(0, 5), "grant") << end << ": one request was used, not two";
    }
}

}  // namespace
}  // namespace evenkeel::gate
