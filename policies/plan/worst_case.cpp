#include "policies/plan/worst_case.hpp"

#include "policies/routing/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace evenkeel::plan {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t hour_ms = 3'600'000;

std::int64_t add(std::int64_t a, std::int64_t b) {
    return a > most - b ? most : a + b;
}
std::int64_t scaled(std::int64_t value, std::int64_t num, std::int64_t den) {
    return mul_div(value, num, den, Rounding::up).value_or(most);
}
std::int64_t in_report(const config::Config& config, Money amount) {
    return routing::to_report(config.currency, amount, Rounding::up).value_or(most);
}

std::string machines_text(int count) {
    return fmt::format("{} machine{}", count, count == 1 ? "" : "s");
}

/// A limit at which spending stops, by the day.
struct Stop {
    std::int64_t nanos{most};
    std::string what{};  ///< "60 AUD a day (rentals-per-day)"

    void at_most(std::int64_t other, std::string text) {
        if (other < nanos) {
            nanos = other;
            what = std::move(text);
        }
    }
};

/// Lets `budget` lower `stop` from its first step that stops rentals, or APIs, on.
void lower(Stop& stop, const config::Config& config, const config::Budget& budget, bool rentals) {
    for (const auto& [percent, action] : budget.at) {
        const bool stops = action == config::BudgetAction::refuse ||
                           action == config::BudgetAction::local_only ||
                           (rentals && action == config::BudgetAction::no_new_machines);
        if (!stops) {
            continue;
        }
        const int windows = budget.per == config::BudgetPer::hour ? 24 : 1;
        stop.at_most(
            scaled(in_report(config, budget.limit), std::int64_t{percent} * windows, 100),
            fmt::format(
                "{}{} {} ({})",
                percent == 100 ? "" : fmt::format("{} % of ", percent),
                to_text(budget.limit),
                per_text(budget.per),
                budget.name));
        return;
    }
}

bool is_unscoped(const config::BudgetScope& scope) {
    return scope == config::BudgetScope{};
}

/// What one scaling entry may run.
struct Entry {
    const config::Scaling* rule{nullptr};
    std::set<std::string_view> providers{};
    std::int64_t hour{0};  ///< report nanos of one machine
    int machines{0};
};

int provider_room(const config::Config& config, const std::set<std::string_view>& names) {
    int room = 0;
    for (const std::string_view name : names) {
        const config::Provider* provider = config.provider(name);
        room += provider == nullptr ? 0 : provider->max_machines;
    }
    return room;
}

/// `never` still keeps `min` machines.
int most_of(const config::Scaling& rule) {
    return rule.rule == config::RentRule::never ? std::min(rule.min, rule.max) : rule.max;
}

std::vector<Entry> entries_of(const config::Config& config) {
    std::vector<Entry> entries;
    for (const config::Scaling& rule : config.scaling) {
        Entry entry{.rule = &rule};
        for (const std::string& name : rule.offers) {
            if (const auto [model, offer] = config.offer(name); offer != nullptr) {
                entry.providers.insert(offer->on);
            }
        }
        entry.hour = in_report(config, rule.max_price.per_display_unit());
        entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, {}, [](const Entry& entry) {
        return std::pair{-entry.hour, std::string_view{entry.rule->name}};
    });
    int left = config.safety.max_machines;
    for (Entry& entry : entries) {
        entry.machines =
            std::min({left, most_of(*entry.rule), provider_room(config, entry.providers)});
        left -= entry.machines;
    }
    std::erase_if(entries, [](const Entry& entry) { return entry.machines == 0; });
    return entries;
}

/// Orders stop there for this entry alone.
Stop own_stop(const config::Config& config, const Entry& entry) {
    Stop stop;
    for (const config::Budget& budget : config.budgets) {
        const bool is_only_provider =
            entry.providers.size() == 1 && budget.scope.provider == *entry.providers.begin();
        const bool is_models = budget.scope.model == entry.rule->model &&
                               !routing::is_charged_internally(config, entry.rule->model);
        if (is_models || is_only_provider) {
            lower(stop, config, budget, /*rentals=*/true);
        }
    }
    return stop;
}

/// Orders of all entries stop there.
Stop shared_stop(const config::Config& config) {
    Stop stop;
    for (const config::Budget& budget : config.budgets) {
        if (is_unscoped(budget.scope) || budget.scope.kind == "rental") {
            lower(stop, config, budget, /*rentals=*/true);
        }
    }
    if (const auto& cap = config.safety.max_per_day) {
        stop.at_most(
            in_report(config, *cap), fmt::format("{} (safety.max_per_day)", to_text(*cap)));
    }
    return stop;
}

/// What the machines of an entry cost if each runs on until its latest end.
std::int64_t run_on(const Entry& entry) {
    const std::int64_t life = std::min<std::int64_t>(entry.rule->max_life.count(), day_ms);
    return scaled(scaled(entry.hour, entry.machines, 1), life, hour_ms);
}

std::string stopped_text(const Stop& stop, int machines) {
    return fmt::format(
        "orders stop at {}; {} may then run on until max_life", stop.what, machines_text(machines));
}

DayCap rentals(const config::Config& config) {
    DayCap cap{.amount = Money{0, config.currency.report}};
    const std::vector<Entry> entries = entries_of(config);
    if (entries.empty()) {
        cap.why = "nothing is rented";
        return cap;
    }
    std::int64_t sum = 0;
    std::int64_t after_stop = 0;
    int machines = 0;
    std::string parts;
    for (const Entry& entry : entries) {
        std::int64_t day = scaled(scaled(entry.hour, entry.machines, 1), 24, 1);
        std::string part = fmt::format(
            "{} x 24 h x {}", machines_text(entry.machines), to_text(entry.rule->max_price));
        const Stop stop = own_stop(config, entry);
        if (const std::int64_t held = add(stop.nanos, run_on(entry));
            stop.nanos != most && held < day) {
            day = held;
            part = stopped_text(stop, entry.machines);
        }
        sum = add(sum, day);
        after_stop = add(after_stop, run_on(entry));
        machines += entry.machines;
        parts += (parts.empty() ? "" : " + ") + part;
    }
    cap.why = std::move(parts);
    if (const auto& rate = config.safety.max_rate_per_hour) {
        const std::int64_t day = scaled(in_report(config, *rate), 24, 1);
        after_stop = std::min(after_stop, day);
        if (day < sum) {
            sum = day;
            cap.why = fmt::format("24 h x {}/h (safety.max_rate)", to_text(*rate));
        }
    }
    const Stop stop = shared_stop(config);
    if (const std::int64_t held = add(stop.nanos, after_stop); stop.nanos != most && held < sum) {
        sum = held;
        cap.why = stopped_text(stop, machines);
    }
    cap.amount = Money{sum, config.currency.report};
    return cap;
}

DayCap apis(const config::Config& config) {
    std::set<std::string_view> sellers;
    for (const config::Model& model : config.models) {
        for (const config::Offer& offer : model.offers) {
            if (offer.token_price) {
                sellers.insert(offer.on);
            }
        }
    }
    if (sellers.empty()) {
        return {.amount = Money{0, config.currency.report}, .why = "there is no API"};
    }
    Stop stop;
    for (const config::Budget& budget : config.budgets) {
        if (is_unscoped(budget.scope) || budget.scope.kind == "api") {
            lower(stop, config, budget, /*rentals=*/false);
        }
    }
    std::int64_t sum = 0;
    std::string parts;
    for (const std::string_view seller : sellers) {
        Stop own;
        for (const config::Budget& budget : config.budgets) {
            if (budget.scope.provider == seller) {
                lower(own, config, budget, /*rentals=*/false);
            }
        }
        sum = add(sum, own.nanos);
        parts += (parts.empty() ? "" : " + ") + own.what;
    }
    stop.at_most(sum, std::move(parts));
    if (stop.nanos == most) {
        return {.why = "no budget covers APIs"};
    }
    return {
        .amount = Money{stop.nanos, config.currency.report},
        .why = fmt::format("they stop at {}", stop.what)};
}

}  // namespace

std::string_view per_text(config::BudgetPer per) noexcept {
    switch (per) {
        case config::BudgetPer::hour:
            return "an hour";
        case config::BudgetPer::day:
            return "a day";
        case config::BudgetPer::month:
            return "a month";
    }
    return "";
}

WorstCase worst_case(const config::Config& config) {
    return {.rentals = rentals(config), .apis = apis(config)};
}

}  // namespace evenkeel::plan
