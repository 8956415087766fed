#include "agent/cli/local_gpus.hpp"

#include "agent/doctor/running.hpp"
#include "agent/service/clock.hpp"
#include "inference/gpu/sampler.hpp"

namespace evenkeel::cli {

namespace gpu = inference::gpu;

LocalGpus look_at_gpus(const std::string& library) {
    gpu::Watch watch{library.empty() ? "libnvidia-ml.so.1" : library};
    const gpu::Snapshot snapshot = watch.look(agent::SystemClock{}.read().boot);
    LocalGpus all{.without = snapshot.trouble};
    for (const gpu::GpuReading& reading : snapshot.gpus) {
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
