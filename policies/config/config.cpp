#include "policies/config/config.hpp"

#include <algorithm>

namespace evenkeel::config {

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
