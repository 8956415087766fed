#pragma once

#include "agent/ledger/ledger.hpp"
#include "inference/gpu/sampler.hpp"
#include "policies/domain/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace evenkeel::agent {

/// Rolls the looks at GPUs up into minutes and leaves those to the ledger. Control thread only.
class GpuHistory {
public:
    explicit GpuHistory(ledger::Ledger& ledger) : ledger_{ledger} {}

    /// Adds a round; one that was added already changes nothing.
    void add(const inference::gpu::Snapshot& gpus, UtcTime now);
    /// Stores the minute that has begun.
    void close();

private:
    struct Running {
        ledger::GpuRollup minute{};
        std::uint64_t driver_load{0};
        std::optional<std::int64_t> energy_millijoules{};
        std::int64_t xids_seen{0};
    };
    void store(Running& running);

    ledger::Ledger& ledger_;
    std::uint64_t round_{0};
    std::map<std::string, Running> running_{};  ///< by UUID
};

}  // namespace evenkeel::agent
