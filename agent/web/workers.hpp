#pragma once

#include "policies/domain/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <string>

namespace evenkeel::web {

/// A few threads that may wait for the disk, so that the one that answers health checks never
/// does. At most so many pieces of work are accepted at a time.
class Workers {
public:
    using Work = std::function<Result<std::string>()>;

    Workers(int threads, int accepted_max);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Runs `work` on a worker and gives what it gave. Errors: unavailable (too many wait),
    /// io_failed (it threw), and its own. Called from one thread.
    [[nodiscard]] boost::asio::awaitable<Result<std::string>> run(Work work);
    /// True once the agent ends: work that reads for long asks now and then.
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }
    /// What runs shall end soon; new work is refused.
    void stop() noexcept { stopping_ = true; }
    /// Stops, and waits for what runs. Who waits for its result must still exist, as must the
    /// context they run on.
    void finish();

private:
    int accepted_max_;
    std::atomic<int> accepted_{0};
    std::atomic<bool> stopping_{false};
    boost::asio::thread_pool pool_;
};

}  // namespace evenkeel::web
