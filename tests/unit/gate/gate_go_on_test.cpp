#include "tests/unit/gate/desk.hpp"

#include <gtest/gtest.h>

/// The first part of an answer that another worker goes on with.
namespace evenkeel::gate {
namespace {

using namespace desk;

constexpr NameIx way{50};

struct GateGoOnMoney : testing::Test {
    GateGoOnMoney() {
        desk.worker(own, SourceKind::own, 1);
        desk.worker(own2, SourceKind::own, 1, true, 9);
    }
    Desk desk{{.budgets = {budget(team, 100 * cent)}}};
};

TEST_F(GateGoOnMoney, IsSettledAtOnceAndTheRestAtTheEnd) {
    const Handle handle = desk.arrive(charged());
    desk.go_on(handle, at(5s), {.charged_report = 4 * cent});
    EXPECT_EQ(desk.said(), "grant 1 on 21 own_waited");
    EXPECT_EQ(room_of(desk), (Room{4 * cent, 10 * cent})) << "and the rest is set aside anew";
    desk.finish(handle, {.charged_report = 2 * cent});
    EXPECT_EQ(room_of(desk), (Room{6 * cent, 0}));
}

TEST_F(GateGoOnMoney, StaysSettledWhenNobodyWritesTheRest) {
    const Handle full = desk.arrive(charged());
    const Handle dying = desk.arrive(charged());
    desk.go_on(dying, at(5s), {.charged_report = 4 * cent});
    EXPECT_EQ(desk.said(), "queued 2");
    EXPECT_EQ(room_of(desk), (Room{4 * cent, 10 * cent})) << "held for the other one";
    desk.run_to(5s);
    EXPECT_EQ(desk.said(), "refuse 2 wait_over");
    EXPECT_EQ(room_of(desk), (Room{4 * cent, 10 * cent}));
    desk.finish(full);
    const Handle gone = desk.arrive(charged());
    desk.go_on(gone, at(9s), {.charged_report = cent});
    desk.cancel(gone);
    EXPECT_EQ(room_of(desk), (Room{5 * cent, 0}));
}

TEST_F(GateGoOnMoney, MayHaveBeenEstimatedTooHigh) {
    const Handle handle = desk.arrive(charged());
    desk.go_on(handle, at(5s), {.charged_report = 4 * cent});
    desk.finish(handle, {.charged_report = -cent});
    EXPECT_EQ(room_of(desk), (Room{3 * cent, 0}));
}

TEST_F(GateGoOnMoney, WhatComesBackIsNoCreditInANewWindow) {
    const Handle handle = desk.arrive(charged());
    desk.go_on(handle, at(5s), {.charged_report = 4 * cent});
    desk.gate.budget_booked(team, 0, desk.now, {});
    desk.finish(handle, {.charged_report = -cent});
    EXPECT_EQ(room_of(desk), (Room{0, 0}));
}

TEST_F(GateGoOnMoney, CountsInALimitThatIsNewMeanwhile) {
    const Handle handle = desk.arrive(charged());
    desk.go_on(handle, at(5s), {.charged_report = 4 * cent});
    desk.gate.key_changed(
        {.rate = {.name = ann}, .money = 15 * cent, .spent_unknown = true}, desk.now, desk.effects);
    desk.gate.key_spent(ann, 0, desk.now);
    desk.arrive(charged(ann, cent));
    EXPECT_EQ(desk.said(), "grant 2 on 20 own_free") << "four settled, ten held, one more";
    desk.finish(handle, {.charged_report = 2 * cent});
    desk.arrive(charged(ann, 9 * cent));
    EXPECT_EQ(desk.said(), "queued 3") << "six and one and nine are sixteen";
}

TEST_F(GateGoOnMoney, NeedsRoomForTheRestToo) {
    desk.apply({.budgets = {budget(team, 12 * cent)}});
    const Handle handle = desk.arrive(charged());
    desk.go_on(handle, at(5s), {.charged_report = 4 * cent});
    EXPECT_EQ(desk.said(), "refuse 1 budget_spent");
    EXPECT_EQ(room_of(desk), (Room{4 * cent, 0}));
}

/// 150 tokens of a minute's 600 count while a request runs; then what it was: 40 and 60 here.
TEST(GateGoOn, TheFirstPartOfAnAnswerCountsWhateverBecomesOfTheRest) {
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
