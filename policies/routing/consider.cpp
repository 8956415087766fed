#include "policies/routing/consider.hpp"

#include "policies/domain/duration.hpp"
#include "policies/routing/near_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace evenkeel::routing {

namespace {

using ModelEntry = Catalogue::ModelEntry;

/// Model names listed in "no such model".
constexpr std::size_t names_shown_max = 20;

std::unexpected<Error> no_such_model(const Catalogue& catalogue, std::string_view asked) {
    std::vector<std::string_view> names;
    std::vector<std::string_view> known;
    for (const ModelEntry& entry : catalogue.models) {
        names.push_back(entry.model->name);
        known.push_back(entry.model->name);
        known.insert(known.end(), entry.model->aliases.begin(), entry.model->aliases.end());
    }
    const std::string_view near = nearest_name(asked, known);
    const std::size_t more = names.size() - std::min(names.size(), names_shown_max);
    names.resize(names.size() - more);
    return fail(
        Errc::not_found,
        fmt::format(
            "no model '{}'{}odels here: {}{}",
            printable(asked),
            near.empty() ? std::string{"; m"} : fmt::format(", did you mean '{}'? M", near),
            names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
            more == 0 ? std::string{} : fmt::format(" and {} more", more)));
}

/// Whether the route's pattern, if it has one, occurs in the text.
bool matches_text(const Catalogue& catalogue, const config::Route& route, const Ask& ask) {
    if (route.match.text.empty()) {
        return true;
    }
    const auto at = static_cast<std::size_t>(&route - catalogue.config.routes.data());
    const config::Pattern* pattern = catalogue.texts[at].get();
    return pattern != nullptr && ask.text != nullptr &&
           pattern->occurs_in(config::text_end(ask.text(ask.text_context), match_text_bytes_max));
}

bool matches(
    const Catalogue& catalogue,
    const config::Route& route,
    const ModelEntry& asked,
    const Ask& ask) {
    const config::Match& match = route.match;
    const auto names_model = [&](const std::string& name) {
        return catalogue.model(name) == &asked;
    };
    if (!match.models.empty() && !std::ranges::any_of(match.models, names_model)) {
        return false;
    }
    const std::span<const std::string> allowed = ask.key_routes;
    if (!allowed.empty() && std::ranges::find(allowed, route.name) == allowed.end()) {
        return false;
    }
    if (!match.keys.empty() && std::ranges::find(match.keys, ask.key_name) == match.keys.end()) {
        return false;
    }
    if ((match.tokens_over && ask.tokens_in <= *match.tokens_over) ||
        (match.tokens_under && ask.tokens_in >= *match.tokens_under) ||
        (match.tools && *match.tools != ask.tools) ||
        (match.images && *match.images != ask.images)) {
        return false;
    }
    const bool headers = std::ranges::all_of(match.headers, [&](const auto& header) {
        return ask.header != nullptr &&
               ask.header(ask.header_context, header.first) == header.second;
    });
    return headers && matches_text(catalogue, route, ask);
}

/// Price of so many tokens in the billed currency, rounded up; nothing beyond 9.2 billion.
std::optional<std::int64_t> cost_up(const Price& price, std::int64_t tokens) {
    return mul_div(tokens, price.num(), price.den(), Rounding::up);
}

std::optional<Money> cost_up(
    const config::TokenRates& rates, std::int64_t tokens_in, std::int64_t tokens_out) {
    const auto in = cost_up(rates.in, tokens_in);
    const auto write = cost_up(rates.cache_write, tokens_in);
    const auto out = cost_up(rates.out, tokens_out);
    std::int64_t sum = 0;
    if (!in || !write || !out || __builtin_add_overflow(std::max(*in, *write), *out, &sum)) {
        return std::nullopt;
    }
    return Money{sum, rates.in.currency()};
}

/// Most prompt tokens that the request can turn out to have.
std::int64_t prompt_reach(std::int64_t context, const Ask& ask) {
    const std::int64_t reach = ask.images ? tokens_max : ask.tokens_in * tokens_per_estimated_max;
    return context > 0 ? std::min(reach, std::max(context, ask.tokens_in)) : reach;
}

/// The most that the request may cost, by whichever tier it may reach.
std::optional<Money> hold_of(
    const config::TokenPrices& price,
    std::int64_t context,
    const Ask& ask,
    std::int64_t tokens_out) {
    auto most = cost_up(config::rates_of(price, 0), ask.tokens_in, tokens_out);
    for (const config::PriceTier& tier : price.tiers) {
        if (most && tier.over < prompt_reach(context, ask)) {
            const auto cost =
                cost_up(config::rates_of(price, tier.over + 1), ask.tokens_in, tokens_out);
            most = cost ? std::optional{std::max(*most, *cost)} : std::nullopt;
        }
    }
    return most;
}

/// Most tokens the answer may have.
std::int64_t ceiling(std::int64_t context, const Ask& ask) {
    if (ask.max_tokens > 0) {
        return std::min(ask.max_tokens, tokens_max);
    }
    const std::int64_t each =
        context > 0 ? std::max<std::int64_t>(context - ask.tokens_in, 1) : answer_tokens_default;
    return std::min(std::min(each, tokens_max) * ask.answers, tokens_max);
}

/// Output tokens that are paid for before the answer begins, of at most `most`.
std::int64_t reserved(const Ask& ask, std::int64_t most) {
    return ask.reserve_tokens > 0 ? std::min(ask.reserve_tokens, most) : most;
}

std::string_view header_of(const Ask& ask, std::string_view name) {
    return ask.header == nullptr ? std::string_view{} : ask.header(ask.header_context, name);
}

Result<Bounds> bounds_of(
    const config::CurrencyRules& rules, const config::Route& route, const Ask& ask) {
    Bounds bounds{.max_wait = route.max_wait};
    if (route.max_cost) {
        bounds.max_cost = to_report(rules, *route.max_cost, Rounding::down).value_or(0);
    }
    if (const std::string_view text = header_of(ask, max_cost_header); !text.empty()) {
        const auto amount = parse_money(text);
        const auto limit = amount && amount->nanos() >= 0
                               ? to_report(rules, *amount, Rounding::down)
                               : fail(Errc::invalid_argument, "");
        if (!limit) {
            return fail(
                Errc::invalid_argument,
                fmt::format(
                    "{} must be an amount such as '0.05 {}', in a currency that has a rate",
                    max_cost_header,
                    rules.report.text()));
        }
        bounds.max_cost_by_request = !bounds.max_cost || *limit < *bounds.max_cost;
        bounds.max_cost = std::min(bounds.max_cost.value_or(*limit), *limit);
    }
    if (const std::string_view text = header_of(ask, deadline_header); !text.empty()) {
        const auto deadline = parse_duration(text);
        if (!deadline) {
            return fail(
                Errc::invalid_argument,
                fmt::format("{} must be a duration such as '20s' or '500ms'", deadline_header));
        }
        bounds.deadline = *deadline;
    }
    return bounds;
}

Models models_of(const Catalogue& catalogue, const config::Route& route, const ModelEntry& asked) {
    Models models;
    const auto names_asked = [&](const std::string& name) {
        return catalogue.model(name) == &asked;
    };
    if (route.use.empty() || std::ranges::any_of(route.use, names_asked)) {
        models.add(&asked);
    }
    for (const std::string& name : route.use) {
        models.add(catalogue.model(name));
    }
    return models;
}

}  // namespace

SourceKind kind_of(config::ProviderKind kind) noexcept {
    switch (kind) {
        case config::ProviderKind::local:
            return SourceKind::own;
        case config::ProviderKind::rental:
            return SourceKind::rental;
        case config::ProviderKind::openai_compatible:
        case config::ProviderKind::anthropic:
            return SourceKind::api;
    }
    return SourceKind::api;
}

std::optional<Priced> price(const Catalogue& catalogue, const ApiOffer& api, const Ask& ask) {
    const config::CurrencyRules& rules = catalogue.config.currency;
    const std::int64_t guess =
        ask.max_tokens > 0 ? std::min(ask.tokens_out_guess, ask.max_tokens) : ask.tokens_out_guess;
    const std::int64_t most_tokens = ceiling(api.context, ask);
    const std::int64_t tokens = reserved(ask, most_tokens);
    const auto most = hold_of(api.price, api.context, ask, most_tokens);
    const auto hold = tokens == most_tokens ? most : hold_of(api.price, api.context, ask, tokens);
    const auto expected = cost_up(config::rates_of(api.price, ask.tokens_in), ask.tokens_in, guess);
    if (!most || !hold || !expected) {
        return std::nullopt;
    }
    const auto most_report = to_report(rules, *most, Rounding::up);
    const auto hold_report =
        tokens == most_tokens ? most_report : to_report(rules, *hold, Rounding::up);
    const auto expected_report = to_report(rules, *expected, Rounding::up);
    if (!most_report || !hold_report || !expected_report) {
        return std::nullopt;
    }
    return Priced{
        .choice =
            {.source = api.source,
             .budgets = api.budgets,
             .hold = *hold,
             .hold_report = *hold_report,
             .hold_tokens_out = tokens,
             .expected_report = *expected_report},
        .most_report = *most_report};
}

InternalHold internal_hold(
    const Catalogue& catalogue, const Catalogue::ModelEntry& entry, const Ask& ask) {
    const std::int64_t context = entry.model->context;
    const std::int64_t tokens = reserved(ask, ceiling(context, ask));
    const auto hold = hold_of(*entry.internal_price, context, ask, tokens);
    const auto report = hold ? to_report(catalogue.config.currency, *hold, Rounding::up)
                             : Result<std::int64_t>{fail(Errc::invalid_argument, "")};
    return {
        .report = report.value_or(std::numeric_limits<std::int64_t>::max()), .tokens_out = tokens};
}

std::optional<MoreMoney> output_cost(
    const Catalogue& catalogue,
    const config::TokenPrices& price,
    std::int64_t context,
    const Ask& ask,
    std::int64_t tokens_out) {
    auto most = cost_up(config::rates_of(price, 0).out, tokens_out);
    for (const config::PriceTier& tier : price.tiers) {
        if (most && tier.over < prompt_reach(context, ask)) {
            const auto cost = cost_up(config::rates_of(price, tier.over + 1).out, tokens_out);
            most = cost ? std::optional{std::max(*most, *cost)} : std::nullopt;
        }
    }
    if (!most) {
        return std::nullopt;
    }
    const Money amount{*most, price.out.currency()};
    const auto report = to_report(catalogue.config.currency, amount, Rounding::up);
    return report ? std::optional{MoreMoney{.amount = amount, .report = *report}} : std::nullopt;
}

Result<Considered> consider(const Catalogue& catalogue, const Ask& ask_as_given) {
    Ask ask = ask_as_given;
    if (ask.tokens_in < 0 || ask.max_tokens < 0 || ask.tokens_out_guess < 0) {
        return fail(Errc::invalid_argument, "a count of tokens is negative");
    }
    ask.tokens_in = std::min(ask.tokens_in, tokens_max);
    ask.answers = std::clamp<std::int64_t>(ask.answers, 1, tokens_max);
    ask.tokens_out_guess = std::min(ask.tokens_out_guess, tokens_max);
    const ModelEntry* asked = catalogue.model(ask.model);
    if (asked == nullptr) {
        return no_such_model(catalogue, ask.model);
    }
    const config::Config& config = catalogue.config;
    const auto route = std::ranges::find_if(config.routes, [&](const config::Route& each) {
        return matches(catalogue, each, *asked, ask);
    });
    if (route == config.routes.end()) {
        return fail(
            Errc::refused,
            fmt::format("no route takes requests for '{}' with this key", asked->model->name));
    }
    const auto bounds = bounds_of(config.currency, *route, ask);
    if (!bounds) {
        return std::unexpected{bounds.error()};
    }
    return Considered{
        .ask = ask,
        .asked = asked,
        .route = &*route,
        .models = models_of(catalogue, *route, *asked),
        .bounds = *bounds};
}

}  // namespace evenkeel::routing
