#include "inference/gpu/nvml_api.hpp"

#include <fmt/format.h>

#include <dlfcn.h>
#include <initializer_list>

namespace evenkeel::inference::gpu::nvml {

namespace {

/// The first of `names` that the library has.
template <class Function>
void find(void* file, Function& function, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (void* const symbol = ::dlsym(file, name)) {
            function = reinterpret_cast<Function>(symbol);
            return;
        }
    }
}

}  // namespace

void CloseFile::operator()(void* file) const noexcept {
    ::dlclose(file);
}

Result<Library> Library::open(const std::string& path) {
    Library lib;
    lib.file.reset(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
    void* const file = lib.file.get();
    if (file == nullptr) {
        const char* const why = ::dlerror();
        return fail(
            Errc::not_found,
            fmt::format("no NVIDIA driver on this host ({})", why == nullptr ? path : why));
    }
    find(file, lib.init, {"nvmlInit_v2", "nvmlInit"});
    find(file, lib.shutdown, {"nvmlShutdown"});
    find(file, lib.count, {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"});
    find(file, lib.handle, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"});
    if (!lib.init || !lib.shutdown || !lib.count || !lib.handle) {
        return fail(
            Errc::invalid_response,
            fmt::format("{} lacks what every NVIDIA management library has", path));
    }
    find(file, lib.driver_version, {"nvmlSystemGetDriverVersion"});
    find(file, lib.name, {"nvmlDeviceGetName"});
    find(file, lib.uuid, {"nvmlDeviceGetUUID"});
    find(file, lib.memory, {"nvmlDeviceGetMemoryInfo"});
    find(file, lib.memory_v2, {"nvmlDeviceGetMemoryInfo_v2"});
    find(file, lib.power_limit, {"nvmlDeviceGetEnforcedPowerLimit"});
    find(file, lib.mig_mode, {"nvmlDeviceGetMigMode"});
    find(file, lib.utilization, {"nvmlDeviceGetUtilizationRates"});
    find(file, lib.power, {"nvmlDeviceGetPowerUsage"});
    find(file, lib.energy, {"nvmlDeviceGetTotalEnergyConsumption"});
    find(file, lib.temperature, {"nvmlDeviceGetTemperature"});
    find(file, lib.clock, {"nvmlDeviceGetClockInfo"});
    find(
        file,
        lib.throttle,
        {"nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"});
    find(file, lib.ecc, {"nvmlDeviceGetTotalEccErrors"});
    find(file, lib.remapped, {"nvmlDeviceGetRemappedRows"});
    find(file, lib.processes_v1, {"nvmlDeviceGetComputeRunningProcesses"});
    find(
        file,
        lib.processes_v2,
        {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"});
    find(file, lib.event_set, {"nvmlEventSetCreate"});
    find(file, lib.event_set_free, {"nvmlEventSetFree"});
    find(file, lib.event_register, {"nvmlDeviceRegisterEvents"});
    find(file, lib.event_wait, {"nvmlEventSetWait_v2", "nvmlEventSetWait"});
    return lib;
}

}  // namespace evenkeel::inference::gpu::nvml
