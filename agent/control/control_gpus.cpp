// The owner's GPUs: what they draw, whether they can be trusted, and their history.
#include "agent/control/budget_figures.hpp"
#include "agent/control/control.hpp"

#include <algorithm>

namespace evenkeel::agent {

std::vector<ledger::BudgetShare> Control::count_power(
    const std::string& hardware, Money amount, UtcTime at) {
    const auto report = routing::to_report(catalogue_->config.currency, amount, Rounding::up);
    if (!report) {
        return {};
    }
    const std::uint64_t bits = own_budgets(catalogue_->config, hardware);
    auto shares = parts_.books.shares(catalogue_->revision, bits, *report, at);
    for (const ledger::BudgetShare& share : shares) {
        parts_.gateway.budget_added(share.budget, share.amount_report);
    }
    return shares;
}

OwnHardware Control::own_hardware(Now now) {
    OwnHardware own;
    std::set<std::string> real;
    for (const auto& [ix, source] : sources_.all()) {
        if (source.hardware.empty()) {
            continue;
        }
        own.source.try_emplace(source.hardware, ix);
        (source.info.synthetic ? own.synthetic : real).insert(source.hardware);
        const auto counted =
            std::ranges::find(counters_.sources, ix, &gate::SourceCounters::source);
        if (counted != counters_.sources.end() &&
            (counted->in_flight > 0 || counted->last_busy > power_read_)) {
            own.busy.insert(source.hardware);
        }
    }
    for (const std::string& name : real) {
        own.synthetic.erase(name);
    }
    power_read_ = now.boot;
    return own;
}

/// Books what own hardware drew, and keeps work away from GPUs that are sick.
void Control::mind_gpus(Now now) {
    if (sampler_) {
        gpus_ = sampler_->read();
    }
    const OwnHardware own = own_hardware(now);
    power_.tick(catalogue_->config, own, *gpus_, now);
    gpu_history_.add(*gpus_, now.utc);
    std::map<std::string, std::string> sick;
    for (const config::Hardware& hardware : catalogue_->config.hardware) {
        for (const inference::gpu::GpuReading& reading : gpus_->gpus) {
            const bool here =
                std::ranges::find(hardware.gpus, reading.info.index) != hardware.gpus.end();
            if (reading.verdict.sick && here && !own.synthetic.contains(hardware.name)) {
                sick.try_emplace(hardware.name, reading.verdict.why);
            }
        }
    }
    sources_.distrust(std::move(sick));
}

}  // namespace evenkeel::agent
