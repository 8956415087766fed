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
          source_{other.source_},
          told_{other.told_} {}
    Ticket& operator=(Ticket&& other) noexcept {
        if (this != &other) {
            drop();
            loop_ = std::exchange(other.loop_, nullptr);
            handle_ = other.handle_;
            source_ = other.source_;
            told_ = other.told_;
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
    /// After a grant; before one it is a cancel. `whole`: with what go_on() has told already.
    void finish(const gate::Finish& whole) {
        end(
            {.charged_report = whole.charged_report - told_.charged_report,
             .tokens_in = whole.tokens_in - told_.tokens_in,
             .tokens_out = whole.tokens_out - told_.tokens_out,
             .answered = whole.answered});
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
    /// The worker died in mid-answer, `so_far` is what it did; another one is to write the rest.
    /// Another verdict follows. At most once.
    void go_on(BootTime give_up_at, const gate::Finish& so_far) {
        source_ = {};
        told_ = so_far;
        loop_->hub().go_on(loop_->index(), handle_, give_up_at, so_far, loop_->effects());
        loop_->deliver(loop_->effects());
    }

private:
    void end(const gate::Finish& finish) {
        if (source_ == NameIx{}) {
            cancel();
            return;
        }
        if (Loop* loop = std::exchange(loop_, nullptr)) {
            loop->hub().finish(loop->index(), handle_, source_, finish, loop->effects());
            loop->deliver(loop->effects());
        }
    }
    void drop() { end({.answered = false}); }

    Loop* loop_{nullptr};
    gate::Handle handle_{};
    NameIx source_{};
    gate::Finish told_{};  ///< of the part of an answer that another worker goes on with
};

}  // namespace evenkeel::inference
