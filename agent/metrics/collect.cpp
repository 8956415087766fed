#include "agent/metrics/collect.hpp"

#include <algorithm>
#include <string>

namespace evenkeel::agent::metrics {

namespace {

void add_ledger(const Known& known, Families& out) {
    out.add(ledger_rows, {}, static_cast<double>(known.booked.rows));
    out.add(
        ledger_write,
        {},
        ledger::write_limits_us,
        known.booked.writes.counts,
        known.booked.writes.sum,
        1e6);
    out.add(ledger_chain_ok, {}, known.chain_ok ? 1 : 0);
}

}  // namespace

void collect_gpus(const Known& known, Families& out) {
    for (const inference::gpu::GpuReading& reading : known.view.gpus->gpus) {
        const std::string gpu = std::to_string(reading.info.index);
        const inference::gpu::GpuSample& sample = reading.sample;
        if (sample.power_milliwatts) {
            out.add(gpu_power, {gpu}, static_cast<double>(*sample.power_milliwatts) / 1e3);
        }
        if (const auto sum = known.gpu_millijoules.find(reading.info.index);
            sum != known.gpu_millijoules.end()) {
            out.add(gpu_energy, {gpu}, static_cast<double>(sum->second) / 1e3);
        }
        if (sample.memory_used_bytes) {
            out.add(gpu_memory, {gpu}, static_cast<double>(*sample.memory_used_bytes));
        }
        if (sample.utilisation_percent) {
            out.add(gpu_utilization, {gpu}, *sample.utilisation_percent / 100.0);
        }
        if (sample.temperature_c) {
            out.add(gpu_temperature, {gpu}, *sample.temperature_c);
        }
    }
}

void collect(const Known& known, Families& out) {
    const View& view = known.view;
    out.add(build_info, {view.version, known.commit}, 1);
    out.add(reload_ok, {}, known.reload_ok ? 1 : 0);
    if (view.policy_revision > 0) {
        out.add(reload_at, {}, seconds_of(view.policy_loaded));
        out.add(policy_revision, {}, static_cast<double>(view.policy_revision));
    }
    collect_requests(known, out);
    collect_money(known, out);
    collect_machines(known, out);
    collect_gpus(known, out);
    add_ledger(known, out);
}

}  // namespace evenkeel::agent::metrics
