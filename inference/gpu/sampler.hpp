#pragma once

#include "inference/gpu/gpu.hpp"
#include "inference/gpu/health.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace evenkeel::inference::gpu {

/// A GPU with its newest look and what is thought of it.
struct GpuReading {
    GpuInfo info{};
    GpuSample sample{};
    Verdict verdict{};
    std::int64_t xids_seen{0};  ///< since the start
    int last_xid{0};
};

/// All GPUs at one moment.
struct Snapshot {
    BootTime at{};
    std::uint64_t round{0};  ///< 0: not looked yet
    std::string trouble{};   ///< why there is no telemetry: one line for people; empty with it
    std::vector<GpuReading> gpus{};
};

/// Looks at all GPUs, round by round. One thread.
class Watch {
public:
    explicit Watch(std::string library) : library_{std::move(library)} {}
    /// Opens the driver when it is not open: a missing one is looked for once a minute.
    [[nodiscard]] Snapshot look(BootTime now);

private:
    struct Known {
        GpuInfo info{};
        Verdict verdict{};
        std::int64_t xids_seen{0};
        int last_xid{0};
    };
    void list(BootTime now);

    std::string library_;
    std::unique_ptr<Nvml> nvml_{};
    std::string trouble_{};
    BootTime next_list_{};
    std::map<int, Known> known_{};
    std::uint64_t round_{0};
};

/// Watches the GPUs from a thread of its own: the driver may block for as long as it likes, and
/// nobody else waits for it. Any thread may read.
class Sampler {
public:
    /// Looks at once, then every `every`. `clock` is copied from by each round, and outlives it.
    Sampler(
        const Clock& clock,
        std::string library = "libnvidia-ml.so.1",
        std::chrono::milliseconds every = std::chrono::seconds{1});
    /// Waits at most `leave_limit` for an outstanding answer of the driver. A thread that still
    /// hangs in it then is left to end by itself, and touches nothing of the owner's any more.
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// The newest round; never null.
    [[nodiscard]] std::shared_ptr<const Snapshot> read() const;
    /// The first round. When the driver takes longer than `limit`, one without GPUs whose
    /// `trouble` says so.
    [[nodiscard]] std::shared_ptr<const Snapshot> first(std::chrono::milliseconds limit) const;

    static constexpr std::chrono::milliseconds leave_limit{2'000};

private:
    struct Shared;
    static void run(std::stop_token stop, const std::shared_ptr<Shared>& shared);

    std::shared_ptr<Shared> shared_;
    std::jthread thread_;
};

}  // namespace evenkeel::inference::gpu
