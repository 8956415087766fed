#include "agent/control/gpu_history.hpp"

#include <algorithm>

namespace evenkeel::agent {

void GpuHistory::add(const inference::gpu::Snapshot& gpus, UtcTime now) {
    if (gpus.round == round_) {
        return;
    }
    round_ = gpus.round;
    const UtcTime minute = std::chrono::floor<std::chrono::minutes>(now);
    for (const inference::gpu::GpuReading& reading : gpus.gpus) {
        const inference::gpu::GpuSample& sample = reading.sample;
        Running& running = running_[reading.info.uuid];
        ledger::GpuRollup& row = running.minute;
        if (row.samples > 0 && row.at != minute) {
            store(running);
        }
        row.gpu = reading.info.uuid;
        row.at = minute;
        ++row.samples;
        row.power_milliwatts += sample.power_milliwatts.value_or(0);
        if (sample.energy_millijoules) {
            const bool goes_on = running.energy_millijoules &&
                                 running.driver_load == sample.driver_load &&
                                 *sample.energy_millijoules >= *running.energy_millijoules;
            row.energy_millijoules +=
                goes_on ? *sample.energy_millijoules - *running.energy_millijoules : 0;
            running.energy_millijoules = sample.energy_millijoules;
            running.driver_load = sample.driver_load;
        }
        row.utilisation += sample.utilisation_percent.value_or(0);
        row.temperature_c =
            std::max<std::int64_t>(row.temperature_c, sample.temperature_c.value_or(0));
        row.memory_bytes = std::max(row.memory_bytes, sample.memory_used_bytes.value_or(0));
        row.throttle |= static_cast<std::int64_t>(sample.throttle.value_or(0));
        row.xids += reading.xids_seen - running.xids_seen;
        running.xids_seen = reading.xids_seen;
        row.sick += reading.verdict.sick ? 1 : 0;
    }
}

void GpuHistory::store(Running& running) {
    ledger_.gpu_minute(running.minute);
    running.minute = {};
}

void GpuHistory::close() {
    for (auto& [gpu, running] : running_) {
        if (running.minute.samples > 0) {
            store(running);
        }
    }
}

}  // namespace evenkeel::agent
