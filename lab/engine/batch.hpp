#pragma once

#include "policies/capacity/service_model.hpp"

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace evenkeel::lab::engine {

/// What the engine computes now: the service-time model driven by real time, `speed` virtual
/// seconds to one real second. Time enters as the real time since the engine's start.
class Batch {
public:
    using Elapsed = std::chrono::nanoseconds;
    using Id = capacity::EngineModel::SeqId;

    /// How far one sequence is.
    struct Progress {
        std::int64_t tokens{0};
        bool ended{false};
    };

    Batch(const capacity::Profile& profile, std::int64_t speed) : model_{profile}, speed_{speed} {}

    [[nodiscard]] Id add(std::int64_t tokens_in, std::int64_t tokens_out, Elapsed at);
    /// Precondition: `id` was given out and not removed.
    [[nodiscard]] Progress progress(Id id, Elapsed at);
    /// Takes a sequence out, ended or not; its room is free at once.
    void remove(Id id, Elapsed at);

    void advance(Elapsed at);
    [[nodiscard]] int running() const noexcept { return model_.running(); }
    [[nodiscard]] int waiting() const noexcept { return model_.waiting(); }
    [[nodiscard]] double kv_usage() const noexcept { return model_.kv_usage(); }
    [[nodiscard]] std::int64_t kv_tokens() const noexcept { return model_.profile().kv_tokens; }

private:
    struct Sequence {
        std::int64_t tokens_out{0};
        bool ended{false};
    };

    capacity::EngineModel model_;
    std::int64_t speed_;
    std::unordered_map<Id, Sequence> sequences_{};
    std::vector<capacity::EngineModel::Ended> ended_{};
};

}  // namespace evenkeel::lab::engine
