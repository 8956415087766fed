#include "policies/config/check.hpp"

#include <fmt/format.h>

#include <algorithm>

/// Whether prices fit who serves, and each other.
namespace evenkeel::config {
namespace {

constexpr File file_models = File::models;

}  // namespace

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
        const bool is_price = other != nullptr && part.key != "batch";
        if (in != nullptr && is_price && in->currency != other->currency) {
            report(
                file_models,
                part.node.spot,
                "EK-C027",
                "the prices of one offer are in two currencies",
                fmt::format("{}.price.{}", path, part.key));
        }
    }
}

void Checker::check_tiers(const Node* price, const std::string& path) {
    const Node* tiers = child(price, "tiers");
    const Value* in = value(child(price, "in"));
    const Value* before = nullptr;
    for (std::size_t i = 0; i < items_of(tiers).size(); ++i) {
        const Node& tier = items_of(tiers)[i];
        const std::string at = fmt::format("{}.tiers[{}]", path, i);
        if (i == price_tiers_max) {
            report(
                file_models,
                tier.spot,
                "EK-C018",
                fmt::format("more than {} tiers", price_tiers_max),
                at);
            return;
        }
        for (const Entry& part : entries_of(&tier)) {
            const Value* other = value(&part.node);
            const bool is_price = other != nullptr && part.key != "over";
            need_rate(file_models, &part.node, at + "." + part.key);
            if (is_price && in != nullptr && in->currency != other->currency) {
                report(
                    file_models,
                    part.node.spot,
                    "EK-C027",
                    "the prices of one offer are in two currencies",
                    at + "." + part.key);
            }
        }
        const Value* over = value(child(&tier, "over"));
        if (over != nullptr && before != nullptr && over->number <= before->number) {
            report(
                file_models,
                child(&tier, "over")->spot,
                "EK-C054",
                fmt::format(
                    "the tier over {} must stand before the one over {}", over->text, before->text),
                at + ".over");
        }
        before = over != nullptr ? over : before;
    }
}

/// Of work that is done here, so there must be some, and both prices in one currency.
void Checker::check_internal_price(const Entry& model) {
    const Node* price = child(&model.node, "internal_price");
    const std::string path = fmt::format("models.{}.internal_price", model.key);
    const Value* in = value(child(price, "in"));
    for (const Entry& part : entries_of(price)) {
        need_rate(file_models, &part.node, fmt::format("{}.{}", path, part.key));
        const Value* other = value(&part.node);
        if (in != nullptr && other != nullptr && in->currency != other->currency) {
            report(
                file_models,
                part.node.spot,
                "EK-C027",
                "the internal prices of one model are in two currencies",
                fmt::format("{}.{}", path, part.key));
        }
    }
    const bool is_bought = std::ranges::all_of(index_.offers, [&](const OfferRef& offer) {
        return offer.model != &model ||
               (offer.provider != nullptr && source_kind(offer.provider->kind) == "api");
    });
    if (price != nullptr && index_.has_providers && is_bought) {
        report(
            file_models,
            price->spot,
            "EK-C027",
            "an internal price on a model that only APIs serve",
            path)
            .hint = "remove it; what an API bills is charged";
    }
}

}  // namespace evenkeel::config
