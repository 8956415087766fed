#pragma once

#include "policies/domain/id.hpp"
#include "policies/domain/reason.hpp"
#include "policies/domain/time.hpp"

#include <chrono>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

namespace evenkeel::gate {

/// How much one client key or one route may ask for.
struct RateLimit {
    NameIx name{};                 ///< of the key or the route
    std::int64_t requests_min{0};  ///< requests a minute; 0 = any number
    std::int64_t tokens_min{0};    ///< tokens a minute, prompts and answers; 0 = any number
    std::int64_t in_flight{0};     ///< requests at once, waiting ones included; 0 = any number
    friend constexpr bool operator==(const RateLimit&, const RateLimit&) = default;
};

/// A bucket that holds one minute of an allowance and fills evenly, kept as the moment at which it
/// will be full again. It may be overdrawn: who comes next waits until that is made good.
class TokenBucket {
public:
    /// How long until `cost` may be taken; zero: now. What is more than a whole minute's allowance
    /// is let in when the bucket is full.
    [[nodiscard]] std::chrono::nanoseconds wait(
        std::int64_t cost, std::int64_t per_minute, BootTime now) const noexcept;
    void take(std::int64_t cost, std::int64_t per_minute, BootTime now) noexcept;
    /// Gives back (a negative cost: takes more of) what was taken too much.
    void give_back(std::int64_t cost, std::int64_t per_minute, BootTime now) noexcept;

private:
    BootTime full_at_{};
};

/// The allowances of keys and routes, and what is used of them. Internal to gate/.
class LimitBook {
public:
    explicit LimitBook(std::pmr::memory_resource* memory) : slots_{memory}, meters_{memory} {}

    /// New numbers for one name; what is used of them stays.
    void set(const RateLimit& limit);
    /// `limits` instead of those of the last call.
    void replace(std::span<const RateLimit> limits);

    struct Entry {
        NameIx key{};
        NameIx route{};
        std::int64_t tokens{0};
    };
    /// Why one more request may not come in now; nothing when it may. The key is asked first.
    [[nodiscard]] std::optional<Reason> refusal(const Entry& entry, BootTime now) const noexcept;
    void enter(const Entry& entry, BootTime now);
    /// The end of one that came in: it was `tokens` in truth.
    void leave(const Entry& entry, std::int64_t tokens, BootTime now) noexcept;
    /// A request of before this run, at a time that is past. Oldest first.
    void recall(const Entry& entry, BootTime at);

private:
    struct Meter {
        RateLimit limit{};
        TokenBucket requests{};
        TokenBucket tokens{};
        std::int64_t in_flight{0};
    };
    [[nodiscard]] const Meter* find(NameIx name) const noexcept;
    Meter& meter(NameIx name);
    template <class Use>
    void each(const Entry& entry, Use use);

    std::pmr::vector<std::int32_t> slots_;  ///< by NameIx: 0 or 1 + its place in `meters_`
    std::pmr::vector<Meter> meters_;
    std::vector<NameIx> replaced_{};  ///< whose limits came with `replace`
};

}  // namespace evenkeel::gate
