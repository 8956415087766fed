#pragma once

#include <string>

/// cuBLAS, opened while the program runs, with declarations of our own: the few functions have kept
/// their form since CUDA 11. Read by nvcc as C++17 too.
namespace evenkeel::gpu_probe {

/// Values of cudaDataType_t.
enum class Element : int { fp32 = 0, fp16 = 2, bf16 = 14 };

class Cublas {
public:
    /// The newest libcublas.so there is; empty `trouble` on success.
    static Cublas open(std::string& trouble);
    ~Cublas();
    Cublas(Cublas&& other) noexcept;
    Cublas(const Cublas&) = delete;
    Cublas& operator=(const Cublas&) = delete;
    Cublas& operator=(Cublas&&) = delete;

    [[nodiscard]] bool is_open() const noexcept { return multiply_ != nullptr; }
    /// A handle of the current device, or null.
    [[nodiscard]] void* make_handle() const noexcept;
    void drop_handle(void* handle) const noexcept;
    /// C = A B, n x n, column by column, sums in 32 bit; false when cuBLAS refuses. Precondition:
    /// is_open().
    [[nodiscard]] bool multiply(
        void* handle, int n, const void* a, const void* b, Element in, void* c, Element out)
        const noexcept;

private:
    Cublas() = default;
    using Create = int (*)(void**);
    using Destroy = int (*)(void*);
    using Multiply = int (*)(
        void*,
        int,
        int,
        int,
        int,
        int,
        const void*,
        const void*,
        int,
        int,
        const void*,
        int,
        int,
        const void*,
        void*,
        int,
        int,
        int,
        int);
    void* library_{nullptr};
    Create create_{nullptr};
    Destroy destroy_{nullptr};
    Multiply multiply_{nullptr};
};

}  // namespace evenkeel::gpu_probe
