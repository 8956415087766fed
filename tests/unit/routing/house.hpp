#pragma once

#include "policies/routing/catalogue.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

/// A small configuration in the manner of examples/, and requests against it.
namespace evenkeel::routing::house {

using namespace std::chrono_literals;

inline config::TokenPrices prices(const char* in, const char* out) {
    return {.in = *parse_price(in), .out = *parse_price(out)};
}

inline config::Offer api_offer(std::string name, std::string on, config::TokenPrices price) {
    return {.name = std::move(name), .on = std::move(on), .token_price = price};
}

/// qwq-32b: own, rented, and at two APIs; opus: at claude alone. Report currency AUD, 1.50 a USD.
inline config::Config make_config() {
    using config::ProviderKind;
    config::Config config;
    config.currency.report = aud;
    config.currency.rates[usd] = {.rate_nanos = 1'500'000'000};
    config.providers = {
        {.name = "desk", .kind = ProviderKind::local},
        {.name = "runpod", .kind = ProviderKind::rental, .driver = "runpod"},
        {.name = "nano", .kind = ProviderKind::openai_compatible, .max_in_flight = 7},
        {.name = "micro", .kind = ProviderKind::openai_compatible},
        {.name = "claude", .kind = ProviderKind::anthropic}};
    config.models = {
        {.name = "qwq-32b",
         .context = 32'000,
         .aliases = {"qwq", "reasoning-small"},
         .offers =
             {{.name = "desk", .on = "desk", .slots = 4},
              {.name = "runpod", .on = "runpod", .slots = 16},
              api_offer("nano", "nano", prices("0.30 USD/Mtok", "0.40 USD/Mtok")),
              api_offer("micro", "micro", prices("0.20 USD/Mtok", "0.30 USD/Mtok"))}},
        {.name = "opus",
         .aliases = {"claude-opus-4"},
         .offers = {api_offer("claude", "claude", prices("4 USD/Mtok", "20 USD/Mtok"))}}};
    config.models[1].offers[0].model = "claude-opus-5-5";
    config.routes = {{.name = "default", .use = {"qwq-32b", "opus"}}};
    config.limits.queue_requests = 321;
    return config;
}

/// Keeps what a plan points into.
struct House {
    NameTable names{};
    std::shared_ptr<const Catalogue> catalogue{};
    std::map<std::string, std::string, std::less<>> headers{};

    explicit House(config::Config config = make_config(), std::int64_t revision = 5)
        : catalogue{compile(std::move(config), revision, names)} {}

    [[nodiscard]] Ask ask(std::string_view model = "qwq-32b", std::string_view key = "ann") {
        return {
            .model = model,
            .key_name = key,
            .key = names.intern(NameKind::key, key),
            .header = [](const void* context, std::string_view name) -> std::string_view {
                const auto& all = static_cast<const House*>(context)->headers;
                const auto it = all.find(name);
                return it == all.end() ? std::string_view{} : std::string_view{it->second};
            },
            .header_context = this,
            .tokens_in = 1'000,
            .max_tokens = 500,
            .tokens_out_guess = 300,
            .now = BootTime{100s}};
    }
    [[nodiscard]] Result<RoutePlan> plan(const Ask& ask) const {
        return routing::plan(*catalogue, ask);
    }
    /// The APIs of a plan by name: "micro nano claude".
    [[nodiscard]] std::string apis(const RoutePlan& plan) const {
        std::string text;
        for (std::size_t i = 0; i < plan.arrival.api_count; ++i) {
            text += text.empty() ? "" : " ";
            text += names.text(plan.arrival.apis[i].source);
        }
        return text;
    }
};

}  // namespace evenkeel::routing::house
