#include "agent/control/engine_watch.hpp"

#include "tests/unit/control/rig.hpp"

#include <gtest/gtest.h>

/// Engines that count what they do are asked, and believed more than the gateway.
namespace evenkeel::agent::control_rig {
namespace {

using inference::engine::Metrics;

/// Answers at once, when told to.
struct MetricsProber final : Prober {
    Result<Metrics> next{Metrics{}};
    int asked{0};
    bool silent{false};
    void metrics(
        EngineAt, std::chrono::milliseconds, std::function<void(Result<Metrics>)> done) override {
        ++asked;
        if (!silent) {
            done(next);
        }
    }
};

struct EngineWatchTest : testing::Test {
    SharedClock clock{};
    MetricsProber prober{};
    QuietGateway gateway{};
    ledger::TemporaryFolder folder{};
    Speeds speeds{folder.path()};
    EngineWatch watch{{clock, prober, gateway, speeds}};
    config::Model model{.name = "qwq-32b"};
    config::Offer offer{.name = "runpod", .gpu = "H100 PCIe", .engine = "vllm"};
    capacity::Profile seed{*capacity::find_profile("h100-32b-fp8")};
    std::shared_ptr<const routing::Catalogue> catalogue{std::make_shared<routing::Catalogue>()};

    void look() {
        watch.look(
            {.source = NameIx{7}, .model = &model, .offer = &offer, .seed = seed, .slots = 4},
            catalogue,
            [] { return EngineAt{.host = "127.0.0.1", .port = 1, .key = {}, .pin = {}}; });
        watch.tick();
        clock.advance(1s);
    }
};

TEST_F(EngineWatchTest, TellsTheGateHowFullTheCacheIs) {
    prober.next = Metrics{.running = 3, .waiting = 2, .kv_used = 0.5, .kv_tokens = 81'968};
    look();
    EXPECT_EQ(gateway.loads[NameIx{7}], (std::pair<std::int64_t, int>{40'984, 0}))
        << "there is room: they are in line for their prompt only";
    prober.next->kv_used = 0.97;
    look();
    EXPECT_EQ(gateway.loads[NameIx{7}].second, 2);
    prober.next->kv_used = 0.5;
    prober.next->running = 4;
    look();
    EXPECT_EQ(gateway.loads[NameIx{7}].second, 2) << "all its places are taken";
    EXPECT_EQ(speeds.profile(model, offer, seed).kv_tokens, 81'968);
}

TEST_F(EngineWatchTest, LearnsFromTheEnginesOwnCounters) {
    Metrics counts{.running = 2, .waiting = 0, .prompt_tokens = 0, .generation_tokens = 0};
    for (int i = 0; i < 400; ++i) {
        // Two streams of 25 tokens a second each, and next to no prompts.
        counts.generation_tokens = *counts.generation_tokens + 50;
        counts.prompt_tokens = *counts.prompt_tokens + 1;
        prober.next = counts;
        look();
    }
    EXPECT_TRUE(watch.counts(NameIx{7}));
    ASSERT_NE(speeds.measured(model, offer), nullptr);
    const capacity::Profile found = speeds.profile(model, offer, seed);
    EXPECT_NEAR(found.alpha_s + 2 * found.beta_s, 0.040, 0.002);
}

TEST_F(EngineWatchTest, AnEngineWithoutMetricsIsAskedOnceAMinute) {
    prober.next = fail(Errc::invalid_response, "404");
    for (int i = 0; i < 60; ++i) {
        look();
    }
    EXPECT_EQ(prober.asked, 1);
    EXPECT_FALSE(watch.counts(NameIx{7}));
    look();
    EXPECT_EQ(prober.asked, 2);
    EXPECT_TRUE(gateway.loads.empty());
}

TEST_F(EngineWatchTest, OneThatFallsSilentIsNotTakenForFullForEver) {
    prober.next = Metrics{.running = 4, .waiting = 12, .kv_used = 0.99, .kv_tokens = 1'000};
    look();
    ASSERT_EQ(gateway.loads[NameIx{7}], (std::pair<std::int64_t, int>{990, 12}));
    prober.next = fail(Errc::timed_out, "busy");
    look();
    EXPECT_EQ(gateway.loads[NameIx{7}], (std::pair<std::int64_t, int>{990, 0}));
    const int asked = prober.asked;
    for (int i = 0; i < 5; ++i) {
        look();
    }
    EXPECT_EQ(prober.asked, asked + 1) << "again after five seconds";
}

TEST_F(EngineWatchTest, NobodyIsAskedTwiceAtOnce) {
    prober.silent = true;
    for (int i = 0; i < 10; ++i) {
        look();
    }
    EXPECT_EQ(prober.asked, 1);
}

TEST(EngineWatch, KnowsWhoHasMetrics) {
    EXPECT_TRUE(EngineWatch::can_ask("vllm"));
    EXPECT_TRUE(EngineWatch::can_ask("llama.cpp"));
    EXPECT_FALSE(EngineWatch::can_ask("openai"));
    EXPECT_FALSE(EngineWatch::can_ask(""));
}

}  // namespace
}  // namespace evenkeel::agent::control_rig
