#include "policies/routing/consider.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::routing {

namespace {

using ModelEntry = Catalogue::ModelEntry;

/// What was left out, and why: of what `max_cost` has dropped, the most that the cheapest may cost.
struct Dropped {
    std::int64_t most_report{-1};  ///< -1 = none
    std::int64_t limit{0};
    bool by_request{false};
    const ApiOffer* retired{nullptr};
    bool dialect{false};  ///< an API that has no counterpart for what is asked

    void add(std::int64_t most, std::int64_t limit_report) {
        most_report = most_report < 0 ? most : std::min(most_report, most);
        limit = limit_report;
    }
};

using std::chrono::nanoseconds;

/// What an API needs for its first token, until it is measured.
constexpr std::chrono::milliseconds api_first_token{1'500};

nanoseconds first_token_of(const config::Config& config, const Ask& ask, NameIx api) {
    const nanoseconds measured = ask.api_first_token == nullptr
                                     ? nanoseconds{0}
                                     : ask.api_first_token(ask.api_first_token_context, api);
    return measured > nanoseconds{0}
               ? measured
               : nanoseconds{api_first_token} / std::max<std::int64_t>(config.speed, 1);
}

/// The APIs of an arrival in the order in which they are tried.
class Choices {
public:
    explicit Choices(gate::Arrival& arrival) : arrival_{arrival} {}

    /// Puts `choice` among those from `first` on, lowest rank first, else as they come; the last
    /// one falls out when there is no room.
    void insert(std::size_t first, std::int64_t rank, const gate::ApiChoice& choice) {
        std::size_t at = arrival_.api_count;
        while (at > first && ranks_[at - 1] > rank) {
            --at;
        }
        if (at == gate::api_choices_max) {
            return;
        }
        arrival_.api_count = static_cast<std::uint8_t>(
            std::min<std::size_t>(arrival_.api_count + 1u, gate::api_choices_max));
        for (std::size_t i = arrival_.api_count - 1u; i > at; --i) {
            arrival_.apis[i] = arrival_.apis[i - 1];
            ranks_[i] = ranks_[i - 1];
        }
        arrival_.apis[at] = choice;
        ranks_[at] = rank;
    }

    [[nodiscard]] gate::Arrival& arrival() noexcept { return arrival_; }

private:
    gate::Arrival& arrival_;
    std::array<std::int64_t, gate::api_choices_max> ranks_{};
};

std::int64_t rank_of(
    const config::Config& config,
    const config::Route& route,
    const Ask& ask,
    const gate::ApiChoice& choice) {
    switch (route.prefer) {
        case config::Prefer::cheapest:
            return choice.expected_report;
        case config::Prefer::fastest:
            return first_token_of(config, ask, choice.source).count();
        case config::Prefer::listed:
            break;
    }
    return 0;
}

/// Adds the priced offers of one model to the arrival.
void add_apis(
    const Catalogue& catalogue,
    const config::Route& route,
    const ModelEntry& entry,
    const Ask& ask,
    const Bounds& bounds,
    Choices& choices,
    Dropped& dropped) {
    const std::size_t first = choices.arrival().api_count;
    for (const ApiOffer& api : entry.apis) {
        if (api.is_retired(ask.today)) {
            dropped.retired = &api;
            continue;
        }
        if (ask.openai_only && api.is_anthropic) {
            dropped.dialect = true;
            continue;
        }
        const auto priced = price(catalogue, api, ask);
        if (!priced) {
            continue;
        }
        if (bounds.max_cost && priced->most_report > *bounds.max_cost) {
            dropped.add(priced->most_report, *bounds.max_cost);
            dropped.by_request = bounds.max_cost_by_request;
            continue;
        }
        const gate::ApiChoice& choice = priced->choice;
        choices.insert(first, rank_of(catalogue.config, route, ask, choice), choice);
    }
}

/// Budgets that count this request wherever it goes.
struct CommonBudgets {
    std::uint64_t apis{0};     ///< all its API money
    std::uint64_t charged{0};  ///< of those, what it is charged by a worker, too
};

CommonBudgets common_budgets(
    const config::Config& config, const config::Route& route, const Ask& ask) {
    CommonBudgets budgets;
    for (std::size_t i = 0; i < config.budgets.size(); ++i) {
        const config::BudgetScope& scope = config.budgets[i].scope;
        const bool everything = scope == config::BudgetScope{};
        const bool charged = (!scope.key.empty() && scope.key == ask.key_name) ||
                             (!scope.team.empty() && scope.team == ask.team) ||
                             (!scope.route.empty() && scope.route == route.name);
        const std::uint64_t bit = std::uint64_t{1} << i;
        budgets.charged |= charged ? bit : 0;
        budgets.apis |= charged || everything || scope.kind == "api" ? bit : 0;
    }
    return budgets;
}

void set_times(
    const config::Config& config, const Bounds& bounds, const Ask& ask, gate::Arrival& arrival) {
    const config::Slo& slo = config.slo;
    const nanoseconds per_token = nanoseconds{slo.first_token_per_1k} / 1000;
    const nanoseconds first = slo.first_token + per_token * ask.tokens_in;
    const std::size_t next = arrival.apis_first < arrival.api_count ? arrival.apis_first : 0;
    arrival.api_first_token = first_token_of(config, ask, arrival.apis[next].source);
    // What is left for waiting if the API is to be in time too. One that never is gains nothing
    // from being asked sooner.
    const nanoseconds left =
        arrival.api_first_token < first ? first - arrival.api_first_token : first;
    const nanoseconds patience = left / 1000 * slo.patience_millis;
    const bool apis = arrival.api_count > 0;
    const nanoseconds grace =
        apis ? nanoseconds{api_full_grace} / std::max<std::int64_t>(config.speed, 1)
             : nanoseconds{0};
    // A deadline of the request's own only shortens a wait.
    const auto wait = [&bounds](nanoseconds otherwise) {
        const nanoseconds longest = bounds.max_wait ? nanoseconds{*bounds.max_wait} : otherwise;
        return bounds.deadline ? std::min(longest, nanoseconds{*bounds.deadline}) : longest;
    };
    arrival.give_up_at = ask.now + wait(2 * first) + grace;
    // Who may wait longer than that is not late before.
    arrival.first_token_by = ask.now + std::max(first, wait(first));
    arrival.per_output_token = slo.per_output_token;
    arrival.overflow_at = BootTime::max();
    if (apis) {
        arrival.overflow_at = ask.now + wait(patience);
        if (arrival.model == NameIx{}) {
            arrival.overflow_at = ask.now;
        }
    }
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
    if (dropped.most_report >= 0) {
        const Currency currency = catalogue.config.currency.report;
        return fail(
            Errc::refused,
            fmt::format(
                "the cheapest source may cost {}, {} allows {} a request; ask for fewer "
                "tokens (max_tokens)",
                to_text(Money{dropped.most_report, currency}),
                dropped.by_request ? std::string{max_cost_header}
                                   : fmt::format("route '{}'", route.name),
                to_text(Money{dropped.limit, currency})));
    }
    if (dropped.dialect) {
        return fail(
            Errc::invalid_argument,
            fmt::format(
                "whoever serves model '{}' speaks Anthropic's dialect: ask for chat completions or "
                "messages",
                asked.model->name));
    }
    if (dropped.retired != nullptr) {
        return fail(
            Errc::unavailable,
            fmt::format(
                "model '{}' has no usable offer: '{}' was retired on {}",
                asked.model->name,
                dropped.retired->seller_model,
                config::to_text(config::Date{dropped.retired->retires})));
    }
    return fail(
        Errc::unavailable,
        fmt::format("model '{}' has no usable offer at the moment", asked.model->name));
}

}  // namespace

Result<RoutePlan> plan(const Catalogue& catalogue, const Ask& ask_as_given) {
    const auto considered = consider(catalogue, ask_as_given);
    if (!considered) {
        return std::unexpected{considered.error()};
    }
    const auto& [ask, asked, route, models, bounds] = *considered;
    const config::Config& config = catalogue.config;
    RoutePlan plan{.route = route};
    gate::Arrival& arrival = plan.arrival;
    Choices choices{arrival};
    Dropped dropped;
    for (const ModelEntry* entry : models.all()) {
        const bool workers = route->stay_own ? entry->has_own : entry->has_workers;
        if (workers && arrival.model == NameIx{}) {
            plan.model = entry;
            arrival.model = entry->ix;
            arrival.apis_first = arrival.api_count;
        }
        if (!route->stay_own) {
            add_apis(catalogue, *route, *entry, ask, bounds, choices, dropped);
        }
    }
    if (arrival.model == NameIx{} && arrival.api_count == 0) {
        return nothing_left(catalogue, *route, *asked, dropped);
    }
    if (plan.model == nullptr) {
        plan.model = models.list[0];
    }
    arrival.key = ask.key;
    arrival.route = catalogue.routes[static_cast<std::size_t>(route - config.routes.data())];
    arrival.own_only = route->stay_own;
    arrival.revision = catalogue.revision;
    const CommonBudgets budgets = common_budgets(config, *route, ask);
    arrival.budgets = budgets.apis;
    if (arrival.model != NameIx{} && plan.model->internal_price != nullptr) {
        const InternalHold hold = internal_hold(catalogue, *plan.model, ask);
        arrival.internal_hold = hold.report;
        arrival.internal_budgets = budgets.charged | plan.model->budgets;
        plan.internal_tokens_out = hold.tokens_out;
    }
    arrival.tokens_in = ask.tokens_in;
    const auto bounded = [&ask](std::int64_t tokens) {
        return ask.max_tokens > 0 ? std::min(tokens, ask.max_tokens) : tokens;
    };
    arrival.tokens_out = bounded(ask.tokens_out_guess);
    arrival.tokens_out_room = bounded(ask.tokens_out_guess + ask.tokens_out_deviation);
    arrival.streams = ask.streams;
    set_times(config, bounds, ask, arrival);
    return plan;
}

}  // namespace evenkeel::routing
