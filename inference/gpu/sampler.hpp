#pragma once

#include "inference/gpu/gpu.hpp"
#include "inference/gpu/health.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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

/// Watches the GPUs from a thread of its own: the driver may block for seconds, and nobody else
/// waits for it. Any thread may read.
class Sampler {
public:
    /// `clock` outlives it. Looks at once, then every `every`.
    Sampler(
        const Clock& clock,
        std::string library = "libnvidia-ml.so.1",
        std::chrono::milliseconds every = std::chrono::seconds{1});
    /// Waits for the driver's answer when one is outstanding.
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// The newest round; never null.
    [[nodiscard]] std::shared_ptr<const Snapshot> read() const;

private:
    void run(std::stop_token stop);

    const Clock& clock_;
    std::chrono::milliseconds every_;
    Watch watch_;
    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::shared_ptr<const Snapshot> newest_{std::make_shared<Snapshot>()};
    std::jthread thread_;  // last: stopped before anything above goes
};

}  // namespace evenkeel::inference::gpu
