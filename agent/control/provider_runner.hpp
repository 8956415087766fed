#pragma once

#include "agent/control/inbox.hpp"
#include "agent/control/provider_figures.hpp"
#include "providers/provider.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

namespace evenkeel::agent {

/// How a call is run.
struct CallManner {
    bool urgent{false};  ///< before those that wait: a delete never stands behind reports
    bool heard{true};    ///< its end says whether the provider may be asked for machines
};

/// Runs the blocking calls of one provider on two threads of its own: *spend* (offers, create) and
/// *safety* (list, get, destroy, billing), so that a slow create never holds up a delete. Results
/// go to the control thread's inbox. Each lane runs one call at a time, in order.
class ProviderRunner {
public:
    enum class Lane : std::uint8_t { spend, safety };
    using Job = std::function<void(std::stop_token)>;
    /// Runs jobs elsewhere than on the runner's own threads: each lane one after the other, in
    /// order. For tests that live in virtual time.
    using Executor = std::function<void(Lane, Job)>;
    struct Hooks {
        Executor executor{};  ///< set: no threads are started
        /// Told on the control thread of every answer of a call that is `heard`, before its own
        /// `done`: nothing, or why the call failed.
        std::function<void(std::optional<Errc>)> answered{};
    };

    ProviderRunner(std::shared_ptr<providers::Provider> provider, Inbox inbox, Hooks hooks);
    /// Cancels running calls and drops waiting ones; a cancelled create is `outcome_unknown` to
    /// whoever reads the ledger next.
    ~ProviderRunner();
    ProviderRunner(const ProviderRunner&) = delete;
    ProviderRunner& operator=(const ProviderRunner&) = delete;

    /// Runs `call(provider, stop)` on the lane's thread, then `done(result)` on the control thread.
    template <class Call, class Done>
    void run(Lane lane, Call call, Done done, CallManner manner = {}) {
        enqueue(
            lane,
            manner.urgent,
            [this, manner, call = std::move(call), done = std::move(done)](
                std::stop_token stop) mutable {
                using Answer = std::invoke_result_t<Call&, providers::Provider&, std::stop_token>;
                // A driver that throws has told us nothing: a create may have happened.
                Answer answer = [&]() -> Answer {
                    try {
                        const std::shared_ptr<providers::Provider> provider = current();
                        return call(*provider, stop);
                    } catch (const std::exception& error) {
                        return fail(Errc::outcome_unknown, error.what());
                    }
                }();
                tally_.add(answer ? std::nullopt : std::optional{answer.error().code});
                inbox_.post([result = std::move(answer),
                             done = std::move(done),
                             answered = manner.heard ? hooks_.answered : nullptr]() mutable {
                    if (answered) {
                        answered(result ? std::nullopt : std::optional{result.error().code});
                    }
                    done(std::move(result));
                });
            });
    }

    /// Calls from now on go to `provider` (its key or address changed); one that runs ends with the
    /// old one.
    void use(std::shared_ptr<providers::Provider> provider);
    [[nodiscard]] std::shared_ptr<providers::Provider> current() const;
    /// How the calls so far have ended.
    [[nodiscard]] CallCounts calls() const { return tally_.read(); }

private:
    struct Queue {
        std::mutex mutex{};
        std::condition_variable_any arrived{};
        std::deque<Job> jobs{};
    };
    void enqueue(Lane lane, bool urgent, Job job);
    static void work(Queue& queue, std::stop_token stop);

    mutable std::mutex provider_mutex_{};
    std::shared_ptr<providers::Provider> provider_;
    Inbox inbox_;
    const Hooks hooks_;
    CallTally tally_{};
    Queue queues_[2];
    std::jthread threads_[2];  // last: stopped and joined before the queues go
};

}  // namespace evenkeel::agent
