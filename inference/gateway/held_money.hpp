#pragma once

#include "inference/ports.hpp"

#include <utility>

namespace evenkeel::inference {

/// Money set aside on disk for one paid request. Whoever loses it, by giving up, by an exception
/// or because the loop ended before the acknowledgement was read, gives it back. The books must
/// outlive it.
class HeldMoney {
public:
    HeldMoney(Books& books, HoldId hold) noexcept : books_{&books}, hold_{hold} {}
    HeldMoney(HeldMoney&& other) noexcept
        : books_{std::exchange(other.books_, nullptr)}, hold_{other.hold_} {}
    HeldMoney& operator=(HeldMoney&& other) noexcept {
        std::swap(books_, other.books_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    HeldMoney(const HeldMoney&) = delete;
    HeldMoney& operator=(const HeldMoney&) = delete;
    ~HeldMoney() {
        if (books_ != nullptr) {
            books_->release(hold_);
        }
    }

    [[nodiscard]] HoldId id() const noexcept { return hold_; }
    /// The record of the request settles it.
    void leave_to_record() noexcept { books_ = nullptr; }

private:
    Books* books_;
    HoldId hold_;
};

}  // namespace evenkeel::inference
