#include "policies/config/check.hpp"
#include "policies/config/pattern.hpp"
#include "policies/config/text.hpp"
#include "policies/domain/price.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace evenkeel::config {
namespace {

constexpr File file_policy = File::policy;
/// What a provider bills at least where scaling.min_bill is left to it.
constexpr std::int64_t min_bill_default_ms = 60'000;

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

bool is_remote(const OfferRef& offer) {
    return offer.provider != nullptr && source_kind(offer.provider->kind) != "own";
}

}  // namespace

void Checker::check_policy() {
    check_routes();
    check_budgets();
    check_scaling();
    check_unused_rentals();
    check_breakeven();
    const Node* safety = child(root(file_policy), "safety");
    need_rate(file_policy, child(safety, "max_rate"), "safety.max_rate");
    need_rate(file_policy, child(safety, "max_per_day"), "safety.max_per_day");
}

void Checker::check_breakeven() {
    const Node* map = child(root(file_policy), "breakeven");
    std::size_t i = 0;
    for (const Node& item : items_of(child(map, "commitments"))) {
        const std::string path = fmt::format("breakeven.commitments[{}]", i++);
        const Node* on = child(&item, "on");
        if (value(on) != nullptr && index_.has_providers &&
            !index_.providers.contains(value(on)->text)) {
            unknown_provider(file_policy, *on, path + ".on");
        }
        need_rate(file_policy, child(&item, "price"), path + ".price");
    }
}

void Checker::check_model_name(
    File file, const Node* node, std::string_view what, const std::string& path) {
    const Value* name = value(node);
    if (name == nullptr || !index_.has_models || index_.models.contains(name->text)) {
        return;
    }
    if (findings_.is_full()) {
        report(file, node->spot, "EK-C041", "an unknown model", path);
        return;
    }
    std::vector<std::string_view> known;
    for (const auto& [text, model] : index_.models) {
        known.push_back(text);
    }
    const std::string_view near = closest(name->text, known);
    Diagnostic& found = report(
        file,
        node->spot,
        "EK-C041",
        fmt::format("{} a model that models.yaml does not define", what),
        path);
    found.hint = near.empty() ? fmt::format("{} is unknown", quote(name->text))
                              : fmt::format("did you mean '{}'?", near);
    found.suggestion = near;
    found.notes.push_back("known models: " + list_text(index_.model_names));
}

void Checker::check_routes() {
    const Node* routes = child(root(file_policy), "routes");
    unique_names(file_policy, routes, "name", "routes");
    const Node* catch_all = nullptr;
    std::size_t texts = 0;
    std::size_t i = 0;
    for (const Node& route : items_of(routes)) {
        const std::string path = fmt::format("routes[{}]", i++);
        if (catch_all != nullptr && route.kind == NodeKind::map) {
            report(
                file_policy,
                route.spot,
                "EK-W037",
                fmt::format(
                    "never reached: the route of line {} matches every request",
                    catch_all->spot.line),
                path);
        }
        const Node* match = child(&route, "match");
        const bool matches_all =
            route.kind == NodeKind::map &&
            (match == nullptr || (match->kind == NodeKind::map && match->entries.empty()));
        if (catch_all == nullptr && matches_all) {
            catch_all = &route;
        }
        const Node* text = child(match, "text");
        texts += text == nullptr ? 0 : 1;
        if (text != nullptr && texts == patterns_max + 1) {
            report(
                file_policy,
                text->spot,
                "EK-C057",
                fmt::format("more than {} routes match on text", patterns_max),
                path + ".match.text");
        }
        need_rate(file_policy, child(&route, "max_cost"), path + ".max_cost");
        check_route_models(route, path);
    }
}

void Checker::check_route_models(const Node& route, const std::string& path) {
    const Value* name = value(child(&route, "name"));
    const std::string label = name == nullptr ? path : fmt::format("route '{}'", name->text);
    std::size_t i = 0;
    for (const Node& model : items_of(child(child(&route, "match"), "model"))) {
        check_model_name(
            file_policy, &model, label + " matches", fmt::format("{}.match.model[{}]", path, i++));
    }
    i = 0;
    std::set<const Entry*> used;
    bool is_remote_only = index_.has_providers;
    for (const Node& model : items_of(child(&route, "use"))) {
        const std::string at = fmt::format("{}.use[{}]", path, i++);
        check_model_name(file_policy, &model, label + " uses", at);
        const auto known = index_.models.find(model.text);
        if (known == index_.models.end()) {
            is_remote_only = false;
            continue;
        }
        if (!used.insert(known->second).second) {
            report(
                file_policy,
                model.spot,
                "EK-C040",
                fmt::format("{} names model '{}' twice", label, known->second->key),
                at);
        }
        for (const OfferRef& offer : index_.offers) {
            is_remote_only = is_remote_only && (offer.model != known->second || is_remote(offer));
        }
    }
    const Node* stay = child(&route, "stay");
    if (value(stay) != nullptr && is_remote_only && !used.empty()) {
        report(
            file_policy,
            stay->spot,
            "EK-C053",
            fmt::format("{} must stay at home, and none of its models has an own offer", label),
            path + ".stay")
            .notes.emplace_back("every request of this route would be refused");
    }
}

namespace {

/// Admission keeps one bit for each budget (gate::budgets_max).
constexpr std::size_t budgets_max = 64;

}  // namespace

void Checker::check_budgets() {
    const Node* budgets = child(root(file_policy), "budgets");
    unique_names(file_policy, budgets, "name", "budgets");
    const std::vector<SmallestBill> bills = smallest_bills();
    std::size_t i = 0;
    for (const Node& budget : items_of(budgets)) {
        const std::string path = fmt::format("budgets[{}]", i++);
        need_rate(file_policy, child(&budget, "limit"), path + ".limit");
        check_budget(budget, path);
        check_smallest_bill(budget, bills, path);
        if (i == budgets_max + 1) {
            report(
                file_policy,
                budget.spot,
                "EK-C018",
                fmt::format("more than {} budgets", budgets_max),
                path)
                .hint = "admission keeps one bit a budget; join some of them";
        }
    }
}

void Checker::check_budget(const Node& budget, const std::string& path) {
    const Node* scope = child(&budget, "scope");
    if (entries_of(scope).size() > 1) {
        report(
            file_policy,
            scope->entries[1].spot,
            "EK-C047",
            "a budget covers one thing; this scope names two",
            path + ".scope")
            .hint = "write two budgets";
    }
    check_model_name(
        file_policy, child(scope, "model"), "this budget covers", path + ".scope.model");
    const auto check = [&](std::string_view key, bool is_known_file, const auto& known) {
        const Value* name = value(child(scope, key));
        if (name == nullptr || !is_known_file || known.contains(name->text)) {
            return;
        }
        std::vector<std::string_view> names;
        for (const auto& [text, ref] : known) {
            names.push_back(text);
        }
        const std::string_view near = closest(name->text, names);
        Diagnostic& found = report(
            file_policy,
            child(scope, key)->spot,
            "EK-C047",
            fmt::format("there is no {} {}", key, quote(name->text)),
            fmt::format("{}.scope.{}", path, key));
        found.hint = near.empty() ? "" : fmt::format("did you mean '{}'?", near);
        found.suggestion = near;
        found.notes.push_back(fmt::format("known: {}", list_text(names)));
    };
    check("provider", index_.has_providers, index_.providers);
    check("route", index_.has_routes, index_.routes);
}

std::optional<std::int64_t> Checker::in_report(const Value& amount) const {
    const std::string_view code = amount.currency.text();
    if (code == index_.report_currency) {
        return amount.number;
    }
    const auto rate = index_.rates.find(code);
    const Value* number = rate == index_.rates.end() ? nullptr : value(child(rate->second, "rate"));
    return number == nullptr ? std::nullopt
                             : mul_div(amount.number, number->number, 1'000'000'000, Rounding::up);
}

std::vector<Checker::SmallestBill> Checker::smallest_bills() const {
    std::vector<SmallestBill> out;
    for (const OfferRef& offer : index_.offers) {
        const Value* price = value(child(offer.node, "price"));
        if (price == nullptr || offer.provider == nullptr ||
            source_kind(offer.provider->kind) != "rental") {
            continue;
        }
        const auto hour = in_report(*price);
        const auto bill =
            hour ? mul_div(*hour, min_bill_default_ms, 3'600'000, Rounding::up) : std::nullopt;
        if (bill) {
            out.push_back({.offer = &offer, .nanos = *bill});
        }
    }
    return out;
}

void Checker::check_smallest_bill(
    const Node& budget, std::span<const SmallestBill> bills, const std::string& path) {
    const Node* limit = child(&budget, "limit");
    const auto limit_nanos = value(limit) == nullptr ? std::nullopt : in_report(*value(limit));
    const Node* scope = child(&budget, "scope");
    const Value* kind = value(child(scope, "kind"));
    const Value* provider = value(child(scope, "provider"));
    const bool covers_rentals = entries_of(scope).empty() || provider != nullptr ||
                                (kind != nullptr && kind->text == "rental");
    if (!limit_nanos || !covers_rentals) {
        return;
    }
    for (const auto& [offer, nanos] : bills) {
        const bool is_covered =
            provider == nullptr || provider->text == offer->provider->entry->key;
        if (is_covered && nanos > *limit_nanos) {
            report(
                file_policy,
                limit->spot,
                "EK-W036",
                fmt::format(
                    "less than the smallest bill of offer '{}' (one minute at {})",
                    offer->name,
                    value(child(offer->node, "price"))->text),
                path + ".limit")
                .notes.emplace_back("this budget forbids renting it at all");
            return;
        }
    }
}

void Checker::check_scaling() {
    const Node* scaling = child(root(file_policy), "scaling");
    unique_names(file_policy, scaling, "name", "scaling");
    unique_names(file_policy, scaling, "model", "scaling");
    std::size_t i = 0;
    for (const Node& item : items_of(scaling)) {
        check_scaling_entry(item, fmt::format("scaling[{}]", i++));
    }
}

void Checker::check_scaling_entry(const Node& item, const std::string& path) {
    check_model_name(file_policy, child(&item, "model"), "this entry rents for", path + ".model");
    check_model_name(
        file_policy,
        child(child(&item, "worth_it"), "against"),
        "this entry compares with",
        path + ".worth_it.against");
    need_rate(file_policy, child(&item, "max_price"), path + ".max_price");
    const Node* max_life = child(&item, "max_life");
    not_above(
        file_policy,
        child(&item, "idle_stop"),
        max_life,
        "EK-C052",
        "idle_stop is longer than max_life",
        path + ".idle_stop");
    not_above(
        file_policy,
        child(&item, "warm_up"),
        max_life,
        "EK-C052",
        "warm_up is longer than max_life: the machine could end before it serves",
        path + ".warm_up");
    not_above(
        file_policy,
        child(&item, "boot"),
        max_life,
        "EK-C052",
        "boot is longer than max_life: the machine would end before it serves",
        path + ".boot");
    const Node* max = child(&item, "max");
    Node default_max;
    default_max.value = Value{.number = Scaling{}.max};
    not_above(
        file_policy,
        child(&item, "min"),
        max == nullptr ? &default_max : max,
        "EK-C054",
        "min is above max",
        path + ".min");
    check_scaling_offers(item, path);
}

void Checker::check_scaling_offers(const Node& item, const std::string& path) {
    const Value* model = value(child(&item, "model"));
    const auto known = model == nullptr ? index_.models.end() : index_.models.find(model->text);
    if (known == index_.models.end() || !index_.has_providers) {
        return;
    }
    std::vector<std::string_view> rentals;
    for (const OfferRef& offer : index_.offers) {
        if (offer.model == known->second && offer.provider != nullptr &&
            source_kind(offer.provider->kind) == "rental") {
            rentals.push_back(offer.name);
        }
    }
    std::set<const OfferRef*> used;
    std::size_t i = 0;
    for (const Node& node : items_of(child(&item, "offers"))) {
        const std::string at = fmt::format("{}.offers[{}]", path, i++);
        const Value* name = value(&node);
        if (name == nullptr) {
            continue;
        }
        const OfferRef* offer = index_.resolve(name->text, known->second);
        if (offer != nullptr && (offer->provider == nullptr || offer->provider->kind.empty())) {
            continue;  // what is wrong with its provider was said there
        }
        std::string message;
        if (offer == nullptr) {
            message = fmt::format("there is no offer {}", quote(name->text));
        } else if (offer->model != known->second) {
            message = fmt::format(
                "offer '{}' is one of model '{}', not of '{}'",
                offer->name,
                offer->model->key,
                known->second->key);
        } else if (!is_one_of(rentals, offer->name)) {
            message = fmt::format("offer '{}' is not one that can be rented", offer->name);
        } else if (!used.insert(offer).second) {
            report(
                file_policy,
                node.spot,
                "EK-C040",
                fmt::format("offer '{}' is listed twice", offer->name),
                at);
            continue;
        }
        if (!message.empty()) {
            const std::string_view near = closest(name->text, rentals);
            Diagnostic& found = report(file_policy, node.spot, "EK-C043", message, at);
            found.hint = near.empty() ? "" : fmt::format("did you mean '{}'?", near);
            found.suggestion = near;
            found.notes.push_back(fmt::format(
                "offers of '{}' that can be rented: {}",
                known->second->key,
                rentals.empty() ? "none" : list_text(rentals)));
            continue;
        }
        const Value* price = value(child(offer->node, "price"));
        const Value* limit = value(child(&item, "max_price"));
        const auto a = price == nullptr ? std::nullopt : in_report(*price);
        const auto b = limit == nullptr ? std::nullopt : in_report(*limit);
        if (a && b && *a > *b) {
            report(
                file_policy,
                node.spot,
                "EK-W034",
                fmt::format(
                    "offer '{}' costs {} and max_price is {}: it would not be rented",
                    offer->name,
                    price->text,
                    limit->text),
                at);
        }
    }
}

void Checker::check_unused_rentals() {
    if (root(file_policy) == nullptr) {
        return;
    }
    std::set<const OfferRef*> used;
    for (const Node& item : items_of(child(root(file_policy), "scaling"))) {
        const Value* model = value(child(&item, "model"));
        const auto known = model == nullptr ? index_.models.end() : index_.models.find(model->text);
        if (known == index_.models.end()) {
            return;
        }
        for (const Node& node : items_of(child(&item, "offers"))) {
            used.insert(index_.resolve(node.text, known->second));
        }
    }
    for (const OfferRef& offer : index_.offers) {
        if (offer.provider != nullptr && source_kind(offer.provider->kind) == "rental" &&
            !used.contains(&offer)) {
            report(
                File::models,
                offer.node->spot,
                "EK-W035",
                fmt::format("no scaling entry names offer '{}': it is never rented", offer.name),
                fmt::format("models.{}.offers", offer.model->key));
        }
    }
}

}  // namespace evenkeel::config
