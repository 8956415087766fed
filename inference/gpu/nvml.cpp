#include "inference/gpu/gpu.hpp"
#include "inference/gpu/nvml_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace evenkeel::inference::gpu {

namespace {

using nvml::Device;
using nvml::Return;

constexpr int events_at_once = 64;
constexpr unsigned processes_max = 64;

/// Nothing of this driver works any more.
bool is_driver_gone(Return code) {
    return code == nvml::uninitialized || code == nvml::driver_not_loaded ||
           code == nvml::version_mismatch;
}

bool is_lost(Return code) {
    return code == nvml::gpu_is_lost || code == nvml::reset_required;
}

template <class Call>
std::string text_of(Call call) {
    std::array<char, nvml::text_size> text{};
    const bool known = call(text.data(), static_cast<unsigned>(text.size())) == nvml::success;
    text.back() = '\0';
    return known ? std::string{text.data()} : std::string{};
}

/// Asks one GPU question after question, until the GPU or the driver is gone.
class Questions {
public:
    explicit Questions(GpuSample& sample) : sample_{sample} {}

    /// What `call` puts into a Value; nothing when it is missing or does not know.
    template <class Value, class Function, class... Arguments>
    std::optional<Value> ask(Function function, Device device, Arguments... arguments) {
        Value value{};
        if (function == nullptr || sample_.state != GpuState::present ||
            !answered(function(device, arguments..., &value))) {
            return std::nullopt;
        }
        return value;
    }
    bool answered(Return code) {
        if (is_driver_gone(code)) {
            sample_.state = GpuState::driver_gone;
        } else if (is_lost(code)) {
            sample_.state = GpuState::lost;
        }
        return code == nvml::success;
    }

private:
    GpuSample& sample_;
};

template <class To, class From>
std::optional<To> narrowed(const std::optional<From>& value) {
    return value ? std::optional{static_cast<To>(*value)} : std::nullopt;
}

template <class Process, class Function>
std::optional<std::vector<GpuProcess>> processes_of(
    Questions& questions, Function function, Device device) {
    std::array<Process, processes_max> found{};
    auto count = static_cast<unsigned>(found.size());
    const Return code = function(device, &count, found.data());
    // More than fit: the first ones are not filled in then.
    if (!questions.answered(code)) {
        return std::nullopt;
    }
    std::vector<GpuProcess> processes;
    for (unsigned i = 0; i < std::min<unsigned>(count, processes_max); ++i) {
        GpuProcess& process = processes.emplace_back();
        process.pid = found[i].pid;
        if (found[i].used != nvml::value_not_available) {
            process.memory_bytes = static_cast<std::int64_t>(found[i].used);
        }
    }
    return processes;
}

}  // namespace

struct Nvml::Impl {
    std::string path{};
    std::optional<nvml::Library> library{};  ///< nothing while the driver is gone
    std::uint64_t loads{0};
    std::map<int, Device> devices{};
    nvml::EventSet events{nullptr};
    std::map<int, std::vector<int>> xids{};  ///< seen, not yet told

    [[nodiscard]] Result<void> open();
    void drop();
    void find_devices();
    void poll_events();
    [[nodiscard]] GpuInfo info(int index, Device device, const std::string& driver) const;
    void look(Device device, GpuSample& sample);
};

Result<void> Nvml::Impl::open() {
    auto opened = nvml::Library::open(path);
    if (!opened) {
        return std::unexpected{opened.error()};
    }
    if (const Return code = opened->init(); code != nvml::success) {
        return fail(
            Errc::unavailable,
            fmt::format(
                "the NVIDIA driver does not answer ({} {}): {}",
                path,
                static_cast<int>(code),
                code == nvml::driver_not_loaded  ? "its kernel module is not loaded"
                : code == nvml::version_mismatch ? "library and kernel module are of two "
                                                   "versions; reboot or reload the module"
                : code == nvml::no_permission    ? "no permission to open /dev/nvidiactl"
                                                 : "nvidia-smi says more"));
    }
    library = *std::move(opened);
    ++loads;
    if (library->event_set != nullptr && library->event_set(&events) != nvml::success) {
        events = nullptr;
    }
    find_devices();
    return {};
}

/// Lets go of the driver, so that it can be unloaded.
void Nvml::Impl::drop() {
    if (!library) {
        return;
    }
    if (events != nullptr && library->event_set_free != nullptr) {
        library->event_set_free(events);
    }
    events = nullptr;
    devices.clear();
    library->shutdown();
    library.reset();
}

void Nvml::Impl::find_devices() {
    unsigned count = 0;
    if (const Return code = library->count(&count); code != nvml::success) {
        if (is_driver_gone(code)) {
            drop();
        }
        return;
    }
    for (unsigned i = 0; i < count; ++i) {
        Device device = nullptr;
        const bool known = devices.contains(static_cast<int>(i));
        if (known || library->handle(i, &device) != nvml::success) {
            continue;
        }
        devices.emplace(static_cast<int>(i), device);
        if (events != nullptr && library->event_register != nullptr) {
            library->event_register(device, nvml::event_xid, events);
        }
    }
}

void Nvml::Impl::poll_events() {
    if (events == nullptr || library->event_wait == nullptr) {
        return;
    }
    for (int i = 0; i < events_at_once; ++i) {
        nvml::EventData event;
        if (library->event_wait(events, &event, 0) != nvml::success) {
            return;
        }
        const auto known = std::ranges::find(
            devices, event.device, [](const auto& device) { return device.second; });
        if (event.type == nvml::event_xid && known != devices.end()) {
            xids[known->first].push_back(static_cast<int>(event.data));
        }
    }
}

GpuInfo Nvml::Impl::info(int index, Device device, const std::string& driver) const {
    GpuInfo info{.index = index, .driver = driver};
    const nvml::Library& lib = *library;
    if (lib.name != nullptr) {
        info.name = text_of([&](char* to, unsigned size) { return lib.name(device, to, size); });
    }
    if (lib.uuid != nullptr) {
        info.uuid = text_of([&](char* to, unsigned size) { return lib.uuid(device, to, size); });
    }
    if (info.uuid.empty()) {
        info.uuid = fmt::format("gpu-{}", index);  // its history needs a name
    }
    nvml::Memory memory;
    if (lib.memory != nullptr && lib.memory(device, &memory) == nvml::success) {
        info.memory_bytes = static_cast<std::int64_t>(memory.total);
    }
    unsigned limit = 0;
    if (lib.power_limit != nullptr && lib.power_limit(device, &limit) == nvml::success) {
        info.power_limit_milliwatts = limit;
    }
    unsigned current = 0;
    unsigned pending = 0;
    info.mig = lib.mig_mode != nullptr &&
               lib.mig_mode(device, &current, &pending) == nvml::success &&
               current == nvml::mig_enabled;
    return info;
}

void Nvml::Impl::look(Device device, GpuSample& sample) {
    const nvml::Library& lib = *library;
    Questions questions{sample};
    // The counter first: what is drawn while the rest is asked belongs to the next look.
    sample.energy_millijoules =
        narrowed<std::int64_t>(questions.ask<nvml::Size>(lib.energy, device));
    sample.power_milliwatts = narrowed<std::int64_t>(questions.ask<unsigned>(lib.power, device));
    if (const auto memory = questions.ask<nvml::MemoryV2>(lib.memory_v2, device)) {
        sample.memory_used_bytes = static_cast<std::int64_t>(memory->used);
    } else if (const auto older = questions.ask<nvml::Memory>(lib.memory, device)) {
        sample.memory_used_bytes = static_cast<std::int64_t>(older->used);
    }
    if (const auto used = questions.ask<nvml::Utilization>(lib.utilization, device)) {
        sample.utilisation_percent = static_cast<int>(used->gpu);
    }
    sample.temperature_c =
        narrowed<int>(questions.ask<unsigned>(lib.temperature, device, nvml::temperature_gpu));
    sample.sm_clock_mhz = narrowed<int>(questions.ask<unsigned>(lib.clock, device, nvml::clock_sm));
    sample.memory_clock_mhz =
        narrowed<int>(questions.ask<unsigned>(lib.clock, device, nvml::clock_memory));
    sample.throttle = narrowed<std::uint64_t>(questions.ask<nvml::Size>(lib.throttle, device));
    sample.ecc_uncorrected = narrowed<std::int64_t>(questions.ask<nvml::Size>(
        lib.ecc, device, nvml::memory_error_uncorrected, nvml::ecc_since_driver_load));
    if (lib.remapped != nullptr && sample.state == GpuState::present) {
        std::array<unsigned, 4> rows{};  // corrected, uncorrected, pending, failed
        if (questions.answered(lib.remapped(device, &rows[0], &rows[1], &rows[2], &rows[3]))) {
            sample.remap_pending = rows[2] != 0 || rows[3] != 0;
        }
    }
    if (sample.state != GpuState::present) {
        return;
    }
    if (lib.processes_v2 != nullptr) {
        sample.processes = processes_of<nvml::ProcessV2>(questions, lib.processes_v2, device);
    } else if (lib.processes_v1 != nullptr) {
        sample.processes = processes_of<nvml::ProcessV1>(questions, lib.processes_v1, device);
    }
}

Nvml::Nvml(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Nvml::~Nvml() {
    impl_->drop();
}

Result<std::unique_ptr<Nvml>> Nvml::load(std::string path) {
    auto impl = std::make_unique<Impl>();
    impl->path = std::move(path);
    if (const auto opened = impl->open(); !opened) {
        return std::unexpected{opened.error()};
    }
    return std::unique_ptr<Nvml>{new Nvml{std::move(impl)}};
}

std::vector<GpuInfo> Nvml::gpus() {
    std::vector<GpuInfo> found;
    if (!impl_->library && !impl_->open()) {
        return found;
    }
    impl_->find_devices();
    if (!impl_->library) {
        return found;
    }
    std::string driver;
    if (impl_->library->driver_version != nullptr) {
        driver = text_of([&](char* to, unsigned size) {
            return impl_->library->driver_version(to, std::min(size, nvml::version_size));
        });
    }
    for (const auto& [index, device] : impl_->devices) {
        found.push_back(impl_->info(index, device, driver));
    }
    return found;
}

GpuSample Nvml::sample(int index) {
    GpuSample sample{.index = index, .driver_load = impl_->loads};
    if (!impl_->library) {
        sample.state = GpuState::driver_gone;
        return sample;
    }
    impl_->poll_events();
    if (auto seen = impl_->xids.find(index); seen != impl_->xids.end()) {
        sample.xids = std::exchange(seen->second, {});
    }
    const auto device = impl_->devices.find(index);
    if (device == impl_->devices.end()) {
        sample.state = GpuState::lost;
        return sample;
    }
    impl_->look(device->second, sample);
    if (sample.state == GpuState::driver_gone) {
        impl_->drop();
    }
    return sample;
}

std::uint64_t Nvml::driver_load() const noexcept {
    return impl_->loads;
}

}  // namespace evenkeel::inference::gpu
