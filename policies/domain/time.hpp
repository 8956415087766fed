#pragma once

#include <chrono>
#include <cstdint>

namespace evenkeel {

/// The clock of durations: CLOCK_BOOTTIME, which also counts while the host sleeps, because rented
/// machines bill while it sleeps. Only a type: nobody in policies/ can read it; time is an
/// argument.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
};

using BootTime = BootClock::time_point;
using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;

/// One reading of both clocks. Durations come from `boot`; `utc` is for budget windows, tariffs and
/// rows, and may jump.
struct Now {
    BootTime boot{};
    UtcTime utc{};
};

/// The only way code below agent/ learns the time of rows; tests pass a ManualClock.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Now read() const = 0;
};

/// A clock that stands still until told otherwise (tests, simulator, replay).
class ManualClock final : public Clock {
public:
    explicit ManualClock(Now start) : now_{start} {}
    [[nodiscard]] Now read() const override { return now_; }
    /// Moves both clocks forward.
    void advance(std::chrono::nanoseconds by) {
        now_.boot += by;
        now_.utc += std::chrono::duration_cast<std::chrono::microseconds>(by);
    }
    /// Moves the wall clock alone, as NTP or a person would.
    void jump_utc(std::chrono::microseconds by) { now_.utc += by; }

private:
    Now now_;
};

/// Microseconds since 1970, as stored in `*_us` columns.
[[nodiscard]] constexpr std::int64_t to_us(UtcTime time) noexcept {
    return time.time_since_epoch().count();
}
[[nodiscard]] constexpr UtcTime from_us(std::int64_t us) noexcept {
    return UtcTime{std::chrono::microseconds{us}};
}

}  // namespace evenkeel
