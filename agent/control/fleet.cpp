#include "agent/control/fleet.hpp"

#include "agent/control/exposure.hpp"

#include <fmt/format.h>
#include <openssl/hmac.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::chrono::seconds ledger_patience{2};  ///< an ending machine waits no longer for it
constexpr std::size_t gone_max = 256;               ///< ended machines kept for display

}  // namespace

Fleet::Fleet(Parts parts, Settings settings, StepListener listener)
    : parts_{parts}, settings_{std::move(settings)}, listener_{std::move(listener)} {}

Fleet::~Fleet() = default;

void Fleet::apply(std::shared_ptr<const routing::Catalogue> catalogue) {
    catalogue_ = std::move(catalogue);
}

void Fleet::add_provider(const std::string& name, std::unique_ptr<providers::Provider> provider) {
    ProviderState& state = providers_[name];
    if (!state.runner) {
        state.runner = std::make_unique<ProviderRunner>(std::move(provider), parts_.inbox);
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
    return seat.staged_ran && seat.staged ? seat.staged->machine : seat.machine;
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
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ::HMAC(
        EVP_sha256(),
        settings_.engine_secret.data(),
        static_cast<int>(settings_.engine_secret.size()),
        reinterpret_cast<const unsigned char*>(machine_name.data()),
        machine_name.size(),
        digest,
        &size);
    std::string text{"ekm-"};
    for (unsigned int i = 0; i < 20 && i < size; ++i) {
        text += fmt::format("{:02x}", digest[i]);
    }
    return text;
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
        auto machine = from_row(stored.row, parts_.names, settings_.owner_mark);
        if (!machine) {
            // Its facts are lost, so it is treated as one to end: by id if we have it, else the
            // sweeper finds it by its mark.
            spdlog::error("machine={} {}", stored.row.name, machine.error().message);
            warnings_.push_back(machine.error().message);
            continue;
        }
        seat.machine = *machine;
        for (const ledger::OpenHold& hold : recovered.machine_holds) {
            if (hold.hold.machine == stored.row.id) {
                seat.hold = hold.id;
                seat.commit = hold.hold.amount;
            }
        }
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
        seat.machine = *machine;
        seat.names = {
            .provider = view.row.provider,
            .offer = view.row.offer,
            .model = view.row.model,
            .source = view.row.source,
            .synthetic = view.row.synthetic};
        seat.source_name = parts_.names.text(view.row.source);
        seat.paid = view.paid;
        count_create(machine->wanted_at.utc, parts_.clock.read().utc);
        gone_.push_back(std::move(seat));
    }
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
    parts_.ledger.source(
        {.ix = seat.names.source,
         .kind = SourceKind::rental,
         .provider = seat.names.provider,
         .label = order.gpu.empty() ? order.offer : plain_gpu(order.gpu),
         .synthetic = seat.names.synthetic});
    ledger::Hold hold{
        .machine = id,
        .source = seat.names.source,
        .amount = order.commit,
        .budgets = shares(seat, order.commit, now.utc)};
    ++ordering_;
    creates_.push_back(now.utc);
    parts_.ledger.hold(
        std::move(hold),
        [this, seat = std::move(seat), order, failed = std::move(failed)](
            Result<HoldId> result) mutable {
            parts_.inbox.post([this,
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

void Fleet::apply_event(Seat& seat, lifecycle::Event event) {
    if (seat.committing) {
        seat.waiting.push_back(std::move(event));
        return;
    }
    const Now now = parts_.clock.read();
    lifecycle::Step step = lifecycle::step(seat.machine, event, limits(seat.machine), now);
    if (step.durable) {
        commit(seat, std::move(step));
        return;
    }
    seat.machine = step.machine;
    run_effects(seat, step);
    pump(seat);
}

std::vector<ledger::BudgetShare> Fleet::shares(const Seat& seat, Money amount, UtcTime at) const {
    const auto report = routing::to_report(catalogue_->config.currency, amount, Rounding::up);
    if (!report) {
        return {};
    }
    return parts_.books.shares(
        catalogue_->revision,
        rental_budgets(catalogue_->config, seat.machine.provider, seat.machine.model),
        *report,
        at);
}

ledger::MachineStep Fleet::ledger_step(const Seat& seat, const lifecycle::Step& step) const {
    const Now now = parts_.clock.read();
    ledger::MachineStep row{
        .machine = to_row(step.machine, seat.names),
        .expected_step = step.machine.step - 1,
        .event = std::string{step.event},
        .from = step.from,
        .now = now,
        .boot_id = settings_.boot_id};
    for (const lifecycle::PhaseClosed& closed : step.closed) {
        row.phases.push_back(
            {.no = closed.no,
             .phase = closed.phase,
             .from = closed.from.utc,
             .to = closed.to.utc,
             .amount = closed.amount,
             .paid_for = closed.to.boot - closed.from.boot,
             .budgets = shares(seat, closed.amount, closed.to.utc)});
    }
    if (step.opened) {
        row.phases.push_back(
            {.no = step.opened->no, .phase = step.opened->phase, .from = step.opened->from.utc});
    }
    if (step.event == "wanted") {
        row.expected_step = -1;
        row.decision = ledger::Decision{
            .policy = catalogue_->revision,
            .kind = "rent",
            .model = seat.names.model,
            .machine = step.machine.id,
            .reason = step.reason};
    }
    return row;
}

void Fleet::commit(Seat& seat, lifecycle::Step step) {
    seat.committing = true;
    seat.committing_since = parts_.clock.read().boot;
    seat.staged = std::move(step);
    seat.staged_ran = false;
    wake_at(seat.committing_since + ledger_patience);
    const MachineId id = seat.machine.id;
    parts_.ledger.machine_step(ledger_step(seat, *seat.staged), [this, id](Result<void> result) {
        parts_.inbox.post([this, id, result = std::move(result)] { committed(id, result); });
    });
}

void Fleet::committed(MachineId id, const Result<void>& result) {
    Seat* seat = find(id);
    if (seat == nullptr || !seat->staged) {
        return;
    }
    if (!result && result.error().code != Errc::conflict) {
        // The step stays staged and is offered again; an ending machine does not wait for it.
        seat->unsaved = true;
        spdlog::error(
            "machine={} step={} not booked: {}",
            seat->machine.name,
            seat->staged->event,
            result.error().message);
        if (seat->staged->machine.end_asked && !seat->staged_ran) {
            seat->staged_ran = true;
            run_effects(*seat, *seat->staged);
        }
        wake_at(parts_.clock.read().boot + std::chrono::seconds{1});
        return;
    }
    if (!result) {
        // Somebody else wrote this row: the books and we disagree, which must never happen.
        spdlog::critical(
            "machine={} step={} refused by the ledger: {}",
            seat->machine.name,
            seat->staged->event,
            result.error().message);
        warnings_.push_back(result.error().message);
        if (seat->staged->to == MachineState::wanted ||
            seat->staged->to == MachineState::creating) {
            // No row says that a machine may exist, so none may be asked for.
            bury(id);
            return;
        }
    }
    lifecycle::Step step = std::move(*seat->staged);
    const bool effects_ran = seat->staged_ran;
    seat->staged.reset();
    seat->committing = false;
    seat->staged_ran = false;
    seat->unsaved = false;
    seat->machine = step.machine;
    for (const lifecycle::PhaseClosed& closed : step.closed) {
        seat->paid += closed.amount;
        if (closed.phase == Phase::serve) {
            seat->busy += closed.to.boot - closed.from.boot;
        }
    }
    if (step.from != step.to) {
        spdlog::info(
            "machine={} {} -> {} event={} reason={} remote={}",
            step.machine.name,
            to_text(step.from),
            to_text(step.to),
            step.event,
            to_text(step.machine.end_reason.code),
            step.machine.remote_id);
    }
    if (!effects_ran) {
        run_effects(*seat, step);
    }
    listener_(step);
    if (step.to == MachineState::gone) {
        bury(id);
        return;
    }
    if (step.event == "create_asked" ||
        (step.to == MachineState::creating && step.from != step.to)) {
        send_create(*seat);
    }
    while (!seat->waiting.empty() && !seat->committing) {
        lifecycle::Event event = std::move(seat->waiting.front());
        seat->waiting.pop_front();
        apply_event(*seat, std::move(event));
        seat = find(id);
        if (seat == nullptr) {
            return;
        }
    }
    if (!seat->committing) {
        pump(*seat);
    }
}

void Fleet::run_effects(Seat& seat, const lifecycle::Step& step) {
    gate_effect(seat, step.gate);
    if (step.to == MachineState::gone || step.to == MachineState::deleting) {
        if (step.from != step.to) {
            parts_.gateway.source_gone(seat.names.source);
        }
    }
    if (step.alarm) {
        const std::string text = fmt::format(
            "{} at {} ({}) is not proved gone; it may still cost {} an hour",
            step.machine.name,
            step.machine.provider,
            step.machine.remote_id,
            to_text(
                step.machine.real_price.value_or(step.machine.intent_price).per_display_unit()));
        spdlog::critical("{}", text);
    }
    if (!step.destroy_duplicates.empty()) {
        list(step.machine.provider);  // the sweep of that list adopts and destroys them
    }
}

void Fleet::gate_effect(Seat& seat, lifecycle::GateEffect effect) {
    using enum lifecycle::GateEffect;
    const lifecycle::Machine& machine = effective(seat);
    switch (effect) {
        case none:
            return;
        case start: {
            const auto [model, offer] = catalogue_->config.offer(machine.offer);
            const auto up = parts_.gateway.source_up(
                {.source = seat.names.source,
                 .name = seat.source_name,
                 .kind = SourceKind::rental,
                 .model = seat.names.model,
                 .provider = seat.names.provider,
                 .machine = machine.id,
                 .host = machine.host,
                 .port = static_cast<std::uint16_t>(machine.port),
                 .key = inference::Secret{engine_key(machine.name)},
                 .seller_model = machine.model,
                 .slots = offer != nullptr ? offer->slots : 1,
                 .rank = machine.wanted_at.utc.time_since_epoch().count(),
                 .synthetic = seat.names.synthetic});
            if (!up) {
                spdlog::error("machine={} cannot serve: {}", machine.name, up.error().message);
            }
            return;
        }
        case stop:
            parts_.gateway.source_draining(seat.names.source);
            return;
        case cancel:
            parts_.gateway.source_draining(seat.names.source);
            parts_.gateway.cancel_streams(seat.names.source);
            return;
    }
}

void Fleet::bury(MachineId id) {
    const auto it = seats_.find(id);
    if (it->second.hold) {
        parts_.ledger.release(*it->second.hold);
    }
    const auto provider = providers_.find(it->second.machine.provider);
    if (provider != providers_.end() && provider->second.runner &&
        !it->second.machine.remote_id.empty()) {
        provider->second.bill_wanted = true;
    }
    gone_.push_front(std::move(it->second));
    if (gone_.size() > gone_max) {
        gone_.pop_back();
    }
    seats_.erase(it);
    reconcile();
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
            const bool late = now.boot - seat->committing_since > ledger_patience;
            if (late && seat->staged->machine.end_asked && !seat->staged_ran) {
                seat->staged_ran = true;
                run_effects(*seat, *seat->staged);
            }
            if (seat->unsaved) {
                seat->unsaved = false;
                parts_.ledger.machine_step(
                    ledger_step(*seat, *seat->staged), [this, id](Result<void> result) {
                        parts_.inbox.post(
                            [this, id, result = std::move(result)] { committed(id, result); });
                    });
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

bool Fleet::money_hazard() const noexcept {
    return std::ranges::any_of(seats_, [this](const auto& entry) {
        const auto provider = providers_.find(entry.second.machine.provider);
        const bool unreachable = provider == providers_.end() || !provider->second.runner;
        return entry.second.machine.alarmed || unreachable ||
               entry.second.machine.state == MachineState::unknown || entry.second.unsaved;
    });
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
