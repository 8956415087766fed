#include "policies/replay/oracle.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace evenkeel::replay {

namespace {

using std::chrono::nanoseconds;

constexpr double minute_s = 60;

/// Follows a table of times and numbers of machines.
class Timetable final : public Planner {
public:
    explicit Timetable(std::map<nanoseconds, int> changes)
        : changes_{std::move(changes)}, at_{changes_.begin()} {}
    nanoseconds next() const override {
        return at_ == changes_.end() ? nanoseconds::max() : at_->first;
    }
    int machines(const FleetSeen& seen) override {
        for (; at_ != changes_.end() && at_->first <= seen.now; ++at_) {
            count_ += at_->second;
        }
        return count_;
    }

private:
    std::map<nanoseconds, int> changes_;  ///< machines more (or less) from then on
    std::map<nanoseconds, int>::const_iterator at_;
    int count_{0};
};

}  // namespace

std::vector<int> best_plan(const std::vector<OverflowMinute>& minutes, const Options& options) {
    const auto most = static_cast<std::size_t>(std::max(0, options.scaling.max));
    const std::size_t states = most + 1;
    const auto hour = static_cast<double>(options.machine_price.per_display_unit().nanos());
    const double rent = hour / 3'600 * minute_s;
    const double boot_s = std::chrono::duration<double>(options.boot).count();
    const double boot = hour / 3'600 * boot_s;
    const double absorbed =
        minute_s * static_cast<double>(options.scaling.efficiency_millis) / 1'000;
    std::vector<double> cost(states, std::numeric_limits<double>::infinity());
    cost[0] = 0;
    std::vector<std::uint8_t> from(minutes.size() * states);
    std::vector<double> next(states);
    // Nothing is ordered before the first request, so nothing serves for one boot.
    const double none_until = boot_s / minute_s;
    for (std::size_t m = 0; m < minutes.size(); ++m) {
        for (std::size_t n = 0; n < states; ++n) {
            if (n > 0 && static_cast<double>(m) < none_until) {
                next[n] = std::numeric_limits<double>::infinity();
                from[m * states + n] = 0;
                continue;
            }
            double best = std::numeric_limits<double>::infinity();
            std::size_t chosen = 0;
            for (std::size_t before = 0; before < states; ++before) {
                const double started = n > before ? static_cast<double>(n - before) * boot : 0;
                if (cost[before] + started < best) {
                    best = cost[before] + started;
                    chosen = before;
                }
            }
            const OverflowMinute& minute = minutes[m];
            const double can = static_cast<double>(n) * absorbed;
            const double left =
                minute.engine_s > can ? minute.money * (1 - can / minute.engine_s) : 0;
            next[n] = best + static_cast<double>(n) * rent + left;
            from[m * states + n] = static_cast<std::uint8_t>(chosen);
        }
        std::swap(cost, next);
    }
    std::vector<int> plan(minutes.size());
    std::size_t n = static_cast<std::size_t>(std::ranges::min_element(cost) - cost.begin());
    for (std::size_t m = minutes.size(); m-- > 0;) {
        plan[m] = static_cast<int>(n);
        n = from[m * states + n];
    }
    return plan;
}

std::unique_ptr<Planner> make_oracle(
    const std::vector<int>& plan, const Options& options, nanoseconds start) {
    std::map<nanoseconds, int> changes;
    int before = 0;
    const auto at = [&](std::size_t m) {
        return start + std::chrono::minutes{static_cast<std::int64_t>(m)};
    };
    for (std::size_t m = 0; m < plan.size(); ++m) {
        if (plan[m] > before) {
            changes[at(m) - options.boot] += plan[m] - before;
        } else if (plan[m] < before) {
            changes[at(m)] -= before - plan[m];
        }
        before = plan[m];
    }
    changes[at(plan.size())] -= before;
    return std::make_unique<Timetable>(std::move(changes));
}

}  // namespace evenkeel::replay
