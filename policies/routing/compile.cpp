#include "policies/routing/consider.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace evenkeel::routing {

namespace {

/// Why an API offer cannot be used; empty when it can.
std::string unusable(const config::Offer& offer, const config::CurrencyRules& rules) {
    if (!offer.token_price) {
        return "it has no price per token, and nothing is taken for free";
    }
    const config::TokenPrices& prices = *offer.token_price;
    const Currency currency = prices.in.currency();
    if (prices.out.currency() != currency ||
        (prices.cached && prices.cached->currency() != currency) ||
        (prices.cache_write && prices.cache_write->currency() != currency) ||
        !std::ranges::all_of(prices.tiers, [&](const config::PriceTier& tier) {
            const config::TokenRates rates = config::rates_of(prices, tier.over + 1);
            return rates.in.currency() == currency && rates.cached.currency() == currency &&
                   rates.cache_write.currency() == currency && rates.out.currency() == currency;
        })) {
        return "its prices are in more than one currency";
    }
    if (currency != rules.report && !rules.rates.contains(currency)) {
        return fmt::format(
            "its price is in {}, and currency.rates has no rate to {}",
            currency.text(),
            rules.report.text());
    }
    return {};
}

/// The budgets whose scope names this provider (empty: none) or this model.
std::uint64_t budgets_of(
    const config::Config& config, std::string_view provider, std::string_view model) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < config.budgets.size(); ++i) {
        const config::BudgetScope& scope = config.budgets[i].scope;
        const bool counts = (!scope.provider.empty() && scope.provider == provider) ||
                            (!scope.model.empty() && scope.model == model);
        mask |= counts ? std::uint64_t{1} << i : 0;
    }
    return mask;
}

/// The internal price of a model, if it can be counted.
const config::TokenPrices* internal_price_of(
    const config::Model& model,
    const config::CurrencyRules& rules,
    std::vector<std::string>& notes) {
    if (!model.internal_price) {
        return nullptr;
    }
    const Currency currency = model.internal_price->in.currency();
    if (currency != model.internal_price->out.currency() ||
        (currency != rules.report && !rules.rates.contains(currency))) {
        notes.push_back(fmt::format(
            "the internal price of {} is left out: it needs one currency, with a rate to {}",
            model.name,
            rules.report.text()));
        return nullptr;
    }
    return &*model.internal_price;
}

Catalogue::ModelEntry make_entry(
    const config::Config& config,
    const config::Model& model,
    NameTable& names,
    std::vector<std::string>& notes) {
    Catalogue::ModelEntry entry{
        .ix = names.intern(NameKind::model, model.name),
        .model = &model,
        .internal_price = internal_price_of(model, config.currency, notes),
        .budgets = budgets_of(config, {}, model.name)};
    for (const config::Offer& offer : model.offers) {
        const config::Provider* provider = config.provider(offer.on);
        if (provider == nullptr) {
            notes.push_back(
                fmt::format("offer {} is left out: no provider {}", offer.name, offer.on));
            continue;
        }
        const SourceKind kind = kind_of(provider->kind);
        if (kind != SourceKind::api) {
            entry.has_own |= kind == SourceKind::own;
            entry.has_workers = true;
            continue;
        }
        const std::string why = unusable(offer, config.currency);
        if (!offer.token_price || !why.empty()) {
            notes.push_back(fmt::format("API offer {} is left out: {}", offer.name, why));
            continue;
        }
        entry.apis.push_back(
            {.source = names.intern(NameKind::source, offer.name),
             .offer = offer.name,
             .provider = names.intern(NameKind::provider, provider->name),
             .model = entry.ix,
             .seller_model = offer.model.empty() ? model.name : offer.model,
             .is_anthropic = provider->kind == config::ProviderKind::anthropic,
             .context = model.context,
             .budgets = budgets_of(config, provider->name, model.name),
             .price = *offer.token_price,
             .max_in_flight = provider->max_in_flight,
             .retires = offer.retires ? std::chrono::sys_days{*offer.retires}
                                      : std::chrono::sys_days::max()});
    }
    return entry;
}

/// Amounts that must be comparable in the report currency, and lists that must fit.
void check_limits(const config::Config& config, std::vector<std::string>& notes) {
    for (const config::Budget& budget : config.budgets) {
        if (const auto limit = to_report(config.currency, budget.limit, Rounding::down); !limit) {
            notes.push_back(
                fmt::format("budget {} is closed: {}", budget.name, limit.error().message));
        }
    }
    for (const config::Route& route : config.routes) {
        if (route.use.size() > route_models_max) {
            notes.push_back(fmt::format(
                "route {} names {} models; those after the first {} are not used",
                route.name,
                route.use.size(),
                route_models_max));
        }
        if (!route.max_cost) {
            continue;
        }
        if (const auto limit = to_report(config.currency, *route.max_cost, Rounding::down);
            !limit) {
            notes.push_back(
                fmt::format("route {} buys nothing: {}", route.name, limit.error().message));
        }
    }
}

std::shared_ptr<const config::Pattern> pattern_of(
    const config::Route& route, std::vector<std::string>& notes) {
    if (route.match.text.empty()) {
        return nullptr;
    }
    auto pattern = config::Pattern::compile(route.match.text);
    if (!pattern) {
        notes.push_back(
            fmt::format("route {} matches nothing: {}", route.name, pattern.error().message));
        return nullptr;
    }
    return std::move(*pattern);
}

}  // namespace

std::shared_ptr<const Catalogue> compile(
    config::Config config, std::int64_t revision, NameTable& names) {
    if (config.budgets.size() > gate::budgets_max) {
        throw std::length_error{fmt::format("more than {} budgets", gate::budgets_max)};
    }
    const auto catalogue = std::make_shared<Catalogue>();
    catalogue->revision = revision;
    catalogue->config = std::move(config);
    const config::Config& kept = catalogue->config;
    for (const config::Provider& provider : kept.providers) {
        static_cast<void>(names.intern(NameKind::provider, provider.name));
    }
    for (const config::Model& model : kept.models) {
        catalogue->models.push_back(make_entry(kept, model, names, catalogue->notes));
    }
    for (const config::Route& route : kept.routes) {
        catalogue->routes.push_back(names.intern(NameKind::route, route.name));
        catalogue->texts.push_back(pattern_of(route, catalogue->notes));
    }
    for (const config::Budget& budget : kept.budgets) {
        catalogue->budgets.push_back(names.intern(NameKind::budget, budget.name));
    }
    check_limits(kept, catalogue->notes);
    return catalogue;
}

gate::Policy gate_policy(const Catalogue& catalogue) {
    const config::Config& config = catalogue.config;
    gate::Policy policy{
        .revision = catalogue.revision, .queue_limit = config.limits.queue_requests};
    for (std::size_t i = 0; i < config.budgets.size(); ++i) {
        const config::Budget& budget = config.budgets[i];
        gate::BudgetLimit limit{
            .name = catalogue.budgets[i],
            .limit = to_report(config.currency, budget.limit, Rounding::down).value_or(0)};
        for (const auto& [percent, action] : budget.at) {
            const std::int64_t from =
                mul_div(limit.limit, percent, 100, Rounding::down).value_or(0);
            if (action == config::BudgetAction::local_only && limit.local_only_at < 0) {
                limit.local_only_at = from;
            } else if (action == config::BudgetAction::refuse && limit.refuse_at < 0) {
                limit.refuse_at = from;
            }
        }
        policy.budgets.push_back(limit);
    }
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        const config::RequestLimit& limit = config.routes[i].limit;
        if (limit != config::RequestLimit{}) {
            policy.limits.push_back(
                {.name = catalogue.routes[i],
                 .requests_min = limit.requests_min,
                 .tokens_min = limit.tokens_min,
                 .in_flight = limit.in_flight});
        }
    }
    return policy;
}

}  // namespace evenkeel::routing
