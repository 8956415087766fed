#include "agent/control/power.hpp"

#include "policies/config/tariff.hpp"

#include <algorithm>
#include <optional>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::minutes post_every{5};
/// A gap longer than this (suspend, a stopped process) is not counted: nobody saw what ran.
constexpr std::chrono::minutes gap_max{1};
constexpr std::int64_t picojoules_per_microjoule = 1'000'000;

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
    const config::Config& config,
    const std::set<std::string>& busy,
    const std::map<std::string, NameIx>& source,
    Now now) {
    for (const config::Hardware& hardware : config.hardware) {
        const auto known = source.find(hardware.name);
        if (known == source.end()) {
            continue;
        }
        auto [it, fresh] = meters_.try_emplace(hardware.name);
        Meter& meter = it->second;
        meter.source = known->second;
        const auto elapsed = now.boot - meter.read;
        meter.read = now.boot;
        if (fresh) {
            meter.since = now.utc;
            continue;
        }
        const std::int64_t milliwatts =
            busy.contains(hardware.name) ? hardware.busy_milliwatts : hardware.idle_milliwatts;
        if (elapsed.count() > 0 && elapsed < gap_max) {
            // mW x ns = pJ; a minute of a megawatt still fits.
            meter.picojoules += milliwatts * elapsed.count();
            meter.microjoules += meter.picojoules / picojoules_per_microjoule;
            meter.picojoules %= picojoules_per_microjoule;
        }
        if (now.utc - meter.since >= std::chrono::microseconds{post_every} / config.speed) {
            post(config, hardware.name, meter, now);
        }
    }
}

void PowerMeter::post(
    const config::Config& config, const std::string& hardware, Meter& meter, Now now) {
    const auto price = tariff_at(config.energy, zone_, meter.since);
    if (price && meter.microjoules > 0) {
        const Money amount = price->cost(meter.microjoules, Rounding::half_even);
        ledger_.power(
            {.hardware = hardware,
             .source = meter.source,
             .hour = meter.since,
             .microjoules = meter.microjoules,
             .price = *price,
             .budgets = count_(hardware, amount, meter.since)});
    }
    meter.microjoules = 0;
    meter.since = now.utc;
}

void PowerMeter::close(const config::Config& config, Now now) {
    for (auto& [hardware, meter] : meters_) {
        post(config, hardware, meter, now);
    }
}

}  // namespace evenkeel::agent
