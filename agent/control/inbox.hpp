#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace evenkeel::agent {

/// What other threads ask of the control thread: closures, run there one after the other, in the
/// order they came. Any thread may `post`; only the control thread takes. Copies are handles on the
/// same inbox: who may answer after control is gone (the ledger's writer) keeps one of its own, and
/// what it then posts is dropped unrun with the last handle.
class Inbox {
public:
    using Item = std::function<void()>;

    void post(Item item) const {
        bool was_empty = false;
        {
            const std::lock_guard lock{state_->mutex};
            was_empty = state_->items.empty();
            state_->items.push_back(std::move(item));
        }
        if (was_empty) {
            state_->arrived.notify_one();
        }
    }

    /// Everything that is there, waiting at most `limit` for the first.
    [[nodiscard]] std::deque<Item> take(std::chrono::nanoseconds limit) {
        std::unique_lock lock{state_->mutex};
        state_->arrived.wait_for(lock, limit, [this] { return !state_->items.empty(); });
        return std::exchange(state_->items, {});
    }

private:
    struct State {
        std::mutex mutex{};
        std::condition_variable arrived{};
        std::deque<Item> items{};
    };
    std::shared_ptr<State> state_{std::make_shared<State>()};
};

}  // namespace evenkeel::agent
