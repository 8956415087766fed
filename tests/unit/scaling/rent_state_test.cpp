#include "policies/scaling/rent.hpp"
#include "policies/scaling/state_bytes.hpp"
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
    state.at = utc0;
    state.gathered.time = 3s;
    state.gathered.overflow = 17;
    state.gathered.worth[MachineId{7}] = -2;
    state.backlog_for = 2s;
    state.memory.missed_money = 1'234.5;
    state.memory.missed_work = 0.25;
    state.memory.account = -5;
    state.memory.levels = {
        {.debt = 3, .shadow = ShadowPhase::booting, .cells = {{.seen = 2, .sum = 1.5}}}};
    state.memory.earned = {9};
    state.memory.seen = {3};
    state.memory.seen_earned = {8};
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
    EXPECT_EQ(back->memory, some_state().memory);
    EXPECT_EQ(back->gathered.overflow, 17);
    EXPECT_EQ(back->backlog_for, some_state().backlog_for);
}

/// Two boots of the longest length a policy may name (6 h), at the most machines it may name.
TEST(RentStateBytes, TheLargestMemoryThatIsWrittenIsRead) {
    constexpr std::size_t levels = 64;
    constexpr std::size_t samples = 4'320;
    RentState state = some_state();
    state.memory.levels.resize(levels);
    state.memory.earned.assign(levels, 1);
    state.memory.seen.assign(samples, 2);
    state.memory.seen_earned.assign(samples * levels, 3);
    const auto back = from_bytes(to_bytes(state));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->memory, state.memory);
    EXPECT_EQ(back->frozen_until, state.frozen_until);
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
    other[0] = 6;
    EXPECT_FALSE(from_bytes(other));
}

/// What version 5 added: how long somebody has waited; here nobody has.
const std::string version_five(16, '\0');

TEST(RentStateBytes, VersionFourIsRead) {
    std::string bytes = to_bytes(some_state());
    ASSERT_TRUE(bytes.ends_with(version_five));
    bytes.resize(bytes.size() - version_five.size());
    bytes[0] = 4;
    const auto back = from_bytes(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->memory, some_state().memory);
    EXPECT_FALSE(back->waits_for);
}

/// The version before that knew nothing of what an API got.
TEST(RentStateBytes, VersionThreeIsRead) {
    std::string bytes = to_bytes(some_state());
    std::string money;
    put(money, some_state().memory.missed_money);
    const std::size_t at = bytes.find(money);
    ASSERT_NE(at, std::string::npos);
    bytes.erase(at, 2 * money.size());
    bytes.resize(bytes.size() - version_five.size());
    bytes[0] = 3;
    const auto back = from_bytes(bytes);
    ASSERT_TRUE(back) << back.error().message;
    LevelMemory expected = some_state().memory;
    expected.missed_money = 0;
    expected.missed_work = 0;
    EXPECT_EQ(back->memory, expected);
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

/// What a rule decides in 20 minutes of changing load, one tick a second; restarted before the tick
/// `restart_at`, with counters that begin at zero as those of a new process do.
std::string life(config::RentRule rule, bool api_priced, int restart_at) {
    Scene scene;
    scene.policy.rule = rule;
    scene.snapshot.api_priced = api_priced;
    scene.policy.boot = 60s;
    std::string log;
    for (int i = 0; i < 2'400; ++i) {
        if (i == restart_at) {
            scene.state = *from_bytes(to_bytes(scene.state));
            scene.snapshot.demand = {};
            for (MachineView& machine : scene.snapshot.machines) {
                machine.worth = 0;
            }
        }
        const bool busy = i < 150 || (i > 500 && i < 620);
        if (busy) {
            scene.snapshot.demand.overflow_cost += 9 * per_second;
            scene.snapshot.demand.overflow_tokens_in += 4'000;
        }
        scene.snapshot.demand.own_tokens_in += 1'500;
        scene.snapshot.demand.queued = busy ? 9 : 0;
        scene.snapshot.demand.queued_tokens_in = busy ? 900'000 : 0;
        scene.tick(1s);
        for (const Decision& decision : scene.decisions) {
            if (decision.kind == DecisionKind::hold) {
                continue;
            }
            log += std::to_string(i) + ':' + std::string{to_text(decision.reason.code)} + ' ';
            for (int k = 0; k < decision.count; ++k) {
                MachineView& machine = scene.booting(static_cast<std::int64_t>(i * 10 + k + 1), 0s);
                machine.state = MachineState::serving;
                machine.serving_at = scene.snapshot.now.boot;
                machine.last_busy = scene.snapshot.now.boot;
            }
            if (decision.kind == DecisionKind::release) {
                std::erase_if(scene.snapshot.machines, [&](const MachineView& machine) {
                    return machine.id == decision.machine;
                });
                --scene.snapshot.room.machines_total;
            }
        }
    }
    return log;
}

/// Gate of POLICY section 8: kill the daemon at any tick; the same decisions follow.
class RentRestart : public testing::TestWithParam<std::pair<config::RentRule, bool>> {};
TEST_P(RentRestart, F95RestartAtAnyTickLeadsToTheSameDecisions) {
    const auto [rule, api_priced] = GetParam();
    const std::string straight = life(rule, api_priced, -1);
    EXPECT_NE(straight.find("rent_release"), std::string::npos) << straight;
    EXPECT_EQ(life(rule, api_priced, -1), straight) << "same input, same decisions";
    for (int i = 0; i < 2'400; i += 199) {
        ASSERT_EQ(life(rule, api_priced, i), straight) << "restart at tick " << i;
    }
}
INSTANTIATE_TEST_SUITE_P(
    Rules,
    RentRestart,
    testing::Values(
        std::pair{config::RentRule::break_even, true},
        std::pair{config::RentRule::break_even_k, true},
        std::pair{config::RentRule::level_memory, true},
        std::pair{config::RentRule::break_even, false}),
    [](const auto& one) {
        return "Rule" + std::to_string(static_cast<int>(one.param.first)) +
               (one.param.second ? "" : "WithoutApi");
    });

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
