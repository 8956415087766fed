#include "policies/config/check.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::config {
namespace {

constexpr File file_models = File::models;

/// Models that Anthropic retired: requests for them fail (its model deprecations page, read
/// 2026-09-23).
struct Retired {
    std::string_view name{};
    std::string_view since{};
};
constexpr Retired retired_models[]{
    {"claude-opus-4-1", "2026-08-05"},
    {"claude-opus-4-1-20250805", "2026-08-05"},
    {"claude-opus-4", "2026-06-15"},
    {"claude-opus-4-0", "2026-06-15"},
    {"claude-opus-4-20250514", "2026-06-15"},
};

/// "models.opus.offers[0]".
std::string offer_path(const OfferRef& offer) {
    const Node* offers = child(&offer.model->node, "offers");
    return fmt::format("models.{}.offers[{}]", offer.model->key, offer.node - offers->items.data());
}

}  // namespace

void Checker::check_models() {
    check_aliases();
    check_offer_names();
    for (const OfferRef& offer : index_.offers) {
        check_offer(offer, offer_path(offer));
    }
}

void Checker::check_aliases() {
    std::map<std::string_view, const Entry*> owners;
    for (const Entry& model : entries_of(child(root(file_models), "models"))) {
        owners.emplace(model.key, &model);
    }
    for (const Entry& model : entries_of(child(root(file_models), "models"))) {
        std::size_t i = 0;
        for (const Node& alias : items_of(child(&model.node, "aliases"))) {
            const std::string path = fmt::format("models.{}.aliases[{}]", model.key, i++);
            const Value* text = value(&alias);
            if (text == nullptr) {
                continue;
            }
            const auto [owner, fresh] = owners.emplace(text->text, &model);
            if (!fresh) {
                const bool is_name = owner->second->key == text->text;
                report(
                    file_models,
                    alias.spot,
                    "EK-C045",
                    is_name ? fmt::format("alias {} is the name of a model", quote(text->text))
                            : fmt::format(
                                  "alias {} is one of model {} already",
                                  quote(text->text),
                                  quote(owner->second->key)),
                    path)
                    .notes.emplace_back("a request for it could mean either");
            }
        }
    }
}

void Checker::check_offer_names() {
    std::map<std::string_view, const OfferRef*> seen;
    std::map<const ProviderRef*, const OfferRef*> locals;
    for (const OfferRef& offer : index_.offers) {
        const auto [first, fresh] = seen.emplace(offer.name, &offer);
        const Node* name = child(offer.node, "name");
        const Node* place = name != nullptr ? name : child(offer.node, "on");
        if (!fresh) {
            const Node* other = first->second->node;
            Diagnostic& found = report(
                file_models,
                place->spot,
                name == nullptr ? "EK-C046" : "EK-C040",
                name == nullptr ? fmt::format("a second offer of '{}' without a name", offer.name)
                                : fmt::format("an offer named '{}' exists already", offer.name),
                offer_path(offer));
            found.hint = name == nullptr
                             ? fmt::format("add 'name: {}-{}'", offer.name, offer.model->key)
                             : "";
            found.notes.push_back(fmt::format("the first is at line {}", other->spot.line));
        }
        if (offer.provider != nullptr && offer.provider->kind == "local") {
            const auto [local, is_first] = locals.emplace(offer.provider, &offer);
            if (!is_first && fresh) {
                report(
                    file_models,
                    child(offer.node, "on")->spot,
                    "EK-C048",
                    fmt::format(
                        "local provider '{}' is one worker and serves {} already",
                        offer.provider->entry->key,
                        quote(local->second->model->key)),
                    offer_path(offer))
                    .hint = "add a provider for each server";
            }
        }
    }
}

void Checker::unknown_provider(File file, const Node& name, const std::string& path) {
    if (findings_.is_full()) {
        report(file, name.spot, "EK-C042", "an unknown provider", path);
        return;
    }
    std::vector<std::string_view> known;
    for (const auto& [provider, ref] : index_.providers) {
        known.push_back(provider);
    }
    const std::string_view text = value(&name)->text;
    const std::string_view near = closest(text, known);
    Diagnostic& found = report(
        file,
        name.spot,
        "EK-C042",
        fmt::format("providers.yaml defines no provider {}", quote(text)),
        path);
    found.hint = near.empty() ? "" : fmt::format("did you mean '{}'?", near);
    found.suggestion = near;
    found.notes.push_back("known providers: " + list_text(known));
}

void Checker::check_offer(const OfferRef& offer, const std::string& path) {
    need_past(file_models, child(offer.node, "seen"), path + ".seen");
    const Node* price = child(offer.node, "price");
    need_rate(file_models, price, path + ".price");
    for (const Entry& part : entries_of(price)) {
        need_rate(file_models, &part.node, fmt::format("{}.price.{}", path, part.key));
    }
    if (price != nullptr && child(offer.node, "seen") == nullptr) {
        report(
            file_models,
            entry(offer.node, "price")->spot,
            "EK-C028",
            "a price without the day it was seen",
            path + ".price")
            .hint = "add 'seen: 2026-11-09'";
    }
    const Node* on = child(offer.node, "on");
    if (offer.provider == nullptr) {
        if (!index_.has_providers) {
            return;
        }
        unknown_provider(file_models, *on, path + ".on");
        return;
    }
    const std::string_view kind = source_kind(offer.provider->kind);
    if (!kind.empty()) {
        check_price(offer, kind, path);
    }
    check_memory(offer, path);
    const Value* model = value(child(offer.node, "model"));
    const std::string_view asked =
        model == nullptr ? std::string_view{offer.model->key} : std::string_view{model->text};
    const auto retired = std::ranges::find(retired_models, asked, &Retired::name);
    if (offer.provider->kind == "anthropic" && retired != std::end(retired_models)) {
        report(
            file_models,
            model == nullptr ? offer.model->spot : child(offer.node, "model")->spot,
            "EK-W031",
            fmt::format("'{}' was retired on {}; requests would fail", asked, retired->since),
            path + ".model")
            .hint = "replace with claude-opus-5-5?";
    }
}

void Checker::check_price(const OfferRef& offer, std::string_view kind, const std::string& path) {
    const Node* price = child(offer.node, "price");
    if (price == nullptr) {
        if (kind != "own") {
            Diagnostic& found = report(
                file_models,
                child(offer.node, "on")->spot,
                "EK-C029",
                fmt::format("an offer of '{}' without a price", offer.provider->entry->key),
                path);
            found.hint = kind == "api" ? "add 'price: {in: 4 USD/Mtok, out: 20 USD/Mtok}'"
                                       : "add 'price: 4.41 USD/h'";
            found.notes.emplace_back("what has no price could not be held against a budget");
        }
        return;
    }
    if (price->kind != NodeKind::scalar && price->kind != NodeKind::map) {
        return;
    }
    if (kind == "own") {
        report(file_models, price->spot, "EK-C027", "a price on an own machine", path + ".price")
            .hint = "remove it; own power is reckoned from energy and hardware";
    } else if (kind == "api" && value(price) != nullptr) {
        Diagnostic& found = report(
            file_models,
            price->spot,
            "EK-C027",
            "price per hour on an offer that sells tokens",
            path + ".price");
        found.hint = "write {in: 4 USD/Mtok, out: 20 USD/Mtok}";
    } else if (kind == "rental" && price->kind == NodeKind::map) {
        report(
            file_models,
            price->spot,
            "EK-C027",
            "prices per token on an offer that rents by the hour",
            path + ".price")
            .hint = "write 4.41 USD/h";
    } else if (kind == "rental" && value(price) != nullptr && value(price)->number == 0) {
        report(
            file_models, price->spot, "EK-C018", "a rented machine is never free", path + ".price");
    }
    const Value* in = value(child(price, "in"));
    for (const Entry& part : entries_of(price)) {
        const Value* other = value(&part.node);
        if (in != nullptr && other != nullptr && in->currency != other->currency) {
            report(
                file_models,
                part.node.spot,
                "EK-C027",
                "the prices of one offer are in two currencies",
                fmt::format("{}.price.{}", path, part.key));
        }
    }
}

}  // namespace evenkeel::config
