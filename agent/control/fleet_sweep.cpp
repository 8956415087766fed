// What providers have, compared with what our rows say.
#include "agent/control/fleet.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr std::int64_t unknown_hour_nanos = 10'000'000'000;  ///< where nothing else is known

}  // namespace

void Fleet::list(const std::string& provider) {
    const auto it = providers_.find(provider);
    if (it == providers_.end() || !it->second.runner) {
        return;
    }
    if (it->second.listing) {
        // The running list was asked before whatever wants this one: it may prove nothing.
        it->second.list_wanted = true;
        return;
    }
    it->second.listing = true;
    it->second.list_wanted = false;
    const Now asked = parts_.clock.read();
    it->second.runner->run(
        ProviderRunner::Lane::safety,
        [](providers::Provider& api, std::stop_token stop) { return api.list(stop); },
        [this, provider, asked](Result<std::vector<providers::RemoteMachine>> result) {
            listed(provider, asked, result);
        });
}

void Fleet::listed(
    const std::string& provider,
    Now asked,
    const Result<std::vector<providers::RemoteMachine>>& result) {
    ProviderState& state = providers_[provider];
    state.listing = false;
    state.listed = true;
    const bool again = state.list_wanted;
    std::vector<MachineId> ours;
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider == provider) {
            ours.push_back(id);
        }
    }
    if (!result) {
        spdlog::warn("provider={} list: {}", provider, result.error().message);
        for (const MachineId id : ours) {
            Seat* seat = find(id);
            if (seat == nullptr) {
                continue;
            }
            const MachineState waits = effective(*seat).state;
            if (waits == MachineState::unknown || waits == MachineState::verifying ||
                effective(*seat).missing_get) {
                const auto kind = waits == MachineState::unknown ? lifecycle::CallKind::look_up
                                                                 : lifecycle::CallKind::prove;
                apply_event(*seat, lifecycle::CallFailed{kind, result.error().retry_after});
            }
        }
        return;
    }
    state.listed_at = asked.utc;
    std::vector<lifecycle::Seen> seen;
    seen.reserve(result->size());
    for (const providers::RemoteMachine& remote : *result) {
        seen.push_back(to_seen(remote));
    }
    for (const MachineId id : ours) {
        if (Seat* seat = find(id)) {
            apply_event(*seat, lifecycle::listed_for(effective(*seat), seen, true, asked));
        }
    }
    // Rows are read after the list: a machine created meanwhile is in a row, not an orphan.
    std::vector<lifecycle::Machine> rows;
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider == provider) {
            rows.push_back(effective(seat));
        }
    }
    // Two providers of the configuration may be one account: what a row of the other one knows is
    // no orphan of this one. Names are unique.
    std::erase_if(seen, [&](const lifecycle::Seen& remote) {
        return std::ranges::any_of(seats_, [&](const auto& entry) {
            const lifecycle::Machine& other = entry.second.machine;
            return other.provider != provider &&
                   (other.name == remote.name ||
                    other.name == remote.name + "~" + remote.remote_id);
        });
    });
    const Now now = parts_.clock.read();
    for (const Seat& ended : gone_) {
        // A machine that was not there when it was looked for may still turn up.
        const bool lately =
            ended.machine.gone_at && now.utc - ended.machine.gone_at->utc < std::chrono::days{1};
        if (ended.machine.provider == provider && lately) {
            rows.push_back(ended.machine);
        }
    }
    const config::Safety& safety = catalogue_->config.safety;
    const lifecycle::SweepInput input{
        .remote = seen,
        .rows = rows,
        .owner_mark = settings_.owner_mark,
        .asked = asked,
        .now = now,
        .grace = safety.orphan_grace,
        .unknown = safety.unknown_machine};
    state.strangers.clear();
    for (const lifecycle::Finding& finding : lifecycle::sweep(input, state.watch)) {
        using enum lifecycle::Verdict;
        if (lifecycle::may_destroy(finding.verdict)) {
            static_cast<void>(this->adopt(
                finding.seen,
                provider,
                finding.verdict == duplicate ? ReasonCode::machine_duplicate
                                             : ReasonCode::machine_orphan));
        } else if (
            finding.verdict == lifecycle::Verdict::adopt && find(finding.machine) == nullptr) {
            if (Seat* back = revive(finding.machine)) {
                apply_event(*back, lifecycle::listed_for(back->machine, seen, true, asked));
            }
        } else if (
            finding.verdict == report || finding.verdict == wait || finding.verdict == look_alike) {
            state.strangers.push_back(finding);
            if (finding.verdict == report) {
                spdlog::error(
                    "provider={} remote={} carries our mark but is in no row",
                    provider,
                    finding.seen.remote_id);
            }
        }
    }
    if (again) {
        list(provider);
    }
}

Seat* Fleet::revive(MachineId id) {
    const auto ended =
        std::ranges::find_if(gone_, [id](const Seat& seat) { return seat.machine.id == id; });
    if (ended == gone_.end()) {
        return nullptr;
    }
    spdlog::error("machine={} was thought gone and is listed again", ended->machine.name);
    Seat seat = std::move(*ended);
    gone_.erase(ended);
    seat.hold.reset();  // released when it ended
    // Another machine may have its old name by now.
    seat.source_name = free_source_name(seat.machine.provider);
    seat.names.source = parts_.names.intern(routing::NameKind::source, seat.source_name);
    note_source(seat, plain_gpu(seat.machine.gpu));
    return &seats_.insert_or_assign(id, std::move(seat)).first->second;
}

/// What an hour of a machine may cost whose price the provider does not state: never nothing, and
/// rather too much than too little; its bill corrects it.
Price Fleet::dearest_of(const std::string& provider) const {
    std::optional<Price> dearest;
    const auto consider = [&dearest](const Price& price) {
        const bool comparable = !dearest || dearest->currency() == price.currency();
        if (!price.currency().is_none() && comparable &&
            (!dearest || price.per_display_unit() > dearest->per_display_unit())) {
            dearest = price;
        }
    };
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider == provider) {
            consider(seat.machine.real_price.value_or(seat.machine.intent_price));
        }
    }
    for (const config::Model& model : catalogue_->config.models) {
        for (const config::Offer& offer : model.offers) {
            if (offer.on == provider && offer.hour_price) {
                consider(*offer.hour_price);
            }
        }
    }
    if (!dearest) {
        for (const config::Scaling& rule : catalogue_->config.scaling) {
            consider(rule.max_price);
        }
    }
    return dearest.value_or(Price::per_hour(Money{unknown_hour_nanos, usd}));
}

Seat& Fleet::place(lifecycle::Machine machine, std::string_view event, std::string_view model) {
    Seat seat;
    seat.machine = std::move(machine);
    const std::string& provider = seat.machine.provider;
    if (!seat.machine.real_price) {
        seat.machine.intent_price = dearest_of(provider);
    }
    if (seat.machine.offer.empty()) {
        seat.machine.offer = provider;
    }
    seat.machine.step = 0;  // the row is inserted by this very step
    seat.source_name = free_source_name(provider);
    const config::Provider* configured = catalogue_->config.provider(provider);
    seat.names = {
        .provider = parts_.names.intern(routing::NameKind::provider, provider),
        .offer = parts_.names.intern(routing::NameKind::offer, seat.machine.offer),
        .model = parts_.names.intern(routing::NameKind::model, model),
        .source = parts_.names.intern(routing::NameKind::source, seat.source_name),
        .synthetic = configured != nullptr && configured->synthetic};
    note_source(seat, plain_gpu(seat.machine.gpu));
    const MachineId id = seat.machine.id;
    Seat& placed = seats_.emplace(id, std::move(seat)).first->second;
    lifecycle::Step step{
        .machine = placed.machine,
        .durable = true,
        .event = event,
        .from = placed.machine.state,
        .to = placed.machine.state,
        .reason = placed.machine.end_reason};
    if (placed.machine.phase) {
        step.opened = lifecycle::PhaseOpened{
            placed.machine.phase_no, *placed.machine.phase, placed.machine.phase_at};
    }
    commit(placed, std::move(step));
    return placed;
}

const Seat& Fleet::adopt(const lifecycle::Seen& seen, const std::string& provider, ReasonCode why) {
    const Now now = parts_.clock.read();
    lifecycle::Machine machine = lifecycle::make_orphan(
        seen,
        MachineId{settings_.ids.next(now.utc)},
        provider,
        settings_.boot_id,
        Reason{why},
        now,
        min_bill_of(provider));
    spdlog::error(
        "machine={} remote={} {}: taken up to be destroyed",
        machine.name,
        machine.remote_id,
        to_text(why));
    return place(std::move(machine), "adopted", "unknown");
}

void Fleet::sweep() {
    for (const auto& [name, state] : providers_) {
        list(name);
    }
}

ProviderFigures Fleet::figures(const std::string& provider) const {
    const auto it = providers_.find(provider);
    if (it == providers_.end()) {
        return {};
    }
    const ProviderState& state = it->second;
    ProviderFigures figures{
        .destroy_failures = state.destroy_failures,
        .listed = state.listed_at,
        .bill_alarms = state.bill_alarms};
    if (state.runner) {
        figures.calls = state.runner->calls();
    }
    for (const auto& [currency, difference] : state.bill_differences) {
        figures.bill_differences.push_back(difference);
    }
    return figures;
}

bool Fleet::listed_once() const noexcept {
    return std::ranges::all_of(providers_, [](const auto& entry) { return entry.second.listed; });
}

}  // namespace evenkeel::agent
