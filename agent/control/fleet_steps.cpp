// From event to step to ledger to effect: the only place where a machine changes.
#include "agent/control/exposure.hpp"
#include "agent/control/fleet.hpp"
#include "inference/bootstrap/plan.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::size_t gone_max = 256;     ///< ended machines kept for display
constexpr std::size_t waiting_max = 256;  ///< events of one machine whose step is not booked yet

bool asks_for_end(const lifecycle::Event& event) {
    return std::holds_alternative<lifecycle::Drain>(event) ||
           std::holds_alternative<lifecycle::Destroy>(event);
}

/// Makes room in `waiting`. The loop is level-triggered: newer answers say again what older ones
/// said, but nobody repeats a wish to end it or the answer to its create.
void make_room(std::deque<lifecycle::Event>& waiting) {
    if (waiting.size() < waiting_max) {
        return;
    }
    const auto oldest = std::ranges::find_if(waiting, [](const lifecycle::Event& event) {
        return !asks_for_end(event) && !std::holds_alternative<lifecycle::Created>(event) &&
               !std::holds_alternative<lifecycle::CreateFailed>(event);
    });
    waiting.erase(oldest == waiting.end() ? waiting.begin() : oldest);
}

}  // namespace

void Fleet::apply_event(Seat& seat, lifecycle::Event event) {
    if (seat.committing) {
        make_room(seat.waiting);
        seat.waiting.push_back(event);
        if (seat.ahead) {
            ahead_event(seat, event);
            pump(seat);
        }
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
    ledger::MachineStep row{
        .machine = to_row(step.machine, seat.names),
        .expected_step = step.machine.step - 1,
        .event = std::string{step.event},
        .from = step.from,
        .now = seat.committing_since,
        .boot_id = settings_.boot_id};
    if (seat.id_taken) {
        row.machine.remote_id.clear();
    }
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
    seat.committing_since = parts_.clock.read();
    seat.staged = std::move(step);
    seat.staged_ran = false;
    wake_at(seat.committing_since.boot + ledger_patience);
    offer_step(seat);
}

void Fleet::offer_step(const Seat& seat) {
    const MachineId id = seat.machine.id;
    if (seat.disputed) {
        parts_.inbox.post([this, id] { committed(id, {}); });
        return;
    }
    parts_.ledger.machine_step(
        ledger_step(seat, *seat.staged), [this, id, inbox = parts_.inbox](Result<void> result) {
            inbox.post([this, id, result = std::move(result)] { committed(id, result); });
        });
}

void Fleet::go_ahead(Seat& seat) {
    if (seat.ahead) {
        return;
    }
    const lifecycle::Step& staged = *seat.staged;
    const bool asked_for = seat.outstanding.contains(lifecycle::CallKind::create);
    if (staged.to == MachineState::wanted || (staged.to == MachineState::creating && !asked_for)) {
        return;  // its create was never sent: there is nothing to end
    }
    const Now now = parts_.clock.read();
    const auto due =
        lifecycle::step(staged.machine, lifecycle::Tick{}, limits(staged.machine), now);
    if (!due.machine.end_asked && std::ranges::none_of(seat.waiting, asks_for_end)) {
        return;
    }
    seat.ahead = staged.machine;
    seat.staged_ran = true;
    run_effects(seat, staged);
    for (const lifecycle::Event& event : seat.waiting) {
        ahead_event(seat, event);
    }
    ahead_event(seat, lifecycle::Tick{});
}

void Fleet::ahead_event(Seat& seat, const lifecycle::Event& event) {
    const Now now = parts_.clock.read();
    const lifecycle::Step step = lifecycle::step(*seat.ahead, event, limits(*seat.ahead), now);
    seat.ahead = step.machine;
    run_effects(seat, step);
}

void Fleet::not_committed(Seat& seat, const Error& error) {
    // The step stays staged and is offered again; an ending machine does not wait for it.
    seat.unsaved = true;
    seat.offer_again = true;
    spdlog::error(
        "machine={} step={} not booked: {}", seat.machine.name, seat.staged->event, error.message);
    go_ahead(seat);
    wake_at(parts_.clock.read().boot + std::chrono::seconds{1});
}

/// Somebody else wrote this row: the books and we disagree, which must never happen. A machine that
/// may exist is ended all the same. True when the step is to be taken as made.
bool Fleet::settle_dispute(Seat& seat, const Error& error) {
    spdlog::critical(
        "machine={} step={} refused by the ledger: {}",
        seat.machine.name,
        seat.staged->event,
        error.message);
    const bool new_row = seat.staged->machine.step == 0 && seat.staged->event != "wanted";
    if (new_row && !seat.id_taken) {
        // An older row has its remote id or its name: it comes into the books under a new one.
        seat.id_taken = true;
        seat.staged->machine.name += fmt::format("~{}", seat.machine.id.value());
        seat.machine.name = seat.staged->machine.name;
        offer_step(seat);
        return false;
    }
    const std::string warning = fmt::format("{}: {}", seat.machine.name, error.message);
    if (std::ranges::find(warnings_, warning) == warnings_.end()) {
        warnings_.push_back(warning);
    }
    const bool asked_for = seat.outstanding.contains(lifecycle::CallKind::create);
    if (seat.staged->to == MachineState::wanted ||
        (seat.staged->to == MachineState::creating && !asked_for)) {
        // No row says that a machine may exist, so none may be asked for.
        bury(seat.machine.id);
        return false;
    }
    seat.disputed = true;
    seat.waiting.push_back(lifecycle::Destroy{Reason{ReasonCode::machine_orphan}});
    return true;
}

void Fleet::committed(MachineId id, const Result<void>& result) {
    Seat* seat = find(id);
    if (seat == nullptr || !seat->staged) {
        return;
    }
    if (!result && result.error().code != Errc::conflict) {
        not_committed(*seat, result.error());
        return;
    }
    if (!result && !settle_dispute(*seat, result.error())) {
        return;
    }
    lifecycle::Step step = std::move(*seat->staged);
    const bool effects_ran = seat->staged_ran;
    seat->staged.reset();
    seat->committing = false;
    seat->staged_ran = false;
    seat->ahead.reset();
    seat->unsaved = seat->disputed;
    seat->machine = step.machine;
    if (seat->create_wanted && (step.to != MachineState::creating || step.machine.end_asked)) {
        *seat->create_wanted = false;
    }
    for (const lifecycle::PhaseClosed& closed : step.closed) {
        const Money booked = seat->disputed ? Money{0, closed.amount.currency()} : closed.amount;
        seat->paid += booked;
        if (closed.phase == Phase::serve) {
            seat->served += booked;
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
                 .pin = pin_of(seat),
                 .goes_on = inference::dialect::goes_on(
                     offer == nullptr || offer->engine.empty()
                         ? inference::bootstrap::default_engine
                         : std::string_view{offer->engine}),
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
    if (it->second.create_wanted) {
        *it->second.create_wanted = false;
    }
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

}  // namespace evenkeel::agent
