#include "inference/gpu/sampler.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace evenkeel::inference::gpu {

namespace {

constexpr std::chrono::seconds absent_pause{60};  ///< no driver: nothing to look at soon
constexpr std::chrono::seconds gone_pause{5};     ///< it was there, and is being reloaded
constexpr std::chrono::seconds list_pause{60};    ///< limits and MIG modes change by hand

}  // namespace

/// Opens the driver if need be, and reads what seldom changes.
void Watch::list(BootTime now) {
    if (!nvml_) {
        next_list_ = now + absent_pause;
        auto loaded = Nvml::load(library_);
        if (!loaded) {
            std::string trouble = without_nvml(loaded.error(), other_gpus());
            if (trouble != trouble_) {
                spdlog::info("{}", trouble);
                trouble_ = std::move(trouble);
            }
            return;
        }
        nvml_ = *std::move(loaded);
    }
    const auto listed = nvml_->gpus();
    next_list_ = now + (listed.empty() ? gone_pause : list_pause);
    for (const GpuInfo& info : listed) {
        Known& known = known_[info.index];
        if (known.info.uuid != info.uuid || known.info.driver != info.driver) {
            spdlog::info(
                "gpu={} {} {} driver={}{}",
                info.index,
                info.name,
                info.uuid,
                info.driver,
                info.mig ? " (cut into MIG instances: no utilisation is shown)" : "");
        }
        known.info = info;
    }
    trouble_ = known_.empty() ? "the NVIDIA driver lists no GPU" : "";
}

Snapshot Watch::look(BootTime now) {
    if (now >= next_list_ || round_ == 0) {
        list(now);
    }
    Snapshot snapshot{.at = now, .round = ++round_, .trouble = trouble_, .gpus = {}};
    if (!nvml_) {
        return snapshot;
    }
    for (auto& [index, known] : known_) {
        GpuSample sample = nvml_->sample(index);
        if (sample.state == GpuState::driver_gone) {
            next_list_ = std::min(next_list_, now + gone_pause);
        }
        Verdict verdict = judge(known.verdict, sample);
        if (verdict.sick != known.verdict.sick) {
            spdlog::warn(
                "gpu={} {}", index, verdict.sick ? verdict.why : "works again after a reload");
        }
        known.verdict = std::move(verdict);
        for (const int xid : sample.xids) {
            spdlog::warn("gpu={} xid={}", index, xid);
            ++known.xids_seen;
            known.last_xid = xid;
        }
        snapshot.gpus.push_back(
            {.info = known.info,
             .sample = std::move(sample),
             .verdict = known.verdict,
             .xids_seen = known.xids_seen,
             .last_xid = known.last_xid});
    }
    return snapshot;
}

Sampler::Sampler(const Clock& clock, std::string library, std::chrono::milliseconds every)
    : clock_{clock}, every_{every}, watch_{std::move(library)} {
    thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
    ::pthread_setname_np(thread_.native_handle(), "gpus");
}

Sampler::~Sampler() = default;

std::shared_ptr<const Snapshot> Sampler::read() const {
    const std::lock_guard lock{mutex_};
    return newest_;
}

void Sampler::run(std::stop_token stop) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
        auto snapshot = std::make_shared<const Snapshot>(watch_.look(clock_.read().boot));
        // A driver that took longer than a round does not get its rounds made up for.
        next = std::max(next + every_, std::chrono::steady_clock::now());
        std::unique_lock lock{mutex_};
        newest_ = std::move(snapshot);
        wake_.wait_until(lock, stop, next, [] { return false; });
    }
}

}  // namespace evenkeel::inference::gpu
