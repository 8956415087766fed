#include "policies/config/check.hpp"
#include "policies/domain/rental_kinds.hpp"

#include <algorithm>

namespace evenkeel::config {
namespace {

const Node* root_of(const Documents& documents, File file) noexcept {
    const Document* document = documents[static_cast<std::size_t>(file)];
    return document == nullptr ? nullptr : document->root();
}

bool is_map(const Node* node) noexcept {
    return node != nullptr && node->kind == NodeKind::map;
}
bool is_list(const Node* node) noexcept {
    return node != nullptr && node->kind == NodeKind::list;
}

/// Entries of a list by their `name`.
void index_list(const Node* list, std::map<std::string_view, const Node*>& out) {
    for (const Node& item : items_of(list)) {
        if (const Value* name = value(child(&item, "name"))) {
            out.emplace(name->text, &item);
        }
    }
}

void index_providers(const Node* providers, Index& index) {
    index.has_providers = is_map(providers);
    for (const Entry& entry : entries_of(providers)) {
        const Value* kind = value(child(&entry.node, "kind"));
        index.providers.emplace(
            entry.key,
            ProviderRef{
                .entry = &entry, .kind = kind == nullptr ? std::string_view{} : kind->text});
    }
}

void index_offers(const Entry& model, Index& index) {
    for (const Node& offer : items_of(child(&model.node, "offers"))) {
        const Value* on = value(child(&offer, "on"));
        const Value* name = value(child(&offer, "name"));
        if (on == nullptr || (name == nullptr && child(&offer, "name") != nullptr)) {
            continue;
        }
        const auto provider = index.providers.find(on->text);
        index.offer_places.emplace(name == nullptr ? on->text : name->text, index.offers.size());
        index.offers.push_back({
            .name = name == nullptr ? on->text : name->text,
            .node = &offer,
            .model = &model,
            .provider = provider == index.providers.end() ? nullptr : &provider->second,
        });
    }
}

void index_models(const Node* models, Index& index) {
    index.has_models = is_map(models);
    for (const Entry& entry : entries_of(models)) {
        index.models.emplace(entry.key, &entry);
        index.model_names.push_back(entry.key);
    }
    for (const Entry& entry : entries_of(models)) {
        for (const Node& alias : items_of(child(&entry.node, "aliases"))) {
            if (const Value* text = value(&alias)) {
                index.models.emplace(text->text, &entry);
            }
        }
        index_offers(entry, index);
    }
}

}  // namespace

const OfferRef* Index::offer(std::string_view name) const noexcept {
    const auto it = offer_places.find(name);
    return it == offer_places.end() ? nullptr : &offers[it->second];
}

const OfferRef* Index::resolve(std::string_view entry, const Entry* model) const noexcept {
    if (const OfferRef* named = offer(entry)) {
        return named;
    }
    const OfferRef* only = nullptr;
    for (const OfferRef& candidate : offers) {
        const bool fits = candidate.model == model && candidate.provider != nullptr &&
                          candidate.provider->entry->key == entry;
        if (fits && only != nullptr) {
            return nullptr;
        }
        only = fits ? &candidate : only;
    }
    return only;
}

std::string_view source_kind(std::string_view provider_kind) noexcept {
    if (provider_kind == "local") {
        return "own";
    }
    if (is_rental_kind(provider_kind)) {
        return "rental";
    }
    return provider_kind.empty() ? "" : "api";
}

Index make_index(const Documents& documents) {
    Index index;
    const Node* daemon = root_of(documents, File::evenkeel);
    const Node* currency = child(daemon, "currency");
    index.has_daemon = documents[0] == nullptr || daemon != nullptr;
    if (const Value* report = value(child(currency, "report"))) {
        index.report_currency = report->text;
    }
    for (const Entry& rate : entries_of(child(currency, "rates"))) {
        index.rates.emplace(rate.key, &rate.node);
    }
    index_list(child(daemon, "hardware"), index.hardware);
    index_providers(child(root_of(documents, File::providers), "providers"), index);
    index_models(child(root_of(documents, File::models), "models"), index);
    const Node* routes = child(root_of(documents, File::policy), "routes");
    index.has_routes = is_list(routes);
    index_list(routes, index.routes);
    return index;
}

}  // namespace evenkeel::config
