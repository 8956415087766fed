#include "gpu-probe/cublas_api.hpp"

#include <dlfcn.h>
#include <utility>

namespace evenkeel::gpu_probe {

namespace {

constexpr int no_transpose = 0;   // CUBLAS_OP_N
constexpr int compute_32f = 68;   // CUBLAS_COMPUTE_32F
constexpr int default_algo = -1;  // CUBLAS_GEMM_DEFAULT

template <class Function>
Function symbol(void* library, const char* name) {
    return reinterpret_cast<Function>(::dlsym(library, name));
}

}  // namespace

Cublas Cublas::open(std::string& trouble) {
    Cublas api;
    for (const char* name :
         {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"}) {
        api.library_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (api.library_ != nullptr) {
            break;
        }
    }
    if (api.library_ == nullptr) {
        trouble = "libcublas.so is not there: matrix rates are not measured, products not checked";
        return api;
    }
    api.create_ = symbol<Create>(api.library_, "cublasCreate_v2");
    api.destroy_ = symbol<Destroy>(api.library_, "cublasDestroy_v2");
    api.multiply_ = symbol<Multiply>(api.library_, "cublasGemmEx");
    if (api.create_ == nullptr || api.destroy_ == nullptr || api.multiply_ == nullptr) {
        trouble = "libcublas.so lacks a function that it should have";
        api.multiply_ = nullptr;
    } else {
        trouble.clear();
    }
    return api;
}

Cublas::~Cublas() {
    if (library_ != nullptr) {
        ::dlclose(library_);
    }
}

Cublas::Cublas(Cublas&& other) noexcept
    : library_{std::exchange(other.library_, nullptr)},
      create_{other.create_},
      destroy_{other.destroy_},
      multiply_{std::exchange(other.multiply_, nullptr)} {}

void* Cublas::make_handle() const noexcept {
    void* handle = nullptr;
    return is_open() && create_(&handle) == 0 ? handle : nullptr;
}

void Cublas::drop_handle(void* handle) const noexcept {
    if (handle != nullptr) {
        destroy_(handle);
    }
}

bool Cublas::multiply(
    void* handle, int n, const void* a, const void* b, Element in, void* c, Element out)
    const noexcept {
    const float one = 1;
    const float zero = 0;
    const int in_type = static_cast<int>(in);
    return multiply_(
               handle,
               no_transpose,
               no_transpose,
               n,
               n,
               n,
               &one,
               a,
               in_type,
               n,
               b,
               in_type,
               n,
               &zero,
               c,
               static_cast<int>(out),
               n,
               compute_32f,
               default_algo) == 0;
}

}  // namespace evenkeel::gpu_probe
