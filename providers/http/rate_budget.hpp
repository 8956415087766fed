#pragma once

#include "policies/domain/error.hpp"
#include "policies/domain/time.hpp"
#include "providers/http/rate_headers.hpp"

#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace evenkeel::providers {

/// Who asks. Safety (get, list, destroy, billing) may use a rate limit to its end; spending
/// (offers, create) stops where the share kept for safety begins.
enum class Lane { spend, safety };

/// What a request is to the rate limits.
enum class CallClass {
    ordinary,
    launch,   ///< makes a machine: some providers pace these by themselves
    destroy,  ///< ends one, on the safety lane: goes before everything else
};

/// One limit that is known before the first answer. An answer that names the same window replaces
/// `limit`.
struct RateWindow {
    std::string name{};  ///< as the server's headers call it; "hour" for unnamed headers
    std::int64_t limit{0};
    std::chrono::milliseconds length{0};
};

struct RateRules {
    std::vector<RateWindow> windows{};
    std::chrono::milliseconds gap{0};  ///< at least so long between two requests
    /// At least so long between two launches. An earlier one is refused, never kept waiting: the
    /// slot that it would wait for stands before those of later deletes.
    std::chrono::milliseconds launch_gap{0};
    int reserve_percent{30};  ///< of every window, kept for safety
    /// A request waits at most so long for its gap; beyond, it is refused.
    std::chrono::milliseconds patience{std::chrono::seconds{5}};
    /// After a 429 spending waits so much longer than safety: deletes go first.
    std::chrono::milliseconds head_start{std::chrono::seconds{1}};
    /// However long a provider tells us to stay away, a delete is tried once in so long: a wrong
    /// header must not keep a machine billing. Questions wait twice as long, so that each of these
    /// tries belongs to a delete while there is one.
    std::chrono::milliseconds safety_probe{std::chrono::minutes{1}};
};

/// The rules of a provider that lives `speed` times as fast as the real one (DriverOptions::speed):
/// windows and gaps are so much shorter.
[[nodiscard]] RateRules scaled(RateRules rules, std::int64_t speed);

/// The rate limits of one provider's account, shared by both of its lines. Counts what we send,
/// believes what the headers say, and refuses locally what the provider would refuse. Thread-safe.
class RateBudget {
public:
    /// The longest pause a server can impose; longer ones are cut to it.
    static constexpr std::chrono::milliseconds pause_max = std::chrono::hours{1};
    /// The pause after a 429 that names none.
    static constexpr std::chrono::milliseconds pause_default = std::chrono::seconds{5};

    /// `provider` stands in messages.
    explicit RateBudget(std::string provider, RateRules rules = {});

    /// Takes one request out of the budget. Success: send it after the returned pause (zero or up
    /// to `patience`, from `gap`). Errc::rate_limited with `retry_after`: do not send it. For a
    /// destroy that is at most `safety_probe`, for other calls of safety twice as long.
    [[nodiscard]] Result<std::chrono::milliseconds> take(Lane lane, CallClass what, Now now);

    /// Books what an answer said. Returns the pause it asks for when it was a 429 (from
    /// `retry_after`, else the longest reset among exhausted windows, else `pause_default`); for
    /// safety at most `safety_probe`.
    std::optional<std::chrono::milliseconds> answered(
        Lane lane,
        int status,
        std::optional<std::chrono::milliseconds> retry_after,
        std::span<const RateHint> hints,
        Now now);

private:
    struct Window {
        std::string name{};
        std::int64_t limit{0};  ///< 0: not known
        std::chrono::milliseconds length{0};
        std::int64_t remaining{0};
        BootTime ends{};  ///< when `remaining` loses its meaning
        bool known{false};
    };
    Window& window(const std::string& name);
    void learn(const RateHint& hint, Now now);
    [[nodiscard]] std::unexpected<Error> refuse(
        std::string_view why, BootTime until, BootTime now) const;
    /// Why `lane` may not send this now, or nothing.
    [[nodiscard]] std::optional<Error> objection(Lane lane, CallClass what, BootTime now);

    std::string provider_;
    RateRules rules_;
    std::mutex mutex_{};
    std::vector<Window> windows_{};
    BootTime blocked_until_{};  ///< for both lanes: a 429's Retry-After
    BootTime next_{};           ///< earliest next request by `gap`
    BootTime next_launch_{};
    BootTime last_{};  ///< the newest request admitted or answered
};

}  // namespace evenkeel::providers
