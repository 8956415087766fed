#include "agent/cli/local_gpus.hpp"

#include "agent/doctor/running.hpp"
#include "agent/service/clock.hpp"
#include "inference/gpu/sampler.hpp"

namespace evenkeel::cli {

namespace gpu = inference::gpu;

namespace {

/// The first call loads the driver, which takes seconds on a node of eight without persistence.
constexpr std::chrono::seconds driver_limit{20};

}  // namespace

LocalGpus look_at_gpus(const std::string& library) {
    static const agent::SystemClock clock;  // a look that hangs in the driver may outlive this call
    const gpu::Sampler sampler{clock, library.empty() ? "libnvidia-ml.so.1" : library};
    const std::shared_ptr<const gpu::Snapshot> snapshot = sampler.first(driver_limit);
    LocalGpus all{.without = snapshot->trouble};
    for (const gpu::GpuReading& reading : snapshot->gpus) {
        all.found.push_back(
            {.index = reading.info.index,
             .name = reading.info.name,
             .memory_bytes = reading.info.memory_bytes,
             .power_limit_milliwatts = reading.info.power_limit_milliwatts,
             .driver = reading.info.driver});
        all.facts.push_back(doctor::facts_of(reading));
    }
    return all;
}

}  // namespace evenkeel::cli
