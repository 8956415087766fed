#include "tests/unit/control/whole_control.hpp"

#include <thread>

/// Who waits for a machine is told when it will be there.
namespace evenkeel::agent::control_rig {
namespace {

/// An earlier run has ordered a machine, which boots.
void order_one(World& world) {
    Rig rig{world};
    rig.order();
    rig.rounds(2);
    ASSERT_EQ(rig.fleet->seats().size(), 1u);
    ASSERT_EQ(rig.fleet->seats().begin()->second.machine.state, MachineState::booting);
}

struct ReadyTest : WholeControl {
    ReadyTest() : WholeControl{order_one} {}

    BootTime ordered{world.clock.read().boot - 2s};  ///< order_one took two rounds
    std::unique_ptr<Control> control{make()};

    [[nodiscard]] std::optional<BootTime> ready() {
        const std::lock_guard lock{gateway.mutex};
        return gateway.ready.empty() ? std::nullopt : std::optional{gateway.ready.begin()->second};
    }
    /// Ticks until it is so, in real time at most five seconds.
    [[nodiscard]] bool until(const std::function<bool()>& done) {
        for (int i = 0; i < 500 && !done(); ++i) {
            world.clock.advance(10ms);
            std::this_thread::sleep_for(10ms);
        }
        return done();
    }
    void start(std::optional<std::chrono::milliseconds> boot = {}) {
        config::Config config = small_config();
        config.scaling[0].boot = boot;
        control->start();
        ASSERT_TRUE(control->apply(config, "text", "test", 10s));
    }
};

TEST_F(ReadyTest, OrderPlusBootTimeOfTheRule) {
    start(300s);
    ASSERT_TRUE(until([&] { return ready().has_value(); }));
    EXPECT_EQ(*ready(), ordered + 300s);
}

TEST_F(ReadyTest, WithoutAStatedTimeTheSeed) {
    start();
    ASSERT_TRUE(until([&] { return ready().has_value(); }));
    EXPECT_EQ(*ready(), ordered + scaling::Constants{}.boot_seed);
}

TEST_F(ReadyTest, NothingBootsAnyMoreWhenItIsDestroyed) {
    start(300s);
    ASSERT_TRUE(until([&] { return ready().has_value(); }));
    const auto answer =
        control->node({.verb = NodeCommand::Verb::destroy, .name = "cloud-1"}).get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(until([&] { return !ready(); }));
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
