#include "policies/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::config {

std::string to_text(const Date& date) {
    return fmt::format(
        "{:04}-{:02}-{:02}",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()));
}

const Provider* Config::provider(std::string_view name) const noexcept {
    const auto it = std::ranges::find(providers, name, &Provider::name);
    return it == providers.end() ? nullptr : &*it;
}

const Model* Config::model(std::string_view name_or_alias) const noexcept {
    const auto it = std::ranges::find_if(models, [&](const Model& model) {
        return model.name == name_or_alias ||
               std::ranges::find(model.aliases, name_or_alias) != model.aliases.end();
    });
    return it == models.end() ? nullptr : &*it;
}

TokenRates rates_of(const TokenPrices& prices, std::int64_t prompt_tokens) noexcept {
    const auto rates = [](const auto& from) {
        return TokenRates{
            .in = from.in,
            .cached = from.cached.value_or(from.in),
            .cache_write = from.cache_write.value_or(from.in),
            .out = from.out};
    };
    const auto tier = std::ranges::find_if(
        prices.tiers.rbegin(), prices.tiers.rend(), [&](const PriceTier& each) {
            return prompt_tokens > each.over;
        });
    return tier == prices.tiers.rend() ? rates(prices) : rates(*tier);
}

Config::OfferRef Config::offer(std::string_view name) const noexcept {
    for (const Model& model : models) {
        for (const Offer& offer : model.offers) {
            if (offer.name == name) {
                return {&model, &offer};
            }
        }
    }
    return {};
}

}  // namespace evenkeel::config
