#include "agent/control/drivers.hpp"

#include "agent/ledger/sha256.hpp"
#include "agent/service/durable_file.hpp"
#include "providers/drivers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
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

namespace {

constexpr const char* fingerprints_file = "drivers";

/// Of what a driver talks to and as whom; nothing about the key can be read from it.
std::string fingerprint(const config::Provider& entry, const providers::Secret& credential) {
    return ledger::to_hex(ledger::sha256(
        fmt::format("{}\n{}\n{}", entry.driver, entry.base_url, credential.reveal())));
}

}  // namespace

Drivers::Drivers(Parts parts, std::string owner_mark)
    : parts_{std::move(parts)}, owner_mark_{std::move(owner_mark)} {
    std::ifstream input{parts_.state / fingerprints_file};
    for (std::string name, digest; !parts_.state.empty() && input >> name >> digest;) {
        fingerprints_[name] = digest;
    }
}

bool Drivers::made_of_something_else(const Made& next) const {
    const auto known = fingerprints_.find(next.entry.name);
    return known != fingerprints_.end() &&
           known->second != fingerprint(next.entry, next.credential);
}

void Drivers::remember(const Made& made) {
    std::string& stored = fingerprints_[made.entry.name];
    const std::string digest = fingerprint(made.entry, made.credential);
    if (parts_.state.empty() || stored == digest) {
        return;
    }
    stored = digest;
    std::string all;
    for (const auto& [name, text] : fingerprints_) {
        all += fmt::format("{} {}\n", name, text);
    }
    if (const auto written = replace_file(parts_.state / fingerprints_file, all, 0600); !written) {
        spdlog::warn("{}", written.error().message);
    }
}

void Drivers::take(Made next, std::shared_ptr<providers::Provider> driver) {
    parts_.fleet.use_provider(next.entry.name, std::move(driver));
    remember(next);
    made_.insert_or_assign(next.entry.name, std::move(next));
}

void Drivers::apply(const config::Config& config) {
    warnings_.clear();
    speed_ = config.speed;
    for (const config::Provider& entry : config.providers) {
        if (entry.kind == config::ProviderKind::rental) {
            make(entry);
        }
    }
    std::erase_if(trials_, [&config](const auto& trial) {
        const config::Provider* entry = config.provider(trial.first);
        return entry == nullptr || entry->kind != config::ProviderKind::rental;
    });
    for (const std::string& warning : warnings()) {
        spdlog::warn("{}", warning);
    }
}

void Drivers::warn(const std::string& provider, std::string_view why) {
    warnings_[provider] = why;
}

void Drivers::make(const config::Provider& entry) {
    trials_.erase(entry.name);
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
    auto driver = parts_.make ? parts_.make(entry, *credential)
                              : driver_of(entry, *credential, owner_mark_, speed_, parts_.clock);
    if (!driver) {
        warn(entry.name, driver.error().message);
        return;
    }
    Made next{entry, std::move(*credential)};
    const bool doubtful =
        !replaces && parts_.with_machines.contains(entry.name) && made_of_something_else(next);
    if (doubtful || (in_use && !same_key)) {
        auto trial = std::make_shared<Trial>();
        trial->next = std::move(next);
        trial->driver = std::move(*driver);
        trial->runner =
            std::make_unique<ProviderRunner>(trial->driver, parts_.inbox, ProviderRunner::Hooks{});
        ask(entry.name, *(trials_[entry.name] = std::move(trial)));
        return;
    }
    take(std::move(next), std::move(*driver));
}

void Drivers::ask(const std::string& provider, Trial& trial) {
    trial.asking = true;
    trial.runner->run(
        ProviderRunner::Lane::safety,
        [](providers::Provider& api, std::stop_token stop) { return api.list(stop); },
        // An answer to a trial that was replaced meanwhile says nothing about the new one.
        [this, provider, asked = std::weak_ptr{trials_.at(provider)}](
            const Result<std::vector<providers::RemoteMachine>>& list) {
            const auto now = trials_.find(provider);
            if (now != trials_.end() && now->second == asked.lock()) {
                tried(provider, list);
            }
        });
}

void Drivers::tried(
    const std::string& provider, const Result<std::vector<providers::RemoteMachine>>& list) {
    const std::shared_ptr<Trial> trial = trials_.at(provider);
    trial->asking = false;
    const bool shows_ours =
        list && std::ranges::any_of(*list, [&](const providers::RemoteMachine& remote) {
            return parts_.fleet.owns(provider, remote);
        });
    if (shows_ours || !parts_.fleet.uses(provider)) {
        trials_.erase(provider);
        warnings_.erase(provider);
        take(std::move(trial->next), trial->driver);
        spdlog::info("provider={} uses its new key or address", provider);
        return;
    }
    const std::string told = warnings_[provider];
    trial->again = parts_.clock.read().boot + ask_again;
    warn(
        provider,
        list ? "its new key or address shows none of our machines; they are not asked for there. "
               "Give the old one back until they are gone"
             : list.error().message + "; its new key or address is not used yet");
    if (told != warnings_[provider]) {
        spdlog::error("{}: {}", provider, warnings_[provider]);
    }
}

void Drivers::tick() {
    const BootTime now = parts_.clock.read().boot;
    for (const auto& [provider, trial] : trials_) {
        if (!trial->asking && now >= trial->again) {
            ask(provider, *trial);
        }
    }
}

std::vector<std::string> Drivers::warnings() const {
    std::vector<std::string> all;
    for (const auto& [provider, why] : warnings_) {
        all.push_back(fmt::format("{}: {}", provider, why));
    }
    return all;
}

}  // namespace evenkeel::agent
