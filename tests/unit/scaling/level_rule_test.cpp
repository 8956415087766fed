#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

/// The rule level-memory.
namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

/// A world that obeys: what is ordered boots and then serves, what is released is gone. The excess
/// is shared out: rented machines take what they can, the rest overflows.
struct Obedient : Scene {
    std::int64_t machines_made{0};
    int orders{0};
    int releases{0};
    double each_takes{0.6};  ///< of what a machine could do at best

    Obedient() {
        policy.rule = config::RentRule::level_memory;
        policy.max = 8;
        policy.max_order = 8;
        safety.max_machines = 8;
        safety.max_creates_per_hour = 1'000'000;
    }
    /// One second in which the excess keeps `machines` busy and is worth `price` of their prices.
    void second(double machines, double price) {
        int ready = 0;
        for (MachineView& machine : snapshot.machines) {
            if (machine.state == MachineState::booting &&
                snapshot.now.boot - machine.ordered_at >= 420s) {
                machine.state = MachineState::serving;
                machine.serving_at = snapshot.now.boot;
                machine.last_busy = snapshot.now.boot;
            }
            ready += machine.state == MachineState::serving ? 1 : 0;
        }
        const double served = std::min(machines, ready * each_takes);
        const auto money = [&](double work) {
            return static_cast<std::int64_t>(work * price * static_cast<double>(per_second));
        };
        const auto tokens = [](double work) { return static_cast<std::int64_t>(work * 7'000); };
        snapshot.demand.rental_worth += money(served);
        snapshot.demand.rental_tokens_in += tokens(served);
        snapshot.demand.overflow_cost += money(machines - served);
        snapshot.demand.overflow_tokens_in += tokens(machines - served);
        snapshot.demand.queued = machines > served ? 1 : 0;
        tick(1s);
        for (const Decision& decision : decisions) {
            for (int i = 0; i < decision.count; ++i) {
                booting(++machines_made, 0s);
                ++orders;
            }
            if (decision.kind == DecisionKind::release) {
                std::erase_if(snapshot.machines, [&](const MachineView& machine) {
                    return machine.id == decision.machine;
                });
                --snapshot.room.machines_total;
                ++releases;
            }
        }
    }
    void seconds_of(int count, double machines, double price) {
        for (int i = 0; i < count; ++i) {
            second(machines, price);
        }
    }
};

TEST(LevelMemory, OrdersAtHalfOfWhatARentalCommits) {
    Obedient world;
    int waited = 0;
    while (world.orders == 0 && waited < 600) {
        world.second(0.5, 12);
        ++waited;
    }
    // 5 prices a second more than its own, averaged over 30 s: half of 480 s of price.
    EXPECT_GT(waited, 240 / 5);
    EXPECT_LT(waited, 240 / 5 + 60);
    EXPECT_EQ(world.only()->reason.code, ReasonCode::rent_level);
    EXPECT_EQ(world.only()->reason.args[1], 480 * per_second);
    EXPECT_GE(world.only()->reason.args[0], 240 * per_second);
}

TEST(LevelMemory, SeveralLevelsFallDueTogether) {
    Obedient world;
    world.seconds_of(200, 2.4, 20);
    EXPECT_EQ(world.orders, 4) << "2.4 machines at 60 % are four";
    Obedient capped;
    capped.policy.max_order = 1;
    int most_at_once = 0;
    for (int i = 0; i < 200; ++i) {
        capped.second(2.4, 20);
        most_at_once = std::max(most_at_once, capped.ordered());
    }
    EXPECT_EQ(most_at_once, 1);
}

TEST(LevelMemory, WhatGoesPastAMachineThatLooksIdleEnoughOrdersAnother) {
    Obedient world;
    world.seconds_of(1'200, 0.5, 20);
    EXPECT_EQ(world.orders, 1) << "0.5 machines at 60 % are one";
    world.each_takes = 0.3;
    int waited = 0;
    while (world.orders == 1 && waited < 600) {
        world.second(0.5, 20);
        ++waited;
    }
    // 0.2 x 20 prices a second that an API gets, less its own price: 240 s of price after 80 s.
    EXPECT_EQ(world.orders, 2);
    EXPECT_GT(waited, 80);
    EXPECT_LT(waited, 120);
}

TEST(LevelMemory, WhatNeverPaysIsNeverRented) {
    Obedient world;
    world.seconds_of(5'000, 3.0, 1.6);  // 0.96 of its price at the efficiency reached
    EXPECT_EQ(world.orders, 0);
    EXPECT_EQ(world.state.memory.account, 0);
}

TEST(LevelMemory, IdleMachineIsGivenBackAfterOneBootBill) {
    Obedient world;
    world.seconds_of(1'200, 0.5, 12);
    ASSERT_EQ(world.orders, 1);
    int waited = 0;
    while (world.releases == 0 && waited < 4'000) {
        world.second(0, 0);
        ++waited;
    }
    EXPECT_EQ(world.releases, 1);
    EXPECT_GE(waited, 420);
    EXPECT_LE(waited, 4 * 420 + 300) << "never held past four boot bills of plain idling";
}

TEST(LevelMemory, NoMachineIsGivenBackBeforeItsMinimumBillAndABootWereServed) {
    for (const auto minimum : {0s, 1'800s}) {
        Obedient world;
        world.policy.keep_warm_millis = 0;
        world.policy.min_bill = minimum;
        while (world.orders == 0) {
            world.second(0.5, 12);
        }
        const auto serves = [&] {
            return world.snapshot.machines.front().state == MachineState::serving;
        };
        while (!serves()) {
            world.second(0.5, 12);
        }
        int served = 1;  // the second in which it began to serve
        while (world.releases == 0 && served < 4'000) {
            world.second(0, 0);
            ++served;
        }
        EXPECT_EQ(world.releases, 1);
        EXPECT_GE(served, std::max<std::int64_t>(420, minimum.count()));
    }
}

TEST(LevelMemory, NewestMachineGoesFirstAndNothingWhileOneBoots) {
    Obedient world;
    world.ready(1, 2h);
    world.ready(2, 1h);
    world.machines_made = 2;
    world.booting(3, 0s);
    for (int i = 0; i < 400; ++i) {
        world.second(0, 0);
        for (const Decision& decision : world.decisions) {
            EXPECT_EQ(decision.reason.code, ReasonCode::rent_boot_cancelled);
        }
    }
    while (world.releases < 2) {
        world.second(0, 0);
    }
    EXPECT_EQ(world.snapshot.machines.size(), 1u);
    EXPECT_EQ(world.snapshot.machines.front().id, MachineId{1});
}

TEST(LevelMemory, LoadThatComesBackIsWaitedFor) {
    // Bursts of 10 min, 10 min apart, above a base that the own workers serve: after some of them
    // the machine is kept over the pauses. In the end there are fewer orders than bursts.
    Obedient world;
    for (int burst = 0; burst < 24; ++burst) {
        world.seconds_of(600, 0.5, 12);
        world.seconds_of(600, 0.02, 1);
    }
    Obedient plain;
    plain.constants.level_credit_millis = 0;  // memory is never listened to
    for (int burst = 0; burst < 24; ++burst) {
        plain.seconds_of(600, 0.5, 12);
        plain.seconds_of(600, 0.02, 1);
    }
    EXPECT_LT(world.orders, plain.orders);
    EXPECT_GT(world.state.memory.account, 0) << "and it has paid";
}

TEST(LevelMemory, ALimitThatHoldsItBackIsNotMemorysLoss) {
    Obedient world;
    world.snapshot.frozen = true;
    world.seconds_of(5'000, 1.0, 20);
    EXPECT_EQ(world.orders, 0);
    EXPECT_GE(world.state.memory.account, -480 * per_second);
}

/// RENT-RULE section 7: account >= -(credit + kmax x N) x bill at every tick.
TEST(LevelMemory, AccountNeverFallsBelowItsBound) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
        Obedient world;
        const std::int64_t bill = 420 * per_second;
        for (int phase = 0; phase < 24; ++phase) {
            const double machines = below(4) == 0 ? 0.0 : below(40) / 10.0;
            const double price = 0.5 + below(300) / 10.0;
            const int length = 20 + below(900);
            for (int i = 0; i < length; ++i) {
                world.second(machines, price);
                ASSERT_GE(world.state.memory.account, -(2 + 4 * 8) * bill)
                    << "seed " << seed << " phase " << phase;
                ASSERT_LE(world.state.memory.account, 20 * bill);
            }
        }
    }
}

TEST(LevelMemory, WithoutApiPriceTheBacklogDecides) {
    Obedient world;
    world.snapshot.api_priced = false;
    world.snapshot.demand.queued = 100;
    world.snapshot.demand.queued_tokens_in = 7'000 * 400;
    world.tick(5s);
    world.tick(5s);
    EXPECT_GE(world.ordered(), 1);
    EXPECT_EQ(world.decisions.front().reason.code, ReasonCode::rent_backlog);
}

TEST(BreakEven, OrdersOneMachineAtATimeAndWithKSeveral) {
    for (const auto& [rule, expected] :
         {std::pair{config::RentRule::break_even, 1},
          std::pair{config::RentRule::break_even_k, 2}}) {
        Scene scene;
        scene.policy.rule = rule;
        scene.make_due(5.0);
        scene.tick(1s);
        EXPECT_EQ(scene.ordered(), expected);
    }
}

}  // namespace
}  // namespace evenkeel::scaling
