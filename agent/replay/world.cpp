#include "agent/replay/world.hpp"

#include "agent/control/renter.hpp"
#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace evenkeel::agent {

namespace {

constexpr std::int64_t typical_in = 1'000;
constexpr std::int64_t typical_out = 250;
constexpr std::chrono::milliseconds provider_minimum{60'000};

/// The same price in the report currency, rounded once.
Result<Price> in_report(const config::CurrencyRules& rules, const Price& price) {
    const auto nanos = routing::to_report(rules, price.per_display_unit(), Rounding::half_even);
    if (!nanos) {
        return std::unexpected{nanos.error()};
    }
    const Money amount{*nanos, rules.report};
    switch (price.unit()) {
        case Unit::token:
            return Price::per_mtok(amount);
        case Unit::nanosecond:
            return Price::per_hour(amount);
        case Unit::microjoule:
            return Price::per_kwh(amount);
    }
    return price;
}

const config::Scaling* rule_of(const config::Config& config, const std::string& model) {
    const auto rule = std::ranges::find(config.scaling, model, &config::Scaling::model);
    return rule == config.scaling.end() ? nullptr : &*rule;
}

const config::Model* chosen_model(const config::Config& config, const std::string& name) {
    if (!name.empty()) {
        return config.model(name);
    }
    if (!config.scaling.empty()) {
        return config.model(config.scaling.front().model);
    }
    return config.models.empty() ? nullptr : config.models.data();
}

/// The first route that reaches the model and asks for nothing else; else the first that reaches
/// it.
const config::Route* route_of(const config::Config& config, const std::string& model) {
    const auto uses = [&](const config::Route& route) {
        return std::ranges::any_of(route.use, [&](const std::string& name) {
            const config::Model* used = config.model(name);
            return used != nullptr && used->name == model;
        });
    };
    const auto is_general = [](const config::Route& route) {
        config::Match match = route.match;
        match.models.clear();
        return match == config::Match{};
    };
    const config::Route* first = nullptr;
    for (const config::Route& route : config.routes) {
        if (!route.match.text.empty()) {
            continue;  // there are no texts to match
        }
        if (uses(route) && is_general(route)) {
            return &route;
        }
        if (uses(route) && first == nullptr) {
            first = &route;
        }
    }
    return first;
}

class Builder {
public:
    Builder(
        const config::Config& config,
        const config::Model& model,
        std::chrono::sys_days today,
        const Speeds* speeds)
        : config_{config}, model_{model}, today_{today}, speeds_{speeds} {
        world_.model = model.name;
        world_.options.slo = config.slo;
        world_.options.safety = config.safety;
        world_.options.constants = scaling::Constants::scaled(config.speed);
    }

    Result<ReplayWorld> build() {
        for (const auto step : {&Builder::own, &Builder::rented, &Builder::api}) {
            if (const Result<void> done = (this->*step)(); !done) {
                return std::unexpected{done.error()};
            }
        }
        if (world_.options.own.empty() && world_.options.policy == replay::ReplayPolicy::own_api) {
            world_.options.policy = replay::ReplayPolicy::api_only;
        }
        return std::move(world_);
    }

private:
    void assume(std::string sentence) { world_.assumptions.push_back(std::move(sentence)); }

    capacity::Profile profile(
        const config::Model& model,
        const config::Offer& offer,
        const std::string& gpu,
        std::string_view seed,
        std::string_view whose) {
        const auto known = rental_profile(gpu, model_.name);
        if (speeds_ != nullptr && speeds_->measured(model, offer) != nullptr) {
            return speeds_->profile(
                model,
                offer,
                known.value_or(capacity::find_profile(seed).value_or(capacity::Profile{})));
        }
        if (known) {
            return *known;
        }
        assume(fmt::format("{} is taken to be as fast as {}, which is not measured", whose, seed));
        return capacity::find_profile(seed).value_or(capacity::Profile{});
    }

    Result<void> own() {
        replay::Options& options = world_.options;
        for (const config::Offer& offer : model_.offers) {
            const config::Provider* provider = config_.provider(offer.on);
            if (provider == nullptr || provider->kind != config::ProviderKind::local) {
                continue;
            }
            const auto hardware =
                std::ranges::find(config_.hardware, provider->hardware, &config::Hardware::name);
            const bool known = hardware != config_.hardware.end();
            const std::string gpu = !offer.gpu.empty() ? offer.gpu
                                    : known            ? hardware->gpu
                                                       : std::string{};
            options.own.push_back(profile(model_, offer, gpu, "5090-32b-awq", offer.name));
            options.own_slots.push_back(offer.slots);
            if (known) {
                options.own_busy_milliwatts = hardware->busy_milliwatts;
            }
        }
        if (options.own.empty() || config_.energy.tariff.empty()) {
            return {};
        }
        if (config_.energy.tariff.size() > 1) {
            assume("power costs what the last line of energy.tariff says, at every hour");
        }
        auto price = in_report(config_.currency, config_.energy.tariff.back().price);
        if (!price) {
            return std::unexpected{price.error()};
        }
        options.power_price = *price;
        return {};
    }

    Result<void> rented() {
        replay::Options& options = world_.options;
        const config::Scaling* rule = rule_of(config_, model_.name);
        if (rule == nullptr) {
            options.policy = replay::ReplayPolicy::own_api;
            options.scaling.max = 0;
            return {};
        }
        options.scaling = *rule;
        if (rule->rule_auto) {
            assume(fmt::format("rule: auto follows {}", to_text(rule->rule)));
        }
        if (rule->worth_it && !rule->worth_it->against.empty()) {
            assume(fmt::format(
                "scaling.worth_it.against is not judged: the price of {} is not played",
                rule->worth_it->against));
        }
        options.policy = replay::ReplayPolicy::break_even;
        options.boot = rule->boot.value_or(options.constants.boot_seed);
        options.min_bill = rule->min_bill.value_or(provider_minimum / config_.speed);
        if (!rule->boot) {
            assume(
                fmt::format("a machine serves {} s after its order", options.boot.count() / 1'000));
        }
        Price price = rule->max_price;
        const config::Offer none;
        config::Config::OfferRef first{.model = &model_, .offer = &none};
        for (const std::string& name : rule->offers) {
            const auto found = config_.offer(name);
            const config::Offer* offer = found.offer;
            if (offer == nullptr) {
                continue;
            }
            first = found;
            options.rented_slots = offer->slots;
            if (offer->hour_price) {
                price = *offer->hour_price;
            } else {
                assume(fmt::format("{} costs scaling.max_price", name));
            }
            break;
        }
        options.rented = profile(
            *first.model, *first.offer, first.offer->gpu, "h100-32b-fp8", "a rented machine");
        auto hour = in_report(config_.currency, price);
        auto most = in_report(config_.currency, rule->max_price);
        if (!hour || !most) {
            return std::unexpected{!hour ? hour.error() : most.error()};
        }
        options.machine_price = *hour;
        options.scaling.max_price = *most;
        options.scaling.max = std::min(rule->max, config_.safety.max_machines);
        return {};
    }

    /// Traces and the ledger hold no texts.
    void say_texts() {
        for (const config::Route& route : config_.routes) {
            if (!route.match.text.empty()) {
                assume(fmt::format(
                    "route {} matches no request: it asks for text, and none is kept", route.name));
            }
        }
    }

    Result<void> api() {
        say_texts();
        const config::Route* route = route_of(config_, model_.name);
        std::vector<const config::Model*> models{&model_};
        if (route != nullptr) {
            world_.options.max_wait = route->max_wait;
            for (const std::string& name : route->use) {
                const config::Model* used = route->stay_own ? nullptr : config_.model(name);
                if (used != nullptr && used != &model_) {
                    models.push_back(used);
                }
            }
        }
        std::optional<std::int64_t> least;
        for (const config::Model* model : models) {
            for (const config::Offer& offer : model->offers) {
                if (!offer.token_price || offer.is_retired(today_) ||
                    (route != nullptr && route->stay_own)) {
                    continue;
                }
                const auto in = in_report(config_.currency, offer.token_price->in);
                const auto out = in_report(config_.currency, offer.token_price->out);
                if (!in || !out) {
                    return std::unexpected{!in ? in.error() : out.error()};
                }
                const std::int64_t cost = in->cost(typical_in, Rounding::up).nanos() +
                                          out->cost(typical_out, Rounding::up).nanos();
                if (!least || cost < *least) {
                    least = cost;
                    world_.options.api_price.in = *in;
                    world_.options.api_price.out = *out;
                    api_ = offer.name;
                    has_tiers_ = !offer.token_price->tiers.empty();
                }
            }
            if (least) {
                break;  // a later model only answers when the earlier cannot
            }
        }
        if (has_tiers_) {
            assume(fmt::format("{} costs the same for prompts of every length", api_));
        }
        if (least) {
            assume(fmt::format(
                "what overflows goes to {}: first token after 1.5 s, then 40 tokens a second",
                api_));
        }
        return {};
    }

    const config::Config& config_;
    const config::Model& model_;
    std::chrono::sys_days today_;
    const Speeds* speeds_;
    ReplayWorld world_{};
    std::string api_{};
    bool has_tiers_{false};
};

}  // namespace

std::vector<config::SourceFile> reference_files() {
    return {
        {.path = "evenkeel.yaml", .text = R"(version: 1
currency: {report: USD}
energy: {tariff: [{price: 0.20 USD/kWh}]}
hardware:
  - {name: desk, gpu: RTX 5090, power: {busy: 575 W, idle: 30 W}}
)"},
        {.path = "providers.yaml", .text = R"(version: 1
providers:
  desk-engine: {kind: local, hardware: desk, url: "http://127.0.0.1:8091"}
  rental: {kind: runpod, credential: runpod.key, max_machines: 8}
  api: {kind: openai-compatible, credential: api.key, url: "https://api.example.com/v1"}
)"},
        {.path = "models.yaml", .text = R"(version: 1
models:
  reference-32b:
    offers:
      - {on: desk-engine, slots: 48}
      - {on: rental, gpu: H100, engine: vllm, slots: 128, price: 3.39 USD/h, seen: 2026-11-01}
      - {on: api, price: {in: 5 USD/Mtok, out: 25 USD/Mtok}, seen: 2026-11-01}
)"},
        {.path = "policy.yaml", .text = R"(version: 1
routes:
  - {name: default, match: {}, use: [reference-32b]}
slo: {first_token: 5s, first_token_per_1k: 1s, per_output_token: 80ms}
scaling:
  - name: h100
    model: reference-32b
    offers: [rental]
    boot: 420s
    min_bill: 300s
    max: 8
    max_price: 3.39 USD/h
    max_order: 8
    max_life: 30d
safety: {max_machines: 8, max_creates_per_hour: 1000}
)"}};
}

void follow_rules(config::Config& config, const std::vector<ledger::RuleReplay>& replays) {
    for (config::Scaling& entry : config.scaling) {
        const auto replay = std::ranges::find(replays, entry.name, &ledger::RuleReplay::scaling);
        if (entry.rule_auto && replay != replays.end()) {
            entry.rule = config::rent_rule_from(replay->follows).value_or(entry.rule);
        }
    }
}

Result<ReplayWorld> replay_world(
    const config::Config& config,
    const std::string& name,
    std::chrono::sys_days today,
    const Speeds* speeds) {
    const config::Model* model = chosen_model(config, name);
    if (model == nullptr) {
        return fail(
            Errc::not_found,
            name.empty() ? std::string{"the configuration has no model to replay"}
                         : fmt::format("the configuration has no model '{}'", name));
    }
    return Builder{config, *model, today, speeds}.build();
}

}  // namespace evenkeel::agent
