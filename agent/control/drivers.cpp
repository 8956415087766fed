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
    std::int64_t speed,
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
         .ssh_keys = entry.ssh_keys,
         .speed = speed},
        clock);
}

void Drivers::apply(const config::Config& config) {
    warnings_.clear();
    speed_ = config.speed;
    for (const config::Provider& entry : config.providers) {
        if (entry.kind == config::ProviderKind::rental) {
            make(entry);
        }
    }
    for (const std::string& warning : warnings_) {
        spdlog::warn("{}", warning);
    }
}

void Drivers::warn(const std::string& provider, std::string_view why) {
    warnings_.push_back(fmt::format("{}: {}", provider, why));
}

void Drivers::make(const config::Provider& entry) {
    auto credential = parts_.credentials.read(entry.credential);
    if (!credential) {
        warn(entry.name, credential.error().message);
        return;
    }
    const auto known = made_.find(entry.name);
    const bool replaces = known != made_.end() && parts_.fleet.runner(entry.name) != nullptr;
    const bool same_key = replaces && known->second.credential.reveal() == credential->reveal();
    if (same_key && known->second.entry == entry) {
        return;
    }
    const bool in_use = replaces && parts_.fleet.uses(entry.name);
    if (in_use) {
        const config::Provider& old = known->second.entry;
        if (old.driver != entry.driver || old.base_url != entry.base_url) {
            warn(
                entry.name,
                "its kind or address changed while it has machines; the old one stays until they "
                "are gone and the configuration is read again");
            return;
        }
    }
    auto driver = driver_of(entry, *credential, owner_mark_, speed_, parts_.clock);
    if (!driver) {
        warn(entry.name, driver.error().message);
        return;
    }
    Made next{entry, std::move(*credential)};
    if (in_use && !same_key) {
        try_key(std::move(next), std::move(*driver));
        return;
    }
    parts_.fleet.use_provider(entry.name, std::move(*driver));
    made_.insert_or_assign(entry.name, std::move(next));
}

void Drivers::try_key(Made next, std::shared_ptr<providers::Provider> driver) {
    const std::string name = next.entry.name;
    parts_.fleet.runner(name)->run(
        ProviderRunner::Lane::safety,
        [driver](providers::Provider&, std::stop_token stop) { return driver->list(stop); },
        [this, name, driver, next = std::move(next)](
            const Result<std::vector<providers::RemoteMachine>>& list) mutable {
            const bool shows_ours =
                list && std::ranges::any_of(*list, [&](const providers::RemoteMachine& remote) {
                    return parts_.fleet.owns(name, remote.remote_id);
                });
            if (shows_ours || !parts_.fleet.uses(name)) {
                parts_.fleet.use_provider(name, std::move(driver));
                made_.insert_or_assign(name, std::move(next));
                spdlog::info("provider={} uses its new key", name);
                return;
            }
            warn(
                name,
                list ? "its new key shows none of our machines; the old key stays until they are "
                       "gone and the configuration is read again"
                     : list.error().message +
                           "; the old key stays until the configuration is read "
                           "again");
            spdlog::error("{}", warnings_.back());
        });
}

}  // namespace evenkeel::agent
