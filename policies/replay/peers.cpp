#include "policies/replay/peers.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

namespace evenkeel::replay {

namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// Share of a machine's capacity that a peer is told to fill.
constexpr double target_share = 0.8;
constexpr nanoseconds rate_window = 60s;

/// What one engine does at its best with requests of the mean size.
struct Capacity {
    double per_second{0};
    double at_once{0};
};

Capacity capacity_of(const capacity::Profile& profile, int slots, const TraceSums& sums) {
    const auto in = static_cast<std::int64_t>(std::max(1.0, sums.mean_in()));
    const auto out = static_cast<std::int64_t>(std::max(1.0, sums.mean_out()));
    const double room = static_cast<double>(profile.kv_tokens) /
                        (static_cast<double>(in) + static_cast<double>(out) / 2);
    const int seqs = slots > 0 ? slots : profile.seqs;
    return {
        .per_second = 1 / capacity::least_seconds(profile, in, out),
        .at_once = std::max(1.0, std::min<double>(seqs, room))};
}

/// Targets for one machine, and what the owner's engines take before.
struct Targets {
    Capacity machine{};
    Capacity own{};
};

Targets targets_of(const Options& options, const TraceSums& sums) {
    Targets targets;
    targets.machine = capacity_of(options.rented, options.rented_slots, sums);
    targets.machine.per_second *= target_share;
    targets.machine.at_once *= target_share;
    for (std::size_t i = 0; i < options.own.size(); ++i) {
        const int slots = i < options.own_slots.size() ? options.own_slots[i] : 0;
        const Capacity one = capacity_of(options.own[i], slots, sums);
        targets.own.per_second += target_share * one.per_second;
        targets.own.at_once += target_share * one.at_once;
    }
    return targets;
}

int machines_for(double load, double own, double machine) {
    constexpr double most = 1'000;
    return static_cast<int>(std::min(most, std::ceil(std::max(0.0, load - own) / machine)));
}

/// Requests a second over the last minute, from a counter read now and then.
class Rate {
public:
    double take(nanoseconds now, std::int64_t arrived) {
        samples_.push_back({now, arrived});
        while (samples_.size() > 1 && samples_[1].at <= now - rate_window) {
            samples_.pop_front();
        }
        const double span = std::chrono::duration<double>(rate_window).count();
        return static_cast<double>(arrived - samples_.front().arrived) / span;
    }

private:
    struct Sample {
        nanoseconds at{};
        std::int64_t arrived{0};
    };
    std::deque<Sample> samples_{};
};

class SkyserveLike final : public Planner {
public:
    SkyserveLike(const Targets& targets, nanoseconds start) : targets_{targets}, next_{start} {}
    nanoseconds next() const override { return next_; }
    int machines(const FleetSeen& seen) override {
        const double rate = rate_.take(seen.now, seen.arrived);
        const int wanted = machines_for(rate, targets_.own.per_second, targets_.machine.per_second);
        if (target_ == 0) {
            target_ = wanted;
            up_ = down_ = 0;
        } else if (wanted == target_) {
            up_ = down_ = 0;
        } else {
            int& count = wanted > target_ ? up_ : down_;
            (wanted > target_ ? down_ : up_) = 0;
            const nanoseconds delay = wanted > target_ ? up_delay : down_delay;
            if (++count >= delay / tick) {
                target_ = wanted;
                count = 0;
            }
        }
        next_ = seen.now + tick;
        return target_;
    }

private:
    static constexpr nanoseconds tick = 20s;
    static constexpr nanoseconds up_delay = 300s;
    static constexpr nanoseconds down_delay = 1'200s;
    Targets targets_;
    nanoseconds next_;
    Rate rate_{};
    int target_{0};
    int up_{0};
    int down_{0};
};

class DstackLike final : public Planner {
public:
    DstackLike(const Targets& targets, nanoseconds start)
        : targets_{targets}, next_{start}, changed_{start - down_delay} {}
    nanoseconds next() const override { return next_; }
    int machines(const FleetSeen& seen) override {
        const double rate = rate_.take(seen.now, seen.arrived);
        const int wanted = machines_for(rate, targets_.own.per_second, targets_.machine.per_second);
        const nanoseconds still = seen.now - changed_;
        const bool up = wanted > target_ && (target_ == 0 || still >= up_delay);
        const bool down = wanted < target_ && still >= down_delay;
        if (up || down) {
            target_ = wanted;
            changed_ = seen.now;
        }
        next_ = seen.now + tick;
        return target_;
    }

private:
    static constexpr nanoseconds tick = 10s;
    static constexpr nanoseconds up_delay = 300s;
    static constexpr nanoseconds down_delay = 600s;
    Targets targets_;
    nanoseconds next_;
    nanoseconds changed_;
    Rate rate_{};
    int target_{0};
};

class KpaLike final : public Planner {
public:
    KpaLike(const Targets& targets, nanoseconds start) : targets_{targets}, next_{start} {}
    nanoseconds next() const override { return next_; }
    int machines(const FleetSeen& seen) override {
        samples_.push_back(static_cast<double>(seen.busy + seen.waiting));
        if (samples_.size() > stable_window / tick) {
            samples_.pop_front();
        }
        const int stable = wanted(mean(stable_window / tick));
        const int panic = wanted(mean(panic_window / tick));
        // Twice what is ready is asked for: panic, which ends when 60 s went by without.
        if (panic >= panic_at * std::max(seen.serving, 1)) {
            panic_until_ = seen.now + stable_window;
        }
        int target = stable;
        if (seen.now < panic_until_) {
            most_in_panic_ = std::max({most_in_panic_, panic, stable});
            target = most_in_panic_;
        } else {
            most_in_panic_ = 0;
            // At most halving in one step.
            target = std::max(target, seen.serving / 2);
        }
        if (target > 0) {
            needed_at_ = seen.now;
        } else if (seen.now - needed_at_ < grace && last_ > 0) {
            target = 1;
        }
        last_ = target;
        next_ = seen.now + tick;
        return target;
    }

private:
    [[nodiscard]] double mean(std::int64_t count) const {
        double sum = 0;
        std::int64_t taken = 0;
        for (auto sample = samples_.rbegin(); sample != samples_.rend() && taken < count;
             ++sample, ++taken) {
            sum += *sample;
        }
        return taken == 0 ? 0 : sum / static_cast<double>(taken);
    }
    [[nodiscard]] int wanted(double concurrency) const {
        return machines_for(concurrency, targets_.own.at_once, targets_.machine.at_once);
    }

    static constexpr nanoseconds tick = 2s;
    static constexpr nanoseconds stable_window = 60s;
    static constexpr nanoseconds panic_window = 6s;
    static constexpr nanoseconds grace = 30s;
    static constexpr int panic_at = 2;
    Targets targets_;
    nanoseconds next_;
    std::deque<double> samples_{};
    nanoseconds panic_until_{nanoseconds::min()};
    nanoseconds needed_at_{nanoseconds::min() / 2};
    int most_in_panic_{0};
    int last_{0};
};

}  // namespace

std::unique_ptr<Planner> make_peer(const Options& options, const TraceSums& sums) {
    const Targets targets = targets_of(options, sums);
    switch (options.policy) {
        case ReplayPolicy::skyserve_like:
            return std::make_unique<SkyserveLike>(targets, sums.first);
        case ReplayPolicy::dstack_like:
            return std::make_unique<DstackLike>(targets, sums.first);
        case ReplayPolicy::kpa_like:
            return std::make_unique<KpaLike>(targets, sums.first);
        default:
            return nullptr;
    }
}

}  // namespace evenkeel::replay
