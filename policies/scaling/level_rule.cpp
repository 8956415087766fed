#include "policies/scaling/tick.hpp"

#include <algorithm>
#include <cmath>

/// The rule level-memory: what each further machine would earn, and what loads of before led to.
namespace evenkeel::scaling {

namespace {

constexpr double band_width = 1.3;  ///< loads of one band differ by less than this factor
constexpr double least_load = 0.01;
constexpr std::int32_t band_max = 60;
constexpr double neighbour_weight = 0.3;

/// 0 below the least load, a band of its own; from there on 1, 2, ...
std::int32_t band_of(double load) {
    if (!(load >= least_load)) {
        return 0;
    }
    static const double least = std::floor(std::log(least_load) / std::log(band_width));
    const double band = std::floor(std::log(load) / std::log(band_width));
    return std::clamp(static_cast<std::int32_t>(band - least) + 1, 1, band_max);
}

/// `sum` moved by `rate` nanos a second over `time`, never below zero.
std::int64_t moved(std::int64_t sum, double rate, nanoseconds time) {
    constexpr double largest = 4e18;
    const double change = std::clamp(rate * seconds(time), -largest, largest);
    return std::max<std::int64_t>(0, add(sum, std::llround(change)));
}

}  // namespace

std::int64_t Tick::boot_bills(std::int64_t millis) const {
    const std::int64_t bill = price_of(reference_->hour_report, warm_, Rounding::up);
    return mul_div(bill, millis, 1'000, Rounding::up).value_or(most);
}

std::int64_t Tick::level_threshold() const {
    return mul_div(commit(*reference_), constants_.level_theta_millis, 1'000, Rounding::up)
        .value_or(most);
}

bool Tick::trusts_memory() const {
    return out_.state.memory.account > -boot_bills(constants_.level_credit_millis);
}

void Tick::set_worths() {
    const LevelMemory& memory = out_.state.memory;
    worths_.assign(memory.levels.size(), 0.0);
    /// Hands work out to the levels from `first` on, each as much as keeps one machine busy.
    const auto hand_out = [this](double money, double work, std::size_t first) {
        if (work <= 0 || money <= 0) {
            return;
        }
        const double each = money / work * efficiency();
        for (std::size_t k = first; k < worths_.size(); ++k) {
            const double busy = work / efficiency() - static_cast<double>(k - first);
            worths_[k] = std::max(worths_[k], each * std::clamp(busy, 0.0, 1.0));
        }
    };
    hand_out(memory.money, memory.work, 0);
    // How much a machine takes is a guess (efficiency); what went past those that serve is not.
    hand_out(memory.missed_money, memory.missed_work, static_cast<std::size_t>(ready_));
}

void Tick::take_levels(nanoseconds elapsed) {
    LevelMemory& memory = out_.state.memory;
    const auto levels = static_cast<std::size_t>(
        std::clamp(std::max(policy_.max, pending_ + ready_), 0, constants_.levels_max));
    if (memory.levels.size() != levels || memory.earned.size() != levels ||
        memory.seen_earned.size() != memory.seen.size() * levels) {
        memory.levels.resize(levels);
        memory.earned.resize(levels);
        memory.seen.clear();  // rows of another length
        memory.seen_earned.clear();
    }
    const Gathered& sum = out_.state.gathered;
    const double dt = seconds(elapsed);
    const double work = std::max(
        0.0,
        engine_seconds(
            sum.overflow_in + sum.refused_in + sum.rented_in,
            sum.overflow_out + sum.refused_out + sum.rented_out));
    const double missed = std::max(
        0.0, engine_seconds(sum.overflow_in + sum.refused_in, sum.overflow_out + sum.refused_out));
    const double own = std::max(0.0, engine_seconds(sum.own_in, sum.own_out));
    const auto money = [](std::int64_t sum_of) {
        return static_cast<double>(std::max<std::int64_t>(0, sum_of));
    };
    average(memory.money, money(sum.overflow + sum.rented) / dt, elapsed, constants_.level_window);
    average(memory.work, work / dt, elapsed, constants_.level_window);
    average(memory.missed_money, money(sum.overflow) / dt, elapsed, constants_.missed_window);
    average(memory.missed_work, missed / dt, elapsed, constants_.missed_window);
    average(memory.load, (work + own) / dt, elapsed, warm_);
    set_worths();
    learn(elapsed);
    const auto held = static_cast<std::size_t>(pending_ + ready_);
    const auto ready = static_cast<std::size_t>(ready_);
    const std::int64_t due = level_threshold();
    double saved = 0;
    for (std::size_t k = 0; k < levels; ++k) {
        Level& level = memory.levels[k];
        const double worth = worths_[k];
        // Ordered but not ready, it goes on: whether a boot still has a reason.
        if (k >= ready) {
            level.debt = std::min(moved(level.debt, worth - price_s_, elapsed), due);
        }
        move_shadow(level, worth, elapsed);
        const bool held_back = k >= held && level.debt >= due;
        if (held_back) {
            // Some limit keeps the rule from ordering it: the shadow may not have it either.
            level.shadow = ShadowPhase::off;
            level.shadow_debt = due;
        }
        if (static_cast<int>(k) < policy_.min) {
            continue;  // kept whatever memory says
        }
        saved += (level.shadow != ShadowPhase::off ? price_s_ : 0.0) +
                 (level.shadow != ShadowPhase::ready ? worth : 0.0) - (k < held ? price_s_ : 0.0) -
                 (k >= ready ? worth : 0.0);
    }
    memory.account = std::min(
        boot_bills(constants_.level_cap_millis), add(memory.account, std::llround(saved * dt)));
}

void Tick::move_shadow(Level& level, double worth, nanoseconds elapsed) const {
    switch (level.shadow) {
        case ShadowPhase::off:
            level.shadow_debt = moved(level.shadow_debt, worth - price_s_, elapsed);
            if (level.shadow_debt >= level_threshold()) {
                level.shadow = ShadowPhase::booting;
                level.shadow_boot_left = boot_;
                level.shadow_debt = 0;
            }
            return;
        case ShadowPhase::booting:
            level.shadow_boot_left -= std::chrono::duration_cast<milliseconds>(elapsed);
            if (level.shadow_boot_left <= milliseconds::zero()) {
                level.shadow = ShadowPhase::ready;
                level.shadow_idle = 0;
            }
            return;
        case ShadowPhase::ready:
            level.shadow_idle = moved(level.shadow_idle, price_s_ - worth, elapsed);
            if (level.shadow_idle >= boot_bills(policy_.keep_warm_millis)) {
                level.shadow = ShadowPhase::off;
            }
            return;
    }
}

void Tick::learn(nanoseconds elapsed) {
    LevelMemory& memory = out_.state.memory;
    const double dt = seconds(elapsed);
    for (std::size_t k = 0; k < worths_.size(); ++k) {
        memory.earned[k] = add(memory.earned[k], std::llround(worths_[k] * dt));
    }
    memory.seen.push_back(band_of(memory.load));
    memory.seen_earned.insert(memory.seen_earned.end(), memory.earned.begin(), memory.earned.end());
    const std::size_t levels = memory.levels.size();
    const auto boot_ticks = static_cast<std::size_t>(
        std::max<std::int64_t>(1, std::llround(seconds(boot_) / seconds(period_))));
    const double time = static_cast<double>(boot_ticks) * seconds(period_);
    while (memory.seen.size() > 2 * boot_ticks) {
        const auto band = static_cast<std::size_t>(std::max(memory.seen.front(), 0));
        for (std::size_t k = 0; k < levels; ++k) {
            std::vector<LevelCell>& cells = memory.levels[k].cells;
            cells.resize(std::max(cells.size(), std::min<std::size_t>(band, band_max) + 1));
            LevelCell& cell = cells[std::min<std::size_t>(band, band_max)];
            const std::int64_t later = memory.seen_earned[boot_ticks * levels + k];
            cell.seen += 1;
            cell.sum += static_cast<double>(later - memory.seen_earned[k]) / time;
        }
        memory.seen.erase(memory.seen.begin());
        memory.seen_earned.erase(
            memory.seen_earned.begin(),
            memory.seen_earned.begin() + static_cast<std::ptrdiff_t>(levels));
    }
}

double Tick::remembered(std::size_t level) const {
    const LevelMemory& memory = out_.state.memory;
    const std::int32_t band = band_of(memory.load);
    double seen = 0;
    double sum = 0;
    const std::vector<LevelCell>& cells = memory.levels[level].cells;
    for (const std::int32_t offset : {0, -1, 1}) {
        const std::int32_t at = band + offset;
        // The band of no load has no neighbours.
        if (at < 0 || static_cast<std::size_t>(at) >= cells.size() ||
            (offset != 0 && (at == 0 || band == 0))) {
            continue;
        }
        const double weight = offset == 0 ? 1.0 : neighbour_weight;
        seen += weight * cells[static_cast<std::size_t>(at)].seen;
        sum += weight * cells[static_cast<std::size_t>(at)].sum;
    }
    if (seen <= 0) {
        return 0;
    }
    const double doubt = constants_.level_trust_after * seconds(boot_) / seconds(period_);
    return seen / (seen + doubt) * (sum / seen);
}

Tick::Want Tick::wanted_by_levels() {
    const LevelMemory& memory = out_.state.memory;
    const std::int64_t due = level_threshold();
    const auto held = static_cast<std::size_t>(pending_ + ready_);
    std::size_t next = held;
    while (next < memory.levels.size() && memory.levels[next].debt >= due) {
        ++next;
    }
    const int count = std::min(static_cast<int>(next - held), policy_.max_order);
    if (count <= 0) {
        return {};
    }
    return {
        count, {ReasonCode::rent_level, {memory.levels[held].debt, commit(*reference_), count}}};
}

void Tick::levels_ordered(int count) {
    LevelMemory& memory = out_.state.memory;
    const auto held = static_cast<std::size_t>(pending_ + ready_);
    for (std::size_t k = held; k < held + static_cast<std::size_t>(count); ++k) {
        if (k < memory.levels.size()) {
            memory.levels[k].debt = 0;
            memory.levels[k].idle = 0;
            memory.levels[k].bare = 0;
        }
    }
}

const MachineView* Tick::youngest_ready() const {
    const MachineView* youngest = nullptr;
    for (const MachineView& machine : seen_.machines) {
        if (is_ready(machine) &&
            (youngest == nullptr || machine.ordered_at > youngest->ordered_at)) {
            youngest = &machine;
        }
    }
    return youngest;
}

void Tick::release_by_level() {
    LevelMemory& memory = out_.state.memory;
    const auto k = static_cast<std::size_t>(ready_ - 1);
    const MachineView* machine = youngest_ready();
    if (!taken_ || machine == nullptr || k >= worths_.size()) {
        return;
    }
    Level& level = memory.levels[k];
    const bool trusts = trusts_memory();
    const double worth = worths_[k];
    const double earns = trusts ? std::max(worth, remembered(k)) : worth;
    const nanoseconds elapsed = level_time_;
    level.idle = moved(level.idle, price_s_ - earns, elapsed);
    level.bare = moved(level.bare, price_s_ - worth, elapsed);
    const std::int64_t limit = boot_bills(policy_.keep_warm_millis);
    const std::int64_t limit_bare =
        mul_div(limit, constants_.level_idle_most_millis, 1'000, Rounding::up).value_or(most);
    if (!trusts) {
        level.idle = std::max(level.idle, std::min(level.bare, limit));
    }
    Reason reason;
    if (level.idle >= limit) {
        reason = {ReasonCode::rent_release, {level.idle, limit}};
    } else if (level.bare >= limit_bare) {
        reason = {ReasonCode::rent_held_long, {level.bare, limit_bare}};
    } else {
        return;
    }
    if (!is_settled(*machine)) {
        return;
    }
    level.debt = 0;
    level.idle = 0;
    level.bare = 0;
    give_back(*machine, reason);
}

}  // namespace evenkeel::scaling
