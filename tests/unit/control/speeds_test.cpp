#include "agent/control/speeds.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace evenkeel::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

/// Two requests at a time, each of 500 tokens in `per_request` seconds, for as long as asked.
class SpeedsTest : public testing::Test {
protected:
    SpeedsTest() {
        std::string name = (fs::temp_directory_path() / "ek-speeds-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~SpeedsTest() override { fs::remove_all(folder_); }

    void look(Speeds& speeds, int at_s) const {
        speeds.look(
            model_, offer_, seed_, counted_, capacity::Counting::at_end, BootTime{seconds{at_s}});
    }
    void serve(Speeds& speeds, int per_request, int until_s) {
        for (; now_s_ < until_s; ++now_s_) {
            counted_.in_flight = 2;
            if (now_s_ % per_request == 0) {
                counted_.finished += 2;
                counted_.tokens_out += 1'000;
                counted_.tokens_in += 400;
            }
            look(speeds, now_s_);
            speeds.tick(BootTime{seconds{now_s_}});
        }
    }
    [[nodiscard]] double step(const capacity::Profile& profile) const {
        return profile.alpha_s + profile.beta_s * 2;
    }

    fs::path folder_{};
    config::Model model_{.name = "qwq-32b"};
    config::Offer offer_{.name = "runpod", .gpu = "H100 PCIe", .engine = "vllm"};
    capacity::Profile seed_{*capacity::find_profile("h100-32b-fp8")};
    Speeds::Counted counted_{.source = NameIx{7}};
    int now_s_{1'000};
};

TEST_F(SpeedsTest, AWorkerIsWhatItWasSeenToBe) {
    Speeds speeds{folder_};
    EXPECT_EQ(speeds.profile(model_, offer_, seed_).alpha_s, seed_.alpha_s);
    serve(speeds, 20, 4'000);
    ASSERT_NE(speeds.measured(model_, offer_), nullptr);
    // 20 s for 500 tokens, less the prompt.
    EXPECT_NEAR(step(speeds.profile(model_, offer_, seed_)), 0.040, 0.004);
    config::Offer other = offer_;
    other.gpu = "H200";
    EXPECT_EQ(speeds.measured(model_, other), nullptr) << "another GPU is another worker";
    EXPECT_EQ(speeds.profile(model_, other, seed_).alpha_s, seed_.alpha_s);
}

TEST_F(SpeedsTest, WhatWasLearntOutlastsARestart) {
    double before = 0;
    {
        Speeds speeds{folder_};
        serve(speeds, 20, 4'000);
        speeds.save();
        before = step(speeds.profile(model_, offer_, seed_));
    }
    const Speeds again{folder_};
    EXPECT_EQ(step(again.profile(model_, offer_, seed_)), before);
}

TEST_F(SpeedsTest, TheFileIsWrittenNowAndThen) {
    Speeds speeds{folder_};
    serve(speeds, 20, 4'000);
    EXPECT_TRUE(fs::exists(folder_ / speeds_file));
}

TEST_F(SpeedsTest, AFileOfSomethingElseIsBegunAnew) {
    for (const char* text :
         {"learned1 1 2\tx\n", "learned2 1 2\tx\n", "\n", "nothing", "\t\t\t\n"}) {
        std::ofstream{folder_ / speeds_file} << text;
        Speeds speeds{folder_};
        EXPECT_EQ(speeds.measured(model_, offer_), nullptr) << text;
    }
}

TEST_F(SpeedsTest, AnIdleWorkerTeachesNothing) {
    Speeds speeds{folder_};
    for (int i = 0; i < 2'000; ++i) {
        look(speeds, 1'000 + i);
    }
    EXPECT_EQ(speeds.measured(model_, offer_), nullptr);
    speeds.save();
    EXPECT_FALSE(fs::exists(folder_ / speeds_file));
}

TEST_F(SpeedsTest, TheGateHearsOnlyWhatIsKnown) {
    Speeds speeds{folder_};
    EXPECT_EQ(speeds.speed(model_, offer_, std::nullopt, 1), gate::Speed{});
    const gate::Speed seeded = speeds.speed(model_, offer_, seed_, 1);
    EXPECT_EQ(seeded.prefill_tok_s, seed_.prefill_tok_s);
    EXPECT_EQ(seeded.kv_tokens, seed_.kv_tokens);
    const gate::Speed fast = speeds.speed(model_, offer_, seed_, 60);
    EXPECT_DOUBLE_EQ(fast.prefill_tok_s, 60 * seeded.prefill_tok_s);
    EXPECT_DOUBLE_EQ(fast.step_s * 60, seeded.step_s);
    EXPECT_EQ(fast.kv_tokens, seeded.kv_tokens);
    serve(speeds, 20, 4'000);
    const gate::Speed measured = speeds.speed(model_, offer_, std::nullopt, 1);
    EXPECT_NEAR(measured.step_s + 2 * measured.step_per_seq_s, 0.040, 0.004);
    EXPECT_EQ(measured.kv_tokens, 0) << "nobody has seen its cache";
    speeds.cache(model_, offer_, seed_, 81'968);
    EXPECT_EQ(speeds.speed(model_, offer_, std::nullopt, 1).kv_tokens, 81'968);
    EXPECT_EQ(speeds.speed(model_, offer_, seed_, 1).kv_tokens, 81'968);
    speeds.save();
    EXPECT_EQ(Speeds{folder_}.speed(model_, offer_, seed_, 1).kv_tokens, 81'968);
}

}  // namespace
}  // namespace evenkeel::agent
