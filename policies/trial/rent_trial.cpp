#include "policies/trial/rent_trial.hpp"

#include "policies/capacity/service_model.hpp"
#include "policies/routing/catalogue.hpp"
#include "policies/scaling/rent.hpp"
#include "policies/scaling/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace evenkeel::trial {
namespace {

/// When the case begins; far enough from zero for everything that was before.
constexpr BootTime begin{std::chrono::hours{24 * 60}};
constexpr UtcTime begin_utc{std::chrono::hours{500'000}};

constexpr std::array closed_reasons{
    ReasonCode::hold_provider, ReasonCode::hold_undeleted, ReasonCode::hold_balance};

/// A case in the words of the rule; `problem` says what could not be found.
class Builder {
public:
    Builder(const config::Config& config, const config::CaseWorld& world)
        : config_{config}, world_{world} {}

    std::expected<scaling::Scenario, std::string> build(const config::PolicyCase& test) {
        const auto rule = std::ranges::find(config_.scaling, test.scaling, &config::Scaling::name);
        if (rule == config_.scaling.end()) {
            return std::unexpected{fmt::format("there is no scaling entry '{}'", test.scaling)};
        }
        scaling::Scenario out{.policy = *rule, .safety = config_.safety};
        scaling::ScalingSnapshot& start = out.start;
        start.now = {.boot = begin, .utc = begin_utc};
        start.api_priced = world_.api;
        start.boot_measured = world_.boot;
        start.patience = world_.patience;
        start.own_rate = static_cast<double>(world_.own_rate_millis) / 1'000;
        start.frozen = world_.frozen;
        start.budget_blocks = world_.budget_blocks;
        start.ledger_ok = world_.ledger_ok;
        offers(*rule, start);
        machines(start);
        room(start);
        past(out);
        for (const config::CasePhase& phase : test.traffic) {
            out.phases.push_back(phase_of(phase));
        }
        if (!problem_.empty()) {
            return std::unexpected{problem_};
        }
        return out;
    }

    [[nodiscard]] std::string offer_name(NameIx ix) const {
        const auto place = static_cast<std::size_t>(ix.value());
        return place == 0 || place > names_.size() ? std::string{} : names_[place - 1];
    }

private:
    void problem(std::string text) {
        if (problem_.empty()) {
            problem_ = std::move(text);
        }
    }

    std::int64_t report(Money amount, Rounding rounding) {
        const auto nanos = routing::to_report(config_.currency, amount, rounding);
        if (!nanos) {
            problem(nanos.error().message);
        }
        return nanos.value_or(0);
    }
    std::int64_t hour_report(const Price& price) {
        return report(price.per_display_unit(), Rounding::up);
    }

    NameIx ix_of(const std::string& name) {
        const auto found = std::ranges::find(names_, name);
        if (found == names_.end()) {
            problem(fmt::format("'{}' is no offer of this case", name));
            return NameIx{};
        }
        return NameIx{static_cast<std::int32_t>(found - names_.begin() + 1)};
    }

    void offers(const config::Scaling& rule, scaling::ScalingSnapshot& start) {
        std::vector<config::CaseOffer> offers = world_.offers;
        if (offers.empty()) {
            for (const std::string& name : rule.offers) {
                offers.push_back({.name = name});
            }
        }
        for (const config::CaseOffer& offer : offers) {
            names_.push_back(offer.name);
            const auto [model, listed] = config_.offer(offer.name);
            if (!offer.price && (listed == nullptr || !listed->hour_price)) {
                problem(fmt::format("offer '{}' has no price in models.yaml", offer.name));
                continue;
            }
            const auto profile = capacity::find_profile(offer.gpu_profile);
            if (!profile) {
                problem(fmt::format("there is no GPU profile '{}'", offer.gpu_profile));
                continue;
            }
            scaling::OfferView view{
                .offer = ix_of(offer.name),
                .price = offer.price ? *offer.price : *listed->hour_price,
                .min_bill = offer.min_bill,
                .price_age = offer.price_age,
                .in_stock = offer.in_stock,
                .provider_room = offer.room,
                .profile = *profile};
            view.hour_report = hour_report(view.price);
            for (const ReasonCode code : closed_reasons) {
                if (to_text(code) == offer.closed) {
                    view.closed = Reason{.code = code};
                }
            }
            start.offers.push_back(std::move(view));
        }
    }

    void machines(scaling::ScalingSnapshot& start) {
        int place = 0;
        for (const config::CaseMachine& machine : world_.machines) {
            ++place;
            scaling::MachineView view{
                .id = MachineId{machine.id == 0 ? place : machine.id},
                .ending = machine.ending,
                .ordered_at = begin - std::max(machine.ordered, machine.serving_for),
                .failed = machine.failed,
                .in_flight = machine.in_flight,
                .last_busy = begin - machine.idle_for};
            // The key's choices are words of machine states.
            view.state = machine_state_from(machine.state).value_or(MachineState::serving);
            if (view.state == MachineState::serving) {
                view.serving_at = begin - machine.serving_for;
            }
            if (machine.price) {
                view.hour_report = hour_report(*machine.price);
            } else if (!start.offers.empty()) {
                view.hour_report = start.offers.front().hour_report;
            }
            start.machines.push_back(std::move(view));
        }
    }

    void room(scaling::ScalingSnapshot& start) {
        if (world_.budget_left) {
            start.room.budget = report(*world_.budget_left, Rounding::down);
        }
        if (world_.day_left) {
            start.room.day = report(*world_.day_left, Rounding::down);
        }
        if (world_.rate_left) {
            start.room.rate = report(world_.rate_left->per_display_unit(), Rounding::down);
        }
        start.room.creates_last_hour = world_.creates_last_hour;
        start.room.machines_total =
            world_.machines_total.value_or(static_cast<int>(world_.machines.size()));
    }

    void past(scaling::Scenario& out) {
        for (int i = 0; i < world_.failed_orders; ++i) {
            scaling::order_failed(
                out.state, NameIx{1}, /*sold_out=*/false, begin_utc, out.constants);
        }
        for (const std::string& name : world_.sold_out) {
            scaling::order_failed(
                out.state, ix_of(name), /*sold_out=*/true, begin_utc, out.constants);
        }
        for (const auto& [name, count] : world_.failed_machines) {
            const NameIx ix = ix_of(name);
            for (int i = 0; i < count; ++i) {
                scaling::machine_failed(out.state, ix, begin_utc, out.constants);
            }
        }
    }

    scaling::Phase phase_of(const config::CasePhase& phase) {
        const auto hour = [&](const std::optional<Price>& price) {
            return price ? hour_report(*price) : 0;
        };
        const auto machines = [](std::int64_t millis) {
            return static_cast<double>(millis) / 1'000;
        };
        return {
            .length = phase.length,
            .overflow_hour = hour(phase.overflow),
            .overflow_machines = machines(phase.overflow_machines_millis),
            .refused_hour = hour(phase.refused),
            .refused_machines = machines(phase.refused_machines_millis),
            .rented_hour = hour(phase.rented),
            .rented_machines = machines(phase.rented_machines_millis),
            .own_machines = machines(phase.own_machines_millis),
            .waiting = phase.waiting,
            .waiting_tokens_in = phase.waiting_tokens_in,
            .waiting_tokens_out = phase.waiting_tokens_out};
    }

    const config::Config& config_;
    const config::CaseWorld& world_;
    std::vector<std::string> names_{};  ///< of the offers; the number of one is its place
    std::string problem_{};
};

}  // namespace

std::string to_text(const RentOutcome& outcome) {
    std::string out = outcome.decision;
    if (outcome.decision == "order") {
        out += fmt::format(" {} from {}", outcome.count, outcome.offer);
    } else if (outcome.decision == "release") {
        out += fmt::format(" machine {}", outcome.machine);
    }
    return out + fmt::format(" ({}) after {} s", outcome.reason, outcome.at.count() / 1'000);
}

std::expected<std::vector<RentOutcome>, std::string> play_scaling(
    const config::Config& config, const config::PolicyCase& test, std::size_t most) {
    Builder builder{config, test.world};
    const auto scenario = builder.build(test);
    if (!scenario) {
        return std::unexpected{scenario.error()};
    }
    std::vector<RentOutcome> out;
    for (const auto& [at, decision] : scaling::play(*scenario, most)) {
        out.push_back(
            {.decision = std::string{to_text(decision.kind)},
             .offer = builder.offer_name(decision.offer),
             .count = decision.count,
             .machine = static_cast<int>(decision.machine.value()),
             .reason = std::string{to_text(decision.reason.code)},
             .at = at});
    }
    return out;
}

}  // namespace evenkeel::trial
