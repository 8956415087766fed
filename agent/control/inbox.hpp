#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace evenkeel::agent {

/// What other threads ask of the control thread: closures, run there one after the other, in the
/// order they came. Any thread may `post`; only the control thread takes.
class Inbox {
public:
    using Item = std::function<void()>;

    void post(Item item) {
        bool was_empty = false;
        {
            const std::lock_guard lock{mutex_};
            was_empty = items_.empty();
            items_.push_back(std::move(item));
        }
        if (was_empty) {
            arrived_.notify_one();
        }
    }

    /// Everything that is there, waiting at most `limit` for the first.
    [[nodiscard]] std::deque<Item> take(std::chrono::nanoseconds limit) {
        std::unique_lock lock{mutex_};
        arrived_.wait_for(lock, limit, [this] { return !items_.empty(); });
        return std::exchange(items_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Item> items_;
};

}  // namespace evenkeel::agent
