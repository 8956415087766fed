#include "tests/fakes/cloud/limits.hpp"

#include <algorithm>
#include <utility>

namespace evenkeel::fakes::cloud {

RateLimiter::RateLimiter(std::vector<Window> windows, std::int64_t speed) {
    for (const Window& window : windows) {
        windows_.push_back({.window = window, .length = window.length / speed});
    }
}

void RateLimiter::expire(Counted& counted, UtcTime now) {
    while (!counted.calls.empty() && now - counted.calls.front() >= counted.length) {
        counted.calls.pop_front();
    }
}

std::optional<RateLimiter::Denial> RateLimiter::admit(UtcTime now) {
    std::optional<Denial> denial;
    for (Counted& counted : windows_) {
        expire(counted, now);
        if (std::cmp_greater_equal(counted.calls.size(), counted.window.quota)) {
            const auto wait = counted.calls.front() + counted.length - now;
            const auto seconds =
                std::max(std::chrono::ceil<std::chrono::seconds>(wait), std::chrono::seconds{1});
            if (!denial || seconds > denial->retry_after) {
                denial = Denial{.window = counted.window.name, .retry_after = seconds};
            }
        }
    }
    if (!denial) {
        for (Counted& counted : windows_) {
            counted.calls.push_back(now);
        }
    }
    return denial;
}

std::vector<RateLimiter::Standing> RateLimiter::standings(UtcTime now) {
    std::vector<Standing> standings;
    for (Counted& counted : windows_) {
        expire(counted, now);
        const int used = static_cast<int>(counted.calls.size());
        const UtcTime expires =
            (counted.calls.empty() ? now : counted.calls.front()) + counted.length;
        standings.push_back(
            {.name = counted.window.name,
             .quota = counted.window.quota,
             .left = std::max(counted.window.quota - used, 0),
             .length = counted.window.length,
             .oldest_expires = expires,
             .resets_in = std::chrono::ceil<std::chrono::seconds>(expires - now)});
    }
    return standings;
}

}  // namespace evenkeel::fakes::cloud
