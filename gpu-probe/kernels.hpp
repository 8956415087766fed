#pragma once

#include "gpu-probe/cublas_api.hpp"

#include <string>
#include <vector>

/// What runs on the GPU. Read by nvcc as C++17 and by the host compiler: plain types only.
namespace evenkeel::gpu_probe {

struct Device {
    int index{0};
    std::string uuid{};  ///< as the driver's library writes it: "GPU-..."
    std::string name{};
    long long memory_bytes{0};
};
/// Devices that CUDA can use, counted as nvidia-smi does; `trouble` says why there are none.
std::vector<Device> list_devices(std::string& trouble);

struct Seconds {
    double copy{1};
    double matrix{1};
    double transfer{0.5};
    double pattern{1};
};

struct Measured {
    double copy_bytes_s{0};
    double bf16_flops_s{0};
    double fp16_flops_s{0};
    double to_device_bytes_s{0};
    double from_device_bytes_s{0};
    long long pattern_bytes{0};
    long long pattern_errors{0};
    long long product_entries{0};
    long long product_errors{0};
    bool hardware_fault{false};
    std::string trouble{};
};
/// Everything, on one device, within about `seconds`. What cannot be measured stays zero, with why
/// in `trouble` when it is more than a missing cuBLAS.
Measured measure(int device, const Seconds& seconds, const Cublas& cublas);

}  // namespace evenkeel::gpu_probe
