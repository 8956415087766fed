#include "agent/metrics/pace.hpp"

#include "policies/domain/money.hpp"

#include <algorithm>
#include <limits>

namespace evenkeel::agent::metrics {

std::int64_t spent_at_end(std::int64_t spent, UtcTime from, UtcTime until, UtcTime now) noexcept {
    const std::int64_t whole = (until - from).count();
    if (whole <= 0 || spent <= 0) {
        return spent;
    }
    const std::int64_t over = std::clamp<std::int64_t>((now - from).count(), 0, whole);
    const std::int64_t counted = std::max<std::int64_t>({over, whole / 10, 1});
    const auto more = mul_div(spent, whole - over, counted, Rounding::half_even);
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    return !more || *more > most - spent ? most : spent + *more;
}

}  // namespace evenkeel::agent::metrics
