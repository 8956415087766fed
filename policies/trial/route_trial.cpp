#include "policies/gate/gate.hpp"
#include "policies/routing/catalogue.hpp"
#include "policies/trial/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace evenkeel::trial {
namespace {

/// When the request arrives; far enough from zero that nothing before it is below.
constexpr BootTime arrival{std::chrono::hours{1}};
constexpr UtcTime arrival_utc{std::chrono::hours{500'000}};
/// Steps of the gate's clock; each is an overflow, a refusal or slots that fall free.
constexpr int steps_max = 1'000;

Now at(BootTime boot) {
    return {
        .boot = boot,
        .utc = arrival_utc + std::chrono::duration_cast<std::chrono::microseconds>(boot - arrival)};
}

std::string_view header_of(const void* context, std::string_view name) {
    const auto& headers = *static_cast<const std::map<std::string, std::string>*>(context);
    const auto found = headers.find(std::string{name});
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::string_view text_of(void* context) {
    return *static_cast<const std::string*>(context);
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

class Play {
public:
    Play(const config::Config& config, const config::CaseWorld& world)
        : world_{world}, catalogue_{routing::compile(config, 1, names_)} {}

    RouteOutcome run(const config::CaseRequest& request, std::chrono::sys_days today) {
        std::string text = request.text;
        RouteOutcome out;
        gate::Policy limits = routing::gate_policy(*catalogue_);
        out.problem = unknown_names();
        if (out.problem.empty()) {
            out.problem = spend(limits);
        }
        if (!out.problem.empty()) {
            return out;
        }
        const auto plan = routing::plan(
            *catalogue_,
            {.model = request.model,
             .key_name = request.key,
             .key = request.key.empty() ? NameIx{}
                                        : names_.intern(routing::NameKind::key, request.key),
             .header = header_of,
             .header_context = &request.headers,
             .tokens_in = request.tokens_in,
             .max_tokens = request.max_tokens,
             .tokens_out_guess = request.tokens_out,
             .tools = request.tools,
             .images = request.images,
             .text = text_of,
             .text_context = &text,
             .now = arrival,
             .today = today});
        if (!plan) {
            out.refused = std::string{to_text(plan.error().code)};
            out.reason = out.refused;
            return out;
        }
        out.route = plan->route == nullptr ? std::string{} : plan->route->name;
        gate::Gate gate{limits};
        gate::Effects effects;
        sources(gate, effects, /*is_free=*/false, arrival);
        gate.arrive(plan->arrival, at(arrival), effects);
        follow(gate, effects, out);
        return out;
    }

private:
    [[nodiscard]] std::string unknown_names() const {
        const auto is_offer = [&](const std::string& name) {
            return catalogue_->config.offer(name).offer != nullptr;
        };
        for (const auto& [name, count] : world_.busy) {
            if (!is_offer(name)) {
                return fmt::format("given.busy names '{}', which is no offer", name);
            }
        }
        for (const auto* names : {&world_.down, &world_.rented}) {
            for (const std::string& name : *names) {
                if (!is_offer(name)) {
                    return fmt::format("given names '{}', which is no offer", name);
                }
            }
        }
        return {};
    }

    /// Books what `given.spent` says.
    std::string spend(gate::Policy& limits) {
        for (const auto& [name, amount] : world_.spent) {
            const auto found = std::ranges::find(
                limits.budgets,
                names_.find(routing::NameKind::budget, name),
                &gate::BudgetLimit::name);
            if (found == limits.budgets.end()) {
                return fmt::format("given.spent names '{}', which is no budget", name);
            }
            const auto report =
                routing::to_report(catalogue_->config.currency, amount, Rounding::up);
            if (!report) {
                return report.error().message;
            }
            found->settled = *report;
        }
        return {};
    }

    /// Says to the gate which sources there are, and how many slots each has free.
    void sources(gate::Gate& gate, gate::Effects& effects, bool is_free, BootTime now) {
        for (const config::Model& model : catalogue_->config.models) {
            for (const config::Offer& offer : model.offers) {
                const config::Provider* provider = catalogue_->config.provider(offer.on);
                if (provider == nullptr || holds(world_.down, offer.name)) {
                    continue;
                }
                if (const auto worker = worker_of(model, offer, *provider, is_free)) {
                    gate.worker_changed(*worker, at(now), effects);
                }
            }
        }
    }

    std::optional<gate::Worker> worker_of(
        const config::Model& model,
        const config::Offer& offer,
        const config::Provider& provider,
        bool is_free) {
        gate::Worker worker{
            .source = names_.intern(routing::NameKind::source, offer.name),
            .provider = names_.intern(routing::NameKind::provider, provider.name),
            .slots = offer.slots};
        switch (provider.kind) {
            case config::ProviderKind::local:
                worker.kind = SourceKind::own;
                worker.model = names_.intern(routing::NameKind::model, model.name);
                break;
            case config::ProviderKind::rental:
                if (!holds(world_.rented, offer.name)) {
                    return std::nullopt;
                }
                worker.kind = SourceKind::rental;
                worker.model = names_.intern(routing::NameKind::model, model.name);
                break;
            case config::ProviderKind::openai_compatible:
            case config::ProviderKind::anthropic:
                worker.kind = SourceKind::api;
                worker.model = names_.intern(routing::NameKind::model, model.name);
                worker.slots = provider.max_in_flight;
                break;
        }
        const auto busy = world_.busy.find(offer.name);
        if (busy != world_.busy.end() && !is_free) {
            worker.slots = std::max(0, worker.slots - busy->second);
        }
        return worker;
    }

    /// Lets time pass until the request is granted or refused.
    void follow(gate::Gate& gate, gate::Effects& effects, RouteOutcome& out) {
        BootTime now = arrival;
        bool is_freed = false;
        for (int step = 0; step < steps_max; ++step) {
            for (const gate::Effect& effect : effects) {
                if (effect.kind == gate::EffectKind::grant) {
                    out.source = std::string{names_.text(effect.source)};
                } else if (effect.kind == gate::EffectKind::refuse) {
                    out.refused = std::string{to_text(effect.reason.code)};
                } else {
                    continue;
                }
                out.reason = std::string{to_text(effect.reason.code)};
                out.at = std::chrono::duration_cast<milliseconds>(now - arrival);
                return;
            }
            effects.clear();
            const BootTime freed =
                world_.free_after && !is_freed ? arrival + *world_.free_after : BootTime::max();
            const BootTime next = std::min(gate.next_due(), freed);
            if (next == BootTime::max()) {
                break;
            }
            now = std::max(now, next);
            if (freed <= now) {
                is_freed = true;
                sources(gate, effects, /*is_free=*/true, now);
            }
            gate.due(at(now), effects);
        }
        out.refused = "waiting";  // nothing would ever end it: the gate always does
        out.reason = out.refused;
    }

    const config::CaseWorld& world_;
    routing::NameTable names_{};
    std::shared_ptr<const routing::Catalogue> catalogue_;
};

}  // namespace

RouteOutcome play_request(
    const config::Config& config,
    const config::CaseRequest& request,
    const config::CaseWorld& world,
    std::chrono::sys_days today) {
    return Play{config, world}.run(request, today);
}

}  // namespace evenkeel::trial
