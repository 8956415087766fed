#include "policies/config/check.hpp"
#include "policies/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

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
    for (const Entry& model : entries_of(child(root(file_models), "models"))) {
        check_internal_price(model);
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
    check_tiers(price, path + ".price");
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
    check_retirement(offer, path);
}

/// Before the day a warning, from it on another; for models known to be retired without it, too.
void Checker::check_retirement(const OfferRef& offer, const std::string& path) {
    const Value* model = value(child(offer.node, "model"));
    const std::string_view asked =
        model == nullptr ? std::string_view{offer.model->key} : std::string_view{model->text};
    if (const Value* day = value(child(offer.node, "retires")); day != nullptr) {
        const Node* node = child(offer.node, "retires");
        const auto left = day->number - std::chrono::sys_days{today_}.time_since_epoch().count();
        const std::string_view kind = source_kind(offer.provider->kind);
        if (!kind.empty() && kind != "api") {
            report(
                file_models,
                node->spot,
                "EK-C058",
                "a retirement date on an offer that is no API",
                path + ".retires")
                .hint = "remove it; weights that we run ourselves do not retire";
        } else if (left <= 0) {
            report(
                file_models,
                node->spot,
                "EK-W031",
                fmt::format("'{}' was retired on {}; it is not used", asked, day->text),
                path + ".retires");
        } else if (left <= retirement_warning.count()) {
            report(
                file_models,
                node->spot,
                "EK-W042",
                fmt::format(
                    "'{}' retires on {}, in {} day{}; from then on it is not used",
                    asked,
                    day->text,
                    left,
                    left == 1 ? "" : "s"),
                path + ".retires");
        }
        return;
    }
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

}  // namespace evenkeel::config
