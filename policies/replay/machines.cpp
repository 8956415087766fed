#include "policies/lifecycle/bill.hpp"
#include "policies/replay/simulation.hpp"

#include <algorithm>

/// The rented machines of a simulation, and who decides on them.
namespace evenkeel::replay {

namespace {

constexpr NameIx the_model{1};
constexpr NameIx the_offer{5};
constexpr NameIx the_provider{6};
constexpr std::size_t first_rental = 1'000;
constexpr int rule_machines_max = 1'000;
/// When the traffic is over, whoever rents gives back within this.
constexpr std::chrono::nanoseconds give_back_max = std::chrono::days{2};

BootTime boot_time_of(std::chrono::nanoseconds t) {
    return BootTime{t};
}

gate::Speed speed_of(const capacity::Profile& profile) {
    return {
        .prefill_tok_s = profile.prefill_tok_s,
        .step_s = profile.alpha_s,
        .step_per_seq_s = profile.beta_s,
        .kv_tokens = profile.kv_tokens};
}

}  // namespace

int Simulation::rented() const {
    return static_cast<int>(std::ranges::count_if(hosts_, [](const auto& h) { return h->rented; }));
}

/// Names are used again, so that a long replay needs no more of them than machines at one time.
NameIx Simulation::free_source() {
    std::size_t name = first_rental;
    while (name < by_source_.size() && by_source_[name] != nullptr) {
        ++name;
    }
    return NameIx{static_cast<std::int32_t>(name)};
}

void Simulation::add_worker(Host& host, bool takes_work) {
    const auto name = static_cast<std::size_t>(host.source.value());
    if (name >= by_source_.size()) {
        by_source_.resize(name + 1, nullptr);
    }
    by_source_[name] = &host;
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

void Simulation::order(int count) {
    for (int i = 0; i < count; ++i) {
        const int slots = options_.rented_slots > 0 ? options_.rented_slots : options_.rented.seqs;
        const NameIx source = free_source();
        hosts_.push_back(std::make_unique<Host>(Host{
            .source = source,
            .rented = true,
            .id = MachineId{++machines_made_},
            .state = MachineState::booting,
            .ordered = t_,
            .ready = t_ + options_.boot,
            .engine = capacity::EngineModel{options_.rented, t_},
            .slots = slots}));
        const auto name = static_cast<std::size_t>(source.value());
        by_source_.resize(std::max(by_source_.size(), name + 1), nullptr);
        by_source_[name] = hosts_.back().get();
        next_machine_ = std::min(next_machine_, hosts_.back()->ready);
    }
}

void Simulation::release(Host& host) {
    if (host.state == MachineState::serving) {
        add_worker(host, false);
        perform();
    }
    host.state = MachineState::draining;
    some_drain_ = true;
}

void Simulation::book(const Host& host) {
    const Nanos life = t_ - host.ordered;
    sums_.rental += lifecycle::bill(options_.machine_price, options_.min_bill, life);
    sums_.machine_hours += std::chrono::duration<double, std::ratio<3'600>>(life).count();
    ++sums_.machine_starts;
    rented_busy_s_ += host.engine.busy_seconds();
}

void Simulation::machines_due() {
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        Host& host = *hosts_[i];
        if (!host.rented) {
            continue;
        }
        if (host.state == MachineState::booting && host.ready <= t_) {
            host.state = MachineState::serving;
            host.last_busy = t_;
            gate_.counters(counters_);
            const auto before =
                std::ranges::find(counters_.sources, host.source, &gate::SourceCounters::source);
            host.worth_before = before == counters_.sources.end() ? 0 : before->worth;
            add_worker(host, true);
            perform();
        }
        if (by_rule_ && host.state == MachineState::serving &&
            t_ - host.ordered >= scaling_.max_life) {
            release(host);
        }
        if (host.state == MachineState::draining && host.running == 0) {
            gate_.worker_removed(host.source);
            host.state = MachineState::gone;
            book(host);
            by_source_[static_cast<std::size_t>(host.source.value())] = nullptr;
        }
    }
    std::erase_if(hosts_, [](const auto& host) { return host->state == MachineState::gone; });
    some_drain_ = false;
    next_machine_ = Nanos::max();
    for (const auto& host : hosts_) {
        some_drain_ |= host->state == MachineState::draining;
        if (host->rented && host->state == MachineState::booting) {
            next_machine_ = std::min(next_machine_, host->ready);
        } else if (by_rule_ && host->rented && host->state == MachineState::serving) {
            next_machine_ = std::min<Nanos>(next_machine_, host->ordered + scaling_.max_life);
        }
    }
}

const scaling::ScalingSnapshot& Simulation::snapshot() {
    gate_.counters(counters_);
    seen_.now = now();
    seen_.api_priced = has_api_;
    seen_.boot_measured = options_.boot;
    seen_.own_rate = own_rate_;
    seen_.patience = std::chrono::duration_cast<std::chrono::milliseconds>(
        options_.slo.first_token / 1'000 * options_.slo.patience_millis);
    const auto demand = std::ranges::find(counters_.models, the_model, &gate::ModelCounters::model);
    if (demand != counters_.models.end()) {
        seen_.demand = *demand;
    }
    const std::int64_t hour = options_.machine_price.per_display_unit().nanos();
    seen_.machines.clear();
    for (const auto& host : hosts_) {
        if (!host->rented) {
            continue;
        }
        scaling::MachineView view{
            .id = host->id,
            .state = host->state,
            .ending = host->state == MachineState::draining,
            .ordered_at = boot_time_of(host->ordered),
            .in_flight = host->running,
            .last_busy = boot_time_of(host->last_busy),
            .hour_report = hour};
        if (host->state != MachineState::booting) {
            view.serving_at = boot_time_of(host->ready);
            const auto source =
                std::ranges::find(counters_.sources, host->source, &gate::SourceCounters::source);
            if (source != counters_.sources.end()) {
                view.worth = source->worth - host->worth_before;
            }
        }
        seen_.machines.push_back(view);
    }
    const int machines = static_cast<int>(seen_.machines.size());
    seen_.room.machines_total = machines;
    seen_.offers.clear();
    seen_.offers.push_back(
        {.offer = the_offer,
         .price = options_.machine_price,
         .hour_report = hour,
         .min_bill = options_.min_bill,
         .in_stock = true,
         .provider_room = rule_machines_max - machines,
         .profile = options_.rented});
    return seen_;
}

void Simulation::control_tick() {
    scaling::Outcome outcome =
        scaling::step(rent_, snapshot(), scaling_, options_.safety, options_.constants);
    rent_ = std::move(outcome.state);
    for (const scaling::Decision& decision : outcome.decisions) {
        if (decision.kind == scaling::DecisionKind::order) {
            order(decision.count);
        } else if (decision.kind == scaling::DecisionKind::release) {
            const auto host = std::ranges::find_if(hosts_, [&](const auto& one) {
                return one->rented && one->id == decision.machine;
            });
            if (host != hosts_.end()) {
                release(**host);
            }
        }
    }
}

void Simulation::plan_tick() {
    FleetSeen seen{
        .now = t_,
        .arrived = sums_.requests,
        .busy = busy_,
        .waiting = alive_ - busy_ - static_cast<std::int64_t>(api_ends_.size())};
    for (const auto& host : hosts_) {
        seen.booting += host->rented && host->state == MachineState::booting ? 1 : 0;
        seen.serving += host->rented && host->state == MachineState::serving ? 1 : 0;
    }
    const int wanted = std::clamp(planner_->machines(seen), 0, scaling_.max);
    int surplus = seen.booting + seen.serving - wanted;
    order(-surplus);
    // The newest goes first; one that boots before one that serves.
    for (const MachineState state : {MachineState::booting, MachineState::serving}) {
        for (std::size_t i = hosts_.size(); i-- > 0 && surplus > 0;) {
            if (hosts_[i]->rented && hosts_[i]->state == state) {
                release(*hosts_[i]);
                --surplus;
            }
        }
    }
}

void Simulation::tick() {
    if (by_rule_) {
        next_tick_ = t_ + tick_every_;
        control_tick();
        return;
    }
    plan_tick();
    next_tick_ = planner_->next();
}

/// The traffic is over. Whoever rents goes on until the last machine is given back; those that are
/// always there end now.
void Simulation::finish_machines() {
    const Nanos latest = t_ + give_back_max;
    scaling_.min = 0;
    while (rented() > 0 && next_tick_ != Nanos::max() && t_ < latest) {
        t_ = std::max(t_, std::min(next_tick_, next_machine_));
        if (next_tick_ <= t_) {
            tick();
        }
        machines_due();
    }
    for (const auto& host : hosts_) {
        if (host->rented) {
            book(*host);
        }
    }
}

}  // namespace evenkeel::replay
