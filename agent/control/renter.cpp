#include "agent/control/renter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <span>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::size_t decisions_max = 50;
constexpr std::size_t boots_max = 20;
constexpr std::chrono::seconds save_every{10};
constexpr std::chrono::seconds own_window{5};
constexpr std::int64_t state_version = 1;

bool contains_nocase(std::string_view text, std::string_view part) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
    };
    return !std::ranges::search(text, part, same).empty();
}

/// Billions of parameters, as a model's name says them: 32 of "QwQ-32B". Nothing for names without,
/// or with experts ("8x7b").
std::optional<int> billions_of(std::string_view model) {
    for (std::size_t i = 0; i < model.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return at < model.size() && model[at] >= '0' && model[at] <= '9';
        };
        if (!digit(i) || (i > 0 && std::string_view{"-_/: "}.find(model[i - 1]) == model.npos)) {
            continue;
        }
        int size = 0;
        std::size_t end = i;
        for (; digit(end) && size < 10'000; ++end) {
            size = size * 10 + (model[end] - '0');
        }
        const bool unit = end < model.size() && (model[end] == 'b' || model[end] == 'B');
        const bool ends = end + 1 >= model.size() ||
                          std::isalnum(static_cast<unsigned char>(model[end + 1])) == 0;
        if (unit && ends) {
            return size;
        }
    }
    return std::nullopt;
}

}  // namespace

capacity::Profile nearest_profile(std::string_view gpu, std::string_view model) {
    return rental_profile(gpu, model)
        .value_or(capacity::find_profile("h100-32b-fp8").value_or(capacity::Profile{}));
}

std::optional<capacity::Profile> rental_profile(std::string_view gpu, std::string_view model) {
    const auto size = billions_of(model);
    if (!size || *size > 72) {
        return std::nullopt;
    }
    const bool large = *size > 34;
    if (contains_nocase(gpu, "5090")) {
        return capacity::find_profile(large ? "2x5090-70b-awq" : "5090-32b-awq");
    }
    if (contains_nocase(gpu, "h100")) {
        return capacity::find_profile(large ? "h100-70b-awq" : "h100-32b-fp8");
    }
    return std::nullopt;
}

std::optional<capacity::Profile> placing_profile(std::string_view gpu, std::string_view model) {
    const int size = billions_of(model).value_or(0);
    const bool near = (size >= 27 && size <= 34) || (size >= 60 && size <= 72);
    return near ? rental_profile(gpu, model) : std::nullopt;
}

std::optional<breakeven::Exact> tokens_per_s(std::string_view gpu, std::string_view model) {
    const auto profile = rental_profile(gpu, model);
    if (!profile) {
        return std::nullopt;
    }
    constexpr std::int64_t in = 4'000'000;
    constexpr std::int64_t out = 1'000'000;
    const double seconds = capacity::least_seconds(*profile, in, out);
    return breakeven::Exact{static_cast<std::int64_t>(static_cast<double>(in + out) / seconds)};
}

std::int64_t Renter::report(Money amount) const {
    return routing::to_report(catalogue_->config.currency, amount, Rounding::up).value_or(0);
}

void Renter::recover(const std::vector<ledger::RentStateRow>& states) {
    for (const ledger::RentStateRow& state : states) {
        if (state.version == state_version) {
            stored_[state.model] = state.bytes;
        }
    }
}

void Renter::apply(std::shared_ptr<const routing::Catalogue> catalogue) {
    catalogue_ = std::move(catalogue);
    constants_ = scaling::Constants::scaled(catalogue_->config.speed);
    std::map<std::string, Rule> rules;
    for (const config::Scaling& scaling : catalogue_->config.scaling) {
        Rule rule;
        const auto known = rules_.find(scaling.name);
        const NameIx model = parts_.names.intern(routing::NameKind::model, scaling.model);
        if (known != rules_.end() && known->second.model == model) {
            rule = std::move(known->second);
        } else if (auto stored = stored_.extract(model)) {
            // Once: a rule that leaves the policy and comes back begins without debts of old.
            if (auto state = scaling::from_bytes(stored.mapped())) {
                rule.state = std::move(*state);
            } else {
                spdlog::warn("rule={} {}", scaling.name, state.error().message);
            }
        }
        rule.scaling = scaling;
        if (const auto follows = followed_.find(scaling.name);
            scaling.rule_auto && follows != followed_.end()) {
            rule.scaling.rule = follows->second.rule;
        }
        rule.model = model;
        rules.emplace(scaling.name, std::move(rule));
    }
    rules_ = std::move(rules);
}

void Renter::note(std::string what, std::string subject, const Reason& reason) {
    decisions_.push_front(
        {.at = parts_.clock.read().utc,
         .what = std::move(what),
         .subject = std::move(subject),
         .sentence = sentence(reason, catalogue_->config.currency.report.text())});
    if (decisions_.size() > decisions_max) {
        decisions_.pop_back();
    }
}

void Renter::measure_own(
    Rule& rule, const gate::Counters& counters, const capacity::Profile& rented) {
    const BootTime now = parts_.clock.read().boot;
    if (now - rule.own_since < std::chrono::nanoseconds{own_window} / catalogue_->config.speed) {
        return;
    }
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    for (const gate::SourceCounters& source : counters.sources) {
        if (source.kind == SourceKind::own && source.model == rule.model) {
            tokens_in += source.tokens_in;
            tokens_out += source.tokens_out;
        }
    }
    if (rule.own_since != BootTime{}) {
        const double seconds = std::chrono::duration<double>(now - rule.own_since).count() *
                               static_cast<double>(catalogue_->config.speed);
        rule.own_rate =
            capacity::least_seconds(
                rented, tokens_in - rule.own_tokens_in, tokens_out - rule.own_tokens_out) /
            seconds;
    }
    rule.own_tokens_in = tokens_in;
    rule.own_tokens_out = tokens_out;
    rule.own_since = now;
}

std::optional<std::int64_t> Renter::queue_elsewhere(
    const config::Scaling& scaling,
    const gate::ModelCounters& demand,
    std::chrono::sys_days today) const {
    const auto* other = scaling.worth_it ? catalogue_->model(scaling.worth_it->against) : nullptr;
    std::optional<std::int64_t> least;
    for (const routing::ApiOffer& api :
         other == nullptr ? std::span<const routing::ApiOffer>{} : std::span{other->apis}) {
        if (api.is_retired(today)) {
            continue;
        }
        const config::TokenRates rates = config::rates_of(api.price, 0);
        const std::int64_t cost =
            report(
                rates.in.cost(std::max<std::int64_t>(demand.queued_tokens_in, 0), Rounding::up)) +
            report(
                rates.out.cost(std::max<std::int64_t>(demand.queued_tokens_out, 0), Rounding::up));
        least = std::min(least.value_or(cost), cost);
    }
    return least;
}

scaling::ScalingSnapshot Renter::snapshot(
    Rule& rule, const gate::Counters& counters, const Conditions& conditions) {
    const Now now = parts_.clock.read();
    const config::Config& config = catalogue_->config;
    scaling::ScalingSnapshot snapshot{.now = now};
    const auto demand = std::ranges::find(counters.models, rule.model, &gate::ModelCounters::model);
    if (demand != counters.models.end()) {
        snapshot.demand = *demand;
    }
    snapshot.demand.model = rule.model;
    const auto today = std::chrono::floor<std::chrono::days>(now.utc);
    snapshot.api_priced =
        std::ranges::any_of(catalogue_->models, [&](const routing::Catalogue::ModelEntry& entry) {
            return std::ranges::any_of(
                       entry.apis,
                       [&](const routing::ApiOffer& api) { return !api.is_retired(today); }) &&
                   (entry.ix == rule.model ||
                    std::ranges::any_of(config.routes, [&](const config::Route& route) {
                        return !route.stay_own &&
                               std::ranges::find(route.use, rule.scaling.model) !=
                                   route.use.end() &&
                               std::ranges::find(route.use, entry.model->name) != route.use.end();
                    }));
        });
    std::map<std::string, int> live;
    for (const auto& [id, seat] : parts_.fleet.seats()) {
        ++live[seat.machine.provider];
        if (seat.names.model != rule.model) {
            continue;
        }
        const auto source =
            std::ranges::find(counters.sources, seat.names.source, &gate::SourceCounters::source);
        const Price& price = seat.machine.real_price.value_or(seat.machine.intent_price);
        scaling::MachineView view{
            .id = id,
            .state = seat.machine.state,
            .ending = seat.machine.end_asked.has_value(),
            .ordered_at = seat.machine.wanted_at.boot,
            .failed = lifecycle::ends_by_fault(seat.machine),
            .in_flight = seat.in_flight,
            .hour_report = report(price.per_display_unit())};
        if (seat.machine.serving_at) {
            view.serving_at = seat.machine.serving_at->boot;
            view.last_busy = *view.serving_at;
        }
        if (source != counters.sources.end()) {
            view.worth = source->worth;
            view.last_busy = std::max(view.last_busy, source->last_busy);
        }
        snapshot.machines.push_back(view);
    }
    for (const std::string& name : rule.scaling.offers) {
        const auto [model, offer] = config.offer(name);
        if (offer == nullptr) {
            continue;
        }
        const auto found = parts_.market.find(*offer);
        const config::Provider* provider = config.provider(offer->on);
        if (!found || provider == nullptr) {
            continue;
        }
        const capacity::Profile seed = nearest_profile(offer->gpu, rule.scaling.model);
        const auto age =
            std::chrono::duration_cast<std::chrono::milliseconds>(now.utc - found->seen);
        const Reason closed = parts_.fleet.closed(offer->on);
        snapshot.offers.push_back(
            {.offer = parts_.names.intern(routing::NameKind::offer, name),
             .price = found->price,
             .hour_report = report(found->price.per_display_unit()),
             .min_bill = found->min_bill,
             .price_age = std::max(age, std::chrono::milliseconds{0}),
             .in_stock = found->in_stock,
             .closed = closed.code != ReasonCode::none
                           ? closed
                           : parts_.market.closed(offer->on, found->price),
             .provider_room = provider->max_machines - live[offer->on] - parts_.fleet.ordering(),
             .profile =
                 parts_.speeds == nullptr ? seed : parts_.speeds->profile(*model, *offer, seed)});
    }
    snapshot.boot_measured = boot_measured();
    if (!snapshot.offers.empty()) {
        measure_own(rule, counters, snapshot.offers.front().profile);
    }
    snapshot.own_rate = rule.own_rate;
    snapshot.patience = config.slo.first_token * config.slo.patience_millis / 1000;
    for (const scaling::OfferView& offer : snapshot.offers) {
        const std::string provider = config.offer(parts_.names.text(offer.offer)).offer->on;
        const auto left = parts_.exposure.headroom(counters, provider, rule.scaling.model);
        if (left) {
            snapshot.room.budget =
                snapshot.room.budget ? std::min(*snapshot.room.budget, *left) : *left;
        }
    }
    snapshot.budget_blocks = snapshot.room.budget && *snapshot.room.budget <= 0;
    snapshot.queue_elsewhere = queue_elsewhere(rule.scaling, snapshot.demand, today);
    if (config.safety.max_per_day) {
        snapshot.room.day = report(*config.safety.max_per_day) - parts_.exposure.day();
    }
    if (config.safety.max_rate_per_hour) {
        snapshot.room.rate = report(*config.safety.max_rate_per_hour) - parts_.exposure.rate();
    }
    snapshot.room.creates_last_hour = static_cast<int>(parts_.fleet.creates_last_hour().size());
    snapshot.room.machines_total =
        static_cast<int>(parts_.fleet.seats().size()) + parts_.fleet.ordering();
    snapshot.frozen = conditions.frozen || conditions.stopping;
    snapshot.ledger_ok = conditions.ledger_ok;
    return snapshot;
}

void Renter::tick(const gate::Counters& counters, const Conditions& conditions) {
    for (auto& [name, rule] : rules_) {
        if (parts_.fleet.ordering() > 0) {
            continue;  // an order is between hold and intent: not yet visible as a machine
        }
        const scaling::ScalingSnapshot seen = snapshot(rule, counters, conditions);
        scaling::Outcome outcome =
            scaling::step(rule.state, seen, rule.scaling, catalogue_->config.safety, constants_);
        rule.state = std::move(outcome.state);
        bool decided = false;
        ReasonCode hold = ReasonCode::none;
        for (const scaling::Decision& decision : outcome.decisions) {
            if (decision.kind == scaling::DecisionKind::hold) {
                hold = decision.reason.code;
                if (hold != rule.last_hold) {
                    perform(rule, decision);
                }
                continue;
            }
            decided = true;
            perform(rule, decision);
        }
        // A hold that comes and goes with the signals is told once until something is decided.
        if (decided) {
            rule.last_hold = ReasonCode::none;
        } else if (hold != ReasonCode::none) {
            rule.last_hold = hold;
        }
        const BootTime now = seen.now.boot;
        if (decided || now - rule.saved >= save_every) {
            rule.saved = now;
            parts_.ledger.rent_state(
                {.model = rule.model,
                 .version = state_version,
                 .bytes = scaling::to_bytes(rule.state)});
        }
    }
}

void Renter::perform(Rule& rule, const scaling::Decision& decision) {
    switch (decision.kind) {
        case scaling::DecisionKind::order:
            for (int i = 0; i < decision.count; ++i) {
                place(rule, decision);
            }
            return;
        case scaling::DecisionKind::release: {
            const auto seat = parts_.fleet.seats().find(decision.machine);
            const std::string name =
                seat == parts_.fleet.seats().end() ? "" : seat->second.source_name;
            note("release", name, decision.reason);
            spdlog::info(
                "rule={} release {} {}", rule.scaling.name, name, decisions_.front().sentence);
            parts_.ledger.decision(
                {.policy = catalogue_->revision,
                 .kind = "release",
                 .model = rule.model,
                 .machine = decision.machine,
                 .reason = decision.reason});
            parts_.fleet.drain(decision.machine, decision.reason);
            return;
        }
        case scaling::DecisionKind::hold:
            note("hold", rule.scaling.name, decision.reason);
            spdlog::info("rule={} {}", rule.scaling.name, decisions_.front().sentence);
            parts_.ledger.decision(
                {.policy = catalogue_->revision,
                 .kind = "hold",
                 .model = rule.model,
                 .reason = decision.reason});
            return;
    }
}

void Renter::place(Rule& rule, const scaling::Decision& decision) {
    const std::string offer_name{parts_.names.text(decision.offer)};
    const auto [model, offer] = catalogue_->config.offer(offer_name);
    const auto found = offer == nullptr ? std::nullopt : parts_.market.find(*offer);
    if (!found) {
        return;  // the market changed since the snapshot of this very tick: decided again next tick
    }
    note("rent", offer_name, decision.reason);
    spdlog::info("rule={} rent {} {}", rule.scaling.name, offer_name, decisions_.front().sentence);
    std::optional<std::chrono::milliseconds> measured;
    if (!boots_.empty()) {
        measured = *std::ranges::max_element(boots_);
    }
    const auto boot = scaling::boot_time(rule.scaling, measured, constants_);
    const auto min_bill =
        std::max(found->min_bill, rule.scaling.min_bill.value_or(std::chrono::milliseconds{0}));
    const Order order{
        .provider = offer->on,
        .offer = offer->name,
        .sku = found->sku,
        .region = found->region,
        .gpu = found->gpu,
        .gpu_count = found->gpu_count,
        .model = model->name,
        .price = found->price,
        .min_bill = found->min_bill,
        .commit = found->price.cost_of(boot + min_bill, Rounding::up),
        .reason = decision.reason};
    parts_.fleet.order(
        order, [this, name = rule.scaling.name, ix = decision.offer](const Error& error) {
            spdlog::error(
                "rule={} the money for a rental could not be set aside: {}", name, error.message);
            const auto known = rules_.find(name);
            if (known != rules_.end()) {
                scaling::order_failed(
                    known->second.state, ix, false, parts_.clock.read().utc, constants_);
            }
        });
}

void Renter::stepped(const lifecycle::Step& step) {
    const lifecycle::Machine& machine = step.machine;
    const NameIx offer = parts_.names.intern(routing::NameKind::offer, machine.offer);
    const UtcTime now = parts_.clock.read().utc;
    const auto tell = [&](const auto& what) {
        for (auto& [name, rule] : rules_) {
            if (rule.scaling.model == machine.model) {
                what(rule.state);
            }
        }
    };
    if (step.from == step.to) {
        return;
    }
    if (step.to == MachineState::serving && machine.serving_at &&
        machine.serving_at->boot == machine.state_at.boot) {
        boots_.push_front(std::chrono::duration_cast<std::chrono::milliseconds>(
            machine.serving_at->boot - machine.wanted_at.boot));
        if (boots_.size() > boots_max) {
            boots_.pop_back();
        }
        tell([&](scaling::RentState& state) { scaling::machine_served(state, offer); });
        return;
    }
    if (machine.serving_at || lifecycle::ends_by_choice(machine)) {
        return;
    }
    if (lifecycle::ends_by_fault(machine)) {
        // At once, so that the bad offer gets no further order while this one is being deleted.
        if (step.to == MachineState::deleting && step.from != MachineState::verifying) {
            tell([&](scaling::RentState& state) {
                scaling::machine_failed(state, offer, now, constants_);
            });
        }
        return;
    }
    if (step.to == MachineState::gone) {
        const bool sold_out = machine.end_reason.code == ReasonCode::machine_no_capacity;
        tell([&](scaling::RentState& state) {
            scaling::order_failed(state, offer, sold_out, now, constants_);
            if (!sold_out) {
                scaling::machine_failed(state, offer, now, constants_);
            }
        });
    }
}

}  // namespace evenkeel::agent
