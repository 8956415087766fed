#include "agent/control/market.hpp"

#include "agent/control/machine_row.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::seconds refresh_every{30};  ///< stock changes by the minute
constexpr std::chrono::seconds refresh_after_failure{5};
constexpr std::chrono::minutes account_every{5};

}  // namespace

void Market::apply(std::shared_ptr<const routing::Catalogue> catalogue) {
    catalogue_ = std::move(catalogue);
    std::map<std::string, Stall> stalls;
    for (const config::Provider& provider : catalogue_->config.providers) {
        if (provider.kind == config::ProviderKind::rental) {
            stalls[provider.name] = std::move(stalls_[provider.name]);
        }
    }
    stalls_ = std::move(stalls);
    tick();
}

void Market::tick() {
    const BootTime now = clock_.read().boot;
    for (auto& [name, stall] : stalls_) {
        ProviderRunner* runner = fleet_.runner(name);
        if (runner != nullptr && !stall.asking_account && now >= stall.next_account) {
            ask_account(name, stall);
        }
        if (stall.asking || now < stall.next || runner == nullptr) {
            continue;
        }
        stall.asking = true;
        stall.next = now + std::chrono::nanoseconds{refresh_every} / catalogue_->config.speed;
        runner->run(
            ProviderRunner::Lane::spend,
            [](providers::Provider& api, std::stop_token stop) { return api.offers(stop); },
            [this, provider = name](Result<std::vector<providers::MarketOffer>> offers) {
                answered(provider, std::move(offers));
            });
    }
}

void Market::answered(
    const std::string& provider, Result<std::vector<providers::MarketOffer>> offers) {
    const auto it = stalls_.find(provider);
    if (it == stalls_.end()) {
        return;
    }
    it->second.asking = false;
    if (!offers) {
        if (it->second.trouble.empty()) {
            spdlog::warn("provider={} offers: {}", provider, offers.error().message);
        }
        it->second.trouble = offers.error().message;
        it->second.next = clock_.read().boot + std::chrono::nanoseconds{refresh_after_failure} /
                                                   catalogue_->config.speed;
        return;
    }
    it->second.trouble.clear();
    it->second.offers = std::move(*offers);
    note_prices(provider);
}

void Market::ask_account(const std::string& provider, Stall& stall) {
    stall.asking_account = true;
    stall.next_account =
        clock_.read().boot + std::chrono::nanoseconds{account_every} / catalogue_->config.speed;
    fleet_.runner(provider)->run(
        ProviderRunner::Lane::safety,
        [](providers::Provider& api, std::stop_token stop) { return api.account(stop); },
        [this, provider](Result<providers::Account> account) {
            const auto it = stalls_.find(provider);
            if (it == stalls_.end()) {
                return;
            }
            it->second.asking_account = false;
            it->second.account_known = account.has_value();
            if (!account) {
                if (it->second.account_trouble.empty()) {
                    spdlog::warn("provider={} account: {}", provider, account.error().message);
                }
                it->second.account_trouble = account.error().message;
                it->second.account = {};
                return;
            }
            it->second.account_trouble.clear();
            it->second.account = std::move(*account);
        },
        {.heard = false});  // the balance is not what machines are made with
}

Reason Market::closed(const std::string& provider, const Price& price) const {
    const auto stall = stalls_.find(provider);
    if (stall == stalls_.end() || !stall->second.account.balance) {
        return {};
    }
    const Money balance = *stall->second.account.balance;
    const Money hour = price.per_display_unit();
    if (balance.currency() != hour.currency() || balance >= hour) {
        return {};
    }
    return {ReasonCode::hold_balance, {balance.nanos(), hour.nanos()}};
}

void Market::note_prices(const std::string& provider) {
    for (const config::Model& model : catalogue_->config.models) {
        for (const config::Offer& offer : model.offers) {
            const auto found = offer.on == provider ? find(offer) : std::nullopt;
            if (found && !found->price.currency().is_none()) {
                ledger_.price_seen(
                    {.offer = names_.intern(routing::NameKind::offer, offer.name),
                     .meter = "hour",
                     .price = found->price,
                     .seen = found->seen,
                     .from = found->seen});
            }
        }
    }
}

std::optional<providers::MarketOffer> Market::find(const config::Offer& offer) const {
    const auto stall = stalls_.find(offer.on);
    const config::Provider* provider = catalogue_->config.provider(offer.on);
    if (stall == stalls_.end() || provider == nullptr) {
        return std::nullopt;
    }
    const providers::MarketOffer* best = nullptr;
    const auto worse = [](const providers::MarketOffer& a, const providers::MarketOffer& b) {
        return std::tuple{!a.in_stock, a.price.per_display_unit().nanos()} >
               std::tuple{!b.in_stock, b.price.per_display_unit().nanos()};
    };
    for (const providers::MarketOffer& candidate : stall->second.offers) {
        const bool fits = offer.gpu == candidate.sku || names_gpu(offer.gpu, candidate.gpu);
        const bool here =
            provider->regions.empty() ||
            std::ranges::find(provider->regions, candidate.region) != provider->regions.end();
        // A price that could not be read is unknown, never free.
        const bool priced = !candidate.price.currency().is_none();
        if (fits && here && priced && (best == nullptr || worse(*best, candidate))) {
            best = &candidate;
        }
    }
    return best == nullptr ? std::nullopt : std::optional{*best};
}

void Market::refresh(
    const std::string& provider,
    std::function<void(const Result<std::vector<providers::MarketOffer>>&)> done) {
    ProviderRunner* runner = fleet_.runner(provider);
    if (runner == nullptr || !stalls_.contains(provider)) {
        done(fail(
            Errc::not_found,
            fmt::format("no machines are rented from '{}' (no driver)", provider)));
        return;
    }
    runner->run(
        ProviderRunner::Lane::spend,
        [](providers::Provider& api, std::stop_token stop) { return api.offers(stop); },
        [this, provider, done = std::move(done)](
            const Result<std::vector<providers::MarketOffer>>& offers) {
            const auto stall = stalls_.find(provider);
            const bool asking = stall != stalls_.end() && stall->second.asking;
            answered(provider, offers);
            if (asking) {
                stall->second.asking = true;  // the loop's own question is still under way
            }
            done(offers);
        });
}

Market::Standing Market::standing(const std::string& provider) const {
    const auto found = stalls_.find(provider);
    if (found == stalls_.end()) {
        return {};
    }
    const Stall& stall = found->second;
    Standing standing{.known = stall.account_known, .balance = stall.account.balance};
    const std::optional<Money>& least = catalogue_->config.safety.low_balance;
    if (!stall.trouble.empty()) {
        standing.troubles.push_back("offers unknown: " + stall.trouble);
    }
    if (!stall.account_trouble.empty()) {
        standing.troubles.push_back("account unknown: " + stall.account_trouble);
    }
    const providers::Account& account = stall.account;
    if (!account.trouble.empty()) {
        standing.troubles.push_back(account.trouble);
    }
    if (least && account.balance && account.balance->currency() == least->currency() &&
        *account.balance < *least) {
        standing.troubles.push_back(fmt::format(
            "{} left in the account, less than {}: top it up, or its machines end at zero",
            to_text(*account.balance),
            to_text(*least)));
    }
    return standing;
}

std::vector<std::string> Market::warnings() const {
    std::vector<std::string> warnings;
    for (const auto& [name, stall] : stalls_) {
        for (const std::string& trouble : standing(name).troubles) {
            warnings.push_back(fmt::format("{}: {}", name, trouble));
        }
    }
    return warnings;
}

}  // namespace evenkeel::agent
