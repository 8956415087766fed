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

std::string_view to_text(RentRule rule) noexcept {
    switch (rule) {
        case RentRule::never:
            return "never";
        case RentRule::break_even:
            return "break-even";
        case RentRule::break_even_k:
            return "break-even+k";
        case RentRule::level_memory:
            return "level-memory";
    }
    return "";
}

std::optional<RentRule> rent_rule_from(std::string_view text) noexcept {
    const auto found =
        std::ranges::find(rent_rules, text, [](RentRule rule) { return to_text(rule); });
    return found == rent_rules.end() ? std::nullopt : std::optional{*found};
}

}  // namespace evenkeel::config
