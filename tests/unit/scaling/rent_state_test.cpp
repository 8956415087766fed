#include "policies/scaling/rent.hpp"
#include "tests/unit/scaling/scene.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace evenkeel::scaling {
namespace {

using namespace testing_scene;

RentState some_state() {
    RentState state;
    state.debt = 123'456'789;
    state.over = 0.25;
    state.worth = 1.5e6;
    state.worth_slow = 2.5e5;
    state.idle[MachineId{7}] = 42;
    state.idle[MachineId{9}] = 43;
    state.sold_out_until[offer_a] = utc0;
    state.failures = {utc0, utc0 + 1s};
    state.frozen_until = utc0 + 1h;
    return state;
}

TEST(RentStateBytes, RoundTrip) {
    const std::string bytes = to_bytes(some_state());
    const auto back = from_bytes(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_bytes(*back), bytes);
    EXPECT_EQ(back->debt, 123'456'789);
    EXPECT_EQ(back->idle.at(MachineId{9}), 43);
    EXPECT_EQ(back->sold_out_until.at(offer_a), utc0);
    EXPECT_EQ(back->failures.size(), 2u);
    EXPECT_FALSE(back->started);
}

TEST(RentStateBytes, EveryCutAndEveryOtherVersionIsCorrupt) {
    const std::string bytes = to_bytes(some_state());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const auto cut = from_bytes(std::string_view{bytes}.substr(0, length));
        ASSERT_FALSE(cut) << length;
        EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(from_bytes(bytes + "x"));
    std::string other = bytes;
    other[0] = 3;
    EXPECT_FALSE(from_bytes(other));
}

RC_GTEST_PROP(RentStateBytes, NoBytesHarm, ()) {
    std::string bytes = to_bytes(some_state());
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = static_cast<char>(*rc::gen::inRange(0, 256));
    const auto state = from_bytes(bytes);
    if (state) {
        Scene scene;
        scene.state = *state;
        scene.tick(1s);
        scene.tick(5s);
    }
    RC_SUCCEED("no crash");
}

/// Gate of POLICY section 8: kill the daemon at any tick; the same decisions follow.
TEST(RentStateBytes, F95RestartAtAnyTickLeadsToTheSameDecisions) {
    const auto live = [](int restart_at) {
        Scene scene;
        std::string log;
        for (int i = 0; i < 200; ++i) {
            if (i == restart_at) {
                scene.state = *from_bytes(to_bytes(scene.state));
                scene.tick(0s);  // the new process takes its base line at once
            }
            if (i < 60) {
                scene.snapshot.demand.overflow_cost += 15 * per_second;
                scene.snapshot.demand.overflow_tokens_in += 1'000;
            }
            scene.tick(5s);
            for (const Decision& decision : scene.decisions) {
                log += std::to_string(i) + ':' + std::string{to_text(decision.reason.code)} + ' ';
                if (decision.kind == DecisionKind::order) {
                    auto& machine = scene.booting(1, 0s);
                    machine.state = MachineState::serving;
                    machine.serving_at = scene.snapshot.now.boot;
                    machine.last_busy = scene.snapshot.now.boot;
                } else if (decision.kind == DecisionKind::release) {
                    scene.snapshot.machines.clear();
                    scene.snapshot.room.machines_total = 0;
                }
            }
        }
        return log;
    };
    const std::string straight = live(-1);
    EXPECT_NE(straight.find("rent_debt"), std::string::npos) << straight;
    EXPECT_NE(straight.find("rent_release"), std::string::npos) << straight;
    for (int i = 0; i < 200; i += 7) {
        EXPECT_EQ(live(i), straight) << "restart at tick " << i;
    }
}

TEST(RentStateBytes, CountersThatStartAnewAreNoNegativeDemand) {
    Scene scene;
    scene.snapshot.demand.overflow_cost = 1'000 * per_second;
    scene.tick(5s);
    scene.snapshot.demand.overflow_cost = 0;
    scene.snapshot.demand.overflow_tokens_in = 0;
    scene.tick(5s);
    EXPECT_GE(scene.state.debt, 0);
}

TEST(F86, RentRuleSurvivesANightOfSleep) {
    Scene scene;
    scene.ready(1, 1h);
    scene.tick(8h);
    ASSERT_TRUE(scene.only());
    EXPECT_EQ(scene.only()->kind, DecisionKind::release);
    EXPECT_EQ(scene.state.debt, 0);
}

TEST(F85, RentRuleIsNotShutByAWallClockJump) {
    Scene scene;
    for (int i = 0; i < 3; ++i) {
        order_failed(scene.state, offer_a, false, scene.snapshot.now.utc, scene.constants);
    }
    order_failed(scene.state, offer_a, true, scene.snapshot.now.utc, scene.constants);
    scene.snapshot.now.utc -= 24h;
    scene.make_due();
    scene.tick(1s);
    ASSERT_EQ(scene.ordered(), 1);
    EXPECT_EQ(scene.only()->offer, offer_a);
}

}  // namespace
}  // namespace evenkeel::scaling
