#pragma once

#include "agent/cli/top_frame.hpp"
#include "policies/domain/error.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace evenkeel::cli {

/// The keys in the bytes a terminal sent, taken from the front of `bytes`; a sequence that is not
/// whole yet stays unless `all`. Unknown sequences are dropped.
[[nodiscard]] std::deque<char32_t> take_keys(std::string& bytes, bool all);

/// The controlling terminal as one screen without echo. What it was before comes back with the
/// object's end, before the process is stopped (Ctrl-Z), and when it dies of a fault. One at a
/// time; the signals it waits for are blocked in the thread that made it.
class Terminal {
public:
    /// Errors: io_failed (standard input or output is no terminal).
    [[nodiscard]] static Result<std::unique_ptr<Terminal>> open();
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] Size size() const;
    void draw(std::span<const Line> lines);

    struct Timeout {};
    struct Redraw {};  ///< another size, or back from being stopped
    struct Stop {
        int signal{0};
    };
    using Event = std::variant<Timeout, Redraw, Stop, char32_t>;
    [[nodiscard]] Event wait(std::chrono::milliseconds limit);

private:
    Terminal() = default;
    [[nodiscard]] std::optional<Event> take_signal();
    void suspend();
    int signals_{-1};
    std::string bytes_{};
    std::deque<char32_t> keys_{};
};

}  // namespace evenkeel::cli
