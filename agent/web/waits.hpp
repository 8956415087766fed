#pragma once

#include "agent/ledger/rows.hpp"
#include "policies/domain/time.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace evenkeel::web {

/// Upper limits of the buckets that waits are counted in; longer ones have a bucket of their own.
inline constexpr std::array<std::int64_t, 8> wait_limits_ms{
    100, 300, 1'000, 3'000, 10'000, 30'000, 60'000, 120'000};

/// How long the requests of one hour waited.
struct WaitHour {
    UtcTime hour{};
    std::int64_t requests{0};
    std::int64_t p50_ms{0};
    std::int64_t p95_ms{0};
    std::int64_t p99_ms{0};
    std::array<std::int64_t, wait_limits_ms.size() + 1> buckets{};
};

/// Counts waits by hours. They must come hour by hour, in whatever order within one; an hour is
/// kept only while its requests come.
class WaitCounter {
public:
    void add(UtcTime at, std::chrono::milliseconds wait);
    /// All hours that were seen, in the order in which they came.
    [[nodiscard]] std::vector<WaitHour> finish();

private:
    void close();

    std::chrono::sys_time<std::chrono::hours> hour_{};
    std::vector<std::int64_t> waits_{};
    std::vector<WaitHour> done_{};
};

/// The smallest of `values` that at least `percent` of them do not exceed. Reorders them.
/// Precondition: there are some.
[[nodiscard]] std::int64_t percentile(std::vector<std::int64_t>& values, std::size_t percent);

}  // namespace evenkeel::web
