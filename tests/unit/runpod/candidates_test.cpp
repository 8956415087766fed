#include "providers/runpod/candidates.hpp"

#include <gtest/gtest.h>

namespace evenkeel::providers::runpod {
namespace {

using namespace std::chrono_literals;

constexpr BootTime t0{1h};

MarketOffer offer(std::string sku, std::string region, bool in_stock = true) {
    return {.sku = std::move(sku), .region = std::move(region), .in_stock = in_stock};
}

TEST(RunPodCandidates, OnePlaceIsBlamedOnlyAfterSeveralRefusals) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A"), offer("h200", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_TRUE(candidates.refused("h100", "A", t0));
    EXPECT_TRUE(candidates.refused("h100", "A", t0)) << "and it stays so";
}

TEST(RunPodCandidates, EveryPlaceOfTheGpuMustHaveRefused) {
    Candidates candidates;
    candidates.offered(
        std::vector{offer("h100", "A"), offer("h100", "B"), offer("h100", "C", false)});
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(candidates.refused("h100", "A", t0)) << "B has not been tried";
    }
    EXPECT_TRUE(candidates.refused("h100", "B", t0));
}

TEST(RunPodCandidates, ASuccessClearsTheRequest) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    candidates.accepted("h100");
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
}

TEST(RunPodCandidates, ANewPlaceInStockIsANewChance) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A")});
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(candidates.refused("h100", "A", t0));
    }
    candidates.offered(std::vector{offer("h100", "A"), offer("h100", "B")});
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
}

TEST(RunPodCandidates, ARefusalCountsForAnHour) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_FALSE(candidates.refused("h100", "A", t0 + 30min));
    EXPECT_FALSE(candidates.refused("h100", "A", t0 + 1h)) << "the first is forgotten";
    EXPECT_TRUE(candidates.refused("h100", "A", t0 + 90min - 1ns));
    EXPECT_FALSE(candidates.refused("h100", "A", t0 + 150min));
}

TEST(RunPodCandidates, EachGpuIsJudgedByItself) {
    Candidates candidates;
    candidates.offered(std::vector{offer("h100", "A"), offer("h200", "A")});
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_FALSE(candidates.refused("h100", "A", t0));
    EXPECT_FALSE(candidates.refused("h200", "A", t0)) << "its first";
    candidates.accepted("h200");
    EXPECT_TRUE(candidates.refused("h100", "A", t0)) << "an accepted h200 is no h100";
}

TEST(RunPodCandidates, RemembersABoundedNumber) {
    Candidates candidates;
    for (std::size_t i = 0; i < 2 * Candidates::refusals_max; ++i) {
        static_cast<void>(candidates.refused("h100", std::to_string(i), t0));
    }
    candidates.offered(std::vector{offer("h100", "0")});
    EXPECT_FALSE(candidates.refused("h100", "1", t0)) << "the oldest are forgotten";
    candidates.offered(std::vector{offer("h100", "1999")});
    EXPECT_TRUE(candidates.refused("h100", "1", t0));
}

}  // namespace
}  // namespace evenkeel::providers::runpod
