#pragma once

#include "policies/domain/time.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evenkeel::fakes::cloud {

/// A quota over a sliding window.
struct Window {
    std::string_view name{};
    int quota{0};
    std::chrono::seconds length{0};
};

/// Counts calls against several windows, whose lengths are divided by a speed.
class RateLimiter {
public:
    struct Standing {
        std::string_view name{};
        int quota{0};
        int left{0};
        std::chrono::seconds length{0};
        UtcTime oldest_expires{};           ///< when the oldest counted call leaves the window
        std::chrono::seconds resets_in{0};  ///< until then, rounded up
    };
    struct Denial {
        std::string_view window{};
        std::chrono::seconds retry_after{1};  ///< rounded up, at least 1
    };

    RateLimiter(std::vector<Window> windows, std::int64_t speed);
    /// Counts a call, or says why it may not be made. Denied calls are not counted.
    [[nodiscard]] std::optional<Denial> admit(UtcTime now);
    [[nodiscard]] std::vector<Standing> standings(UtcTime now);

private:
    struct Counted {
        Window window{};
        std::chrono::microseconds length{0};
        std::deque<UtcTime> calls{};
    };
    static void expire(Counted& counted, UtcTime now);
    std::vector<Counted> windows_;
};

}  // namespace evenkeel::fakes::cloud
