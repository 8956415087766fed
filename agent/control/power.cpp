#include "agent/control/power.hpp"

#include "policies/config/tariff.hpp"
#include "policies/energy/cost.hpp"

#include <algorithm>
#include <optional>

namespace evenkeel::agent {

namespace {

using inference::gpu::GpuReading;
using inference::gpu::Snapshot;

constexpr std::chrono::minutes post_every{5};
/// Looks come once a second, and the first may miss the start: a mean over less says little.
constexpr std::chrono::seconds mean_over{10};

/// The newest look at one GPU; null when the driver does not list it.
const GpuReading* reading_of(const Snapshot& gpus, int index) {
    const auto found = std::ranges::find(
        gpus.gpus, index, [](const GpuReading& reading) { return reading.info.index; });
    return found == gpus.gpus.end() ? nullptr : &*found;
}

/// The driver shows all of its GPUs.
bool is_measured(const config::Hardware& hardware, const OwnHardware& own, const Snapshot& gpus) {
    return !hardware.gpus.empty() && !own.synthetic.contains(hardware.name) &&
           std::ranges::all_of(
               hardware.gpus, [&](int index) { return reading_of(gpus, index) != nullptr; });
}

}  // namespace

std::optional<Price> tariff_at(
    const config::Energy& energy, const ledger::Zone& zone, UtcTime utc) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(utc);
    const auto local = seconds.time_since_epoch() + zone.offset(seconds);
    const auto minute = static_cast<int>(
        std::chrono::floor<std::chrono::minutes>(local).count() % config::minutes_of_day);
    return config::tariff_at(energy, minute);
}

void PowerMeter::tick(
    const config::Config& config, const OwnHardware& own, const Snapshot& gpus, Now now) {
    const auto measured = [&](const config::Hardware& hardware) {
        return own.source.contains(hardware.name) && is_measured(hardware, own, gpus);
    };
    // The host's overhead is stated once: all that is measured in it shares it.
    const auto sharing = std::ranges::count_if(config.hardware, measured);
    std::int64_t shares_given = 0;
    for (const config::Hardware& hardware : config.hardware) {
        const auto known = own.source.find(hardware.name);
        if (known == own.source.end()) {
            continue;
        }
        auto [it, fresh] = meters_.try_emplace(hardware.name);
        Meter& meter = it->second;
        meter.hardware = hardware;
        meter.source = known->second;
        const auto elapsed = now.boot - meter.read;
        meter.read = now.boot;
        const bool busy = own.busy.contains(hardware.name);
        if (fresh) {
            meter.since = now.utc;
        } else if (is_over(config, meter, now)) {
            post(config, meter, now);
        }
        const bool counts = !fresh && elapsed.count() > 0 && elapsed < energy::gap_max;
        if (counts) {
            meter.on += elapsed;
            meter.worked += busy ? elapsed : elapsed.zero();
        }
        if (measured(hardware)) {
            const std::int64_t overhead = config.energy.host_overhead_milliwatts;
            const std::int64_t share =
                overhead / sharing + (shares_given++ < overhead % sharing ? 1 : 0);
            look(meter, hardware, share, gpus, busy);
            meter.split += counts ? meter.stated.host(elapsed, share) : energy::Split{};
        } else {
            for (auto& [index, gpu] : meter.gpus) {
                gpu.forget();  // what is drawn meanwhile is booked as stated
            }
            meter.split +=
                counts ? meter.stated.run(
                             elapsed, busy, hardware.busy_milliwatts, hardware.idle_milliwatts)
                       : energy::Split{};
        }
        if (meter.on >= mean_over) {
            const std::int64_t ms = meter.on / std::chrono::milliseconds{1};
            meter.milliwatts = meter.split.total() / ms;
        }
        if (now.utc - meter.since >= std::chrono::microseconds{post_every} / config.speed) {
            post(config, meter, now);
        }
    }
    // Hardware that is named no more, or serves no source: its last period is booked at once.
    for (auto it = meters_.begin(); it != meters_.end();) {
        if (it->second.read == now.boot) {
            ++it;
            continue;
        }
        post(config, it->second, now);
        it = meters_.erase(it);
    }
}

void PowerMeter::look(
    Meter& meter,
    const config::Hardware& hardware,
    std::int64_t host_milliwatts,
    const Snapshot& gpus,
    bool busy) {
    meter.busy_since_look = meter.busy_since_look || busy;
    if (meter.round == gpus.round) {
        return;
    }
    meter.round = gpus.round;
    // What is stated for the machine at rest, less the host, until it is learnt.
    const std::int64_t rest =
        std::max<std::int64_t>(hardware.idle_milliwatts - host_milliwatts, 0) /
        static_cast<std::int64_t>(hardware.gpus.size());
    for (const int index : hardware.gpus) {
        const GpuReading& reading = *reading_of(gpus, index);
        const auto [gpu, fresh] = meter.gpus.try_emplace(index, rest);
        meter.split += gpu->second.look(
            {.at = gpus.at,
             .driver_load = reading.sample.driver_load,
             .energy_millijoules = reading.sample.energy_millijoules,
             .power_milliwatts = reading.sample.power_milliwatts,
             .working = meter.busy_since_look});
    }
    meter.busy_since_look = false;
}

bool PowerMeter::is_over(const config::Config& config, const Meter& meter, Now now) const {
    const auto hour = [](UtcTime utc) { return std::chrono::floor<std::chrono::hours>(utc); };
    return hour(now.utc) != hour(meter.since) ||
           tariff_at(config.energy, zone_, now.utc) != tariff_at(config.energy, zone_, meter.since);
}

void PowerMeter::post(const config::Config& config, Meter& meter, Now now) {
    const config::Hardware& hardware = meter.hardware;
    const auto price = tariff_at(config.energy, zone_, meter.since);
    Money wear;
    Money wear_worked;
    if (hardware.price) {
        const energy::Purchase purchase{
            .price = *hardware.price,
            .residual_millis = hardware.residual_millis,
            .months = hardware.wear_months,
            .hours_per_month = config.breakeven.hours_per_month};
        wear = energy::wear_of(purchase, meter.on);
        wear_worked = energy::wear_of(purchase, meter.worked);
    }
    if (meter.split.total() > 0 || !wear.is_zero()) {
        const Money amount = price ? energy::cost_of(meter.split, *price).total() : Money{};
        ledger_.power(
            {.hardware = hardware.name,
             .source = meter.source,
             .hour = meter.since,
             .microjoules = meter.split.total(),
             .price = price,
             .budgets = amount.is_zero() ? std::vector<ledger::BudgetShare>{}
                                         : count_(hardware.name, amount, meter.since),
             .work_microjoules = meter.split.work,
             .host_microjoules = meter.split.host,
             .estimated_microjoules = meter.split.estimated,
             .on = meter.on,
             .worked = meter.worked,
             .wear = wear,
             .wear_worked = wear_worked});
    }
    meter.split = {};
    meter.on = meter.worked = std::chrono::nanoseconds{0};
    meter.since = now.utc;
}

std::int64_t PowerMeter::milliwatts() const noexcept {
    std::int64_t sum = 0;
    for (const auto& [name, meter] : meters_) {
        sum += meter.milliwatts;
    }
    return sum;
}

void PowerMeter::close(const config::Config& config, Now now) {
    for (auto& [name, meter] : meters_) {
        post(config, meter, now);
    }
}

}  // namespace evenkeel::agent
