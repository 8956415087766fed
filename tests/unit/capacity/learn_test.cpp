#include "policies/capacity/learn.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

namespace evenkeel::capacity {
namespace {

using Time = EngineModel::Time;

Profile seed_of(std::string_view name) {
    return *find_profile(name);
}

/// The window a worker of `truth` would show.
Sample window(const Profile& truth, double batch, std::int64_t tokens_in, double seconds = 30) {
    const double left = seconds - static_cast<double>(tokens_in) / truth.prefill_tok_s;
    const double steps = left / (truth.alpha_s + truth.beta_s * batch);
    return {
        .seconds = seconds,
        .batch = batch,
        .tokens_in = tokens_in,
        .tokens_out = std::llround(steps * batch)};
}

void expect_near(const Profile& found, const Profile& truth, double share) {
    EXPECT_NEAR(found.alpha_s / truth.alpha_s, 1, share);
    EXPECT_NEAR(found.beta_s / truth.beta_s, 1, share);
    EXPECT_NEAR(found.prefill_tok_s / truth.prefill_tok_s, 1, share);
}

/// Seconds per token at that batch.
double step(const Profile& profile, double batch) {
    return profile.alpha_s + profile.beta_s * batch;
}

TEST(Learn, TheSeedHoldsUntilThereAreEnoughWindows) {
    const Profile seed = seed_of("5090-32b-awq");
    const Profile truth = seed_of("h100-32b-fp8");
    Learned learned = start(seed);
    for (std::int64_t i = 0; i < learned_samples_min; ++i) {
        EXPECT_FALSE(is_measured(learned));
        EXPECT_EQ(profile_of(learned, seed).alpha_s, seed.alpha_s);
        EXPECT_TRUE(add(learned, window(truth, 1.0 + static_cast<double>(i), 1'000)));
    }
    EXPECT_TRUE(is_measured(learned));
    EXPECT_LT(profile_of(learned, seed).beta_s, seed.beta_s);
    EXPECT_EQ(profile_of(learned, seed).seqs, seed.seqs);
}

TEST(Learn, CleanWindowsGiveTheTruthWhateverTheSeed) {
    for (const char* seed_name : {"h100-32b-fp8", "2x5090-70b-awq"}) {
        for (const char* truth_name : {"5090-32b-awq", "h100-70b-awq"}) {
            const Profile truth = seed_of(truth_name);
            const Profile seed = seed_of(seed_name);
            Learned learned = start(seed);
            for (int i = 0; i < 200; ++i) {
                add(learned, window(truth, 1 + i % 24, i % 5 * 8'000));
            }
            SCOPED_TRACE(std::string{seed_name} + " " + truth_name);
            expect_near(profile_of(learned, seed), truth, 0.03);
        }
    }
}

TEST(Learn, OneBatchSizeGivesTheRightSpeedThereAndKeepsTheSeedsShape) {
    const Profile seed = seed_of("h100-32b-fp8");
    Profile truth = seed;
    truth.alpha_s *= 2;
    truth.beta_s *= 2;
    Learned learned = start(seed);
    for (int i = 0; i < 500; ++i) {
        add(learned, window(truth, 8, 0));
    }
    const Profile found = profile_of(learned, seed);
    EXPECT_NEAR(step(found, 8) / step(truth, 8), 1, 0.02);
    EXPECT_GT(found.alpha_s, seed.alpha_s);
    EXPECT_GT(found.beta_s, 0);
    EXPECT_LT(found.beta_s, truth.beta_s * 1.5);
    EXPECT_NEAR(found.prefill_tok_s, seed.prefill_tok_s, 1e-6) << "no prompt was seen";
}

TEST(Learn, OutliersHardlyMatter) {
    const Profile truth = seed_of("5090-32b-awq");
    Learned learned = start(truth);
    std::mt19937_64 random{7};
    for (int i = 0; i < 300; ++i) {
        Sample sample = window(truth, 1 + i % 24, i % 5 * 8'000);
        if (i % 10 == 9) {  // a stall, or a counter that jumped
            sample.seconds *= random() % 2 == 0 ? 8.0 : 0.2;
        }
        add(learned, sample);
    }
    expect_near(profile_of(learned, truth), truth, 0.10);
}

TEST(Learn, FollowsAWorkerThatChanged) {
    const Profile before = seed_of("h100-32b-fp8");
    Profile after = before;
    after.alpha_s *= 3;
    after.beta_s *= 3;
    after.prefill_tok_s /= 3;
    Learned learned = start(before);
    for (int i = 0; i < 400; ++i) {
        add(learned, window(before, 1 + i % 24, i % 5 * 8'000));
    }
    for (int i = 0; i < 1'000; ++i) {
        add(learned, window(after, 1 + i % 24, i % 5 * 3'000));
    }
    expect_near(profile_of(learned, before), after, 0.10);
}

TEST(Learn, WhatWasLearntOutlastsAQuietTimeWithOneBatchSize) {
    const Profile seed = seed_of("h100-32b-fp8");
    Profile truth = seed;
    truth.beta_s *= 4;
    Learned learned = start(seed);
    for (int i = 0; i < 600; ++i) {
        add(learned, window(truth, 1 + i % 24, 0));
    }
    for (int i = 0; i < 2'000; ++i) {
        add(learned, window(truth, 1, 0));
    }
    EXPECT_NEAR(profile_of(learned, seed).beta_s / truth.beta_s, 1, 0.15);
}

TEST(Learn, WindowsThatSayNothingChangeNothing) {
    const Learned fresh = start(seed_of("h100-32b-fp8"));
    const double nan = std::nan("");
    for (const Sample& sample :
         {Sample{},
          Sample{.seconds = 30, .batch = 4, .tokens_out = 15},
          Sample{.seconds = 0, .batch = 4, .tokens_out = 100},
          Sample{.seconds = -1, .batch = 4, .tokens_out = 100},
          Sample{.seconds = nan, .batch = 4, .tokens_out = 100},
          Sample{.seconds = 30, .batch = nan, .tokens_out = 100},
          Sample{.seconds = 30, .batch = 0, .tokens_out = 100},
          Sample{.seconds = 30, .batch = 4, .tokens_in = -1, .tokens_out = 100},
          Sample{.seconds = 30, .batch = 1, .tokens_out = 10'000'000},
          Sample{.seconds = 3'000, .batch = 1, .tokens_out = 100}}) {
        Learned learned = fresh;
        EXPECT_FALSE(add(learned, sample));
        EXPECT_EQ(learned, fresh);
    }
}

TEST(Learn, KvRoomIsWhatTheEngineSays) {
    const Profile seed = seed_of("h100-32b-fp8");
    Learned learned = start(seed);
    EXPECT_EQ(profile_of(learned, seed).kv_tokens, seed.kv_tokens);
    learned.kv_tokens = 90'000;
    EXPECT_EQ(profile_of(learned, seed).kv_tokens, 90'000) << "before any window";
    EXPECT_EQ(profile_of(learned, seed).alpha_s, seed.alpha_s);
}

RC_GTEST_PROP(LearnProperty, AnyWindowsLeaveAnEngineThatCouldBe, ()) {
    Learned learned = start(seed_of("h100-32b-fp8"));
    const auto count = *rc::gen::inRange(1, 60);
    for (int i = 0; i < count; ++i) {
        add(learned,
            {.seconds = *rc::gen::inRange(1, 100'000) / 100.0,
             .batch = *rc::gen::inRange(0, 5'000) / 10.0,
             .tokens_in = *rc::gen::inRange<std::int64_t>(-1, 100'000'000),
             .tokens_out = *rc::gen::inRange<std::int64_t>(0, 10'000'000)});
        for (const double factor : learned.factor) {
            RC_ASSERT(factor >= 0.049 && factor <= 20.001);
        }
        const auto again = learned_from_text(to_text(learned));
        RC_ASSERT(again.has_value());
        RC_ASSERT(*again == learned);
    }
}

TEST(Learn, TextThatIsNotWholeIsRefused) {
    Learned learned = start(seed_of("h100-70b-awq"));
    add(learned, window(seed_of("h100-32b-fp8"), 3, 500));
    const std::string text = to_text(learned);
    EXPECT_TRUE(learned_from_text(text).has_value());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        const auto part = learned_from_text(std::string_view{text}.substr(0, length));
        EXPECT_FALSE(part.has_value() && *part == learned) << length;
    }
    for (const char* broken : {"", "learned1", "learned0 1 2", "learned1 nan"}) {
        EXPECT_FALSE(learned_from_text(broken).has_value()) << broken;
    }
    EXPECT_FALSE(learned_from_text(text + " 1").has_value());
    EXPECT_FALSE(learned_from_text(text + "x").has_value());
}

// ---- from an engine's counters ----------------------------------------------------------------

/// One engine under a load that comes and goes, looked at once a second.
struct Play {
    Profile truth{};
    double requests_per_s{1};
    std::uint64_t random_seed{1};
    int slots{64};
    Counting counting{Counting::at_end};
    int hours{4};
};

Learned play(const Play& play, const Profile& seed) {
    std::mt19937_64 random{play.random_seed};
    const auto uniform = [&random](double low, double high) {
        return std::uniform_real_distribution<double>{low, high}(random);
    };
    EngineModel engine{play.truth};
    std::map<EngineModel::SeqId, std::pair<std::int64_t, std::int64_t>> flying;
    std::vector<EngineModel::Ended> ended;
    Learned learned = start(seed);
    Watch watch;
    Look total;
    for (int second = 1; second <= play.hours * 3'600; ++second) {
        // Quiet, rising, full and falling within ten minutes.
        const double phase = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * second / 600.0);
        std::poisson_distribution<int> arrivals{play.requests_per_s * phase};
        std::vector<double> moments(static_cast<std::size_t>(arrivals(random)));
        std::ranges::generate(moments, [&] { return uniform(0, 1); });
        std::ranges::sort(moments);
        for (const double moment : moments) {
            if (static_cast<int>(flying.size()) >= play.slots) {
                break;  // somebody else answers it
            }
            const auto in = std::llround(std::exp(uniform(4.0, 8.0)));
            const auto out = std::llround(std::exp(uniform(4.0, 6.5)));
            const auto at = Time{static_cast<std::int64_t>((second - 1 + moment) * 1e9)};
            flying.emplace(engine.add(in, out, at), std::pair{in, out});
        }
        ended.clear();
        engine.advance(std::chrono::seconds{second}, ended);
        for (const EngineModel::Ended& end : ended) {
            total.tokens_in += flying.at(end.id).first;
            total.tokens_out += flying.at(end.id).second;
            ++total.finished;
            flying.erase(end.id);
        }
        Look now = total;
        now.at_s = second;
        now.in_flight = static_cast<int>(flying.size());
        if (play.counting == Counting::live) {
            for (const auto& [id, tokens] : flying) {
                now.tokens_out += engine.tokens(id);
                now.tokens_in += engine.first_token(id) ? tokens.first : 0;
            }
        }
        if (const auto sample = look(watch, now, play.counting, learned)) {
            add(learned, *sample);
        }
    }
    return learned;
}

struct PlayCase {
    const char* name{""};
    const char* truth{""};
    const char* seed{""};
    double requests_per_s{1};
    Counting counting{Counting::live};
    int slots{24};
    friend void PrintTo(const PlayCase& c, std::ostream* out) { *out << c.name; }
};

class LearnFromEngine : public testing::TestWithParam<PlayCase> {};

// Counters that move with each token show all three numbers. Those that move when a request ends
// show what a step takes; how it divides between batch and prompts only roughly.
TEST_P(LearnFromEngine, RecoversItFromAnotherEnginesSeed) {
    const PlayCase& c = GetParam();
    const Profile truth = seed_of(c.truth);
    const Profile seed = seed_of(c.seed);
    for (const std::uint64_t random_seed : {1u, 2u}) {
        SCOPED_TRACE(fmt::format("random seed {}", random_seed));
        const Learned learned = play(
            {.truth = truth,
             .requests_per_s = c.requests_per_s,
             .random_seed = random_seed,
             .slots = c.slots,
             .counting = c.counting,
             .hours = 6},
            seed);
        const Profile found = profile_of(learned, seed);
        EXPECT_GT(learned.samples, 200);
        const bool live = c.counting == Counting::live;
        EXPECT_NEAR(found.alpha_s / truth.alpha_s, 1, 0.10);
        EXPECT_NEAR(found.beta_s / truth.beta_s, 1, live ? 0.10 : 0.45);
        EXPECT_NEAR(found.prefill_tok_s / truth.prefill_tok_s, 1, live ? 0.10 : 0.30);
        for (const double batch : {1.0, 8.0, 24.0}) {
            EXPECT_NEAR(step(found, batch) / step(truth, batch), 1, 0.10) << batch;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    Live,
    LearnFromEngine,
    testing::Values(
        PlayCase{"H100", "h100-32b-fp8", "5090-32b-awq", 5, Counting::live, 64},
        PlayCase{"Desk", "5090-32b-awq", "h100-70b-awq", 2, Counting::live},
        PlayCase{"H100Large", "h100-70b-awq", "2x5090-70b-awq", 1.5, Counting::live},
        PlayCase{"DeskLarge", "2x5090-70b-awq", "h100-32b-fp8", 0.8, Counting::live}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    AtTheEnd,
    LearnFromEngine,
    testing::Values(
        PlayCase{"H100", "h100-32b-fp8", "5090-32b-awq", 3, Counting::at_end},
        PlayCase{"Desk", "5090-32b-awq", "h100-70b-awq", 2, Counting::at_end},
        PlayCase{"H100Large", "h100-70b-awq", "2x5090-70b-awq", 1.5, Counting::at_end},
        PlayCase{"DeskLarge", "2x5090-70b-awq", "h100-32b-fp8", 0.8, Counting::at_end}),
    [](const auto& info) { return info.param.name; });

TEST(LearnLook, AnIdleMomentAGapOrARestartDropsTheWindow) {
    const Learned known = start(seed_of("h100-32b-fp8"));
    Watch watch;
    const auto at = [&](double second, int in_flight, std::int64_t tokens) {
        return look(
            watch,
            {.at_s = second, .in_flight = in_flight, .tokens_out = tokens},
            Counting::live,
            known);
    };
    EXPECT_FALSE(at(0, 2, 0));
    for (int second = 1; second < 10; ++second) {
        EXPECT_FALSE(at(second, 2, second * 100));
    }
    const auto full = at(10, 2, 1'000);
    ASSERT_TRUE(full.has_value());
    EXPECT_DOUBLE_EQ(full->seconds, 10);
    EXPECT_DOUBLE_EQ(full->batch, 2);
    EXPECT_EQ(full->tokens_out, 1'000);
    EXPECT_FALSE(at(11, 0, 1'050)) << "idle: dropped";
    EXPECT_FALSE(at(12, 2, 1'050)) << "begins here";
    EXPECT_FALSE(at(16, 2, 1'400));
    EXPECT_FALSE(at(60, 2, 9'000)) << "nobody looked for 44 s";
    EXPECT_FALSE(at(65, 2, 9'500));
    EXPECT_FALSE(at(70, 2, 10)) << "the engine was started anew";
    EXPECT_FALSE(at(75, 2, 500));
    EXPECT_TRUE(at(80, 2, 900));
}

TEST(LearnLook, AWholeBurstIsAWindowOfItsOwn) {
    const Learned known = start(seed_of("h100-32b-fp8"));
    Watch watch;
    const auto at = [&](double second, int in_flight, std::int64_t finished) {
        return look(
            watch,
            {.at_s = second,
             .in_flight = in_flight,
             .finished = finished,
             .tokens_in = 0,
             .tokens_out = finished * 600},
            Counting::at_end,
            known);
    };
    EXPECT_FALSE(at(0, 2, 0)) << "what was in flight before is not counted";
    EXPECT_FALSE(at(8, 2, 0));
    EXPECT_FALSE(at(16, 0, 2)) << "its beginning was not seen";
    EXPECT_FALSE(at(17, 2, 2));
    EXPECT_FALSE(at(25, 2, 2));
    const auto burst = at(33, 0, 4);
    ASSERT_TRUE(burst.has_value());
    EXPECT_EQ(burst->tokens_out, 1'200);
    EXPECT_DOUBLE_EQ(burst->seconds, 16);
}

}  // namespace
}  // namespace evenkeel::capacity
