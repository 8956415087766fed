#include "tests/unit/control/own_engines_rig.hpp"

#include <gtest/gtest.h>

/// Two models on one GPU that holds one, in virtual time: processes and answers are the test's.
namespace evenkeel::agent::control_rig {
namespace {

struct OwnEnginesTest : testing::Test {
    World world{};
    Rig rig{world};
    ledger::TemporaryFolder folder{};
    Credentials credentials{folder.path()};
    Host host{};
    LoadProber prober{world.clock};
    Sources sources{
        {rig.inbox, world.clock, *rig.books, rig.gateway, prober, rig.names, credentials}};
    OwnEngines engines{
        {.inbox = rig.inbox,
         .clock = world.clock,
         .gateway = rig.gateway,
         .prober = prober,
         .sources = sources,
         .names = rig.names,
         .mark = "ek-1a2b3c4d",
         .start = [this](Launch launch) { return start(std::move(launch)); },
         .orphans = std::make_unique<FakeOrphans>(host)}};
    gate::Counters counters{};
    std::shared_ptr<const routing::Catalogue> catalogue{};

    Result<std::unique_ptr<inference::engine::Process>> start(Launch launch) {
        if (launch.command[0] == host.refuses) {
            return fail(Errc::not_found, "no program '" + launch.command[0] + "' in PATH");
        }
        host.events.push_back("start " + launch.mark);
        prober.loaded[launch.command[0] == "one" ? 8'091 : 8'092] = world.clock.read().boot + 30s;
        auto process = std::make_unique<FakeProcess>(host, launch.mark);
        host.launches.push_back(std::move(launch));
        return process;
    }

    /// "one" (20 GB) and "two" (20 GB) on a desk of 32 GB.
    [[nodiscard]] config::Config desk() const {
        config::Config config = small_config();
        config.hardware.push_back({.name = "desk", .gpus = {0, 1}, .vram_bytes = 16'000'000'000});
        for (const char* name : {"one", "two"}) {
            config::Provider provider{.name = name, .hardware = "desk", .engine = "vllm"};
            provider.url =
                std::string{"http://127.0.0.1:"} + (provider.name == "one" ? "8091" : "8092");
            provider.start.command = {name, "--port", "1"};
            provider.start.env = {{"HF_HOME", "/srv/hf"}};
            provider.start.memory_bytes = 20'000'000'000;
            provider.start.load_guess = 30'000ms;
            config.providers.push_back(provider);
            config.models.push_back(
                {.name = std::string{"model-"} + name,
                 .context = 4'096,
                 .offers = {{.name = name, .on = name, .slots = 4}}});
        }
        return config;
    }
    void apply(config::Config config) {
        catalogue = routing::compile(std::move(config), 2, rig.names);
        sources.apply(*catalogue);
        engines.apply(catalogue);
    }
    [[nodiscard]] NameIx source(const char* name) {
        return rig.names.intern(routing::NameKind::source, name);
    }
    [[nodiscard]] std::string state(const char* name) {
        const ConfiguredSource& found = sources.all().at(source(name));
        return found.up ? "up" : found.phase;
    }
    void wait_for(const char* model, std::int64_t requests) {
        counters.models.clear();
        counters.models.push_back(
            {.model = rig.names.intern(routing::NameKind::model, model),
             .queued = requests,
             .oldest_arrival = world.clock.read().boot});
    }
    void busy(const char* name, int in_flight) {
        counters.sources.clear();
        counters.sources.push_back({.source = source(name), .in_flight = in_flight});
    }
    void seconds(int count) {
        for (int i = 0; i < count; ++i) {
            world.clock.advance(1s);
            for (const auto& item : rig.inbox.take(0s)) {
                item();
            }
            sources.tick(counters);
            engines.tick(counters);
            EXPECT_LE(host.running.size(), 1u) << "two that do not fit";
        }
    }
};

TEST_F(OwnEnginesTest, TheFirstIsStartedAndServesOnceItHasAnswered) {
    apply(desk());
    EXPECT_TRUE(sources.looked()) << "nobody waits for engines of our own";
    seconds(1);
    EXPECT_EQ(host.events, (std::vector<std::string>{"start ek-1a2b3c4d/one"}));
    EXPECT_EQ(state("one"), "starting");
    EXPECT_EQ(sources.all().at(source("one")).trouble, "the engine is loading");
    EXPECT_EQ(state("two"), "off");
    EXPECT_EQ(sources.all().at(source("two")).trouble, "another has its place");
    const auto ready = engines.coming();
    ASSERT_EQ(ready.size(), 1u);
    EXPECT_EQ(ready.begin()->second, world.clock.read().boot + 30s);
    seconds(31);
    EXPECT_EQ(state("one"), "up");
    EXPECT_EQ(prober.asked.front(), "model-one");
    const Launch& launch = host.launches[0];
    EXPECT_EQ(launch.env.at("CUDA_VISIBLE_DEVICES"), "0,1");
    EXPECT_EQ(launch.env.at("HF_HOME"), "/srv/hf");
    EXPECT_TRUE(engines.coming().empty());
}

TEST_F(OwnEnginesTest, SwapsByDemandAfterTheLastRequestOfTheOther) {
    apply(desk());
    seconds(40);
    busy("one", 1);
    wait_for("model-two", 5);
    seconds(10);
    EXPECT_EQ(state("one"), "up") << "its least stay";
    busy("one", 0);
    seconds(60);
    EXPECT_EQ(state("one"), "off");
    seconds(5);
    EXPECT_EQ(state("two"), "starting");
    busy("two", 1);
    seconds(31);
    EXPECT_EQ(state("two"), "up");
    EXPECT_EQ(
        host.events,
        (std::vector<std::string>{
            "start ek-1a2b3c4d/one", "term ek-1a2b3c4d/one", "start ek-1a2b3c4d/two"}));
}

TEST_F(OwnEnginesTest, StreamsThatOutlastTheDrainAreCut) {
    config::Config config = desk();
    config.providers[config.providers.size() - 2].start.drain = 20s;
    apply(config);
    seconds(120);
    busy("one", 1);
    wait_for("model-two", 100);
    seconds(10);
    EXPECT_EQ(state("one"), "draining");
    EXPECT_EQ(host.events.size(), 1u) << "its stream goes on";
    seconds(20);
    EXPECT_EQ(rig.gateway.told.back(), "cancel " + std::to_string(source("one").value()));
    busy("one", 0);
    seconds(2);
    EXPECT_EQ(host.events.back(), "start ek-1a2b3c4d/two");
}

TEST_F(OwnEnginesTest, VllmSleepsAndWakesInstead) {
    config::Config config = desk();
    for (config::Provider& provider : config.providers) {
        provider.start.sleeps = !provider.start.command.empty();
        provider.start.memory_bytes = provider.start.sleeps ? 20'000'000'000 : 0;
    }
    // Two contexts of a sleeper are 3.2 GB: beside 20 GB there is room for that.
    apply(config);
    seconds(120);
    const auto held = [&] { return host.running.size(); };
    wait_for("model-two", 1);
    world.clock.advance(1s);
    engines.tick(counters);
    for (int i = 0; i < 3; ++i) {
        world.clock.advance(1s);
        engines.tick(counters);
    }
    EXPECT_EQ(prober.posts, (std::vector<std::string>{"8091 /sleep?level=1"}));
    EXPECT_EQ(state("one"), "asleep");
    EXPECT_EQ(held(), 2u) << "the sleeper lives on";
    for (int i = 0; i < 40; ++i) {
        world.clock.advance(1s);
        engines.tick(counters);
    }
    EXPECT_EQ(state("two"), "up");
    wait_for("model-one", 1);
    for (int i = 0; i < 90; ++i) {
        world.clock.advance(1s);
        engines.tick(counters);
    }
    EXPECT_EQ(
        prober.posts,
        (std::vector<std::string>{"8091 /sleep?level=1", "8092 /sleep?level=1", "8091 /wake_up"}));
    EXPECT_EQ(state("one"), "up");
    EXPECT_EQ(host.launches.size(), 2u) << "nothing was started again";
}

TEST_F(OwnEnginesTest, F45_ACrashTakesItOutAtOnceAndItIsStartedAgain) {
    apply(desk());
    seconds(40);
    host.running.clear();
    seconds(1);
    EXPECT_EQ(state("one"), "off");
    EXPECT_EQ(
        sources.all().at(source("one")).trouble, "exited with status 1; started again in 1 s");
    EXPECT_EQ(rig.gateway.told.back(), "draining " + std::to_string(source("one").value()));
    seconds(35);
    EXPECT_EQ(state("one"), "up");
}

TEST_F(OwnEnginesTest, F44_OnASickGpuItMayFinishAndIsNotStartedAnew) {
    apply(desk());
    seconds(40);
    ASSERT_EQ(state("one"), "up");
    busy("one", 2);
    sources.distrust({{"desk", "GPU 1 reported Xid 94"}});
    seconds(300);
    EXPECT_FALSE(sources.all().at(source("one")).up);
    EXPECT_EQ(host.events, (std::vector<std::string>{"start ek-1a2b3c4d/one"})) << "not ended";
    host.running.clear();
    seconds(300);
    EXPECT_EQ(host.events.size(), 1u) << "not started on it either";
    sources.distrust({});
    busy("one", 0);
    seconds(120);
    EXPECT_EQ(state("one"), "up") << "the driver was reloaded";
}

TEST_F(OwnEnginesTest, AProgramThatIsNotThereIsSaidAndTriedAgain) {
    host.refuses = "one";
    apply(desk());
    seconds(1);
    EXPECT_EQ(
        sources.all().at(source("one")).trouble, "no program 'one' in PATH; started again in 1 s");
    seconds(200);
    host.refuses.clear();
    seconds(61);
    EXPECT_EQ(host.events.size(), 1u);
}

TEST_F(OwnEnginesTest, AHungEngineIsKilledWhenItDoesNotObey) {
    apply(desk());
    seconds(40);
    prober.sick[8'091] = true;
    host.obeys = false;
    seconds(12);
    EXPECT_NE(state("one"), "up") << "two probes failed";
    seconds(50);
    ASSERT_GE(host.events.size(), 3u);
    EXPECT_EQ(host.events[1], "term ek-1a2b3c4d/one");
    EXPECT_EQ(host.events[2], "kill ek-1a2b3c4d/one");
}

TEST_F(OwnEnginesTest, OneOfAnEarlierDaemonIsEndedBeforeAnythingIsStarted) {
    host.running["ek-1a2b3c4d/two"] = 1;
    apply(desk());
    seconds(3);
    EXPECT_EQ(
        host.events,
        (std::vector<std::string>{"term orphan ek-1a2b3c4d/two", "start ek-1a2b3c4d/one"}))
        << "it held the memory";
}

TEST_F(OwnEnginesTest, OneOfAnEarlierDaemonThatIsNamedNoMoreEndsToo) {
    host.running = {{"ek-1a2b3c4d/three", 1}, {"ek-99999999/one", 1}};
    apply(small_config());
    seconds(2);
    EXPECT_EQ(host.events, (std::vector<std::string>{"term orphan ek-1a2b3c4d/three"}));
    EXPECT_TRUE(host.running.contains("ek-99999999/one")) << "another agent's";
    EXPECT_TRUE(engines.gone());
}

TEST_F(OwnEnginesTest, OneThatIsNamedAgainWhileItEndsIsStartedOnce) {
    apply(desk());
    seconds(40);
    host.obeys = false;
    apply(small_config());
    seconds(1);
    apply(desk());
    host.running.clear();  // it has ended by itself
    host.obeys = true;
    seconds(40);
    EXPECT_EQ(
        host.events,
        (std::vector<std::string>{
            "start ek-1a2b3c4d/one", "term ek-1a2b3c4d/one", "start ek-1a2b3c4d/one"}))
        << "the end of the old one is not that of the new one";
    EXPECT_EQ(state("one"), "up");
}

TEST_F(OwnEnginesTest, AnotherCommandRestartsAndOneNoLongerNamedEnds) {
    apply(desk());
    seconds(40);
    config::Config other = desk();
    other.providers[other.providers.size() - 2].start.command.emplace_back("--more");
    apply(other);
    seconds(5);
    EXPECT_EQ(
        host.events,
        (std::vector<std::string>{
            "start ek-1a2b3c4d/one", "term ek-1a2b3c4d/one", "start ek-1a2b3c4d/one"}));
    EXPECT_EQ(host.launches.back().command.back(), "--more");
    apply(small_config());
    seconds(2);
    EXPECT_TRUE(host.running.empty());
    EXPECT_TRUE(engines.gone());
}

TEST_F(OwnEnginesTest, AReloadThatChangesNothingLeavesItAlone) {
    apply(desk());
    seconds(40);
    apply(desk());
    seconds(40);
    EXPECT_EQ(host.events.size(), 1u);
    EXPECT_EQ(state("one"), "up");
}

TEST_F(OwnEnginesTest, StopsAfterTheLastRequest) {
    apply(desk());
    seconds(40);
    busy("one", 1);
    engines.stop(false);
    seconds(5);
    EXPECT_FALSE(engines.gone());
    EXPECT_EQ(host.running.size(), 1u);
    busy("one", 0);
    seconds(2);
    EXPECT_TRUE(engines.gone());
    EXPECT_EQ(host.events.back(), "term ek-1a2b3c4d/one");
}

TEST_F(OwnEnginesTest, StopsAtOnceWhenToldTo) {
    apply(desk());
    seconds(40);
    busy("one", 1);
    host.obeys = false;
    engines.stop(true);
    seconds(10);
    EXPECT_TRUE(engines.gone());
    EXPECT_EQ(host.events.back(), "kill ek-1a2b3c4d/one");
}

TEST_F(OwnEnginesTest, OneThatRunsWithoutUsMustAnswerBeforeItGetsRequestsToo) {
    config::Config config = desk();
    for (config::Provider& provider : config.providers) {
        provider.start = {};
    }
    config.providers.back().engine = "ollama";
    apply(config);
    const auto look = [&] {
        world.clock.advance(5s);
        sources.tick(counters);
    };
    look();
    EXPECT_EQ(state("two"), "up") << "a completion would load its weights: health is enough";
    EXPECT_NE(state("one"), "up");
    EXPECT_EQ(sources.all().at(source("one")).trouble, "the engine is loading");
    EXPECT_TRUE(sources.looked());
    prober.loaded[8'091] = world.clock.read().boot;
    look();
    EXPECT_EQ(state("one"), "up");
    const std::size_t tried = prober.asked.size();
    look();
    EXPECT_EQ(prober.asked.size(), tried) << "once; then its health is enough";
}

TEST_F(OwnEnginesTest, WhatNeverFitsIsSaid) {
    config::Config config = desk();
    config.providers.back().start.memory_bytes = 40'000'000'000;
    apply(config);
    wait_for("model-two", 9);
    seconds(200);
    EXPECT_EQ(sources.all().at(source("two")).trouble, "it needs 40.0 GB, desk has 32.0 GB for it");
    EXPECT_EQ(state("one"), "up");
}

TEST_F(OwnEnginesTest, WhereNobodyKnowsTheMemoryOneRunsAtATime) {
    config::Config config = desk();
    config.providers.back().start.memory_bytes = 0;
    config.providers[config.providers.size() - 2].start.memory_bytes = 1'000'000'000;
    apply(config);
    seconds(100);
    EXPECT_EQ(host.running.size(), 1u);
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
