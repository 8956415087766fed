#pragma once

#include "tests/bench/bench_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::bench {

/// Reads one request after the other. Of a body only the first and the last bytes are kept, where
/// what the engine wants to know stands.
class MockRequest {
public:
    enum class State : std::uint8_t { more, complete, refused };

    /// Takes from the front of `bytes` what belongs to the present request; behind `complete` the
    /// next call begins another one.
    State feed(std::string_view& bytes, std::uint64_t body_bytes_max) {
        if (!in_body_) {
            const State state = take_head(bytes, body_bytes_max);
            if (state != State::more || !in_body_) {
                return state;
            }
        }
        return take_body(bytes);
    }

    /// Method and path, "GET /health".
    [[nodiscard]] const std::string& target() const noexcept { return target_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }

private:
    static constexpr std::size_t head_bytes_max = 32 * 1024;
    static constexpr std::size_t body_head_bytes = 4 * 1024;
    static constexpr std::size_t body_tail_bytes = 1024;

    State take_head(std::string_view& bytes, std::uint64_t body_bytes_max) {
        const std::size_t before = head_.size();
        head_.append(bytes);
        const auto end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        if (end == std::string::npos) {
            bytes = {};
            return head_.size() > head_bytes_max ? State::refused : State::more;
        }
        bytes.remove_prefix(end + 4 - before);
        const std::string_view head{head_.data(), end};
        const auto space = head.find(' ');
        const auto stop = head.find(' ', space + 1);
        target_ = head.substr(0, stop == std::string_view::npos ? space : stop);
        const std::string_view length = field(head, "content-length");
        body_left_ = 0;
        std::from_chars(length.data(), length.data() + length.size(), body_left_);
        const bool chunked = !field(head, "transfer-encoding").empty();
        head_.clear();
        body_.clear();
        tail_.clear();
        if (chunked || body_left_ > body_bytes_max) {
            return State::refused;
        }
        in_body_ = body_left_ > 0;
        return in_body_ ? State::more : State::complete;
    }

    State take_body(std::string_view& bytes) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
        const std::string_view mine = bytes.substr(0, size);
        bytes.remove_prefix(size);
        body_left_ -= size;
        body_.append(mine.substr(0, body_head_bytes - std::min(body_head_bytes, body_.size())));
        if (body_left_ < body_tail_bytes) {
            tail_.append(mine.substr(size - std::min(size, body_tail_bytes)));
        }
        if (body_left_ > 0) {
            return State::more;
        }
        in_body_ = false;
        body_.append(tail_);
        return State::complete;
    }

    std::string head_{};
    std::string target_{};
    std::string body_{};
    std::string tail_{};
    std::uint64_t body_left_{0};
    bool in_body_{false};
};

}  // namespace evenkeel::bench
