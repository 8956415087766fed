// evenkeel-gpu-probe: see arguments.cpp for what it says of itself.
#include "gpu-probe/arguments.hpp"
#include "gpu-probe/figures.hpp"
#include "gpu-probe/kernels.hpp"
#include "gpu-probe/print.hpp"
#include "inference/gpu/gpu.hpp"
#include "inference/gpu/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

namespace evenkeel::gpu_probe {

namespace {

namespace gpu = inference::gpu;

constexpr std::chrono::milliseconds sample_every{50};

/// Watches clocks, heat and power of one GPU from a thread of its own, as long as it lives.
class LoadWatch {
public:
    LoadWatch(gpu::Nvml& nvml, int index)
        : thread_{[this, &nvml, index](std::stop_token stop) { run(nvml, index, stop); }} {}
    /// Stops watching, and writes what was seen.
    void finish(Figures& figures) {
        thread_.request_stop();
        thread_.join();
        figures.sm_clock_mhz = seen_.sm_clock_mhz;
        figures.temperature_c = seen_.temperature_c;
        figures.power_milliwatts = seen_.power_milliwatts;
        figures.throttled = gpu::throttle_text(reasons_ & ~gpu::throttle_idle);
        figures.hardware_fault = figures.hardware_fault || faults_;
    }

private:
    void run(gpu::Nvml& nvml, int index, std::stop_token stop) {
        gpu::Verdict verdict;
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(sample_every);
            const gpu::GpuSample sample = nvml.sample(index);
            if (sample.utilisation_percent.value_or(0) > 0 && sample.sm_clock_mhz) {
                seen_.sm_clock_mhz = std::min(
                    seen_.sm_clock_mhz.value_or(*sample.sm_clock_mhz), *sample.sm_clock_mhz);
            }
            if (sample.temperature_c) {
                seen_.temperature_c =
                    std::max(seen_.temperature_c.value_or(0), *sample.temperature_c);
            }
            if (sample.power_milliwatts) {
                seen_.power_milliwatts =
                    std::max(seen_.power_milliwatts.value_or(0), *sample.power_milliwatts);
            }
            reasons_ |= sample.throttle.value_or(0);
            verdict = gpu::judge(verdict, sample);
            faults_ = faults_ || verdict.sick;
        }
    }

    Figures seen_{};
    std::uint64_t reasons_{0};
    bool faults_{false};
    std::jthread thread_;  // last: stopped before what it writes goes
};

Figures probe(const Device& device, const Seconds& seconds, const Cublas& cublas, gpu::Nvml* nvml) {
    Figures figures{
        .index = device.index,
        .uuid = device.uuid,
        .name = device.name,
        .memory_bytes = device.memory_bytes};
    std::optional<int> nvml_index;
    if (nvml != nullptr) {
        for (const gpu::GpuInfo& info : nvml->gpus()) {
            if (info.uuid == device.uuid) {
                nvml_index = info.index;
            }
        }
    }
    figures.index = nvml_index.value_or(device.index);
    std::optional<LoadWatch> watch;
    if (nvml_index) {
        watch.emplace(*nvml, *nvml_index);
    }
    const auto from = std::chrono::steady_clock::now();
    const Measured measured = measure(device.index, seconds, cublas);
    figures.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
    figures.copy_bytes_s = measured.copy_bytes_s;
    figures.bf16_flops_s = measured.bf16_flops_s;
    figures.fp16_flops_s = measured.fp16_flops_s;
    figures.to_device_bytes_s = measured.to_device_bytes_s;
    figures.from_device_bytes_s = measured.from_device_bytes_s;
    figures.pattern_bytes = measured.pattern_bytes;
    figures.pattern_errors = measured.pattern_errors;
    figures.product_entries = measured.product_entries;
    figures.product_errors = measured.product_errors;
    figures.hardware_fault = measured.hardware_fault;
    figures.trouble = measured.trouble;
    if (watch) {
        watch->finish(figures);
    }
    return figures;
}

int run(const Arguments& arguments) {
    std::string trouble;
    std::vector<Device> devices = list_devices(trouble);
    auto nvml = gpu::Nvml::load();
    if (!trouble.empty()) {
        std::cerr << "evenkeel-gpu-probe: " << trouble << '\n';
    }
    if (arguments.gpu) {
        std::erase_if(
            devices, [&](const Device& device) { return device.index != *arguments.gpu; });
    }
    std::string without_cublas;
    const Cublas cublas = Cublas::open(without_cublas);
    if (!without_cublas.empty() && !devices.empty()) {
        std::cerr << "evenkeel-gpu-probe: " << without_cublas << '\n';
    }
    const TimeShares shares = divide_time(arguments.seconds, static_cast<int>(devices.size()));
    std::vector<Figures> all;
    for (const Device& device : devices) {
        all.push_back(probe(
            device,
            {.copy = shares.copy,
             .matrix = shares.matrix,
             .transfer = shares.transfer,
             .pattern = shares.pattern},
            cublas,
            nvml ? nvml->get() : nullptr));
    }
    std::cout << (arguments.json ? json_text(all, EVENKEEL_VERSION) + "\n" : table_text(all));
    return exit_of(all);
}

}  // namespace

}  // namespace evenkeel::gpu_probe

int main(int argc, char** argv) {
    namespace probe = evenkeel::gpu_probe;
    const std::vector<std::string_view> words{argv + 1, argv + argc};
    const auto arguments = probe::parse_arguments(words);
    if (!arguments) {
        std::cerr << "evenkeel-gpu-probe: " << arguments.error().message << '\n';
        return probe::Exit::usage;
    }
    if (arguments->help || arguments->version) {
        std::cout
            << (arguments->help ? std::string{probe::help_text()}
                                : std::string{"evenkeel-gpu-probe "} + EVENKEEL_VERSION + "\n");
        return probe::Exit::done;
    }
    return probe::run(*arguments);
}
