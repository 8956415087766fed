#pragma once

#include "inference/gateway/loop.hpp"

#include <utility>

namespace evenkeel::inference {

/// A request's place in the gate. Move-only, and ended exactly once: whoever forgets gives place,
/// slot and hold back when it is destroyed.
class Ticket {
public:
    Ticket() = default;
    Ticket(Loop& loop, gate::Handle handle) noexcept : loop_{&loop}, handle_{handle} {}
    Ticket(Ticket&& other) noexcept
        : loop_{std::exchange(other.loop_, nullptr)},
          handle_{other.handle_},
          source_{other.source_} {}
    Ticket& operator=(Ticket&& other) noexcept {
        if (this != &other) {
            drop();
            loop_ = std::exchange(other.loop_, nullptr);
            handle_ = other.handle_;
            source_ = other.source_;
        }
        return *this;
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { drop(); }

    /// The gate has granted `source`.
    void granted(NameIx source) noexcept { source_ = source; }
    /// The gate has refused: there is nothing to give back.
    void refused() noexcept { loop_ = nullptr; }

    void cancel() {
        if (Loop* loop = std::exchange(loop_, nullptr)) {
            loop->hub().cancel(loop->index(), handle_, loop->effects());
            loop->deliver(loop->effects());
        }
    }
    /// After a grant; before one it is a cancel.
    void finish(const gate::Finish& finish) {
        if (source_ == NameIx{}) {
            cancel();
            return;
        }
        if (Loop* loop = std::exchange(loop_, nullptr)) {
            loop->hub().finish(loop->index(), handle_, source_, finish, loop->effects());
            loop->deliver(loop->effects());
        }
    }
    /// Sets more money aside in the budgets; false when one of them says no.
    [[nodiscard]] bool top_up(std::int64_t more_report) {
        return loop_ != nullptr && loop_->hub().top_up(handle_, more_report);
    }
    /// Of a streamed answer.
    void first_token() {
        loop_->hub().first_token(loop_->index(), handle_, loop_->effects());
        loop_->deliver(loop_->effects());
    }
    /// The source was to be left before its first token; another verdict follows.
    void leave() {
        source_ = {};
        loop_->hub().leave(loop_->index(), handle_, loop_->effects());
        loop_->deliver(loop_->effects());
    }
    /// Another verdict follows.
    void retry() {
        source_ = {};
        loop_->hub().retry(loop_->index(), handle_, loop_->effects());
        loop_->deliver(loop_->effects());
    }
    /// The worker died in mid-answer; another one is to write the rest. Another verdict follows.
    void go_on(BootTime give_up_at) {
        source_ = {};
        loop_->hub().go_on(loop_->index(), handle_, give_up_at, loop_->effects());
        loop_->deliver(loop_->effects());
    }

private:
    void drop() {
        if (source_ == NameIx{}) {
            cancel();
        } else {
            finish({.answered = false});
        }
    }

    Loop* loop_{nullptr};
    gate::Handle handle_{};
    NameIx source_{};
};

}  // namespace evenkeel::inference
