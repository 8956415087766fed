#include "tests/fakes/nvml/fake_driver.hpp"
#include "tests/unit/control/whole_control.hpp"

#include <algorithm>
#include <thread>

/// From the driver's library to what the agent shows and books.
namespace evenkeel::agent::control_rig {
namespace {

struct GpusTest : WholeControl {
    std::unique_ptr<Control> control{};

    void start(const fake_nvml::FakeDriver& driver) {
        config::Config config = small_config();
        config.energy.tariff = {{.price = *parse_price("0.33 USD/kWh"), .when = {}}};
        config.hardware.push_back({.name = "desk", .gpus = {0}});
        config.providers.push_back(
            {.name = "desk",
             .kind = config::ProviderKind::local,
             .url = "http://127.0.0.1:9",
             .hardware = "desk",
             .engine = "vllm"});
        config.models[0].offers.push_back({.name = "desk", .on = "desk", .slots = 4});
        control = std::make_unique<Control>(
            Control::Parts{world.clock, *books, adapter, gateway, keys, credentials, board},
            ControlOptions{
                .state = world.state(),
                .owner_mark = "ek-1a2b3c4d",
                .boot_id = "boot-1",
                .nvml = driver.library()});
        control->start();
        ASSERT_TRUE(control->apply(config, "text", "test", 10s));
    }
    /// Ticks until it is so, in real time at most five seconds.
    [[nodiscard]] bool until(const std::function<bool(const View&)>& done) {
        for (int i = 0; i < 500 && !done(*board.read()); ++i) {
            world.clock.advance(100ms);
            std::this_thread::sleep_for(10ms);
        }
        return done(*board.read());
    }
};

TEST_F(GpusTest, ASickGpuIsShownAndItsEngineGetsNoWork) {
    fake_nvml::FakeDriver driver{"gpus 2\ngpu 0 ecc 3\ngpu 1 name H100\n"};
    start(driver);
    ASSERT_TRUE(until([](const View& view) { return view.gpus->gpus.size() == 2; }));
    const std::string why = "GPU 0 has 3 uncorrected memory errors; reset it or reload the driver";
    EXPECT_TRUE(until([&](const View& view) {
        return std::ranges::find(view.warnings, why) != view.warnings.end();
    }));
    const auto view = board.read();
    EXPECT_TRUE(view->gpus->gpus[0].verdict.sick);
    EXPECT_FALSE(view->gpus->gpus[1].verdict.sick);
    EXPECT_EQ(view->gpus->gpus[1].info.name, "H100");
}

TEST_F(GpusTest, WhatWasDrawnIsBookedAtTheLatestAtAStop) {
    fake_nvml::FakeDriver driver{"gpu 0 power 36000\n"};
    driver.at_ms(-1);  // its time is the real one
    start(driver);
    ASSERT_TRUE(until([](const View& view) { return view.gpus->round >= 3; }));
    std::promise<void> stopped;
    auto done = stopped.get_future();
    control->stop(true, true, [&] { stopped.set_value(); });
    ASSERT_TRUE(until([&](const View&) { return done.wait_for(0s) == std::future_status::ready; }));
    ASSERT_TRUE(books->flush());
    const auto day = ledger::day_number(ledger::Zone{}, world.clock.read().utc);
    const auto rows = ledger::Reader::open(world.state())->energy(day, day);
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ(rows->size(), 1u);
    EXPECT_EQ(rows->at(0).hardware, "desk");
    EXPECT_GE(rows->at(0).idle_microjoules, 30'000'000) << "about a second of 36 W, or more";
    EXPECT_LE(rows->at(0).idle_microjoules, 36'000'000 * 10);
    EXPECT_EQ(rows->at(0).estimated_microjoules, 0);
    EXPECT_GT(rows->at(0).idle.nanos(), 0);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
