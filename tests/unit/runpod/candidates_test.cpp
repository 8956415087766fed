#include "providers/runpod/candidates.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers::runpod {
namespace {

MarketOffer offer(std::string sku, std::string region, bool in_stock = true) {
    return {.sku = std::move(sku), .region = std::move(region), .in_stock = in_stock};
}

TEST(RunPodCandidates, OnePlaceIsBlamedOnlyAfterSeveralRefusals) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A"), offer("h200", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A"));
    EXPECT_FALSE(candidates.refused("h100", "A"));
    EXPECT_TRUE(candidates.refused("h100", "A"));
    EXPECT_TRUE(candidates.refused("h100", "A")) << "and it stays so";
}

TEST(RunPodCandidates, EveryPlaceOfTheGpuMustHaveRefused) {
    Candidates candidates;
    candidates.offered(
        std::vector{offer("h100", "A"), offer("h100", "B"), offer("h100", "C", false)});
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(candidates.refused("h100", "A")) << "B has not been tried";
    }
    EXPECT_TRUE(candidates.refused("h100", "B"));
}

TEST(RunPodCandidates, ASuccessClearsTheRequest) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A"));
    EXPECT_FALSE(candidates.refused("h100", "A"));
    candidates.accepted();
    EXPECT_FALSE(candidates.refused("h100", "A"));
}

TEST(RunPodCandidates, ANewPlaceInStockIsANewChance) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A")});
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(candidates.refused("h100", "A"));
    }
    candidates.offered(std::vector{offer("h100", "A"), offer("h100", "B")});
    EXPECT_FALSE(candidates.refused("h100", "A"));
}

}  // namespace
}  // namespace evenkeel::providers::runpod
