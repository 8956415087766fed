#include "inference/gpu/sampler.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
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

/// What the thread and its owner share; the last of them ends it.
struct Sampler::Shared {
    const Clock& clock;  ///< not read any more once a stop is asked
    std::chrono::milliseconds every;
    Watch watch;
    std::mutex mutex{};
    std::condition_variable_any wake{};
    std::shared_ptr<const Snapshot> newest{std::make_shared<Snapshot>()};
    bool ended{false};
};

Sampler::Sampler(const Clock& clock, std::string library, std::chrono::milliseconds every)
    : shared_{std::make_shared<Shared>(clock, every, Watch{std::move(library)})} {
    thread_ = std::jthread{[shared = shared_](std::stop_token stop) { run(stop, shared); }};
    ::pthread_setname_np(thread_.native_handle(), "gpus");
}

Sampler::~Sampler() {
    thread_.request_stop();
    std::unique_lock lock{shared_->mutex};
    if (!shared_->wake.wait_for(lock, leave_limit, [this] { return shared_->ended; })) {
        spdlog::warn(
            "the NVIDIA driver has not answered for {} s; its answer is not waited for",
            leave_limit.count() / 1'000);
        thread_.detach();
    }
}

std::shared_ptr<const Snapshot> Sampler::read() const {
    const std::lock_guard lock{shared_->mutex};
    return shared_->newest;
}

std::shared_ptr<const Snapshot> Sampler::first(std::chrono::milliseconds limit) const {
    std::unique_lock lock{shared_->mutex};
    if (shared_->wake.wait_for(lock, limit, [this] { return shared_->newest->round > 0; })) {
        return shared_->newest;
    }
    Snapshot none;
    none.trouble = fmt::format(
        "the NVIDIA driver has not answered for {} ms; `nvidia-smi` hangs too when the driver or "
        "a GPU does",
        limit.count());
    return std::make_shared<const Snapshot>(std::move(none));
}

void Sampler::run(std::stop_token stop, const std::shared_ptr<Shared>& shared) {
    auto next = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
        auto snapshot = std::make_shared<const Snapshot>(
            shared->watch.look(shared->clock.read().boot));
        // A driver that took longer than a round does not get its rounds made up for.
        next = std::max(next + shared->every, std::chrono::steady_clock::now());
        std::unique_lock lock{shared->mutex};
        shared->newest = std::move(snapshot);
        shared->wake.notify_all();
        shared->wake.wait_until(lock, stop, next, [] { return false; });
    }
    const std::lock_guard lock{shared->mutex};
    shared->ended = true;
    shared->wake.notify_all();
}

}  // namespace evenkeel::inference::gpu
