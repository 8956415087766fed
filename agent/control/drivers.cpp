#include "agent/control/drivers.hpp"

#include "providers/drivers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

Result<std::unique_ptr<providers::Provider>> driver_of(
    const config::Provider& entry,
    providers::Secret credential,
    std::string owner_mark,
    const Clock& clock) {
    return providers::make_driver(
        entry.driver,
        {.name = entry.name,
         .base_url = entry.base_url,
         .ca_file = entry.ca_file,
         .credential = std::move(credential),
         .owner_mark = std::move(owner_mark),
         .regions = entry.regions,
         .cloud = entry.cloud,
         .tag = entry.tag,
         .ssh_keys = entry.ssh_keys},
        clock);
}

void Drivers::apply(const config::Config& config) {
    warnings_.clear();
    for (const config::Provider& entry : config.providers) {
        if (entry.kind == config::ProviderKind::rental) {
            make(entry);
        }
    }
    for (const std::string& warning : warnings_) {
        spdlog::warn("{}", warning);
    }
}

void Drivers::make(const config::Provider& entry) {
    const auto warn = [&](std::string_view why) {
        warnings_.push_back(fmt::format("{}: {}", entry.name, why));
    };
    auto credential = parts_.credentials.read(entry.credential);
    if (!credential) {
        warn(credential.error().message);
        return;
    }
    ProviderRunner* const runner = parts_.fleet.runner(entry.name);
    const auto known = made_.find(entry.name);
    if (runner != nullptr && known != made_.end()) {
        const bool same_key = known->second.credential.reveal() == credential->reveal();
        if (same_key && known->second.entry == entry) {
            return;
        }
        const bool has_machines = std::ranges::any_of(parts_.fleet.seats(), [&](const auto& seat) {
            return seat.second.machine.provider == entry.name;
        });
        if (has_machines && known->second.entry.driver != entry.driver) {
            warn(
                "its kind changed while it has machines; the old kind stays until they are gone "
                "and the configuration is read again");
            return;
        }
    }
    auto driver = driver_of(entry, *credential, owner_mark_, parts_.clock);
    if (!driver) {
        warn(driver.error().message);
        return;
    }
    parts_.fleet.use_provider(entry.name, std::move(*driver));
    made_.insert_or_assign(entry.name, Made{entry, std::move(*credential)});
}

}  // namespace evenkeel::agent
