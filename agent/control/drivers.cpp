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
    const std::string digest = ledger::sha256(
        fmt::format("{}\n{}\n{}", entry.driver, entry.base_url, credential.reveal()));
    std::string text;
    for (const char c : digest) {
        text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return text;
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
    const bool doubtful =
        !replaces && parts_.with_machines.contains(entry.name) && made_of_something_else(next);
    if (doubtful || (in_use && !same_key)) {
        try_key(std::move(next), std::move(*driver));
        return;
    }
    take(std::move(next), std::move(*driver));
}

void Drivers::try_key(Made next, std::shared_ptr<providers::Provider> driver) {
    const std::string name = next.entry.name;
    auto& trial = trials_[name];
    trial = std::make_unique<ProviderRunner>(driver, parts_.inbox, ProviderRunner::Hooks{});
    trial->run(
        ProviderRunner::Lane::safety,
        [](providers::Provider& api, std::stop_token stop) { return api.list(stop); },
        [this, name, driver, next = std::move(next)](
            const Result<std::vector<providers::RemoteMachine>>& list) mutable {
            const bool shows_ours =
                list && std::ranges::any_of(*list, [&](const providers::RemoteMachine& remote) {
                    return parts_.fleet.owns(name, remote.remote_id);
                });
            if (shows_ours || !parts_.fleet.uses(name)) {
                take(std::move(next), std::move(driver));
                spdlog::info("provider={} uses its new key or address", name);
                return;
            }
            warn(
                name,
                list ? "its new key or address shows none of our machines; they are not asked "
                       "for there. Give the old one back until they are gone"
                     : list.error().message + "; its new key or address is not used yet");
            spdlog::error("{}", warnings_.back());
        });
}

}  // namespace evenkeel::agent
