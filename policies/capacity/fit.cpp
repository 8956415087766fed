#include "policies/capacity/fit.hpp"

#include <algorithm>
#include <limits>

namespace evenkeel::capacity {

namespace {

using Wide = __int128;

constexpr std::int64_t narrow(Wide value) noexcept {
    constexpr Wide least = std::numeric_limits<std::int64_t>::min();
    constexpr Wide most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::clamp(value, least, most));
}

Wide room_of(const GpuMemory& memory, std::int64_t weights_bytes) noexcept {
    return Wide{usable_bytes(memory)} - Wide{memory.overhead_bytes} * memory.gpus - weights_bytes;
}

/// KV bytes of one sequence.
Wide one_sequence(const ModelSize& model, std::int64_t tokens) noexcept {
    return Wide{std::max<std::int64_t>(model.kv_bytes, 1)} * std::max<std::int64_t>(tokens, 1);
}

}  // namespace

std::int64_t usable_bytes(const GpuMemory& memory) noexcept {
    return narrow(Wide{memory.vram_bytes} * memory.gpus * memory.util_millis / 1000);
}

std::int64_t kv_room(const GpuMemory& memory, std::int64_t weights_bytes) noexcept {
    return narrow(room_of(memory, weights_bytes));
}

std::int64_t sequences(
    const GpuMemory& memory, const ModelSize& model, std::int64_t tokens) noexcept {
    const Wide room = room_of(memory, model.weights_bytes);
    return room <= 0 ? 0 : narrow(room / one_sequence(model, tokens));
}

std::int64_t needed_bytes(
    const GpuMemory& memory,
    const ModelSize& model,
    std::int64_t tokens,
    std::int64_t sequences) noexcept {
    // Two factors of 2^63 fit 128 bits, a third does not; no machine has more than 2^20 sequences.
    const Wide count = std::clamp<std::int64_t>(sequences, 0, 1 << 20);
    const Wide each =
        std::min<Wide>(one_sequence(model, tokens), Wide{std::numeric_limits<std::int64_t>::max()});
    return narrow(
        Wide{model.weights_bytes} + Wide{memory.overhead_bytes} * memory.gpus + each * count);
}

}  // namespace evenkeel::capacity
