#include "agent/control/fleet.hpp"

#include "agent/control/exposure.hpp"
#include "agent/control/node_start.hpp"
#include "agent/report/nodes.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

Fleet::Fleet(Parts parts, Settings settings, StepListener listener)
    : parts_{parts}, settings_{std::move(settings)}, listener_{std::move(listener)} {}

Fleet::~Fleet() = default;

void Fleet::apply(std::shared_ptr<const routing::Catalogue> catalogue) {
    catalogue_ = std::move(catalogue);
}

bool Fleet::uses(const std::string& provider) const {
    return ordering_ > 0 || std::ranges::any_of(seats_, [&](const auto& entry) {
               return entry.second.machine.provider == provider;
           });
}

bool Fleet::owns(const std::string& provider, const providers::RemoteMachine& remote) const {
    return std::ranges::any_of(seats_, [&](const auto& entry) {
        const lifecycle::Machine& machine = entry.second.machine;
        return machine.provider == provider &&
               (machine.remote_id.empty() ? machine.name == remote.name
                                          : machine.remote_id == remote.remote_id);
    });
}

void Fleet::use_provider(const std::string& name, std::shared_ptr<providers::Provider> provider) {
    ProviderState& state = providers_[name];
    if (state.runner) {
        state.runner->use(std::move(provider));
    } else {
        ProviderRunner::Hooks hooks{
            .answered = [this, name](std::optional<Errc> error) { heard(name, error); }};
        if (settings_.run_job) {
            hooks.executor = [run = settings_.run_job, name](
                                 ProviderRunner::Lane lane, ProviderRunner::Job job) {
                run(name, lane, std::move(job));
            };
        }
        state.runner =
            std::make_unique<ProviderRunner>(std::move(provider), parts_.inbox, std::move(hooks));
    }
}

ProviderRunner* Fleet::runner(const std::string& name) {
    const auto it = providers_.find(name);
    return it == providers_.end() ? nullptr : it->second.runner.get();
}

Seat* Fleet::find(MachineId id) {
    const auto it = seats_.find(id);
    return it == seats_.end() ? nullptr : &it->second;
}

const lifecycle::Machine& Fleet::effective(const Seat& seat) const {
    return seat.ahead ? *seat.ahead : seat.machine;
}

lifecycle::Limits Fleet::limits(const lifecycle::Machine& machine) const {
    const config::Config& config = catalogue_->config;
    const auto rule = std::ranges::find_if(config.scaling, [&](const config::Scaling& scaling) {
        return scaling.model == machine.model &&
               std::ranges::find(scaling.offers, machine.offer) != scaling.offers.end();
    });
    return lifecycle::make_limits(
        rule == config.scaling.end() ? config::Scaling{} : *rule, config.safety, config.speed);
}

std::string Fleet::engine_key(const std::string& machine_name) const {
    return node_key(settings_.engine_secret, machine_name);
}

std::string Fleet::pin_of(Seat& seat) {
    const config::Provider* entry = catalogue_->config.provider(seat.machine.provider);
    const ProviderRunner* provider = runner(seat.machine.provider);
    // Without a driver (its key cannot be read) the machine still serves behind its certificate.
    const bool own_front = provider != nullptr
                               ? provider->current()->start_form() == providers::StartForm::own
                               : entry != nullptr && entry->driver == "sandbox";
    if (own_front) {
        return {};
    }
    if (seat.pin.empty()) {
        auto pin = node_pin(settings_.engine_secret, seat.machine.name);
        // No pin: TLS to nobody, so that nothing is ever sent in the clear.
        seat.pin = pin ? std::move(*pin) : std::string(64, '0');
    }
    return seat.pin;
}

std::string Fleet::free_source_name(const std::string& provider) const {
    for (int n = 1;; ++n) {
        const std::string name = fmt::format("{}-{}", provider, n);
        const bool taken =
            names_ordering_.contains(name) || std::ranges::any_of(seats_, [&](const auto& entry) {
                return entry.second.source_name == name;
            });
        if (!taken) {
            return name;
        }
    }
}

bool is_live(const ledger::Recovered& recovered, MachineId machine) {
    return std::ranges::any_of(
        recovered.machines, [machine](const auto& stored) { return stored.row.id == machine; });
}

/// What the closed serve phases cost.
Money served(const std::vector<ledger::PhaseRow>& phases) {
    Money sum;
    for (const ledger::PhaseRow& phase : phases) {
        if (phase.phase == Phase::serve && phase.to) {
            sum += phase.billed;
        }
    }
    return sum;
}

std::optional<std::int64_t> Seat::useful_percent(Now now) const {
    Money useful = served;
    if (machine.phase == Phase::serve && machine.billed_from) {
        const Price& price = machine.real_price.value_or(machine.intent_price);
        useful +=
            lifecycle::phase_amount(price, now.boot - machine.billed_from->boot, machine.posted);
    }
    return report::useful_share(useful, lifecycle::accrued(machine, now), 100);
}

void Fleet::recover(const ledger::Recovered& recovered) {
    const Now now = parts_.clock.read();
    for (const ledger::OpenHold& hold : recovered.machine_holds) {
        // A crash between a hold and its intent, or between the end and the release.
        if (!is_live(recovered, hold.hold.machine)) {
            parts_.ledger.release(hold.id);
        }
    }
    for (const ledger::Recovered::Machine& stored : recovered.machines) {
        Seat seat;
        seat.names = {
            .provider = stored.row.provider,
            .offer = stored.row.offer,
            .model = stored.row.model,
            .source = stored.row.source,
            .synthetic = stored.row.synthetic};
        seat.source_name = parts_.names.text(stored.row.source);
        seat.paid = stored.paid;
        seat.served = served(stored.phases);
        auto machine = from_row(stored.row, parts_.names, settings_.owner_mark);
        const bool damaged = !machine.has_value();
        if (damaged) {
            spdlog::error("machine={} {}: it is ended", stored.row.name, machine.error().message);
            warnings_.push_back(machine.error().message);
            machine = salvage(stored, parts_.names, settings_.owner_mark, settings_.boot_id, now);
        }
        seat.machine = *machine;
        for (const ledger::OpenHold& hold : recovered.machine_holds) {
            if (hold.hold.machine == stored.row.id) {
                seat.hold = hold.id;
                seat.commit = hold.hold.amount;
            }
        }
        seat.id_taken = stored.row.remote_id.empty() && !machine->remote_id.empty();
        const MachineId id = machine->id;
        count_create(machine->wanted_at.utc, now.utc);
        Seat& placed = seats_.insert_or_assign(id, std::move(seat)).first->second;
        lifecycle::Step step = lifecycle::after_restart(
            placed.machine, settings_.boot_id, limits(placed.machine), now);
        spdlog::info(
            "machine={} found in the ledger as {}, now {}",
            placed.machine.name,
            to_text(placed.machine.state),
            to_text(step.machine.state));
        if (step.durable) {
            commit(placed, std::move(step));
        } else {
            placed.machine = step.machine;
            if (lifecycle::takes_work(placed.machine, limits(placed.machine))) {
                gate_effect(placed, lifecycle::GateEffect::start);
            }
        }
        if (damaged) {
            destroy(id, Reason{ReasonCode::machine_orphan});
        }
    }
}

void Fleet::remember_gone(const std::vector<ledger::MachineView>& machines) {
    for (const ledger::MachineView& view : machines) {
        if (view.row.state != MachineState::gone) {
            continue;
        }
        auto machine = from_row(view.row, parts_.names, settings_.owner_mark);
        if (!machine) {
            continue;
        }
        Seat seat;
        // Of another boot of the host its times say nothing about lists of this one.
        seat.machine = lifecycle::rebased(*machine, settings_.boot_id, parts_.clock.read());
        seat.names = {
            .provider = view.row.provider,
            .offer = view.row.offer,
            .model = view.row.model,
            .source = view.row.source,
            .synthetic = view.row.synthetic};
        seat.source_name = parts_.names.text(view.row.source);
        seat.paid = view.paid;
        seat.served = served(view.phases);
        count_create(machine->wanted_at.utc, parts_.clock.read().utc);
        gone_.push_back(std::move(seat));
    }
}

void Fleet::note_source(const Seat& seat, std::string label) {
    parts_.ledger.source(
        {.ix = seat.names.source,
         .kind = SourceKind::rental,
         .provider = seat.names.provider,
         .label = std::move(label),
         .synthetic = seat.names.synthetic});
}

void Fleet::order(const Order& order, std::function<void(const Error&)> failed) {
    const Now now = parts_.clock.read();
    const MachineId id{settings_.ids.next(now.utc)};
    lifecycle::Intent intent{
        .id = id,
        .name = lifecycle::machine_name(settings_.owner_mark, id),
        .owner_mark = settings_.owner_mark,
        .provider = order.provider,
        .offer = order.offer,
        .sku = order.sku,
        .region = order.region,
        .model = order.model,
        .gpu_wanted = order.gpu,
        .gpu_count_wanted = order.gpu_count,
        .price = order.price,
        .min_bill = order.min_bill,
        .boot_id = settings_.boot_id};
    Seat seat;
    seat.source_name = free_source_name(order.provider);
    names_ordering_.insert(seat.source_name);
    const config::Provider* provider = catalogue_->config.provider(order.provider);
    seat.names = {
        .provider = parts_.names.intern(routing::NameKind::provider, order.provider),
        .offer = parts_.names.intern(routing::NameKind::offer, order.offer),
        .model = parts_.names.intern(routing::NameKind::model, order.model),
        .source = parts_.names.intern(routing::NameKind::source, seat.source_name),
        .synthetic = provider != nullptr && provider->synthetic};
    lifecycle::Limits machine_limits;
    {
        lifecycle::Machine probe;
        probe.model = order.model;
        probe.offer = order.offer;
        machine_limits = limits(probe);
    }
    seat.machine = lifecycle::make_machine(intent, machine_limits, now);
    note_source(seat, order.gpu.empty() ? order.offer : plain_gpu(order.gpu));
    ledger::Hold hold{
        .machine = id,
        .source = seat.names.source,
        .amount = order.commit,
        .budgets = shares(seat, order.commit, now.utc)};
    ++ordering_;
    creates_.push_back(now.utc);
    parts_.ledger.hold(
        std::move(hold),
        [this, inbox = parts_.inbox, seat = std::move(seat), order, failed = std::move(failed)](
            Result<HoldId> result) mutable {
            inbox.post([this,
                        result = std::move(result),
                        seat = std::move(seat),
                        order,
                        failed = std::move(failed)]() mutable {
                --ordering_;
                names_ordering_.erase(seat.source_name);
                if (!result) {
                    failed(result.error());
                    return;
                }
                seat.hold = *result;
                seat.commit = order.commit;
                const MachineId machine = seat.machine.id;
                Seat& placed = seats_.emplace(machine, std::move(seat)).first->second;
                lifecycle::Step step{
                    .machine = placed.machine,
                    .durable = true,
                    .event = "wanted",
                    .from = MachineState::wanted,
                    .to = MachineState::wanted,
                    .reason = order.reason};
                spdlog::info(
                    "machine={} wanted provider={} offer={} price={} reason={}",
                    placed.machine.name,
                    order.provider,
                    order.offer,
                    to_text(order.price),
                    to_text(order.reason.code));
                commit(placed, std::move(step));
            });
        });
}

void Fleet::drain(MachineId id, const Reason& reason) {
    if (Seat* seat = find(id)) {
        apply_event(*seat, lifecycle::Drain{reason});
    }
}

void Fleet::destroy(MachineId id, const Reason& reason) {
    if (Seat* seat = find(id)) {
        apply_event(*seat, lifecycle::Destroy{reason});
    }
}

void Fleet::end_all(bool at_once, const Reason& reason) {
    std::vector<MachineId> ids;
    for (const auto& [id, seat] : seats_) {
        ids.push_back(id);
    }
    for (const MachineId id : ids) {
        at_once ? destroy(id, reason) : drain(id, reason);
    }
}

void Fleet::tick(const gate::Counters& counters) {
    const Now now = parts_.clock.read();
    next_wake_ = now.boot + std::chrono::seconds{1};
    // Older than an hour, or from before the wall clock was set back.
    std::erase_if(creates_, [&](UtcTime at) {
        return at + std::chrono::hours{1} < now.utc || at > now.utc + std::chrono::minutes{1};
    });
    std::vector<MachineId> ids;
    for (const auto& [id, seat] : seats_) {
        ids.push_back(id);
    }
    for (const MachineId id : ids) {
        Seat* seat = find(id);
        if (seat == nullptr) {
            continue;
        }
        const auto source =
            std::ranges::find(counters.sources, seat->names.source, &gate::SourceCounters::source);
        seat->in_flight = source == counters.sources.end() ? 0 : source->in_flight;
        if (seat->committing) {
            if (now.boot - seat->committing_since.boot > ledger_patience) {
                go_ahead(*seat);
            }
            if (seat->ahead) {
                ahead_event(*seat, lifecycle::Work{seat->in_flight});
                if (seat->ahead->state == MachineState::draining && seat->in_flight == 0) {
                    ahead_event(*seat, lifecycle::Drained{});
                }
            }
            if (std::exchange(seat->offer_again, false)) {
                offer_step(*seat);
            }
            pump(*seat);
            continue;
        }
        apply_event(*seat, lifecycle::Work{seat->in_flight});
        seat = find(id);
        if (seat != nullptr && seat->machine.state == MachineState::draining &&
            seat->in_flight == 0) {
            apply_event(*seat, lifecycle::Drained{});
            seat = find(id);
        }
        if (seat != nullptr && !seat->committing) {
            pump(*seat);
            wake_at(lifecycle::next_deadline(seat->machine, limits(seat->machine)));
        }
    }
    reconcile();
}

bool Fleet::settled() const noexcept {
    const bool bills = std::ranges::any_of(providers_, [](const auto& entry) {
        return entry.second.billing || entry.second.bill_wanted;
    });
    return seats_.empty() && ordering_ == 0 && !bills;
}

void Fleet::count_create(UtcTime at, UtcTime now) {
    if (at + std::chrono::hours{1} > now) {
        creates_.push_back(at);
    }
}

std::vector<UtcTime> Fleet::creates_last_hour() const {
    return creates_;
}

}  // namespace evenkeel::agent
