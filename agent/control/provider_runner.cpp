#include "agent/control/provider_runner.hpp"

namespace evenkeel::agent {

ProviderRunner::ProviderRunner(
    std::shared_ptr<providers::Provider> provider, Inbox inbox, Hooks hooks)
    : provider_{std::move(provider)}, inbox_{std::move(inbox)}, hooks_{std::move(hooks)} {
    if (hooks_.executor) {
        return;
    }
    for (std::size_t lane = 0; lane < 2; ++lane) {
        threads_[lane] = std::jthread{
            [&queue = queues_[lane]](std::stop_token stop) { work(queue, std::move(stop)); }};
    }
}

ProviderRunner::~ProviderRunner() = default;

void ProviderRunner::use(std::shared_ptr<providers::Provider> provider) {
    const std::lock_guard lock{provider_mutex_};
    provider_.swap(provider);  // the old one ends outside, with the parameter
}

std::shared_ptr<providers::Provider> ProviderRunner::current() const {
    const std::lock_guard lock{provider_mutex_};
    return provider_;
}

void ProviderRunner::enqueue(Lane lane, bool urgent, Job job) {
    if (hooks_.executor) {
        hooks_.executor(lane, std::move(job));
        return;
    }
    Queue& queue = queues_[static_cast<std::size_t>(lane)];
    {
        const std::lock_guard lock{queue.mutex};
        if (urgent) {
            queue.jobs.push_front(std::move(job));
        } else {
            queue.jobs.push_back(std::move(job));
        }
    }
    queue.arrived.notify_one();
}

void ProviderRunner::work(Queue& queue, std::stop_token stop) {
    while (!stop.stop_requested()) {
        Job job;
        {
            std::unique_lock lock{queue.mutex};
            if (!queue.arrived.wait(lock, stop, [&queue] { return !queue.jobs.empty(); })) {
                return;
            }
            job = std::move(queue.jobs.front());
            queue.jobs.pop_front();
        }
        job(stop);
    }
}

}  // namespace evenkeel::agent
