#include "agent/control/renter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace evenkeel::agent {
namespace {

TEST(RentalProfile, JudgesOnlyWhatASeedIsAbout) {
    const auto name = [](const char* gpu, const char* model) {
        const auto found = rental_profile(gpu, model);
        return found ? std::string{found->name} : std::string{"none"};
    };
    EXPECT_EQ(name("NVIDIA H100 PCIe", "qwq-32b"), "h100-32b-fp8");
    EXPECT_EQ(name("H100", "Qwen/QwQ-32B"), "h100-32b-fp8");
    EXPECT_EQ(name("h100-80gb", "llama-3.3-70b-instruct"), "h100-70b-awq");
    EXPECT_EQ(name("RTX 5090", "r1-70b"), "2x5090-70b-awq");
    EXPECT_EQ(name("rtx5090", "gemma-27b"), "5090-32b-awq");
    for (const auto& [gpu, model] : std::initializer_list<std::pair<const char*, const char*>>{
             {"A100", "qwq-32b"},
             {"", "qwq-32b"},
             {"H100", "r1-671b"},
             {"H100", "mixtral-8x7b"},
             {"H100", "phi-4"},
             {"H100", "qwen3-32bit"},
             {"H100", ""}}) {
        EXPECT_EQ(name(gpu, model), "none") << gpu << ' ' << model;
    }
}

TEST(PlacingProfile, IsOfAModelAboutAsLarge) {
    EXPECT_TRUE(placing_profile("H100", "qwq-32b"));
    EXPECT_TRUE(placing_profile("rtx5090", "gemma-27b"));
    EXPECT_TRUE(placing_profile("RTX 5090", "r1-70b"));
    EXPECT_FALSE(placing_profile("rtx5090", "qwen3-8b")) << "its cache is larger by far";
    EXPECT_FALSE(placing_profile("A100", "qwq-32b"));
    EXPECT_FALSE(placing_profile("H100", "phi-4"));
}

}  // namespace
}  // namespace evenkeel::agent
