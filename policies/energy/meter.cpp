#include "policies/energy/meter.hpp"

#include <algorithm>

namespace evenkeel::energy {

namespace {

constexpr std::int64_t picojoules_per_microjoule = 1'000'000;
constexpr std::int64_t microjoules_per_millijoule = 1'000;
/// Clocks and voltage fall only some seconds after the last kernel.
constexpr std::chrono::nanoseconds calm_after = std::chrono::seconds{10};
constexpr std::int64_t learn_share = 32;

/// milliwatts over `elapsed`, with what is less than a microjoule in `carried`.
std::int64_t microjoules(
    std::int64_t milliwatts, std::chrono::nanoseconds elapsed, std::int64_t& carried) {
    carried += milliwatts * elapsed.count();  // mW x ns = pJ; a minute of a megawatt still fits
    const std::int64_t whole = carried / picojoules_per_microjoule;
    carried %= picojoules_per_microjoule;
    return whole;
}

}  // namespace

Split& Split::operator+=(const Split& other) noexcept {
    idle += other.idle;
    work += other.work;
    host += other.host;
    estimated += other.estimated;
    return *this;
}

GpuMeter::GpuMeter(std::int64_t idle_milliwatts_stated)
    : idle_microwatts_{idle_milliwatts_stated * 1'000} {}

std::int64_t GpuMeter::idle_milliwatts() const noexcept {
    return idle_microwatts_ / 1'000;
}

void GpuMeter::forget() noexcept {
    last_.reset();
    counter_.reset();
    worked_ = false;
}

Split GpuMeter::look(const Look& look) {
    const bool first = !last_;
    if (look.working) {
        quiet_since_.reset();
    } else if (!quiet_since_) {
        quiet_since_ = look.at;
    }
    Split split;
    if (look.energy_millijoules) {
        split = by_counter(look);
    } else if (!counter_ && !first) {
        split = by_power(look);
    } else {
        worked_ = worked_ || look.working;  // the counter will be back, and tell
    }
    last_ = look;
    return split;
}

Split GpuMeter::by_counter(const Look& look) {
    const std::int64_t now = *look.energy_millijoules;
    const bool worked = worked_ || look.working;
    worked_ = false;
    const auto before = counter_;
    counter_ = Counter{look.at, look.driver_load, now};
    if (!before) {
        return {};
    }
    const auto elapsed = std::max(look.at - before->at, BootClock::duration{0});
    const bool same_load = look.driver_load == before->driver_load;
    if (same_load && now >= before->millijoules) {
        const std::int64_t drawn = (now - before->millijoules) * microjoules_per_millijoule;
        learn(drawn, elapsed, look);
        return divide(drawn, elapsed, worked);
    }
    // The driver was loaded anew: what was drawn before it forgot is not known. One that we only
    // opened anew has forgotten nothing.
    const std::int64_t drawn = now >= before->millijoules ? now - before->millijoules : now;
    Split split = divide(drawn * microjoules_per_millijoule, elapsed, worked);
    split.estimated = split.total();
    return split;
}

Split GpuMeter::by_power(const Look& look) {
    const auto elapsed = look.at - last_->at;
    if (!look.power_milliwatts || !last_->power_milliwatts || elapsed <= elapsed.zero() ||
        elapsed > gap_max) {
        return {};
    }
    const std::int64_t mean = (*look.power_milliwatts + *last_->power_milliwatts) / 2;
    const std::int64_t drawn = microjoules(mean, elapsed, picojoules_);
    learn(drawn, elapsed, look);
    Split split = divide(drawn, elapsed, look.working);
    split.estimated = split.total();
    return split;
}

Split GpuMeter::divide(std::int64_t drawn, std::chrono::nanoseconds elapsed, bool working) {
    if (!working) {
        return {.idle = drawn};
    }
    // uW x us = pJ
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
    const __int128 at_rest = static_cast<__int128>(idle_microwatts_) * us;
    const __int128 rest = std::min<__int128>(at_rest / picojoules_per_microjoule, drawn);
    const auto idle = static_cast<std::int64_t>(rest);
    return {.idle = idle, .work = drawn - idle};
}

void GpuMeter::learn(std::int64_t drawn, std::chrono::nanoseconds elapsed, const Look& look) {
    if (!quiet_since_ || look.at - *quiet_since_ < calm_after || elapsed <= elapsed.zero() ||
        elapsed > gap_max) {
        return;
    }
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
    if (us == 0) {
        return;
    }
    // uJ / us = W; drawn stays below 2^63 / 10^6 for any GPU and minute
    const std::int64_t microwatts = drawn * 1'000'000 / us;
    idle_microwatts_ =
        learnt_ ? idle_microwatts_ + (microwatts - idle_microwatts_) / learn_share : microwatts;
    learnt_ = true;
}

Split StatedMeter::run(
    std::chrono::nanoseconds elapsed,
    bool working,
    std::int64_t busy_milliwatts,
    std::int64_t idle_milliwatts) {
    Split split{.idle = microjoules(idle_milliwatts, elapsed, idle_picojoules_)};
    if (working) {
        const std::int64_t above = std::max<std::int64_t>(busy_milliwatts - idle_milliwatts, 0);
        split.work = microjoules(above, elapsed, work_picojoules_);
    }
    split.estimated = split.total();
    return split;
}

Split StatedMeter::host(std::chrono::nanoseconds elapsed, std::int64_t milliwatts) {
    return {.host = microjoules(milliwatts, elapsed, host_picojoules_)};
}

}  // namespace evenkeel::energy
