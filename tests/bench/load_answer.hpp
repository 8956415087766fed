#pragma once

#include "tests/bench/bench_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace evenkeel::bench {

/// Reads one HTTP answer from whatever pieces arrive; of a stream it knows events, their due times
/// and whether the stream ended as it should.
class LoadAnswer {
public:
    enum class State : std::uint8_t {
        more,
        done,
        bad,  ///< not HTTP as we know it
    };

    void reset() { *this = LoadAnswer{}; }

    /// Calls `on_event(due_ns)` for each event with content. What follows the answer is not used.
    template <class OnEvent>
    State feed(std::string_view bytes, const OnEvent& on_event) {
        if (status_ == 0) {
            head_.append(bytes);
            const auto end = head_.find("\r\n\r\n");
            if (end == std::string::npos) {
                return head_.size() > head_bytes_max ? State::bad : State::more;
            }
            const std::string rest = head_.substr(end + 4);
            head_.resize(end);
            if (!read_head()) {
                return State::bad;
            }
            return body(rest, on_event);
        }
        return body(bytes, on_event);
    }

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] bool begun() const noexcept { return status_ != 0 || !head_.empty(); }
    [[nodiscard]] bool closes() const noexcept { return closes_; }
    [[nodiscard]] bool events() const noexcept { return events_; }
    [[nodiscard]] std::int64_t count() const noexcept { return count_; }
    [[nodiscard]] bool said_done() const noexcept { return said_done_; }

private:
    static constexpr std::size_t head_bytes_max = 64 * 1024;
    static constexpr std::size_t event_bytes_max = 64 * 1024;

    bool read_head() {
        const std::string_view head = head_;
        if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) {
            return false;
        }
        std::from_chars(head.data() + 9, head.data() + 12, status_);
        const std::string_view length = field(head, "content-length");
        std::from_chars(length.data(), length.data() + length.size(), left_);
        chunked_ = field(head, "transfer-encoding") == "chunked";
        closes_ = field(head, "connection") == "close";
        events_ = field(head, "content-type").starts_with("text/event-stream");
        head_ = {};
        return status_ != 0 && (chunked_ || !length.empty());
    }

    template <class OnEvent>
    State body(std::string_view bytes, const OnEvent& on_event) {
        if (!chunked_) {
            left_ -= std::min<std::uint64_t>(left_, bytes.size());
            return left_ == 0 ? State::done : State::more;
        }
        while (!bytes.empty()) {
            if (left_ > 0) {
                const auto size =
                    static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
                payload(bytes.substr(0, size), on_event);
                left_ -= size;
                bytes.remove_prefix(size);
                continue;
            }
            // Between chunks: the rest of the last line, then the size of the next.
            const auto end = bytes.find('\n');
            line_.append(bytes.substr(0, end));
            if (end == std::string_view::npos) {
                return line_.size() > 64 ? State::bad : State::more;
            }
            bytes.remove_prefix(end + 1);
            const std::string_view line = line_;
            if (line == "\r") {
                if (last_) {
                    return State::done;
                }
            } else if (
                std::from_chars(line.data(), line.data() + line.size(), left_, 16).ec !=
                std::errc{}) {
                return State::bad;
            } else {
                last_ = left_ == 0;
            }
            line_.clear();
        }
        return State::more;
    }

    template <class OnEvent>
    void payload(std::string_view bytes, const OnEvent& on_event) {
        while (!bytes.empty()) {
            // An event's end may lie across two pieces.
            if (!event_.empty() && event_.back() == '\n' && bytes.front() == '\n') {
                event_.pop_back();
                event(event_, on_event);
                event_.clear();
                bytes.remove_prefix(1);
                continue;
            }
            const auto end = bytes.find("\n\n");
            if (end == std::string_view::npos) {
                event_.append(
                    bytes.substr(0, event_bytes_max - std::min(event_bytes_max, event_.size())));
                return;
            }
            if (event_.empty()) {
                event(bytes.substr(0, end), on_event);
            } else {
                event_.append(bytes.substr(0, end));
                event(event_, on_event);
                event_.clear();
            }
            bytes.remove_prefix(end + 2);
        }
    }

    template <class OnEvent>
    void event(std::string_view text, const OnEvent& on_event) {
        if (text == "data: [DONE]") {
            said_done_ = true;
            return;
        }
        constexpr std::string_view mark = "\"content\":\"";
        const auto at = text.find(mark);
        if (!text.starts_with("data: ") || at == std::string_view::npos) {
            return;  // a comment, or the usage
        }
        const char* digits = text.data() + at + mark.size();
        std::int64_t due = 0;
        std::from_chars(digits, std::min(digits + stamp_digits, text.data() + text.size()), due);
        ++count_;
        on_event(due);
    }

    std::string head_{};
    std::string line_{};
    std::string event_{};
    std::uint64_t left_{0};
    std::int64_t count_{0};
    int status_{0};
    bool chunked_{false};
    bool last_{false};
    bool closes_{false};
    bool events_{false};
    bool said_done_{false};
};

}  // namespace evenkeel::bench
