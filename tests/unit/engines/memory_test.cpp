#include "policies/engines/memory.hpp"

#include "policies/capacity/fit.hpp"

#include <gtest/gtest.h>

namespace evenkeel::engines {
namespace {

config::Hardware desk(std::string gpu, std::vector<int> gpus) {
    return {.name = "desk", .gpus = std::move(gpus), .gpu = std::move(gpu)};
}

TEST(EngineMemory, TheRoomIsThatOfAllGpus) {
    const auto one = room_bytes(desk("RTX 5090", {0}));
    ASSERT_TRUE(one);
    EXPECT_EQ(*one, capacity::gib_hundredths(3184));
    EXPECT_EQ(room_bytes(desk("RTX 5090", {0, 1})), 2 * *one);
    EXPECT_EQ(room_bytes(desk("Voodoo 2", {0})), std::nullopt);
    config::Hardware stated = desk("Voodoo 2", {0, 1});
    stated.vram_bytes = 10 * capacity::gib_bytes;
    EXPECT_EQ(room_bytes(stated), 20 * capacity::gib_bytes);
}

TEST(EngineMemory, OfLlamaCppWeightsCacheOfAllSlotsAndOverheadCount) {
    const config::Hardware box = desk("RTX 5090", {0});
    const config::Model model{.name = "qwq-32b", .context = 8'192};
    const config::Offer offer{
        .on = "desk",
        .weights = "qwq-32b-q4_k_m.gguf",
        .weights_bytes = 19'850'000'000,
        .slots = 2};
    config::Provider provider{.name = "desk", .engine = "llama.cpp"};
    const std::int64_t cache = std::int64_t{2} * 8'192 * 262'144;
    EXPECT_EQ(
        engine_bytes(provider, model, offer, box),
        19'850'000'000 + cache + capacity::gpu_overhead_bytes);
    config::Offer eight_bit = offer;
    eight_bit.kv_cache = "fp8";
    EXPECT_EQ(
        engine_bytes(provider, model, eight_bit, box),
        19'850'000'000 + cache / 2 + capacity::gpu_overhead_bytes);
    provider.engine = "vllm";
    EXPECT_EQ(engine_bytes(provider, model, offer, box), std::nullopt)
        << "it takes its share of the GPU, whatever it loads";
    provider.start.memory_bytes = 30'000'000'000;
    EXPECT_EQ(engine_bytes(provider, model, offer, box), 30'000'000'000);
}

TEST(EngineMemory, WithoutContextOrCacheNothingIsGuessed) {
    const config::Hardware box = desk("RTX 5090", {0});
    const config::Provider provider{.name = "desk", .engine = "llama.cpp"};
    const config::Offer offer{.on = "desk", .weights_bytes = 1'000'000'000};
    EXPECT_EQ(engine_bytes(provider, {.name = "qwq-32b"}, offer, box), std::nullopt);
    EXPECT_EQ(engine_bytes(provider, {.name = "mine", .context = 4'096}, offer, box), std::nullopt);
}

}  // namespace
}  // namespace evenkeel::engines
