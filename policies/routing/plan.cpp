#include "policies/domain/duration.hpp"
#include "policies/routing/catalogue.hpp"
#include "policies/routing/near_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace evenkeel::routing {

namespace {

using ModelEntry = Catalogue::ModelEntry;

/// Model names listed in "no such model".
constexpr std::size_t names_shown_max = 20;

struct Models {
    std::array<const ModelEntry*, route_models_max> list{};
    std::size_t count{0};

    void add(const ModelEntry* entry) {
        const auto end = list.begin() + static_cast<std::ptrdiff_t>(count);
        if (entry != nullptr && count < route_models_max &&
            std::find(list.begin(), end, entry) == end) {
            list[count++] = entry;
        }
    }
    [[nodiscard]] std::span<const ModelEntry* const> all() const { return {list.data(), count}; }
};

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

bool matches(
    const Catalogue& catalogue,
    const config::Match& match,
    const ModelEntry& asked,
    const Ask& ask) {
    const auto names_model = [&](const std::string& name) {
        return catalogue.model(name) == &asked;
    };
    if (!match.models.empty() && !std::ranges::any_of(match.models, names_model)) {
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
    return std::ranges::all_of(match.headers, [&](const auto& header) {
        return ask.header != nullptr &&
               ask.header(ask.header_context, header.first) == header.second;
    });
}

/// Price of so many tokens in the billed currency, rounded up; nothing beyond 9.2 billion.
std::optional<std::int64_t> cost_up(const Price& price, std::int64_t tokens) {
    return mul_div(tokens, price.num(), price.den(), Rounding::up);
}

std::optional<Money> cost_up(const ApiOffer& api, std::int64_t tokens_in, std::int64_t tokens_out) {
    auto in = cost_up(api.price.in, tokens_in);
    const auto write = api.price.cache_write ? cost_up(*api.price.cache_write, tokens_in) : in;
    const auto out = cost_up(api.price.out, tokens_out);
    std::int64_t sum = 0;
    if (!in || !write || !out || __builtin_add_overflow(std::max(*in, *write), *out, &sum)) {
        return std::nullopt;
    }
    return Money{sum, api.price.in.currency()};
}

/// Most tokens the answer may have.
std::int64_t ceiling(const ApiOffer& api, const Ask& ask) {
    if (ask.max_tokens > 0) {
        return std::min(ask.max_tokens, tokens_max);
    }
    const std::int64_t each = api.context > 0
                                  ? std::max<std::int64_t>(api.context - ask.tokens_in, 1)
                                  : answer_tokens_default;
    return std::min(std::min(each, tokens_max) * ask.answers, tokens_max);
}

/// The offer priced for this request; nothing when its cost cannot be expressed.
std::optional<gate::ApiChoice> price(
    const Catalogue& catalogue, const ApiOffer& api, const Ask& ask) {
    const config::CurrencyRules& rules = catalogue.config.currency;
    const std::int64_t guess =
        ask.max_tokens > 0 ? std::min(ask.tokens_out_guess, ask.max_tokens) : ask.tokens_out_guess;
    const auto hold = cost_up(api, ask.tokens_in, ceiling(api, ask));
    const auto expected = cost_up(api, ask.tokens_in, guess);
    if (!hold || !expected) {
        return std::nullopt;
    }
    const auto hold_report = to_report(rules, *hold, Rounding::up);
    const auto expected_report = to_report(rules, *expected, Rounding::up);
    if (!hold_report || !expected_report) {
        return std::nullopt;
    }
    return gate::ApiChoice{
        .source = api.source,
        .budgets = api.budgets,
        .hold = *hold,
        .hold_report = *hold_report,
        .expected_report = *expected_report};
}

/// What a route and the request itself set as limits; of two the tighter one.
struct Bounds {
    std::optional<std::int64_t> max_cost{};  ///< report nanos
    bool max_cost_by_request{false};         ///< the request's own is the tighter one
    std::optional<std::chrono::milliseconds> max_wait{};
};

std::string_view header_of(const Ask& ask, std::string_view name) {
    return ask.header == nullptr ? std::string_view{} : ask.header(ask.header_context, name);
}

template <class T>
void tighten(std::optional<T>& bound, T other) {
    bound = bound ? std::min(*bound, other) : other;
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
        tighten(bounds.max_cost, *limit);
    }
    if (const std::string_view text = header_of(ask, deadline_header); !text.empty()) {
        const auto deadline = parse_duration(text);
        if (!deadline) {
            return fail(
                Errc::invalid_argument,
                fmt::format("{} must be a duration such as '20s' or '500ms'", deadline_header));
        }
        tighten(bounds.max_wait, *deadline);
    }
    return bounds;
}

/// The cheapest of the API offers that `max_cost` has dropped.
struct Dropped {
    std::int64_t hold_report{-1};  ///< -1 = none
    std::int64_t limit{0};
    bool by_request{false};

    void add(std::int64_t hold, std::int64_t limit_report) {
        hold_report = hold_report < 0 ? hold : std::min(hold_report, hold);
        limit = limit_report;
    }
};

/// Puts `choice` among those from `first` on, cheapest first or as listed; the last one falls out
/// when there is no room.
void insert(
    gate::Arrival& arrival, std::size_t first, bool by_cost, const gate::ApiChoice& choice) {
    std::size_t at = arrival.api_count;
    while (by_cost && at > first && arrival.apis[at - 1].expected_report > choice.expected_report) {
        --at;
    }
    if (at == gate::api_choices_max) {
        return;
    }
    arrival.api_count = static_cast<std::uint8_t>(
        std::min<std::size_t>(arrival.api_count + 1u, gate::api_choices_max));
    std::move_backward(
        arrival.apis.begin() + static_cast<std::ptrdiff_t>(at),
        arrival.apis.begin() + arrival.api_count - 1,
        arrival.apis.begin() + arrival.api_count);
    arrival.apis[at] = choice;
}

/// Adds the priced offers of one model to the arrival.
void add_apis(
    const Catalogue& catalogue,
    const config::Route& route,
    const ModelEntry& entry,
    const Ask& ask,
    const Bounds& bounds,
    gate::Arrival& arrival,
    Dropped& dropped) {
    const std::size_t first = arrival.api_count;
    for (const ApiOffer& api : entry.apis) {
        const auto choice = price(catalogue, api, ask);
        if (!choice) {
            continue;
        }
        if (bounds.max_cost && choice->hold_report > *bounds.max_cost) {
            dropped.add(choice->hold_report, *bounds.max_cost);
            dropped.by_request = bounds.max_cost_by_request;
            continue;
        }
        insert(arrival, first, route.prefer == config::Prefer::cheapest, *choice);
    }
}

/// Budgets that count all API money of this request, whichever API it goes to.
std::uint64_t common_budgets(
    const config::Config& config, const config::Route& route, const Ask& ask) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < config.budgets.size(); ++i) {
        const config::BudgetScope& scope = config.budgets[i].scope;
        const bool everything = scope.kind.empty() && scope.provider.empty() && scope.key.empty() &&
                                scope.model.empty() && scope.route.empty();
        const bool counts = everything || scope.kind == "api" ||
                            (!scope.key.empty() && scope.key == ask.key_name) ||
                            (!scope.route.empty() && scope.route == route.name);
        mask |= counts ? std::uint64_t{1} << i : 0;
    }
    return mask;
}

void set_times(
    const config::Config& config, const Bounds& bounds, const Ask& ask, gate::Arrival& arrival) {
    using std::chrono::nanoseconds;
    const config::Slo& slo = config.slo;
    const nanoseconds per_token = nanoseconds{slo.first_token_per_1k} / 1000;
    const nanoseconds first = slo.first_token + per_token * ask.tokens_in;
    const nanoseconds patience = first / 1000 * slo.patience_millis;
    const bool apis = arrival.api_count > 0;
    const nanoseconds grace =
        apis ? nanoseconds{api_full_grace} / std::max<std::int64_t>(config.speed, 1)
             : nanoseconds{0};
    arrival.give_up_at =
        ask.now + (bounds.max_wait ? nanoseconds{*bounds.max_wait} : 2 * first) + grace;
    arrival.overflow_at = BootTime::max();
    if (apis) {
        arrival.overflow_at =
            ask.now + (bounds.max_wait ? nanoseconds{*bounds.max_wait} : patience);
        if (arrival.model == NameIx{}) {
            arrival.overflow_at = ask.now;
        }
    }
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

std::unexpected<Error> nothing_left(
    const Catalogue& catalogue,
    const config::Route& route,
    const ModelEntry& asked,
    const Dropped& dropped) {
    if (route.stay_own) {
        return fail(
            Errc::refused,
            fmt::format(
                "route '{}' keeps requests in the house, and no own GPU serves '{}'",
                route.name,
                asked.model->name));
    }
    if (dropped.hold_report >= 0) {
        const Currency currency = catalogue.config.currency.report;
        return fail(
            Errc::refused,
            fmt::format(
                "the cheapest source may cost {}, {} allows {} a request; ask for fewer "
                "tokens (max_tokens)",
                to_text(Money{dropped.hold_report, currency}),
                dropped.by_request ? std::string{max_cost_header}
                                   : fmt::format("route '{}'", route.name),
                to_text(Money{dropped.limit, currency})));
    }
    return fail(
        Errc::unavailable,
        fmt::format("model '{}' has no usable offer at the moment", asked.model->name));
}

}  // namespace

Result<RoutePlan> plan(const Catalogue& catalogue, const Ask& ask_as_given) {
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
        return matches(catalogue, each.match, *asked, ask);
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
    const Models models = models_of(catalogue, *route, *asked);
    RoutePlan plan{.route = &*route};
    gate::Arrival& arrival = plan.arrival;
    Dropped dropped;
    for (const ModelEntry* entry : models.all()) {
        const bool workers = route->stay_own ? entry->has_own : entry->has_workers;
        if (workers && arrival.model == NameIx{}) {
            plan.model = entry;
            arrival.model = entry->ix;
            arrival.apis_first = arrival.api_count;
        }
        if (!route->stay_own) {
            add_apis(catalogue, *route, *entry, ask, *bounds, arrival, dropped);
        }
    }
    if (arrival.model == NameIx{} && arrival.api_count == 0) {
        return nothing_left(catalogue, *route, *asked, dropped);
    }
    if (plan.model == nullptr) {
        plan.model = models.list[0];
    }
    arrival.key = ask.key;
    arrival.route = catalogue.routes[static_cast<std::size_t>(route - config.routes.begin())];
    arrival.own_only = route->stay_own;
    arrival.revision = catalogue.revision;
    arrival.budgets = common_budgets(config, *route, ask);
    arrival.tokens_in = ask.tokens_in;
    arrival.tokens_out =
        ask.max_tokens > 0 ? std::min(ask.tokens_out_guess, ask.max_tokens) : ask.tokens_out_guess;
    set_times(config, *bounds, ask, arrival);
    return plan;
}

}  // namespace evenkeel::routing
