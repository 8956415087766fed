#include "policies/plan/assess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace evenkeel::plan {
namespace {

/// Keys that the agent reads at its start only. With another currency.report it takes nothing of a
/// configuration before a restart.
constexpr std::array<std::string_view, 5> restart_keys{
    "listen.", "limits.", "report_zone", "currency.report", "speed"};

const config::Budget* budget_of(const config::Config& config, std::string_view name) {
    const auto it = std::ranges::find(config.budgets, name, &config::Budget::name);
    return it == config.budgets.end() ? nullptr : &*it;
}
const config::Route* route_of(const config::Config& config, std::string_view name) {
    const auto it = std::ranges::find(config.routes, name, &config::Route::name);
    return it == config.routes.end() ? nullptr : &*it;
}
const config::Scaling* rule_of(const config::Config& config, std::string_view model) {
    const auto it = std::ranges::find(config.scaling, model, &config::Scaling::model);
    return it == config.scaling.end() ? nullptr : &*it;
}

/// What a budget stops, whatever the share.
struct Stops {
    bool apis{false};
    bool rentals{false};
};
Stops stops_of(const config::Budget& budget) {
    Stops stops;
    for (const auto& [percent, action] : budget.at) {
        const bool both =
            action == config::BudgetAction::refuse || action == config::BudgetAction::local_only;
        stops.apis = stops.apis || both;
        stops.rentals = stops.rentals || both || action == config::BudgetAction::no_new_machines;
    }
    return stops;
}

class Assessor {
public:
    Assessor(const config::Config& before, const config::Config& after, Assessment& out)
        : before_{before}, after_{after}, out_{out} {}

    void limits() {
        for (const config::Budget& budget : before_.budgets) {
            limit_of(budget);
        }
        const auto cap = [&](const std::optional<Money>& old,
                             const std::optional<Money>& now,
                             std::string_view key,
                             std::string_view unit) {
            if (old && !now) {
                gone(
                    std::string{key},
                    fmt::format("the limit {} of {}{} disappears", key, to_text(*old), unit));
            }
        };
        cap(before_.safety.max_rate_per_hour,
            after_.safety.max_rate_per_hour,
            "safety.max_rate",
            "/h");
        cap(before_.safety.max_per_day, after_.safety.max_per_day, "safety.max_per_day", "");
        for (const config::Route& route : before_.routes) {
            const config::Route* now = route_of(after_, route.name);
            if (now == nullptr) {
                continue;
            }
            if (route.max_cost && !now->max_cost) {
                gone(
                    fmt::format("routes.{}.max_cost", route.name),
                    fmt::format(
                        "requests of route {} may cost any amount (was {} at most)",
                        route.name,
                        to_text(*route.max_cost)));
            }
            if (route.stay_own && !now->stay_own) {
                gone(
                    fmt::format("routes.{}.stay", route.name),
                    fmt::format("prompts of route {} may leave the house", route.name));
            }
        }
    }

    void worst() {
        out_.before = worst_case(before_);
        out_.after = worst_case(after_);
        rise(out_.before.rentals, out_.after.rentals, rentals_name, "rentals");
        rise(out_.before.apis, out_.after.apis, apis_name, "APIs");
    }

    void machines(std::span<const Running> running) {
        for (const config::Scaling& rule : after_.scaling) {
            const auto count = std::ranges::count(running, rule.model, &Running::model);
            if (count < rule.min) {
                out_.at_once.push_back(fmt::format(
                    "{} {} ordered for {} (min {})",
                    rule.min - count,
                    rule.min - count == 1 ? "machine is" : "machines are",
                    rule.model,
                    rule.min));
            }
            if (count > rule.max) {
                out_.at_once.push_back(fmt::format(
                    "{} of {} machines for {} {} given back (max {})",
                    count - rule.max,
                    count,
                    rule.model,
                    count - rule.max == 1 ? "is" : "are",
                    rule.max));
            }
        }
        for (const Running& machine : running) {
            if (rule_of(after_, machine.model) == nullptr) {
                out_.at_once.push_back(fmt::format(
                    "{} is drained and destroyed: no scaling entry is for {}",
                    machine.name,
                    machine.model));
            }
            if (after_.provider(machine.provider) == nullptr) {
                out_.warnings.push_back(fmt::format(
                    "{} still runs at {}, which the draft no longer names: keep the provider until "
                    "the machine is gone",
                    machine.name,
                    machine.provider));
            }
        }
    }

private:
    void gone(std::string name, std::string why) {
        out_.warnings.push_back(why);
        confirm(std::move(name), std::move(why));
    }
    void confirm(std::string name, std::string why) {
        if (std::ranges::find(out_.confirm, name, &Confirmation::name) == out_.confirm.end()) {
            out_.confirm.push_back({.name = std::move(name), .why = std::move(why)});
        }
    }

    void limit_of(const config::Budget& budget) {
        const config::Budget* now = budget_of(after_, budget.name);
        const Stops old = stops_of(budget);
        if (now == nullptr) {
            if (old.apis || old.rentals) {
                gone(budget.name, fmt::format("the budget {} disappears", budget.name));
            }
            return;
        }
        const Stops left = stops_of(*now);
        if ((old.apis && !left.apis) || (old.rentals && !left.rentals)) {
            gone(
                budget.name,
                fmt::format(
                    "the budget {} no longer stops {}",
                    budget.name,
                    old.apis && !left.apis ? "API calls" : "rentals"));
        }
        if (budget.scope != now->scope && now->scope != config::BudgetScope{}) {
            gone(
                budget.name,
                fmt::format("the budget {} no longer covers what it covered", budget.name));
        }
    }

    void rise(const DayCap& old, const DayCap& now, std::string_view name, std::string_view what) {
        const bool is_unbounded = old.amount && !now.amount;
        const bool is_more = old.amount && now.amount &&
                             // now > 1.5 x old, without leaving the range
                             now.amount->nanos() - old.amount->nanos() > old.amount->nanos() / 2;
        if (is_unbounded || is_more) {
            confirm(
                std::string{name},
                is_unbounded
                    ? fmt::format("the worst case of {} per day has no limit any more", what)
                    : fmt::format("the worst case of {} per day rises by more than half", what));
        }
    }

    const config::Config& before_;
    const config::Config& after_;
    Assessment& out_;
};

}  // namespace

Assessment assess(
    const config::Config& before,
    const config::Config& after,
    std::span<const config::Change> found,
    std::span<const Running> machines) {
    Assessment out;
    Assessor assessor{before, after, out};
    assessor.limits();
    assessor.worst();
    assessor.machines(machines);
    for (const config::Change& change : found) {
        const std::string path = change.path();
        if (change.file == config::File::evenkeel &&
            std::ranges::any_of(restart_keys, [&](std::string_view key) {
                return key.ends_with('.') ? path.starts_with(key) : path == key;
            })) {
            out.at_restart.push_back(path);
        }
    }
    return out;
}

}  // namespace evenkeel::plan
