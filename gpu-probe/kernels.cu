#include "gpu-probe/kernels.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <library_types.h>
#include <stdexcept>

namespace evenkeel::gpu_probe {

static_assert(static_cast<int>(Element::fp32) == CUDA_R_32F);
static_assert(static_cast<int>(Element::fp16) == CUDA_R_16F);
static_assert(static_cast<int>(Element::bf16) == CUDA_R_16BF);

namespace {

constexpr int block = 256;
constexpr int matrix_n = 8192;
constexpr int small_matrix_n = 4096;  ///< where memory is short
constexpr long long copy_bytes = 1LL << 30;
constexpr long long transfer_bytes = 256LL << 20;
/// Left to the driver and to whoever shares the card.
constexpr long long spare_bytes = 512LL << 20;

struct CudaError : std::runtime_error {
    CudaError(cudaError_t which, const char* what)
        : std::runtime_error(std::string(what) + ": " + cudaGetErrorString(which)), code(which) {}
    cudaError_t code;
};

void check(cudaError_t code, const char* what) {
    if (code != cudaSuccess) {
        throw CudaError(code, what);
    }
}

bool is_hardware(cudaError_t code) {
    return code == cudaErrorECCUncorrectable || code == cudaErrorNvlinkUncorrectable ||
           code == cudaErrorHardwareStackError;
}

/// Memory of the device, or pinned memory of the host.
class Buffer {
public:
    explicit Buffer(long long bytes, bool host = false) : host_(host) {
        check(
            host ? cudaMallocHost(&data_, static_cast<std::size_t>(bytes))
                 : cudaMalloc(&data_, static_cast<std::size_t>(bytes)),
            "no memory");
    }
    ~Buffer() { host_ ? cudaFreeHost(data_) : cudaFree(data_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    template <class T>
    T* as() const {
        return static_cast<T*>(data_);
    }

private:
    void* data_ = nullptr;
    bool host_;
};

/// Times work on the device's own clock.
class Stopwatch {
public:
    Stopwatch() {
        check(cudaEventCreate(&from_), "event");
        check(cudaEventCreate(&to_), "event");
    }
    ~Stopwatch() {
        cudaEventDestroy(from_);
        cudaEventDestroy(to_);
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    template <class Work>
    double seconds(Work work) {
        check(cudaEventRecord(from_), "event");
        work();
        check(cudaEventRecord(to_), "event");
        check(cudaEventSynchronize(to_), "work on the GPU");
        float ms = 0;
        check(cudaEventElapsedTime(&ms, from_, to_), "event");
        return ms / 1000.0;
    }

private:
    cudaEvent_t from_{};
    cudaEvent_t to_{};
};

/// The shortest of several runs of `work`, at least three, until `limit` seconds are over.
template <class Work>
double best_of(double limit, Work work) {
    Stopwatch watch;
    watch.seconds(work);  // loads the code, raises the clocks
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit);
    double best = 1e300;
    for (int runs = 0; runs < 3 || std::chrono::steady_clock::now() < until; ++runs) {
        best = std::min(best, watch.seconds(work));
    }
    return best;
}

unsigned blocks_for(long long items) {
    return static_cast<unsigned>(std::min<long long>((items + block - 1) / block, 1 << 20));
}

__device__ std::uint64_t mixed(std::uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 33);
}

/// Four loads before four stores keep enough of them under way.
__global__ void copy_kernel(
    const uint4* __restrict__ from, uint4* __restrict__ to, long long count) {
    const long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (; i + 3 * stride < count; i += 4 * stride) {
        const uint4 a = from[i];
        const uint4 b = from[i + stride];
        const uint4 c = from[i + 2 * stride];
        const uint4 d = from[i + 3 * stride];
        to[i] = a;
        to[i + stride] = b;
        to[i + 2 * stride] = c;
        to[i + 3 * stride] = d;
    }
    for (; i < count; i += stride) {
        to[i] = from[i];
    }
}

/// kind 0 to 3: the same word everywhere; else a hash of the place, so that words that are mixed up
/// are seen too.
__device__ std::uint64_t pattern_at(long long i, int kind) {
    switch (kind) {
        case 0:
            return 0;
        case 1:
            return ~0ULL;
        case 2:
            return 0xAAAAAAAAAAAAAAAAULL;
        case 3:
            return 0x5555555555555555ULL;
        default:
            return mixed(static_cast<std::uint64_t>(i) + static_cast<std::uint64_t>(kind));
    }
}

__global__ void write_pattern(std::uint64_t* words, long long count, int kind) {
    const long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += stride) {
        words[i] = pattern_at(i, kind);
    }
}

__global__ void count_wrong(
    const std::uint64_t* words, long long count, int kind, unsigned long long* wrong) {
    const long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += stride) {
        if (words[i] != pattern_at(i, kind)) {
            atomicAdd(wrong, 1ULL);
        }
    }
}

/// Whole numbers from -2 to 2: products of them sum up exactly in 32-bit floats.
template <class T>
__global__ void fill_whole(T* values, long long count, std::uint64_t seed) {
    const long long stride = static_cast<long long>(gridDim.x) * blockDim.x;
    for (long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += stride) {
        const auto hash = mixed(static_cast<std::uint64_t>(i) + seed);
        values[i] = static_cast<T>(static_cast<float>(static_cast<int>(hash % 5) - 2));
    }
}

__global__ void fill_vector(long long* values, int n, std::uint64_t seed) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) {
        values[i] = static_cast<long long>(mixed(static_cast<std::uint64_t>(i) + seed) % 16) - 8;
    }
}

/// y = M x in whole numbers, M column by column.
template <class T>
__global__ void whole_product(const T* matrix, const long long* x, long long* y, int n) {
    const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (row >= n) {
        return;
    }
    long long sum = 0;
    for (int k = 0; k < n; ++k) {
        const float value = static_cast<float>(matrix[static_cast<long long>(k) * n + row]);
        sum += static_cast<long long>(value) * x[k];
    }
    y[row] = sum;
}

__global__ void count_different(
    const long long* a, const long long* b, int n, unsigned long long* different) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n && a[i] != b[i]) {
        atomicAdd(different, 1ULL);
    }
}

long long free_bytes() {
    std::size_t free = 0;
    std::size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "memory of the GPU");
    return static_cast<long long>(free);
}

long long take_counter(const Buffer& counter) {
    unsigned long long value = 0;
    check(
        cudaMemcpy(&value, counter.as<void>(), sizeof value, cudaMemcpyDeviceToHost),
        "work on the GPU");
    return static_cast<long long>(value);
}

void measure_copy(double limit, Measured& out) {
    const long long bytes = std::min(copy_bytes, (free_bytes() - spare_bytes) / 2) / 16 * 16;
    if (bytes < (16LL << 20)) {
        throw std::runtime_error("its memory is in use: stop the engines on it first");
    }
    const Buffer from(bytes);
    const Buffer to(bytes);
    check(cudaMemset(from.as<void>(), 1, static_cast<std::size_t>(bytes)), "memset");
    const long long count = bytes / 16;
    const double best = best_of(limit, [&] {
        copy_kernel<<<blocks_for(count / 4), block>>>(from.as<uint4>(), to.as<uint4>(), count);
    });
    check(cudaGetLastError(), "copy");
    out.copy_bytes_s = 2.0 * static_cast<double>(bytes) / best;
}

void measure_transfers(double limit, Measured& out) {
    const Buffer host(transfer_bytes, true);
    const Buffer device(transfer_bytes);
    const auto size = static_cast<std::size_t>(transfer_bytes);
    const auto bytes = static_cast<double>(transfer_bytes);
    out.to_device_bytes_s =
        bytes / best_of(limit / 2, [&] {
            check(
                cudaMemcpyAsync(device.as<void>(), host.as<void>(), size, cudaMemcpyHostToDevice),
                "copy to the GPU");
        });
    out.from_device_bytes_s =
        bytes / best_of(limit / 2, [&] {
            check(
                cudaMemcpyAsync(host.as<void>(), device.as<void>(), size, cudaMemcpyDeviceToHost),
                "copy from the GPU");
        });
}

void test_patterns(double limit, Measured& out) {
    long long bytes = (free_bytes() - spare_bytes) / 8 * 8;
    if (bytes <= 0) {
        return;
    }
    const Buffer counter(8);
    check(cudaMemset(counter.as<void>(), 0, 8), "memset");
    // In one piece, or what there is when the free memory is in pieces.
    void* taken = nullptr;
    while (bytes > 0 && cudaMalloc(&taken, static_cast<std::size_t>(bytes)) != cudaSuccess) {
        cudaGetLastError();
        bytes = bytes / 2 / 8 * 8;
    }
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit);
    const long long count = bytes / 8;
    auto* words = static_cast<std::uint64_t*>(taken);
    cudaError_t code = cudaSuccess;
    for (int kind = 0; kind < 8 && code == cudaSuccess; ++kind) {
        if (kind > 4 && std::chrono::steady_clock::now() > until) {
            break;
        }
        write_pattern<<<blocks_for(count), block>>>(words, count, kind);
        count_wrong<<<blocks_for(count), block>>>(
            words, count, kind, counter.as<unsigned long long>());
        code = cudaDeviceSynchronize();
    }
    cudaFree(taken);
    check(code, "pattern test");
    out.pattern_bytes = bytes;
    out.pattern_errors = take_counter(counter);
}

/// Freivalds: A (B x) must be C x for every x. A wrong entry stays unseen by one x with a chance of
/// one sixteenth at most, so by three with less than one in four thousand.
template <class T>
void check_product(const T* a, const T* b, const float* c, int n, Measured& out) {
    constexpr int vectors = 3;
    const auto bytes = static_cast<long long>(n) * 8;
    const Buffer x(bytes);
    const Buffer bx(bytes);
    const Buffer abx(bytes);
    const Buffer cx(bytes);
    const Buffer counter(8);
    check(cudaMemset(counter.as<void>(), 0, 8), "memset");
    const auto grid = static_cast<unsigned>((n + block - 1) / block);
    for (int i = 0; i < vectors; ++i) {
        fill_vector<<<grid, block>>>(x.as<long long>(), n, 1'000'003ULL * (i + 1));
        whole_product<<<grid, block>>>(b, x.as<long long>(), bx.as<long long>(), n);
        whole_product<<<grid, block>>>(a, bx.as<long long>(), abx.as<long long>(), n);
        whole_product<<<grid, block>>>(c, x.as<long long>(), cx.as<long long>(), n);
        count_different<<<grid, block>>>(
            abx.as<long long>(), cx.as<long long>(), n, counter.as<unsigned long long>());
    }
    check(cudaDeviceSynchronize(), "checked product");
    out.product_entries += static_cast<long long>(n) * n;
    out.product_errors += take_counter(counter);
}

template <class T>
double measure_matrix(
    double limit, const Cublas& cublas, void* handle, Element element, Measured& out) {
    const bool roomy = free_bytes() > 10LL * matrix_n * matrix_n + spare_bytes;
    const int n = roomy ? matrix_n : small_matrix_n;
    const long long entries = static_cast<long long>(n) * n;
    const Buffer a(entries * 2);
    const Buffer b(entries * 2);
    const Buffer c(entries * 4);
    fill_whole<<<blocks_for(entries), block>>>(a.as<T>(), entries, 1);
    fill_whole<<<blocks_for(entries), block>>>(b.as<T>(), entries, 2);
    const auto multiply = [&](Element result) {
        if (!cublas.multiply(
                handle, n, a.as<void>(), b.as<void>(), element, c.as<void>(), result)) {
            throw std::runtime_error("cuBLAS refused a matrix product");
        }
    };
    constexpr int batch = 5;
    const double best = best_of(limit, [&] {
        for (int i = 0; i < batch; ++i) {
            multiply(element);
        }
    });
    // Checked when it is warm.
    multiply(Element::fp32);
    check_product(a.as<T>(), b.as<T>(), c.as<float>(), n, out);
    const double size = n;
    return batch * 2.0 * size * size * size / best;
}

}  // namespace

std::vector<Device> list_devices(std::string& trouble) {
    ::setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", 1);
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    std::vector<Device> devices;
    if (code != cudaSuccess) {
        trouble = cudaGetErrorString(code);
        return devices;
    }
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp properties{};
        if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) {
            continue;
        }
        std::string uuid = "GPU-";
        for (int byte = 0; byte < 16; ++byte) {
            char text[4];
            std::snprintf(
                text, sizeof text, "%02x", static_cast<unsigned char>(properties.uuid.bytes[byte]));
            uuid += text;
            uuid += byte == 3 || byte == 5 || byte == 7 || byte == 9 ? "-" : "";
        }
        devices.push_back(
            {i, uuid, properties.name, static_cast<long long>(properties.totalGlobalMem)});
    }
    return devices;
}

Measured measure(int device, const Seconds& seconds, const Cublas& cublas) {
    Measured out;
    void* handle = nullptr;
    try {
        check(cudaSetDevice(device), "the GPU");
        measure_copy(seconds.copy, out);
        measure_transfers(seconds.transfer, out);
        if (cublas.is_open()) {
            handle = cublas.make_handle();
            if (handle == nullptr) {
                throw std::runtime_error("cuBLAS cannot use this GPU");
            }
            out.bf16_flops_s =
                measure_matrix<__nv_bfloat16>(seconds.matrix, cublas, handle, Element::bf16, out);
            out.fp16_flops_s =
                measure_matrix<__half>(seconds.matrix, cublas, handle, Element::fp16, out);
        }
        test_patterns(seconds.pattern, out);
    } catch (const CudaError& error) {
        out.trouble = error.what();
        out.hardware_fault = is_hardware(error.code);
    } catch (const std::exception& error) {
        out.trouble = error.what();
    }
    cublas.drop_handle(handle);
    return out;
}

}  // namespace evenkeel::gpu_probe
