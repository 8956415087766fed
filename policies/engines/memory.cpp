#include "policies/engines/memory.hpp"

#include "policies/capacity/fit.hpp"
#include "policies/capacity/known.hpp"

#include <algorithm>

namespace evenkeel::engines {

namespace {

int gpu_count(const config::Hardware& hardware) {
    const auto known = capacity::find_gpu(hardware.gpu);
    const int listed = static_cast<int>(hardware.gpus.size());
    return listed > 0 ? listed : known ? known->count : 1;
}

}  // namespace

std::optional<std::int64_t> room_bytes(const config::Hardware& hardware) {
    const auto known = capacity::find_gpu(hardware.gpu);
    const std::int64_t each = hardware.vram_bytes > 0 ? hardware.vram_bytes
                              : known                 ? known->gpu.vram_bytes
                                                      : 0;
    return each > 0 ? std::optional{each * gpu_count(hardware)} : std::nullopt;
}

std::optional<std::int64_t> engine_bytes(
    const config::Provider& provider,
    const config::Model& model,
    const config::Offer& offer,
    const config::Hardware& hardware) {
    if (provider.start.memory_bytes > 0) {
        return provider.start.memory_bytes;
    }
    const auto named = capacity::find_weights_bytes(offer.weights);
    const std::int64_t weights = offer.weights_bytes > 0 ? offer.weights_bytes : named.value_or(0);
    auto facts = capacity::find_model(offer.weights);
    if (!facts) {
        facts = capacity::find_model(model.name);
    }
    std::int64_t kv = model.kv_per_token_bytes > 0 ? model.kv_per_token_bytes
                      : facts                      ? facts->kv_bytes
                                                   : 0;
    if (provider.engine != "llama.cpp" || weights == 0 || kv == 0 || model.context == 0) {
        return std::nullopt;
    }
    kv = offer.kv_cache == "fp8" ? std::max<std::int64_t>(kv / 2, 1) : kv;
    return capacity::needed_bytes(
        {.gpus = gpu_count(hardware)},
        {.weights_bytes = weights, .kv_bytes = kv},
        model.context,
        offer.slots);
}

}  // namespace evenkeel::engines
