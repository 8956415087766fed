// The functions of libnvidia-ml.so.1 that the product asks for, played from a script. Declared as
// NVIDIA's public "NVML API Reference Guide" lists them, apart from the product's own declarations,
// so that a mistake there does not repeat itself here.
#include "tests/fakes/nvml/script.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sstream>
#include <thread>
#include <utility>

namespace evenkeel::fake_nvml {
namespace {

// nvmlReturn_t
constexpr int ok = 0;
constexpr int uninitialized = 1;
constexpr int invalid_argument = 2;
constexpr int not_supported = 3;
constexpr int insufficient_size = 7;
constexpr int driver_not_loaded = 9;
constexpr int timed_out = 10;
constexpr int gpu_is_lost = 15;

struct State {
    std::mutex mutex{};
    Script script{};
    std::optional<std::int64_t> set_ms{};
    std::optional<std::chrono::steady_clock::time_point> started{};
    int users{0};
    std::int64_t opened_load{-1};  ///< the load of the driver that nvmlInit saw
    std::int64_t xids_until{-1};
    std::deque<Line> events{};
    unsigned registered{0};  ///< bits of GPUs

    [[nodiscard]] std::int64_t now() const {
        if (set_ms) {
            return *set_ms;
        }
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now() - *started)
            .count();
    }
    /// Of any call: the driver that was initialised is still the one that is loaded.
    [[nodiscard]] int alive() const {
        const bool same = users > 0 && script.loaded_at(now()) == opened_load;
        return same ? ok : uninitialized;
    }
};

State& state() {
    static State the_state;
    return the_state;
}

/// A handle is the address of a byte of this, so that wrong ones are told.
std::array<char, gpus_max> handles{};

/// As long as the script says, in real time: drivers do hang.
void hang() {
    std::int64_t ms = 0;
    {
        const std::lock_guard lock{state().mutex};
        ms = state().script.number(-1, "hang", state().now(), 0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{ms});
}

template <class Ask>
int answer(void* device, const char* mute, Ask ask) {
    hang();
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (const int code = s.alive(); code != ok) {
        return code;
    }
    const auto* const byte = static_cast<const char*>(device);
    if (byte < handles.data() || byte >= handles.data() + s.script.gpus()) {
        return invalid_argument;
    }
    const int gpu = static_cast<int>(byte - handles.data());
    const std::int64_t now = s.now();
    if (s.script.text(gpu, "lost", now, s.opened_load)) {
        return gpu_is_lost;
    }
    if (mute != nullptr && s.script.muted(gpu, mute, now)) {
        return not_supported;
    }
    return ask(s.script, gpu, now);
}

int put(const std::string& text, char* to, unsigned size) {
    if (size <= text.size()) {
        return insufficient_size;
    }
    std::memcpy(to, text.c_str(), text.size() + 1);
    return ok;
}

int give(void* device, const char* mute, const char* key, std::int64_t otherwise, unsigned* to) {
    return answer(device, mute, [&](const Script& script, int gpu, std::int64_t now) {
        *to = static_cast<unsigned>(script.number(gpu, key, now, otherwise));
        return ok;
    });
}

using Size = unsigned long long;

struct Memory {
    Size total, free, used;
};
struct Process {
    unsigned pid;
    Size used;
#ifndef FAKE_NVML_OLD
    unsigned gpu_instance, compute_instance;
#endif
};
struct Event {
    void* device;
    Size type, data;
#ifndef FAKE_NVML_OLD
    unsigned gpu_instance, compute_instance;
#endif
};

int processes(void* device, unsigned* count, Process* to) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        const auto found = script.processes(gpu, now);
        const unsigned room = std::exchange(*count, static_cast<unsigned>(found.size()));
        if (found.size() > room) {
            return insufficient_size;
        }
        for (std::size_t i = 0; i < found.size(); ++i) {
            to[i] = {};
            std::istringstream{found[i]} >> to[i].pid >> to[i].used;
        }
        return ok;
    });
}

int wait_for_event(Event* event) {
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (const int code = s.alive(); code != ok) {
        return code;
    }
    const std::int64_t now = s.now();
    for (const Line& line : s.script.xids(s.xids_until, now)) {
        if ((s.registered >> line.gpu & 1) != 0) {
            s.events.push_back(line);
        }
    }
    s.xids_until = now;
    if (s.events.empty()) {
        return timed_out;
    }
    *event = {};
    event->device = &handles.at(static_cast<std::size_t>(s.events.front().gpu));
    event->type = 0x8;
    event->data = std::stoull(s.events.front().value);
    s.events.pop_front();
    return ok;
}

int throttle(void* device, Size* to) {
    return answer(device, "throttle", [&](const Script& script, int gpu, std::int64_t now) {
        *to = static_cast<Size>(script.number(gpu, "throttle", now, 0));
        return ok;
    });
}

}  // namespace
}  // namespace evenkeel::fake_nvml

using namespace evenkeel::fake_nvml;

extern "C" {

/// Time stands still at `ms` from now on; below zero it runs again.
void evenkeel_fake_nvml_at(long long ms) {
    const std::lock_guard lock{state().mutex};
    state().set_ms = ms < 0 ? std::nullopt : std::optional<std::int64_t>{ms};
}

int nvmlInit_v2() {
    State& s = state();
    const std::lock_guard lock{s.mutex};
    if (const char* const path = std::getenv("EVENKEEL_FAKE_NVML")) {
        s.script.read(path);
    }
    if (!s.started) {
        s.started = std::chrono::steady_clock::now();
    }
    const auto loaded = s.script.loaded_at(s.now());
    if (!loaded) {
        return driver_not_loaded;
    }
    ++s.users;
    s.opened_load = *loaded;
    return ok;
}

int nvmlShutdown() {
    State& s = state();
    const std::lock_guard lock{s.mutex};
    s.users = std::max(0, s.users - 1);
    return ok;
}

int nvmlDeviceGetCount_v2(unsigned* count) {
    const std::lock_guard lock{state().mutex};
    *count = static_cast<unsigned>(state().script.gpus());
    return state().alive();
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    if (index >= gpus_max) {
        return invalid_argument;
    }
    *device = &handles[index];
    return answer(*device, nullptr, [](const Script&, int, std::int64_t) { return ok; });
}

int nvmlSystemGetDriverVersion(char* to, unsigned size) {
    const std::lock_guard lock{state().mutex};
    const int code = state().alive();
    return code != ok ? code : put(state().script.version(), to, size);
}

int nvmlDeviceGetName(void* device, char* to, unsigned size) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        return put(script.text(gpu, "name", now).value_or("NVIDIA Fake"), to, size);
    });
}

int nvmlDeviceGetUUID(void* device, char* to, unsigned size) {
    return answer(device, nullptr, [&](const Script&, int gpu, std::int64_t) {
        return put("GPU-00000000-fake-0000-0000-00000000000" + std::to_string(gpu), to, size);
    });
}

int nvmlDeviceGetMemoryInfo(void* device, Memory* to) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        to->total = static_cast<Size>(script.number(gpu, "memory", now, 34'190'917'632));
        to->used = static_cast<Size>(script.number(gpu, "used", now, 500'000'000)) + 600'000'000;
        to->free = to->total - to->used;
        return ok;
    });
}

int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* to) {
    return give(device, nullptr, "limit", 575'000, to);
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* to) {
    return give(device, "power", "power", 20'000, to);
}
int nvmlDeviceGetTemperature(void* device, int, unsigned* to) {
    return give(device, nullptr, "temperature", 31, to);
}
int nvmlDeviceGetClockInfo(void* device, int which, unsigned* to) {
    return which == 2 ? give(device, nullptr, "memory_clock", 405, to)
                      : give(device, nullptr, "clock", 180, to);
}

int nvmlDeviceGetUtilizationRates(void* device, unsigned* two) {
    return answer(device, "utilization", [&](const Script& script, int gpu, std::int64_t now) {
        if (script.number(gpu, "mig", now, 0) != 0) {
            return not_supported;
        }
        two[0] = static_cast<unsigned>(script.number(gpu, "util", now, 0));
        two[1] = 0;
        return ok;
    });
}

int nvmlDeviceGetTotalEccErrors(void* device, int kind, int counter, Size* to) {
    return answer(device, "ecc", [&](const Script& script, int gpu, std::int64_t now) {
        if (kind != 1 || counter != 0) {
            return invalid_argument;
        }
        const auto found = script.text(gpu, "ecc", now, state().opened_load);
        *to = found ? std::stoull(*found) : 0;
        return ok;
    });
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void* device, Size* to) {
    return throttle(device, to);
}

int nvmlEventSetCreate(void** set) {
    *set = &state();
    const std::lock_guard lock{state().mutex};
    state().registered = 0;
    state().xids_until = state().now();
    return state().alive();
}
int nvmlEventSetFree(void*) {
    return ok;
}
int nvmlDeviceRegisterEvents(void* device, Size types, void*) {
    return answer(device, "events", [&](const Script&, int gpu, std::int64_t) {
        state().registered |= (types & 0x8) != 0 ? 1u << gpu : 0u;
        return ok;
    });
}

#ifdef FAKE_NVML_OLD
int nvmlEventSetWait(void*, Event* event, unsigned) {
    return wait_for_event(event);
}
int nvmlDeviceGetComputeRunningProcesses(void* device, unsigned* count, Process* to) {
    return processes(device, count, to);
}
#else
int nvmlEventSetWait_v2(void*, Event* event, unsigned) {
    return wait_for_event(event);
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* to) {
    return processes(device, count, to);
}
int nvmlDeviceGetCurrentClocksEventReasons(void* device, Size* to) {
    return throttle(device, to);
}
struct MemoryV2 {
    unsigned version;
    Size total, reserved, free, used;
};
int nvmlDeviceGetMemoryInfo_v2(void* device, MemoryV2* to) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        if (to->version != (sizeof(MemoryV2) | 2u << 24)) {
            return invalid_argument;
        }
        to->total = static_cast<Size>(script.number(gpu, "memory", now, 34'190'917'632));
        to->reserved = 600'000'000;
        to->used = static_cast<Size>(script.number(gpu, "used", now, 500'000'000));
        to->free = to->total - to->used - to->reserved;
        return ok;
    });
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, Size* to) {
    return answer(device, "energy", [&](const Script& script, int gpu, std::int64_t now) {
        *to = static_cast<Size>(script.microjoules(gpu, state().opened_load, now) / 1000);
        return ok;
    });
}
int nvmlDeviceGetRemappedRows(void* device, unsigned* a, unsigned* b, unsigned* c, unsigned* d) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        *a = *b = *d = 0;
        *c = script.number(gpu, "remap", now, 0) != 0 ? 1 : 0;
        return ok;
    });
}
int nvmlDeviceGetMigMode(void* device, unsigned* current, unsigned* pending) {
    return answer(device, nullptr, [&](const Script& script, int gpu, std::int64_t now) {
        *current = *pending = script.number(gpu, "mig", now, 0) != 0 ? 1 : 0;
        return ok;
    });
}
#endif

}  // extern "C"
