#pragma once

#include <chrono>
#include <optional>

namespace evenkeel::agent {

/// Takes SIGTERM, SIGINT and SIGHUP as events instead of interruptions. Made before any other
/// thread, so that all of them inherit the blocked mask; SIGPIPE is ignored.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    enum class Kind { stop, reload };
    /// The next signal, waiting at most `limit`; nothing when none came.
    [[nodiscard]] std::optional<Kind> wait(std::chrono::milliseconds limit);

private:
    int fd_{-1};
};

}  // namespace evenkeel::agent
