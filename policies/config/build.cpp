#include "policies/config/build.hpp"

#include "policies/config/text.hpp"
#include "policies/domain/rental_kinds.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace evenkeel::config {
namespace {

// Each `read` leaves its target, and so the default, alone when the key is absent.

void read(const Node* map, std::string_view key, std::string& out) {
    if (const Value* found = value(child(map, key))) {
        out = found->text;
    }
}
void read(const Node* map, std::string_view key, bool& out) {
    if (const Value* found = value(child(map, key))) {
        out = found->number != 0;
    }
}
void read(const Node* map, std::string_view key, int& out) {
    if (const Value* found = value(child(map, key))) {
        out = static_cast<int>(found->number);  // every such key has a range within int
    }
}
void read(const Node* map, std::string_view key, std::int64_t& out) {
    if (const Value* found = value(child(map, key))) {
        out = found->number;
    }
}
void read(const Node* map, std::string_view key, Milliseconds& out) {
    if (const Value* found = value(child(map, key))) {
        out = Milliseconds{found->number};
    }
}
void read(const Node* map, std::string_view key, Date& out) {
    if (const Value* found = value(child(map, key))) {
        out = Date{std::chrono::sys_days{std::chrono::days{found->number}}};
    }
}
void read(const Node* map, std::string_view key, Currency& out) {
    if (const Value* found = value(child(map, key))) {
        out = found->currency;
    }
}
void read(const Node* map, std::string_view key, Money& out) {
    if (const Value* found = value(child(map, key))) {
        out = Money{found->number, found->currency};
    }
}
/// "auto" stays nothing.
template <class T>
void read(const Node* map, std::string_view key, std::optional<T>& out) {
    const Value* found = value(child(map, key));
    if (found != nullptr && found->text != "auto") {
        T filled{};
        read(map, key, filled);
        out = std::move(filled);
    }
}
void read(const Node* map, std::string_view key, std::vector<std::string>& out) {
    for (const Node& item : items_of(child(map, key))) {
        out.push_back(item.text);
    }
}

Money money_of(const Value& found) {
    return Money{found.number, found.currency};
}
void read_hour(const Node* map, std::string_view key, Price& out) {
    if (const Value* found = value(child(map, key))) {
        out = Price::per_hour(money_of(*found));
    }
}
void read_mtok(const Node* map, std::string_view key, Price& out) {
    if (const Value* found = value(child(map, key))) {
        out = Price::per_mtok(money_of(*found));
    }
}

/// Reads a choice by the table of its words.
template <class T, std::size_t n>
void read_choice(
    const Node* map,
    std::string_view key,
    const std::array<std::pair<std::string_view, T>, n>& words,
    T& out) {
    const Value* found = value(child(map, key));
    for (const auto& [word, meaning] : words) {
        if (found != nullptr && found->text == word) {
            out = meaning;
        }
    }
}

constexpr std::array<std::pair<std::string_view, ProviderKind>, 3> provider_kinds{{
    {"local", ProviderKind::local},
    {"openai-compatible", ProviderKind::openai_compatible},
    {"anthropic", ProviderKind::anthropic},
}};
constexpr std::array<std::pair<std::string_view, Prefer>, 3> preferences{{
    {"cheapest", Prefer::cheapest},
    {"fastest", Prefer::fastest},
    {"listed", Prefer::listed},
}};
constexpr std::array<std::pair<std::string_view, BudgetPer>, 3> windows{{
    {"hour", BudgetPer::hour},
    {"day", BudgetPer::day},
    {"month", BudgetPer::month},
}};
constexpr std::array<std::pair<std::string_view, BudgetAction>, 4> budget_actions{{
    {"warn", BudgetAction::warn},
    {"local-only", BudgetAction::local_only},
    {"no-new-machines", BudgetAction::no_new_machines},
    {"refuse", BudgetAction::refuse},
}};
constexpr std::string_view rule_auto = "auto";
constexpr std::array<std::pair<std::string_view, UnknownMachine>, 2> unknown_actions{{
    {"destroy", UnknownMachine::destroy},
    {"alert", UnknownMachine::alert},
}};
constexpr std::array<std::pair<std::string_view, OnStop>, 2> stop_actions{{
    {"destroy", OnStop::destroy},
    {"keep", OnStop::keep},
}};
constexpr std::array<std::pair<std::string_view, Reserve>, 2> reserves{{
    {"learned", Reserve::learned},
    {"ceiling", Reserve::ceiling},
}};

void build_limits(const Node* map, Limits& out) {
    read(map, "header_bytes", out.header_bytes);
    read(map, "body_bytes", out.body_bytes);
    read(map, "connections", out.connections);
    read(map, "connections_per_address", out.connections_per_address);
    read(map, "header_time", out.header_time);
    read(map, "body_time", out.body_time);
    read(map, "idle_time", out.idle_time);
    read(map, "stall_time", out.stall_time);
    read(map, "queue_requests", out.queue_requests);
    read(map, "stream_drain", out.stream_drain);
}

void build_daemon(const Node* root, Config& out) {
    const Node* listen = child(root, "listen");
    read(listen, "api", out.listen.api);
    read(listen, "admin", out.listen.admin);
    read(child(root, "dashboard"), "control", out.dashboard.control);
    const Node* currency = child(root, "currency");
    read(currency, "report", out.currency.report);
    for (const Entry& entry : entries_of(child(currency, "rates"))) {
        FxRate& rate = out.currency.rates[*Currency::parse(entry.key)];
        read(&entry.node, "rate", rate.rate_nanos);
        read(&entry.node, "as_of", rate.as_of);
        read(&entry.node, "warn_after", rate.warn_after);
    }
    read(root, "report_zone", out.report_zone);
    read(root, "speed", out.speed);
    build_limits(child(root, "limits"), out.limits);
    read(child(root, "ledger"), "keep_requests", out.ledger.keep_requests);
    const Node* energy = child(root, "energy");
    read(energy, "host_overhead", out.energy.host_overhead_milliwatts);
    for (const Node& line : items_of(child(energy, "tariff"))) {
        Tariff& tariff = out.energy.tariff.emplace_back();
        if (const Value* price = value(child(&line, "price"))) {
            tariff.price = Price::per_kwh(money_of(*price));
        }
        read(&line, "when", tariff.when);
    }
    for (const Node& item : items_of(child(root, "hardware"))) {
        Hardware& hardware = out.hardware.emplace_back();
        read(&item, "name", hardware.name);
        for (const Node& gpu : items_of(child(&item, "gpus"))) {
            hardware.gpus.push_back(static_cast<int>(gpu.value->number));
        }
        read(&item, "gpu", hardware.gpu);
        read(&item, "vram", hardware.vram_bytes);
        const Node* power = child(&item, "power");
        read(power, "busy", hardware.busy_milliwatts);
        read(power, "idle", hardware.idle_milliwatts);
        read(&item, "bought", hardware.bought);
        read(&item, "price", hardware.price);
        read(&item, "residual", hardware.residual_millis);
        read(&item, "wear_over", hardware.wear_months);
    }
}

void build_start(const Node* map, Start& out) {
    read(map, "command", out.command);
    for (const Entry& variable : entries_of(child(map, "env"))) {
        out.env[variable.key] = variable.node.text;
    }
    read(map, "memory", out.memory_bytes);
    read(map, "load_limit", out.load_limit);
    read(map, "load_guess", out.load_guess);
    read(map, "least_stay", out.least_stay);
    read(map, "drain", out.drain);
    read(map, "stop_grace", out.stop_grace);
    read(map, "sleep", out.sleeps);
}

void build_providers(const Node* root, Config& out) {
    for (const Entry& entry : entries_of(child(root, "providers"))) {
        Provider& provider = out.providers.emplace_back();
        provider.name = entry.key;
        read_choice(&entry.node, "kind", provider_kinds, provider.kind);
        if (const Value* kind = value(child(&entry.node, "kind"));
            kind != nullptr && is_rental_kind(kind->text)) {
            provider.kind = ProviderKind::rental;
            provider.driver = kind->text;
        }
        read(&entry.node, "credential", provider.credential);
        read(&entry.node, "url", provider.url);
        read(&entry.node, "base_url", provider.base_url);
        read(&entry.node, "ca_file", provider.ca_file);
        read(&entry.node, "ssh_keys", provider.ssh_keys);
        read(&entry.node, "allow_from", provider.allow_from);
        read(&entry.node, "hardware", provider.hardware);
        read(&entry.node, "engine", provider.engine);
        build_start(child(&entry.node, "start"), provider.start);
        read(&entry.node, "synthetic", provider.synthetic);
        read(&entry.node, "regions", provider.regions);
        read(&entry.node, "cloud", provider.cloud);
        read(&entry.node, "tag", provider.tag);
        read(&entry.node, "max_machines", provider.max_machines);
        read(&entry.node, "max_in_flight", provider.max_in_flight);
    }
}

/// The prices that a tier may have as well.
template <class Prices>
void build_prices(const Node* price, Prices& out) {
    read_mtok(price, "in", out.in);
    read_mtok(price, "out", out.out);
    if (child(price, "cached") != nullptr) {
        read_mtok(price, "cached", out.cached.emplace());
    }
    if (child(price, "cache_write") != nullptr) {
        read_mtok(price, "cache_write", out.cache_write.emplace());
    }
}

TokenPrices build_token_prices(const Node* price) {
    TokenPrices prices;
    build_prices(price, prices);
    for (const Node& item : items_of(child(price, "tiers"))) {
        PriceTier& tier = prices.tiers.emplace_back();
        read(&item, "over", tier.over);
        build_prices(&item, tier);
    }
    read(price, "batch", prices.batch_millis);
    return prices;
}

Offer build_offer(const Node& node) {
    Offer offer;
    read(&node, "on", offer.on);
    offer.name = offer.on;
    read(&node, "name", offer.name);
    read(&node, "model", offer.model);
    read(&node, "gpu", offer.gpu);
    read(&node, "engine", offer.engine);
    read(&node, "weights", offer.weights);
    read(&node, "weights_size", offer.weights_bytes);
    read(&node, "kv_cache", offer.kv_cache);
    read(&node, "vram", offer.vram_bytes);
    read(&node, "image", offer.image);
    read(&node, "args", offer.args);
    read(&node, "volume", offer.volume);
    read(&node, "hub_secret", offer.hub_secret);
    read(&node, "disk", offer.disk_gb);
    read(&node, "slots", offer.slots);
    read(&node, "seen", offer.seen);
    read(&node, "retires", offer.retires);
    const Node* price = child(&node, "price");
    if (value(price) != nullptr) {
        read_hour(&node, "price", offer.hour_price.emplace());
    } else if (price != nullptr) {
        offer.token_price = build_token_prices(price);
    }
    return offer;
}

void build_models(const Node* root, Config& out) {
    for (const Entry& entry : entries_of(child(root, "models"))) {
        Model& model = out.models.emplace_back();
        model.name = entry.key;
        read(&entry.node, "context", model.context);
        read(&entry.node, "kv_per_token", model.kv_per_token_bytes);
        read(&entry.node, "aliases", model.aliases);
        if (const Node* price = child(&entry.node, "internal_price")) {
            model.internal_price = build_token_prices(price);
        }
        for (const Node& offer : items_of(child(&entry.node, "offers"))) {
            model.offers.push_back(build_offer(offer));
            if (model.offers.back().model.empty()) {
                model.offers.back().model = model.name;
            }
        }
    }
}

std::string canonical_model(const Index& index, const std::string& name) {
    const auto known = index.models.find(name);
    return known == index.models.end() ? name : known->second->key;
}

void build_routes(const Node* root, const Index& index, Config& out) {
    for (const Node& item : items_of(child(root, "routes"))) {
        Route& route = out.routes.emplace_back();
        read(&item, "name", route.name);
        const Node* match = child(&item, "match");
        read(match, "model", route.match.models);
        read(match, "key", route.match.keys);
        for (const Entry& header : entries_of(child(match, "header"))) {
            route.match.headers[header.key] = header.node.text;
        }
        read(match, "tokens_over", route.match.tokens_over);
        read(match, "tokens_under", route.match.tokens_under);
        read(match, "tools", route.match.tools);
        read(match, "images", route.match.images);
        read(match, "text", route.match.text);
        read(&item, "use", route.use);
        for (std::string& model : route.use) {
            model = canonical_model(index, model);
        }
        read_choice(&item, "prefer", preferences, route.prefer);
        read(&item, "max_wait", route.max_wait);
        read(&item, "max_cost", route.max_cost);
        route.stay_own = child(&item, "stay") != nullptr;
        read(&item, "continue_on_failure", route.continue_on_failure);
        const Node* limit = child(&item, "limit");
        read(limit, "requests", route.limit.requests_min);
        read(limit, "tokens", route.limit.tokens_min);
        read(limit, "in_flight", route.limit.in_flight);
    }
}

void build_budgets(const Node* root, const Index& index, Config& out) {
    for (const Node& item : items_of(child(root, "budgets"))) {
        Budget& budget = out.budgets.emplace_back();
        read(&item, "name", budget.name);
        const Node* scope = child(&item, "scope");
        read(scope, "kind", budget.scope.kind);
        read(scope, "provider", budget.scope.provider);
        read(scope, "key", budget.scope.key);
        read(scope, "model", budget.scope.model);
        budget.scope.model = canonical_model(index, budget.scope.model);
        read(scope, "route", budget.scope.route);
        read(scope, "team", budget.scope.team);
        read(&item, "limit", budget.limit);
        read_choice(&item, "per", windows, budget.per);
        const Node* at = child(&item, "at");
        if (!entries_of(at).empty()) {
            budget.at.clear();
        }
        for (const Entry& step : entries_of(at)) {
            const auto percent = parse_decimal(step.key.substr(0, step.key.size() - 1), 0);
            BudgetAction action{};
            read_choice(at, step.key, budget_actions, action);
            budget.at[static_cast<int>(*percent)] = action;
        }
    }
}

void build_scaling(const Node* root, const Index& index, Config& out) {
    for (const Node& item : items_of(child(root, "scaling"))) {
        Scaling& scaling = out.scaling.emplace_back();
        read(&item, "name", scaling.name);
        read(&item, "model", scaling.model);
        scaling.model = canonical_model(index, scaling.model);
        read(&item, "offers", scaling.offers);
        const auto model = index.models.find(scaling.model);
        for (std::string& offer : scaling.offers) {
            const OfferRef* found =
                model == index.models.end() ? nullptr : index.resolve(offer, model->second);
            offer = found == nullptr ? offer : found->name;
        }
        if (const Value* rule = value(child(&item, "rule"))) {
            scaling.rule_auto = rule->text == rule_auto;
            scaling.rule = rent_rule_from(rule->text).value_or(scaling.rule);
        }
        read(&item, "trust", scaling.trust_millis);
        read(&item, "efficiency", scaling.efficiency_millis);
        read(&item, "max_order", scaling.max_order);
        read(&item, "boot", scaling.boot);
        read(&item, "min_bill", scaling.min_bill);
        read(&item, "keep_warm", scaling.keep_warm_millis);
        read(&item, "min", scaling.min);
        read(&item, "max", scaling.max);
        read_hour(&item, "max_price", scaling.max_price);
        read(&item, "max_price_age", scaling.max_price_age);
        read(&item, "idle_stop", scaling.idle_stop);
        read(&item, "max_life", scaling.max_life);
        read(&item, "drain", scaling.drain);
        read(&item, "warm_up", scaling.warm_up);
        if (const Node* start = child(&item, "start_when")) {
            StartWhen& when = scaling.start_when.emplace();
            read(start, "wait_over", when.wait_over);
            read(start, "for", when.holds_for);
        }
        if (const Node* worth = child(&item, "worth_it")) {
            WorthIt& least = scaling.worth_it.emplace();
            read(worth, "against", least.against);
            least.against = canonical_model(index, least.against);
            read(worth, "queue_tokens_at_least", least.queue_tokens);
        }
    }
}

void build_breakeven(const Node* root, BreakEven& out) {
    const Node* map = child(root, "breakeven");
    read(map, "horizon", out.horizon_months);
    read(map, "window", out.window);
    read(map, "hours_per_month", out.hours_per_month);
    if (child(map, "compare") != nullptr) {
        std::vector<std::string> words;
        read(map, "compare", words);
        const auto names = [&words](std::string_view word) {
            return std::ranges::find(words, word) != words.end();
        };
        out.buy = names("buy");
        out.rent = names("rent");
        out.reserve = names("reserve");
        out.api = names("api");
    }
    for (const Node& item : items_of(child(map, "commitments"))) {
        Commitment& commitment = out.commitments.emplace_back();
        read(&item, "on", commitment.on);
        read(&item, "gpu", commitment.gpu);
        read_hour(&item, "price", commitment.price);
        read(&item, "from", commitment.from);
        read(&item, "months", commitment.months);
    }
}

void build_rest(const Node* root, Config& out) {
    const Node* slo = child(root, "slo");
    read(slo, "first_token", out.slo.first_token);
    read(slo, "first_token_per_1k", out.slo.first_token_per_1k);
    read(slo, "per_output_token", out.slo.per_output_token);
    read(slo, "patience", out.slo.patience_millis);
    read(slo, "miss_costs", out.slo.miss_costs);
    const Node* safety = child(root, "safety");
    read(safety, "max_machines", out.safety.max_machines);
    read(safety, "max_rate", out.safety.max_rate_per_hour);
    read(safety, "max_per_day", out.safety.max_per_day);
    read(safety, "max_creates_per_hour", out.safety.max_creates_per_hour);
    read(safety, "leak_scan", out.safety.leak_scan);
    read(safety, "proof_gap", out.safety.proof_gap);
    read(safety, "orphan_grace", out.safety.orphan_grace);
    read_choice(safety, "unknown_machine", unknown_actions, out.safety.unknown_machine);
    read_choice(safety, "on_stop", stop_actions, out.safety.on_stop);
    read_choice(safety, "reserve", reserves, out.safety.reserve);
    read(safety, "low_balance", out.safety.low_balance);
}

}  // namespace

Config build(const Documents& documents, const Index& index) {
    const auto root = [&](File file) -> const Node* {
        const Document* document = documents[static_cast<std::size_t>(file)];
        return document == nullptr ? nullptr : document->root();
    };
    Config out;
    build_daemon(root(File::evenkeel), out);
    build_providers(root(File::providers), out);
    build_models(root(File::models), out);
    const Node* policy = root(File::policy);
    build_routes(policy, index, out);
    build_budgets(policy, index, out);
    build_scaling(policy, index, out);
    build_breakeven(policy, out.breakeven);
    build_rest(policy, out);
    return out;
}

}  // namespace evenkeel::config
