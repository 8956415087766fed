#include "policies/replay/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace evenkeel::replay {

namespace {

constexpr NameIx the_model{1};
constexpr NameIx the_key{2};
constexpr NameIx the_route{3};
constexpr NameIx the_api{4};
constexpr NameIx the_offer{5};
constexpr NameIx the_provider{6};
constexpr std::int32_t first_own = 100;
constexpr std::int32_t first_rental = 1'000;
constexpr int api_slots = 1'000'000;  ///< the API has no limit here
constexpr int rule_machines_max = 1'000;
constexpr std::int64_t guess_at_first = 256;
/// Between ticks of the control loop, as the daemon's.
constexpr std::chrono::nanoseconds real_tick = std::chrono::seconds{1};
constexpr std::chrono::nanoseconds api_grace = std::chrono::minutes{1};

gate::Speed speed_of(const capacity::Profile& profile) {
    return {
        .prefill_tok_s = profile.prefill_tok_s,
        .step_s = profile.alpha_s,
        .step_per_seq_s = profile.beta_s,
        .kv_tokens = profile.kv_tokens};
}

BootTime boot_time_of(std::chrono::nanoseconds t) {
    return BootTime{t};
}

}  // namespace

Simulation::Simulation(const std::vector<TraceRow>& rows, const Options& options)
    : rows_{rows},
      options_{options},
      scaling_{options.scaling},
      gate_{gate::Policy{
          .queue_limit = static_cast<int>(trace_rows_max), .routing = options.routing}},
      fates_(rows.size()),
      handles_(rows.size()) {
    has_api_ = options.api_price.in.num() > 0 || options.api_price.out.num() > 0;
    // One boot before the first request, so that `always_n` is ready when it comes.
    const Nanos start = rows.empty() ? Nanos{0} : rows.front().at;
    t_ = start - options.boot;
    tick_every_ =
        std::max<Nanos>(real_tick / options.constants.speed, std::chrono::milliseconds{1});
    next_tick_ = options.policy == ReplayPolicy::break_even ? t_ : Nanos::max();
    if (scaling_.max_price.num() == 0) {
        scaling_.max_price = options.machine_price;
    }
    if (options.policy != ReplayPolicy::api_only) {
        for (std::size_t i = 0; i < options.own.size(); ++i) {
            const capacity::Profile& profile = options.own[i];
            const int slots = i < options.own_slots.size() && options.own_slots[i] > 0
                                  ? options.own_slots[i]
                                  : profile.seqs;
            hosts_.push_back(
                {.source = NameIx{first_own + static_cast<std::int32_t>(i)},
                 .engine = capacity::EngineModel{profile, t_},
                 .slots = slots});
            add_worker(hosts_.back(), true);
            constexpr std::int64_t typical_in = 1'000;
            constexpr std::int64_t typical_out = 250;
            own_rate_ += capacity::least_seconds(options.rented, typical_in, typical_out) /
                         capacity::least_seconds(profile, typical_in, typical_out);
        }
    }
    if (has_api_) {
        gate_.worker_changed(
            {.source = the_api, .kind = SourceKind::api, .slots = api_slots}, now(), effects_);
    }
    if (options.policy == ReplayPolicy::always_n) {
        order(options.always);
    }
    perform();
}

Now Simulation::now() const {
    return {
        .boot = boot_time_of(t_),
        .utc = UtcTime{std::chrono::duration_cast<std::chrono::microseconds>(t_)}};
}

Money Simulation::api_cost(const TraceRow& row) const {
    if (!has_api_) {
        return {};
    }
    return options_.api_price.in.cost(row.tokens_in, Rounding::half_even) +
           options_.api_price.out.cost(row.tokens_out, Rounding::half_even);
}

std::chrono::nanoseconds Simulation::first_token_budget(const TraceRow& row) const {
    return options_.slo.first_token +
           Nanos{options_.slo.first_token_per_1k} * row.tokens_in / 1'000;
}

std::vector<double> Simulation::own_busy() const {
    std::vector<double> busy;
    for (const Host& host : hosts_) {
        if (!host.rented) {
            busy.push_back(host.engine.busy_seconds());
        }
    }
    return busy;
}

void Simulation::add_worker(const Host& host, bool takes_work) {
    gate_.worker_changed(
        {.source = host.source,
         .kind = host.rented ? SourceKind::rental : SourceKind::own,
         .model = the_model,
         .provider = the_provider,
         .slots = host.slots,
         .rank = host.rented ? host.id.value() : 0,
         .takes_work = takes_work,
         .speed = speed_of(host.engine.profile())},
        now(),
        effects_);
}

// ---- requests ---------------------------------------------------------------------------------

void Simulation::arrive(std::size_t request) {
    const TraceRow& row = rows_[request];
    const bool by_worker = options_.policy != ReplayPolicy::api_only;
    std::int64_t guess = options_.tokens_out_guess;
    if (guess == 0) {
        guess = answered_ > 0 ? tokens_out_ / answered_ : guess_at_first;
    }
    gate::Arrival arrival{
        .cookie = request,
        .key = the_key,
        .route = the_route,
        .model = by_worker ? the_model : NameIx{},
        .tokens_in = row.tokens_in,
        .tokens_out = guess,
        .tokens_out_room = guess + static_cast<std::int64_t>(deviation_out_),
        .per_output_token = options_.slo.per_output_token,
        .api_first_token = options_.api_first_token,
        .streams = true};
    const Nanos budget = first_token_budget(row);
    const Nanos patience = options_.max_wait
                               ? Nanos{*options_.max_wait}
                               : std::max(Nanos{0}, budget - options_.api_first_token) / 1'000 *
                                     options_.slo.patience_millis;
    arrival.first_token_by = boot_time_of(t_ + budget);
    arrival.overflow_at = BootTime::max();
    arrival.give_up_at =
        boot_time_of(t_ + (options_.max_wait ? Nanos{*options_.max_wait} : 2 * budget));
    if (has_api_) {
        const Money expected = options_.api_price.in.cost(row.tokens_in, Rounding::up) +
                               options_.api_price.out.cost(guess, Rounding::up);
        const Money cost = api_cost(row);
        arrival.apis[0] = {
            .source = the_api,
            .hold = cost,
            .hold_report = cost.nanos(),
            .expected_report = expected.nanos()};
        arrival.api_count = 1;
        arrival.overflow_at = boot_time_of(by_worker ? t_ + patience : t_);
        arrival.give_up_at = arrival.overflow_at + api_grace;
    }
    handles_[request] = gate_.arrive(arrival, now(), effects_);
}

void Simulation::grant(const gate::Effect& effect) {
    const auto request = static_cast<std::size_t>(effect.cookie);
    const TraceRow& row = rows_[request];
    if (effect.source_kind == SourceKind::api) {
        const Nanos first = t_ + options_.api_first_token;
        fates_[request] = {.kind = Fate::Kind::api, .first_token = first};
        const std::int64_t more = std::max<std::int64_t>(0, row.tokens_out - 1);
        api_ends_.push({.at = first + Nanos{options_.api_per_token} * more, .request = request});
        return;
    }
    const auto host = std::ranges::find(hosts_, effect.source, &Host::source);
    fates_[request].kind = host->rented ? Fate::Kind::rental : Fate::Kind::own;
    const SeqId id = host->engine.add(row.tokens_in, row.tokens_out, t_);
    host->running[id] = request;
    host->prompts.push_back(id);
    tell_load(*host);
}

/// What engines report of themselves.
void Simulation::tell_load(const Host& host) {
    const double kv_tokens = static_cast<double>(host.engine.profile().kv_tokens);
    gate_.worker_load(
        host.source,
        static_cast<std::int64_t>(host.engine.kv_usage() * kv_tokens),
        host.engine.waiting(),
        now(),
        effects_);
}

/// Nothing is streamed before the first token, so the request may go.
void Simulation::recall(const gate::Effect& effect) {
    const auto request = static_cast<std::size_t>(effect.cookie);
    const auto host = std::ranges::find(hosts_, effect.source, &Host::source);
    const auto id = std::ranges::find_if(
        host->running, [&](const auto& entry) { return entry.second == request; });
    host->engine.cancel(id->first, t_);
    host->running.erase(id);
    tell_load(*host);
    gate_.leave(handles_[request], now(), effects_);
}

void Simulation::tell_first_tokens(Host& host) {
    while (!host.prompts.empty()) {
        const SeqId id = host.prompts.front();
        const auto running = host.running.find(id);
        if (running != host.running.end()) {
            if (!host.engine.first_token(id)) {
                return;
            }
            gate_.first_token(handles_[running->second], now(), effects_);
        }
        host.prompts.pop_front();
    }
}

/// Does what the gate said, and what the gate says to that.
void Simulation::perform() {
    for (std::size_t i = 0; i < effects_.size(); ++i) {
        const gate::Effect effect = effects_[i];
        switch (effect.kind) {
            case gate::EffectKind::grant:
                grant(effect);
                break;
            case gate::EffectKind::refuse:
                fates_[static_cast<std::size_t>(effect.cookie)].kind = Fate::Kind::refused;
                ++ended_;
                break;
            case gate::EffectKind::recall:
                recall(effect);
                break;
            case gate::EffectKind::queued:
                break;
        }
    }
    effects_.clear();
}

void Simulation::finish(std::size_t request, Nanos first_token, Nanos finished, bool api) {
    const TraceRow& row = rows_[request];
    fates_[request].first_token = first_token;
    fates_[request].finished = finished;
    ++ended_;
    ++answered_;
    tokens_out_ += row.tokens_out;
    const auto out = static_cast<double>(row.tokens_out);
    mean_out_ += (out - mean_out_) / static_cast<double>(answered_);
    deviation_out_ += (std::abs(out - mean_out_) - deviation_out_) / static_cast<double>(answered_);
    gate_.finish(
        handles_[request],
        {.paid_report = api ? api_cost(row).nanos() : 0,
         .tokens_in = row.tokens_in,
         .tokens_out = row.tokens_out},
        now(),
        effects_);
    perform();
}

void Simulation::advance_engines() {
    std::vector<capacity::EngineModel::Ended> ended;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (hosts_[i].engine.next_event() > t_) {
            continue;
        }
        ended.clear();
        hosts_[i].engine.advance(t_, ended);
        tell_load(hosts_[i]);
        tell_first_tokens(hosts_[i]);
        perform();
        for (const auto& end : ended) {
            const auto found = hosts_[i].running.find(end.id);
            const std::size_t request = found->second;
            hosts_[i].running.erase(found);
            hosts_[i].last_busy = t_;
            finish(request, end.first_token, end.finished, false);
        }
    }
}

// ---- machines ---------------------------------------------------------------------------------

void Simulation::order(int count) {
    for (int i = 0; i < count; ++i) {
        const std::int64_t number = machines_made_++;
        const int slots = options_.rented_slots > 0 ? options_.rented_slots : options_.rented.seqs;
        hosts_.push_back(
            {.source = NameIx{first_rental + static_cast<std::int32_t>(number)},
             .rented = true,
             .id = MachineId{number + 1},
             .state = MachineState::booting,
             .ordered = t_,
             .ready = t_ + options_.boot,
             .engine = capacity::EngineModel{options_.rented, t_},
             .slots = slots});
    }
}

void Simulation::end_if_empty(Host& host) {
    const bool ends = host.state == MachineState::draining && host.running.empty();
    if (!ends) {
        return;
    }
    gate_.worker_removed(host.source);
    host.state = MachineState::gone;
    rentals_.push_back({.from = host.ordered, .to = t_, .busy_s = host.engine.busy_seconds()});
}

void Simulation::release(MachineId id) {
    const auto host =
        std::ranges::find_if(hosts_, [&](const Host& one) { return one.rented && one.id == id; });
    if (host == hosts_.end()) {
        return;
    }
    if (host->state == MachineState::serving) {
        add_worker(*host, false);
        perform();
    }
    host->state = MachineState::draining;
}

void Simulation::machines_due() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (!hosts_[i].rented) {
            continue;
        }
        if (hosts_[i].state == MachineState::booting && hosts_[i].ready <= t_) {
            hosts_[i].state = MachineState::serving;
            hosts_[i].last_busy = t_;
            add_worker(hosts_[i], true);
            perform();
        }
        const bool limited = options_.policy == ReplayPolicy::break_even;
        if (limited && hosts_[i].state == MachineState::serving &&
            t_ - hosts_[i].ordered >= scaling_.max_life) {
            release(hosts_[i].id);
        }
        end_if_empty(hosts_[i]);
    }
    std::erase_if(hosts_, [](const Host& host) { return host.state == MachineState::gone; });
}

scaling::ScalingSnapshot Simulation::snapshot() {
    gate_.counters(counters_);
    scaling::ScalingSnapshot seen{
        .now = now(),
        .api_priced = has_api_,
        .boot_measured = options_.boot,
        .own_rate = own_rate_,
        .patience = std::chrono::duration_cast<std::chrono::milliseconds>(
            options_.slo.first_token / 1'000 * options_.slo.patience_millis)};
    const auto demand = std::ranges::find(counters_.models, the_model, &gate::ModelCounters::model);
    if (demand != counters_.models.end()) {
        seen.demand = *demand;
    }
    const std::int64_t hour = options_.machine_price.per_display_unit().nanos();
    int rented = 0;
    for (const Host& host : hosts_) {
        if (!host.rented) {
            continue;
        }
        ++rented;
        scaling::MachineView view{
            .id = host.id,
            .state = host.state,
            .ending = host.state == MachineState::draining,
            .ordered_at = boot_time_of(host.ordered),
            .in_flight = static_cast<int>(host.running.size()),
            .last_busy = boot_time_of(host.last_busy),
            .hour_report = hour};
        if (host.state != MachineState::booting) {
            view.serving_at = boot_time_of(host.ready);
        }
        const auto source =
            std::ranges::find(counters_.sources, host.source, &gate::SourceCounters::source);
        if (source != counters_.sources.end()) {
            view.worth = source->worth;
        }
        seen.machines.push_back(view);
    }
    seen.room.machines_total = rented;
    seen.offers.push_back(
        {.offer = the_offer,
         .price = options_.machine_price,
         .hour_report = hour,
         .min_bill = options_.min_bill,
         .in_stock = true,
         .provider_room = rule_machines_max - rented,
         .profile = options_.rented});
    return seen;
}

void Simulation::control_tick() {
    const scaling::ScalingSnapshot seen = snapshot();
    scaling::Outcome outcome =
        scaling::step(rent_, seen, scaling_, options_.safety, options_.constants);
    rent_ = std::move(outcome.state);
    for (const scaling::Decision& decision : outcome.decisions) {
        if (decision.kind == scaling::DecisionKind::order) {
            order(decision.count);
        } else if (decision.kind == scaling::DecisionKind::release) {
            release(decision.machine);
        }
    }
}

// ---- time -------------------------------------------------------------------------------------

std::chrono::nanoseconds Simulation::next_time() const {
    Nanos next = Nanos::max();
    if (next_row_ < rows_.size()) {
        next = std::min(next, rows_[next_row_].at);
    }
    if (!api_ends_.empty()) {
        next = std::min(next, api_ends_.top().at);
    }
    const BootTime due = gate_.next_due();
    if (due != BootTime::max()) {
        next = std::min(next, due.time_since_epoch());
    }
    for (const Host& host : hosts_) {
        next = std::min(next, host.engine.next_event());
        if (host.rented && host.state == MachineState::booting) {
            next = std::min(next, host.ready);
        }
    }
    return std::min(next, next_tick_);
}

void Simulation::run() {
    while (open()) {
        t_ = std::max(t_, next_time());
        advance_engines();
        while (!api_ends_.empty() && api_ends_.top().at <= t_) {
            const ApiEnd end = api_ends_.top();
            api_ends_.pop();
            finish(end.request, fates_[end.request].first_token, end.at, true);
        }
        while (next_row_ < rows_.size() && rows_[next_row_].at <= t_) {
            arrive(next_row_++);
            perform();
        }
        gate_.due(now(), effects_);
        perform();
        if (next_tick_ <= t_) {
            next_tick_ = t_ + tick_every_;
            control_tick();
        }
        machines_due();
    }
    // The traffic is over. With the rule, machines live on until it gives them back.
    if (options_.policy == ReplayPolicy::break_even) {
        const auto some_left = [&] {
            return std::ranges::any_of(hosts_, [](const Host& host) { return host.rented; });
        };
        scaling_.min = 0;
        while (some_left()) {
            t_ = std::max(t_, next_tick_);
            next_tick_ = t_ + tick_every_;
            control_tick();
            machines_due();
        }
    }
    for (const Host& host : hosts_) {
        if (host.rented) {
            rentals_.push_back(
                {.from = host.ordered, .to = t_, .busy_s = host.engine.busy_seconds()});
        }
    }
}

}  // namespace evenkeel::replay
