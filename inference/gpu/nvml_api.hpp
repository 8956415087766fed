#pragma once

#include "policies/domain/error.hpp"

#include <memory>
#include <string>

/// The part of NVML's C interface that is used here, declared anew from NVIDIA's public "NVML API
/// Reference Guide" (docs.nvidia.com/deploy/nvml-api): the chapters "Device Queries", "Device
/// Structs", "Device Enums" and "Event Handling Methods" give every value and every order of
/// members below. A driver keeps the functions of older ones under their old names, so that each is
/// asked for under its newest name first.
namespace evenkeel::inference::gpu::nvml {

/// nvmlReturn_t.
enum Return : int {
    success = 0,
    uninitialized = 1,
    invalid_argument = 2,
    not_supported = 3,
    no_permission = 4,
    not_found = 6,
    insufficient_size = 7,
    driver_not_loaded = 9,
    timeout = 10,
    gpu_is_lost = 15,
    reset_required = 16,
    version_mismatch = 18,  ///< NVML_ERROR_LIB_RM_VERSION_MISMATCH
};

using Size = unsigned long long;
using Device = struct DeviceHandle*;      // nvmlDevice_t
using EventSet = struct EventSetHandle*;  // nvmlEventSet_t

/// nvmlMemory_t.
struct Memory {
    Size total{0};
    Size free{0};
    Size used{0};
};
/// nvmlMemory_v2_t; `used` leaves out what the driver keeps for itself.
struct MemoryV2 {
    unsigned version{sizeof(MemoryV2) | 2u << 24};
    Size total{0};
    Size reserved{0};
    Size free{0};
    Size used{0};
};
/// nvmlUtilization_t.
struct Utilization {
    unsigned gpu{0};
    unsigned memory{0};
};
/// nvmlProcessInfo_v1_t.
struct ProcessV1 {
    unsigned pid{0};
    Size used{0};
};
/// nvmlProcessInfo_v2_t, since _v3 of the call also nvmlProcessInfo_t.
struct ProcessV2 {
    unsigned pid{0};
    Size used{0};
    unsigned gpu_instance{0};
    unsigned compute_instance{0};
};
/// nvmlEventData_t; nvmlEventSetWait without _v2 leaves the last two as they are.
struct EventData {
    Device device{nullptr};
    Size type{0};
    Size data{0};  ///< of an Xid event: its number
    unsigned gpu_instance{0};
    unsigned compute_instance{0};
};
static_assert(sizeof(MemoryV2) == 40 && sizeof(ProcessV1) == 16 && sizeof(ProcessV2) == 24);
static_assert(sizeof(EventData) == 32);

inline constexpr Size value_not_available = ~Size{0};  // NVML_VALUE_NOT_AVAILABLE
inline constexpr Size event_xid = 0x8;                 // nvmlEventTypeXidCriticalError
inline constexpr int temperature_gpu = 0;              // NVML_TEMPERATURE_GPU
inline constexpr int clock_sm = 1;                     // NVML_CLOCK_SM
inline constexpr int clock_memory = 2;                 // NVML_CLOCK_MEM
inline constexpr int memory_error_uncorrected = 1;     // NVML_MEMORY_ERROR_TYPE_UNCORRECTED
inline constexpr int ecc_since_driver_load = 0;        // NVML_VOLATILE_ECC
inline constexpr unsigned mig_enabled = 1;             // NVML_DEVICE_MIG_ENABLE
inline constexpr unsigned text_size = 96;              // of names and UUIDs, the longest
inline constexpr unsigned version_size = 80;           // of the driver's version

/// Functions of the library; null where this driver does not have one, except the first four.
struct Functions {
    Return (*init)(){nullptr};
    Return (*shutdown)(){nullptr};
    Return (*count)(unsigned*){nullptr};
    Return (*handle)(unsigned, Device*){nullptr};

    Return (*driver_version)(char*, unsigned){nullptr};
    Return (*name)(Device, char*, unsigned){nullptr};
    Return (*uuid)(Device, char*, unsigned){nullptr};
    Return (*memory)(Device, Memory*){nullptr};
    Return (*memory_v2)(Device, MemoryV2*){nullptr};
    Return (*power_limit)(Device, unsigned*){nullptr};
    Return (*mig_mode)(Device, unsigned*, unsigned*){nullptr};
    Return (*utilization)(Device, Utilization*){nullptr};
    Return (*power)(Device, unsigned*){nullptr};
    Return (*energy)(Device, Size*){nullptr};
    Return (*temperature)(Device, int, unsigned*){nullptr};
    Return (*clock)(Device, int, unsigned*){nullptr};
    Return (*throttle)(Device, Size*){nullptr};
    Return (*ecc)(Device, int, int, Size*){nullptr};
    Return (*remapped)(Device, unsigned*, unsigned*, unsigned*, unsigned*){nullptr};
    Return (*processes_v1)(Device, unsigned*, ProcessV1*){nullptr};
    Return (*processes_v2)(Device, unsigned*, ProcessV2*){nullptr};
    Return (*event_set)(EventSet*){nullptr};
    Return (*event_set_free)(EventSet){nullptr};
    Return (*event_register)(Device, Size, EventSet){nullptr};
    Return (*event_wait)(EventSet, EventData*, unsigned){nullptr};
};

/// Closes the file of a library.
struct CloseFile {
    void operator()(void* file) const noexcept;
};

/// The opened library.
struct Library : Functions {
    /// Errors: not_found (there is no such library), invalid_response (it lacks what all have).
    [[nodiscard]] static Result<Library> open(const std::string& path);

    std::unique_ptr<void, CloseFile> file{};
};

}  // namespace evenkeel::inference::gpu::nvml
