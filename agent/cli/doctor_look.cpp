#include "agent/cli/doctor_look.hpp"

#include "agent/control/sources.hpp"
#include "inference/engine/probe.hpp"
#include "providers/http/secret.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <thread>

namespace evenkeel::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds engine_limit{3};

EngineFacts look_at_engine(const config::Provider& provider) {
    EngineFacts facts{.provider = provider.name, .url = provider.url};
    const auto at = agent::parse_endpoint(provider.url);
    if (!at) {
        facts.state = at.error().message;
        return facts;
    }
    boost::asio::io_context context;
    const inference::engine::Kind& kind = inference::engine::kind_of(provider.engine);
    inference::engine::Target target{
        .endpoint = {.host = at->host, .port = at->port}, .kind = &kind};
    boost::asio::co_spawn(
        context,
        inference::engine::probe_health(std::move(target), engine_limit),
        [&facts, &kind](std::exception_ptr broken, Result<inference::engine::Health> health) {
            facts.ready = !broken && health && inference::engine::works(kind, *health);
            facts.state = broken   ? "cannot be asked"
                          : health ? std::string{inference::engine::to_text(*health)}
                                   : health.error().message;
        });
    context.run();
    return facts;
}

}  // namespace

std::vector<SecretFacts> look_at_secrets(const Globals& globals, const config::Config& config) {
    const fs::path folder = globals.config / "credentials";
    std::vector<SecretFacts> all;
    struct stat status{};
    if (::stat(folder.c_str(), &status) == 0) {
        all.push_back({.path = folder.string(), .mode = status.st_mode, .mode_max = 0700});
    }
    for (const config::Provider& provider : config.providers) {
        if (provider.credential.empty()) {
            continue;
        }
        SecretFacts secret{
            .path = (folder / provider.credential).string(), .needed_by = provider.name};
        const auto file = providers::read_secret_file(secret.path);
        if (!file) {
            secret.error = file.error();
        } else if (::stat(secret.path.c_str(), &status) == 0) {
            secret.mode = status.st_mode;
        }
        all.push_back(std::move(secret));
    }
    return all;
}

std::vector<EngineFacts> look_at_engines(const config::Config& config) {
    std::vector<EngineFacts> all;
    for (const config::Provider& provider : config.providers) {
        // One that the agent starts is off while that is.
        if (provider.kind == config::ProviderKind::local && !provider.url.empty() &&
            provider.start.command.empty()) {
            all.push_back(look_at_engine(provider));
        }
    }
    return all;
}

std::vector<AccountFacts> look_at_accounts(
    const std::vector<Rental>& rentals, const config::Config& config) {
    std::vector<AccountFacts> all(rentals.size());
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < rentals.size(); ++i) {
        const Rental& rental = rentals[i];
        const config::Provider* entry = config.provider(rental.name);
        all[i] = {.provider = rental.name, .credential = entry == nullptr ? "" : entry->credential};
        if (!rental.driver) {
            all[i].troubles = {rental.driver.error().message};
            continue;
        }
        threads.emplace_back([&facts = all[i], &rental](std::stop_token stop) {
            const auto account = (*rental.driver)->account(stop);
            facts.known = account.has_value();
            if (!account) {
                facts.troubles = {account.error().message};
                return;
            }
            facts.balance = account->balance;
            if (!account->trouble.empty()) {
                facts.troubles = {account->trouble};
            }
        });
    }
    for (std::jthread& thread : threads) {
        thread.join();
    }
    return all;
}

}  // namespace evenkeel::cli
