#include "agent/web/waits.hpp"

#include <algorithm>
#include <utility>

namespace evenkeel::web {

std::int64_t percentile(std::vector<std::int64_t>& values, std::size_t percent) {
    const std::size_t rank = (values.size() * percent + 99) / 100;  // the nearest, from 1 on
    const auto nth =
        values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::ranges::nth_element(values, nth);
    return *nth;
}

void WaitCounter::add(UtcTime at, std::chrono::milliseconds wait) {
    const auto hour = std::chrono::floor<std::chrono::hours>(at);
    if (hour != hour_) {
        close();
        hour_ = hour;
    }
    waits_.push_back(wait.count());
}

void WaitCounter::close() {
    if (waits_.empty()) {
        return;
    }
    WaitHour done{.hour = hour_, .requests = std::ssize(waits_)};
    for (const std::int64_t wait : waits_) {
        const auto limit = std::ranges::lower_bound(wait_limits_ms, wait);
        ++done.buckets[static_cast<std::size_t>(limit - wait_limits_ms.begin())];
    }
    done.p50_ms = percentile(waits_, 50);
    done.p95_ms = percentile(waits_, 95);
    done.p99_ms = percentile(waits_, 99);
    done_.push_back(done);
    waits_.clear();
}

std::vector<WaitHour> WaitCounter::finish() {
    close();
    return std::exchange(done_, {});
}

}  // namespace evenkeel::web
