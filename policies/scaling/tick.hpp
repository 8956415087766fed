#pragma once

#include "policies/scaling/rent.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

/// Shared by the .cpp files of this folder only.
namespace evenkeel::scaling {

inline constexpr std::int64_t hour_ns = 3'600'000'000'000;
inline constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

[[nodiscard]] inline double seconds(nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}
[[nodiscard]] inline std::int64_t ms_of(nanoseconds time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
}

/// What `time` costs at `hour_report` an hour; beyond the range it is as good as infinite.
[[nodiscard]] inline std::int64_t price_of(
    std::int64_t hour_report, nanoseconds time, Rounding rounding) {
    return mul_div(hour_report, std::max<std::int64_t>(0, time.count()), hour_ns, rounding)
        .value_or(most);
}

/// A sum that stays at the end of the range instead of leaving it.
[[nodiscard]] inline std::int64_t add(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? most : std::numeric_limits<std::int64_t>::min();
    }
    return sum;
}

[[nodiscard]] inline bool is_pending(const MachineView& machine) {
    return is_coming(machine.state) && !machine.ending;
}
[[nodiscard]] inline bool is_ready(const MachineView& machine) {
    return machine.state == MachineState::serving && !machine.ending;
}

/// Exactly compared; a price in another currency than the limit is never within it.
[[nodiscard]] inline bool is_within(const Price& price, const Price& limit) {
    return price.currency() == limit.currency() && price.unit() == limit.unit() &&
           static_cast<__int128>(price.num()) * limit.den() <=
               static_cast<__int128>(limit.num()) * price.den();
}

/// One tick in the making.
class Tick {
public:
    Tick(
        const RentState& state,
        const ScalingSnapshot& snapshot,
        const config::Scaling& policy,
        const config::Safety& safety,
        const Constants& constants);

    Outcome run();

private:
    // ---- signals --------------------------------------------------------------------------

    [[nodiscard]] double engine_seconds(std::int64_t tokens_in, std::int64_t tokens_out) const;

    /// Adds what the counters grew by to `gathered`.
    void gather();
    void take_signals();

    static void average(double& value, double sample, nanoseconds elapsed, milliseconds window) {
        value += (sample - value) * (1 - std::exp(-seconds(elapsed) / seconds(window)));
    }

    /// What went to the API (or nowhere) for lack of own capacity is what a machine would have
    /// earned.
    void overflow(nanoseconds elapsed);

    /// No API to compare with: is more waiting than the present workers finish in time?
    void backlog(nanoseconds elapsed);

    /// The money lost by keeping each machine: its price less what it earned, never below zero.
    void idle(nanoseconds elapsed);

    void forget();

    // ---- orders ---------------------------------------------------------------------------

    [[nodiscard]] double efficiency() const {
        return static_cast<double>(std::max<std::int64_t>(1, policy_.efficiency_millis)) / 1'000;
    }
    [[nodiscard]] milliseconds min_bill(const OfferView& offer) const {
        return policy_.min_bill.value_or(offer.min_bill);
    }
    [[nodiscard]] std::int64_t commit(const OfferView& offer) const {
        return commit_cost(offer.hour_report, boot_, min_bill(offer));
    }

    /// Renting is due when the debt has reached this. Trust below 1 moves it by the forecast: down
    /// when the slow average says that the machine would pay, up when not.
    [[nodiscard]] std::int64_t threshold() const;

    struct Want {
        int count{0};
        Reason reason{};
    };

    [[nodiscard]] Want wanted();

    [[nodiscard]] Want wanted_by_debt();

    [[nodiscard]] Want wanted_by_backlog();

    // ---- level-memory (level_rule.cpp) ------------------------------------------------------

    [[nodiscard]] bool by_levels() const {
        return policy_.rule == config::RentRule::level_memory && seen_.api_priced;
    }
    /// One step of the averages, the memory, the shadows and the account.
    void take_levels(nanoseconds elapsed);
    void set_worths();
    void learn(nanoseconds elapsed);
    void move_shadow(Level& level, double worth, nanoseconds elapsed) const;
    [[nodiscard]] double remembered(std::size_t level) const;
    [[nodiscard]] bool trusts_memory() const;
    /// A number of boot bills, in thousandths.
    [[nodiscard]] std::int64_t boot_bills(std::int64_t millis) const;
    [[nodiscard]] std::int64_t level_threshold() const;
    [[nodiscard]] Want wanted_by_levels();
    void levels_ordered(int count);
    void release_by_level();
    [[nodiscard]] const MachineView* youngest_ready() const;

    /// Machines at once: what the overflow keeps busy, less those that boot already.
    [[nodiscard]] int sized(double machines) const {
        const int need = static_cast<int>(std::ceil(std::min(machines, 1e6))) - pending_;
        const int least = pending_ == 0 ? 1 : 0;
        const int most_now = policy_.rule == config::RentRule::break_even ? 1 : policy_.max_order;
        return std::min({std::max(need, least), policy_.max_order, most_now});
    }

    [[nodiscard]] Reason closed() const;
    /// Why start_when or worth_it say that it is too early, or too little.
    [[nodiscard]] Reason not_yet() const;

    /// Why this offer cannot be taken, whatever the money.
    [[nodiscard]] Reason refusal(const OfferView& offer) const;

    /// Why one more of this offer does not fit the money that is left.
    [[nodiscard]] static Reason too_dear(
        const OfferView& offer, std::int64_t commit, const Room& room);

    /// How many of `count` fit from this offer; takes their money out of `room`.
    [[nodiscard]] int take(const OfferView& offer, int count, Room& room, Reason& why) const;

    void hold(const Reason& reason) {
        out_.decisions.push_back({.kind = DecisionKind::hold, .reason = reason});
    }

    bool order();

    // ---- releases -------------------------------------------------------------------------

    void give_back(const MachineView& machine, const Reason& reason) {
        out_.decisions.push_back(
            {.kind = DecisionKind::release, .machine = machine.id, .reason = reason});
        out_.state.idle.clear();  // the others get its work: they are judged anew
    }

    [[nodiscard]] std::int64_t lost_by(const MachineView& machine) const {
        const auto found = out_.state.idle.find(machine.id);
        return found == out_.state.idle.end() ? 0 : found->second;
    }

    /// The ready machine that has lost the most; of equals the youngest.
    [[nodiscard]] const MachineView* least_valuable() const;

    [[nodiscard]] const MachineView* youngest_pending() const;

    void release();

    bool release_after_idle_stop();

    /// That of the policy, else of the reference offer.
    [[nodiscard]] milliseconds min_bill() const;
    /// Whether it has served for max(minimum bill, boot): earlier nothing is won by its end.
    [[nodiscard]] bool is_settled(const MachineView& machine) const;
    void release_by_loss();

    /// A boot whose reason is gone ends when going on costs more than it would save.
    void cancel_boot();

    const ScalingSnapshot& seen_;
    const config::Scaling& policy_;
    const config::Safety& safety_;
    const Constants& constants_;
    const OfferView* reference_{nullptr};  ///< whose price and speed the signals are held against
    milliseconds boot_{};
    milliseconds warm_{};
    int pending_{0};
    int ready_{0};
    int existing_{0};
    double waiting_s_{0};
    nanoseconds level_time_{0};     ///< over which signals were taken
    bool taken_{false};             ///< signals were taken in this tick
    double price_s_{0};             ///< report nanos a second of the reference
    std::vector<double> worths_{};  ///< level-memory: what each level earns a second
    milliseconds period_{};
    Outcome out_{};
};

}  // namespace evenkeel::scaling
