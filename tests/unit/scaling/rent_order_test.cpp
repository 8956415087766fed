#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

TEST(RentRule, QuietModelRentsNothing) {
    Scene scene;
    for (int i = 0; i < 1'000; ++i) {
        EXPECT_TRUE(scene.tick(1s).empty());
    }
    EXPECT_EQ(scene.state.debt, 0);
}

TEST(RentRule, CommitIsPriceTimesBootAndMinimumRoundedUp) {
    EXPECT_EQ(commit_cost(hour_nanos, 420s, 60s), 480 * per_second);
    EXPECT_EQ(commit_cost(1, 1ms, 0ms), 1);
}

TEST(RentRule, RentsWhenOverflowHasCostWhatARentalCommits) {
    Scene scene;
    // 0.01 USD a second against 0.001 of the machine: 0.48 is reached after 53.3 s.
    scene.overflow(300s, 300 * 10 * per_second, 30);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->kind, DecisionKind::order);
    EXPECT_EQ(scene.only()->offer, offer_a);
    EXPECT_EQ(scene.only()->count, 1);
    EXPECT_EQ(scene.only()->reason.code, ReasonCode::rent_debt);
    EXPECT_EQ(scene.only()->reason.args[1], 480 * per_second);
    const auto waited = scene.snapshot.now.boot - BootTime{100h};
    EXPECT_GE(waited, 53s);
    EXPECT_LE(waited, 55s);
    EXPECT_EQ(scene.state.debt, 0);
}

TEST(RentRule, RefusedRequestsCountAsOverflow) {
    Scene scene;
    for (int i = 0; i < 12 && scene.decisions.empty(); ++i) {
        scene.snapshot.demand.refused_worth += 50 * per_second;
        scene.snapshot.demand.refused_tokens_in += 3'500;
        scene.tick(5s);
    }
    EXPECT_EQ(scene.ordered(), 1);
}

TEST(RentRule, CheapApiNeverPaysForAMachine) {
    Scene scene;
    scene.overflow(24h, 86'400 * per_second / 10 * 9, 8'000);
    EXPECT_TRUE(scene.decisions.empty());
    EXPECT_EQ(scene.state.debt, 0);
}

TEST(RentRule, ShortSpikeIsForgottenAgain) {
    Scene scene;
    scene.overflow(30s, 30 * 10 * per_second, 3);
    EXPECT_TRUE(scene.decisions.empty());
    EXPECT_GT(scene.state.debt, 200 * per_second);
    for (int i = 0; i < 80; ++i) {
        scene.tick(5s);
    }
    EXPECT_EQ(scene.state.debt, 0);
}

TEST(RentRule, OneMachineIsChargedOnlyWithWhatOneMachineCanDo) {
    Scene scene;
    // Ten machines' worth of work: one machine would have saved a tenth of the money.
    scene.overflow(25s, 25 * 100 * per_second, 250);
    EXPECT_NEAR(
        static_cast<double>(scene.state.debt), 25 * (10 - 1) * per_second, 0.1 * per_second);
}

TEST(RentRule, OrderIsSizedByTheOverflowAndCappedByMaxOrder) {
    for (const auto& [over, expected] : {std::pair{0.3, 1}, std::pair{0.9, 2}, std::pair{5.0, 2}}) {
        Scene scene;
        scene.make_due(over);
        scene.tick(1s);
        EXPECT_EQ(scene.ordered(), expected) << over;
    }
    Scene scene;
    scene.policy.max_order = 9;
    scene.policy.max = 9;
    scene.make_due(2.3);
    scene.tick(1s);
    EXPECT_EQ(scene.ordered(), 4) << "2.3 machines at 60 %";
}

TEST(RentRule, NothingIsOrderedWhileBootsCoverTheNeed) {
    Scene scene;
    scene.booting(1, 10s);
    scene.make_due(0.5);
    EXPECT_TRUE(scene.tick(1s).empty());
    EXPECT_EQ(scene.state.debt, 480 * per_second) << "a boot does not pile up a second order";
    scene.make_due(1.1);
    scene.tick(1s);
    EXPECT_EQ(scene.ordered(), 1) << "1.1 machines at 60 % are two, one boots";
}

TEST(RentRule, RuleNeverRentsNothing) {
    Scene scene;
    scene.policy.rule = config::RentRule::never;
    scene.make_due(3);
    EXPECT_TRUE(scene.tick(1s).empty());
}

TEST(RentRule, BelowTheMinimumItRentsWithoutDebt) {
    Scene scene;
    scene.policy.min = 2;
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->count, 2);
    EXPECT_EQ(scene.only()->reason, (Reason{ReasonCode::rent_min, {2}}));
    scene.booting(1, 1s);
    scene.booting(2, 1s);
    EXPECT_TRUE(scene.tick(1s).empty());
}

struct HoldCase {
    const char* name;
    void (*change)(Scene&);
    ReasonCode expected;  ///< none: it rents
};
class RentHold : public testing::TestWithParam<HoldCase> {};

/// F16, F50, F94, F98, I5, I8: everything that says no, and its neighbour that does not.
TEST_P(RentHold, SaysWhy) {
    Scene scene;
    scene.make_due();
    GetParam().change(scene);
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    if (GetParam().expected == ReasonCode::none) {
        EXPECT_EQ(scene.only()->kind, DecisionKind::order);
    } else {
        EXPECT_EQ(scene.only()->kind, DecisionKind::hold);
        EXPECT_EQ(to_text(scene.only()->reason.code), to_text(GetParam().expected));
        EXPECT_GE(scene.state.debt, 480 * per_second) << "the wish stays";
    }
}

void each_offer(Scene& scene, void (*change)(OfferView&)) {
    for (OfferView& offer : scene.snapshot.offers) {
        change(offer);
    }
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    RentHold,
    testing::Values(
        HoldCase{"NothingInTheWay", [](Scene&) {}, ReasonCode::none},
        HoldCase{"Frozen", [](Scene& s) { s.snapshot.frozen = true; }, ReasonCode::hold_frozen},
        HoldCase{
            "LedgerDown", [](Scene& s) { s.snapshot.ledger_ok = false; }, ReasonCode::hold_ledger},
        HoldCase{
            "BudgetAction",
            [](Scene& s) { s.snapshot.budget_blocks = true; },
            ReasonCode::hold_budget},
        HoldCase{
            "BudgetOneNanoShort",
            [](Scene& s) { s.snapshot.room.budget = 480 * per_second - 1; },
            ReasonCode::hold_budget},
        HoldCase{
            "BudgetExact",
            [](Scene& s) { s.snapshot.room.budget = 480 * per_second; },
            ReasonCode::none},
        HoldCase{
            "DayOneNanoShort",
            [](Scene& s) { s.snapshot.room.day = 480 * per_second - 1; },
            ReasonCode::hold_budget},
        HoldCase{
            "RateOneNanoShort",
            [](Scene& s) { s.snapshot.room.rate = hour_nanos - 1; },
            ReasonCode::hold_rate},
        HoldCase{
            "RateExact", [](Scene& s) { s.snapshot.room.rate = hour_nanos; }, ReasonCode::none},
        HoldCase{
            "MaxOfTheRule",
            [](Scene& s) {
                s.policy.max = 1;
                s.ready(1, 30s);
                s.make_due();
            },
            ReasonCode::hold_max},
        HoldCase{
            "DeletingCountsStill",
            [](Scene& s) {
                s.policy.max = 1;
                s.booting(1, 30s).state = MachineState::deleting;
            },
            ReasonCode::hold_max},
        HoldCase{
            "OnlyToBeProvedGoneCountsNoMore",
            [](Scene& s) {
                s.policy.max = 1;
                s.booting(1, 30s).state = MachineState::verifying;
            },
            ReasonCode::none},
        HoldCase{
            "MaxMachinesOfAllRules",
            [](Scene& s) { s.snapshot.room.machines_total = 8; },
            ReasonCode::hold_max},
        HoldCase{
            "CreatesPerHour",
            [](Scene& s) { s.snapshot.room.creates_last_hour = 6; },
            ReasonCode::hold_creates},
        HoldCase{
            "OneCreateLeft",
            [](Scene& s) { s.snapshot.room.creates_last_hour = 5; },
            ReasonCode::none},
        HoldCase{
            "NoStockAnywhere",
            [](Scene& s) { each_offer(s, [](OfferView& o) { o.in_stock = false; }); },
            ReasonCode::hold_stock},
        HoldCase{
            "ProvidersAreFull",
            [](Scene& s) { each_offer(s, [](OfferView& o) { o.provider_room = 0; }); },
            ReasonCode::hold_stock},
        HoldCase{
            "NoOfferAtAll",
            [](Scene& s) {
                s.policy.min = 1;
                s.snapshot.offers.clear();
            },
            ReasonCode::hold_stock},
        HoldCase{
            "OneNanoTooDear",
            [](Scene& s) {
                each_offer(
                    s, [](OfferView& o) { o.price = Price::per_hour(Money{5'000'000'001, usd}); });
            },
            ReasonCode::hold_price},
        HoldCase{
            "ExactlyTheHighestPrice",
            [](Scene& s) {
                each_offer(
                    s, [](OfferView& o) { o.price = Price::per_hour(Money{5'000'000'000, usd}); });
            },
            ReasonCode::none},
        HoldCase{
            "OtherCurrencyThanTheLimit",
            [](Scene& s) {
                each_offer(s, [](OfferView& o) { o.price = Price::per_hour(Money{1, aud}); });
            },
            ReasonCode::hold_price},
        HoldCase{
            "NoLimitStated",
            [](Scene& s) { s.policy.max_price = Price{}; },
            ReasonCode::hold_price},
        HoldCase{
            "OldPrice",
            [](Scene& s) { each_offer(s, [](OfferView& o) { o.price_age = 24h + 1s; }); },
            ReasonCode::hold_price_age},
        HoldCase{
            "ThreeFailedOrders",
            [](Scene& s) {
                for (int i = 0; i < 3; ++i) {
                    order_failed(s.state, offer_a, false, s.snapshot.now.utc, s.constants);
                }
            },
            ReasonCode::hold_failures},
        HoldCase{
            "TwoFailedOrders",
            [](Scene& s) {
                for (int i = 0; i < 2; ++i) {
                    order_failed(s.state, offer_a, false, s.snapshot.now.utc, s.constants);
                }
            },
            ReasonCode::none}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(RentRule, SoldOutOfferIsPassedOverForTenMinutes) {
    Scene scene;
    order_failed(scene.state, offer_a, true, scene.snapshot.now.utc, scene.constants);
    scene.make_due();
    scene.tick(1s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->offer, offer_b);
    scene.tick(10min);
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.only()->offer, offer_a);
}

TEST(RentRule, OrderFallsOverToTheNextOfferWithinOneTick) {
    Scene scene;
    scene.snapshot.offers[0].provider_room = 1;
    scene.make_due(5);
    scene.tick(1s);
    ASSERT_EQ(scene.decisions.size(), 2u);
    EXPECT_EQ(scene.decisions[0].offer, offer_a);
    EXPECT_EQ(scene.decisions[0].count, 1);
    EXPECT_EQ(scene.decisions[1].offer, offer_b);
    EXPECT_EQ(scene.decisions[1].count, 1);
}

TEST(RentRule, EachMachineOfAnOrderNeedsItsOwnMoney) {
    Scene scene;
    scene.snapshot.room.budget = 2 * 480 * per_second - 1;
    scene.make_due(5);
    scene.tick(1s);
    EXPECT_EQ(scene.ordered(), 1);
}

TEST(RentRule, FreezeAfterFailuresEndsByItself) {
    Scene scene;
    for (int i = 0; i < 3; ++i) {
        order_failed(scene.state, offer_a, false, scene.snapshot.now.utc, scene.constants);
    }
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.only()->reason.code, ReasonCode::hold_failures);
    scene.tick(15min);
    scene.make_due();
    scene.tick(1s);
    EXPECT_EQ(scene.ordered(), 1);
}

TEST(RentRule, F50TenThousandRequestsInOneSecondStayWithinTheCaps) {
    Scene scene;
    scene.policy.max_order = 20;
    scene.policy.max = 20;
    scene.safety.max_machines = 3;
    int total = 0;
    for (int i = 0; i < 100; ++i) {
        if (i < 4) {  // they overflow as their patience ends, within 20 s
            scene.snapshot.demand.overflow_cost += 2'500 * 10 * per_second;
            scene.snapshot.demand.overflow_tokens_in += 2'500 * 1'155;
            scene.snapshot.demand.overflow_tokens_out += 2'500 * 211;
        }
        scene.tick(5s);
        for (int k = 0; k < scene.ordered(); ++k) {
            scene.booting(++total, 0s);
            ++scene.snapshot.room.creates_last_hour;
        }
    }
    EXPECT_LE(total, 3);
    EXPECT_GE(total, 1);
}

TEST(RentRule, TrustMovesTheThresholdByTheForecast) {
    for (const bool burst : {false, true}) {
        Scene scene;
        scene.policy.trust_millis = 500;
        scene.state.debt = 480 * per_second;
        scene.state.worth_slow = burst ? 2.0 * per_second : 0.0;
        scene.state.over = 0.3;
        scene.tick(1s);
        EXPECT_EQ(scene.ordered(), burst ? 1 : 0);
    }
}

TEST(RentRule, SpeedChangesNothingButTheClock) {
    Scene slow;
    Scene fast;
    fast.constants = Constants::scaled(30);
    for (OfferView& offer : fast.snapshot.offers) {
        offer.hour_report *= 30;
        offer.price = Price::per_hour(Money{hour_nanos * 30, usd});
        offer.min_bill = 2s;
    }
    fast.policy.max_price = Price::per_hour(Money{150'000'000'000, usd});
    int slow_ticks = 0;
    int fast_ticks = 0;
    for (auto* one : {&slow, &fast}) {
        int& ticks = one == &slow ? slow_ticks : fast_ticks;
        while (one->decisions.empty() && ticks < 1'000) {
            one->snapshot.demand.overflow_cost += 150 * per_second;
            one->snapshot.demand.overflow_tokens_in += 7'000 * 15;
            one->tick(one == &slow ? 15'000ms : 500ms);
            ++ticks;
        }
    }
    EXPECT_EQ(slow_ticks, fast_ticks);
    EXPECT_EQ(slow.ordered(), fast.ordered());
    EXPECT_EQ(slow.only()->reason, fast.only()->reason);
}

/// No API price: the rental itself is the reference.
TEST(RentRule, WithoutApiItRentsWhenTheBacklogOutlastsPatience) {
    Scene scene;
    scene.snapshot.api_priced = false;
    scene.snapshot.own_rate = 0.5;
    scene.snapshot.patience = 20s;
    scene.snapshot.demand.queued = 100;
    scene.snapshot.demand.queued_tokens_in = 7'000 * 9;  // 9 s, and 10 s fit
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(scene.tick(5s).empty());
    }
    scene.snapshot.demand.queued_tokens_in = 7'000 * 11;
    EXPECT_TRUE(scene.tick(5s).empty());
    EXPECT_TRUE(scene.tick(15s).empty());
    scene.tick(5s);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->reason.code, ReasonCode::rent_backlog);
    EXPECT_EQ(scene.only()->count, 1);
}

TEST(RentRule, WithoutApiABigBacklogOrdersSeveral) {
    Scene scene;
    scene.snapshot.api_priced = false;
    scene.snapshot.demand.queued = 1'000;
    scene.snapshot.demand.queued_tokens_in = 7'000 * 400;  // 252 s are one boot at 60 %
    scene.tick(5s);
    scene.tick(5s);
    EXPECT_EQ(scene.ordered(), 2);
}

RC_GTEST_PROP(RentRule, NeverPassesALimit, ()) {
    Scene scene;
    scene.policy.max = *rc::gen::inRange(0, 6);
    scene.policy.min = *rc::gen::inRange(0, 3);
    scene.policy.max_order = *rc::gen::inRange(1, 6);
    scene.safety.max_machines = *rc::gen::inRange(0, 8);
    scene.safety.max_creates_per_hour = *rc::gen::inRange(0, 6);
    scene.snapshot.room.budget = *rc::gen::inRange<std::int64_t>(0, 2'000 * per_second);
    scene.snapshot.room.rate = *rc::gen::inRange<std::int64_t>(0, 5 * hour_nanos);
    scene.snapshot.offers[0].provider_room = *rc::gen::inRange(0, 3);
    scene.snapshot.offers[1].provider_room = *rc::gen::inRange(0, 3);
    const int booting = *rc::gen::inRange(0, 4);
    for (int i = 0; i < booting; ++i) {
        scene.booting(i + 1, 1s);
    }
    scene.make_due(*rc::gen::inRange(0, 50) / 10.0);
    scene.tick(1s);
    const int count = scene.ordered();
    if (count > 0) {
        RC_ASSERT(booting + count <= scene.policy.max);
        RC_ASSERT(booting + count <= scene.safety.max_machines);
        RC_ASSERT(count <= scene.safety.max_creates_per_hour);
        RC_ASSERT(count * 480 * per_second <= *scene.snapshot.room.budget);
        RC_ASSERT(count * hour_nanos <= *scene.snapshot.room.rate);
        RC_ASSERT(
            count <=
            scene.snapshot.offers[0].provider_room + scene.snapshot.offers[1].provider_room);
    }
}

}  // namespace
}  // namespace evenkeel::scaling
