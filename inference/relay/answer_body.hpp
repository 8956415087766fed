#pragma once

#include "inference/http/chunk.hpp"
#include "inference/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace evenkeel::inference::relay {

/// Where the body of one answer ends: by length, by chunks, or with the connection. Takes the
/// framing off; the content is left in place.
class AnswerBody {
public:
    enum class State {
        more,
        done,  ///< complete; the connection may carry another exchange if `reusable`
        bad,   ///< the framing is broken: whatever came is cut short
    };

    AnswerBody() = default;
    /// `head` of the answer to a POST.
    explicit AnswerBody(const http::ResponseHead& head) noexcept;

    /// Removes the framing within `bytes` by moving the content together at its front; returns the
    /// content. Bytes behind the end of the body are ignored and make the connection unusable.
    [[nodiscard]] std::string_view take(std::span<char> bytes) noexcept;
    /// The peer has closed: `done` where that is how the body ends, else `bad`.
    void closed() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool reusable() const noexcept {
        return state_ == State::done && keep_alive_ && !excess_;
    }

private:
    enum class Framing : std::uint8_t { length, chunks, close };

    http::ChunkScanner scanner_{};
    std::uint64_t left_{0};
    State state_{State::done};
    Framing framing_{Framing::length};
    bool keep_alive_{false};
    bool excess_{false};
};

}  // namespace evenkeel::inference::relay
