#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What an engine writes becomes lines of our log: short, not too many, and nothing of a request.
namespace evenkeel::inference::engine {

inline constexpr std::size_t log_line_bytes_max = 400;
/// So many lines at once, and then so many a second.
inline constexpr int log_burst = 100;
inline constexpr int log_per_second = 20;

/// The line as it may be logged: without control characters, cut at `log_line_bytes_max`. Nothing
/// for an empty one, and for one that may hold a prompt, an answer or a key: engines log requests
/// when told to, and vLLM its arguments.
[[nodiscard]] std::optional<std::string> presentable(std::string_view line);
/// Whether the line is the beginning of a message as engines write them (level, time, part), and so
/// not the rest of a request that spans several lines.
[[nodiscard]] bool begins_message(std::string_view line) noexcept;

/// Takes bytes as they come and gives whole lines that may be logged.
class LogLines {
public:
    using Steady = std::chrono::steady_clock;

    /// Calls `give(std::string)` for each line that `bytes` completes.
    template <class Give>
    void feed(std::string_view bytes, Steady::time_point now, const Give& give) {
        while (!bytes.empty()) {
            const std::size_t end = std::min(bytes.find('\n'), bytes.size());
            take(bytes.substr(0, end));
            const bool whole = end < bytes.size();
            bytes.remove_prefix(end + (whole ? 1 : 0));
            if (whole) {
                finish(now, give);
            }
        }
    }
    /// What was left without an end.
    template <class Give>
    void end(Steady::time_point now, const Give& give) {
        finish(now, give);
    }

private:
    void take(std::string_view part);
    /// Whether one more line may be given now.
    [[nodiscard]] bool may_give(Steady::time_point now);

    template <class Give>
    void finish(Steady::time_point now, const Give& give) {
        auto line = presentable(line_);
        if (line && withholding_ && !begins_message(*line)) {
            line.reset();
        }
        const bool had_text = !line_.empty();
        line_.clear();
        if (!line) {
            withheld_ += had_text ? 1 : 0;
            withholding_ = withholding_ || had_text;
            return;
        }
        withholding_ = false;
        if (!may_give(now)) {
            ++skipped_;
            return;
        }
        if (const std::string note = left_out(); !note.empty()) {
            give(note);
        }
        give(*line);
    }
    /// Says how many lines were left out since the last; empty when none was.
    [[nodiscard]] std::string left_out();

    std::string line_{};
    bool withholding_{false};  ///< the line before was one of a request
    std::int64_t withheld_{0};
    std::int64_t skipped_{0};
    double tokens_{log_burst};
    Steady::time_point filled_{};
};

}  // namespace evenkeel::inference::engine
