// The outside world of the fleet: provider calls, engine probes, lists, sweeps and bills.
#include "agent/control/fleet.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

constexpr int bill_attempts_max = 5;  ///< then the hourly comparison tries again
constexpr std::chrono::milliseconds bill_pause{500};

lifecycle::Seen to_seen(const providers::RemoteMachine& remote) {
    lifecycle::Seen seen{
        .remote_id = remote.remote_id,
        .name = remote.name,
        .owner_mark = remote.owner_mark,
        .running = remote.running,
        .stopped = remote.stopped,
        .gpu = remote.gpu,
        .gpu_count = remote.gpu_count,
        .host = remote.host,
        .port = remote.port,
        .created = remote.created};
    if (!remote.price.currency().is_none()) {
        seen.price = remote.price;
    }
    return seen;
}

}  // namespace

void Fleet::pump(Seat& seat) {
    const Now now = parts_.clock.read();
    const lifecycle::Machine& machine = effective(seat);
    if (seat.committing && !seat.staged_ran) {
        return;  // the row decides, and it is not on disk yet
    }
    const lifecycle::Call call = lifecycle::wanted_call(machine, limits(machine), now);
    if (call.kind == lifecycle::CallKind::none || seat.outstanding.contains(call.kind)) {
        return;
    }
    if (call.not_before > now.boot) {
        wake_at(call.not_before);
        return;
    }
    start_call(seat, call.kind);
}

void Fleet::start_call(Seat& seat, lifecycle::CallKind kind) {
    using enum lifecycle::CallKind;
    const lifecycle::Machine& machine = effective(seat);
    const MachineId id = machine.id;
    const auto answer = [this, id, kind](lifecycle::Event event) {
        if (Seat* answered = find(id)) {
            answered->outstanding.erase(kind);
            apply_event(*answered, std::move(event));
        }
    };
    ProviderRunner* provider = runner(machine.provider);
    const bool needs_provider = kind != probe && kind != accept;
    if (needs_provider && provider == nullptr) {
        return;  // shown as a warning by the status: no driver, nothing can be asked
    }
    const Now asked = parts_.clock.read();
    switch (kind) {
        case none:
            return;
        case create:
            apply_event(seat, lifecycle::CreateAsked{});  // the POST follows its commit
            return;
        case look_up:
        case prove:
            list(machine.provider);
            return;
        case get:
            seat.outstanding.insert(kind);
            provider->run(
                ProviderRunner::Lane::safety,
                [remote = machine.remote_id](providers::Provider& api, std::stop_token stop) {
                    return api.get(remote, stop);
                },
                [answer, asked](Result<providers::RemoteMachine> result) {
                    if (result) {
                        answer(lifecycle::Got{asked, to_seen(*result)});
                    } else if (result.error().code == Errc::not_found) {
                        answer(lifecycle::GetMissing{asked});
                    } else {
                        answer(lifecycle::CallFailed{get, result.error().retry_after});
                    }
                });
            return;
        case destroy:
            seat.outstanding.insert(kind);
            provider->run(
                ProviderRunner::Lane::safety,
                [remote = machine.remote_id](providers::Provider& api, std::stop_token stop) {
                    return api.destroy(remote, stop);
                },
                [answer](Result<void> result) {
                    using enum lifecycle::DestroyAnswer;
                    if (result) {
                        answer(lifecycle::DestroyAnswered{done, {}});
                    } else if (result.error().code == Errc::not_found) {
                        answer(lifecycle::DestroyAnswered{missing, {}});
                    } else {
                        answer(lifecycle::DestroyAnswered{failed, result.error().retry_after});
                    }
                });
            return;
        case probe:
            seat.outstanding.insert(kind);
            parts_.prober.health(
                machine.host,
                static_cast<std::uint16_t>(machine.port),
                std::chrono::seconds{3},
                [answer, asked](Result<inference::engine::Health> result) {
                    if (result && *result == inference::engine::Health::ready) {
                        answer(lifecycle::EngineReachable{asked});
                    } else {
                        answer(lifecycle::EngineUnreachable{});
                    }
                });
            return;
        case accept:
            seat.outstanding.insert(kind);
            parts_.prober.accept(
                machine.host,
                static_cast<std::uint16_t>(machine.port),
                engine_key(machine.name),
                machine.model,
                std::chrono::seconds{60},
                [answer, name = machine.name](Result<inference::engine::Acceptance> result) {
                    if (result) {
                        answer(lifecycle::Accepted{});
                        return;
                    }
                    spdlog::warn("machine={} acceptance: {}", name, result.error().message);
                    const bool passing = result.error().code == Errc::unavailable ||
                                         result.error().code == Errc::timed_out ||
                                         result.error().code == Errc::cancelled;
                    if (passing) {
                        answer(lifecycle::CallFailed{accept, {}});
                    } else {
                        answer(lifecycle::Rejected{});
                    }
                });
            return;
    }
}

void Fleet::send_create(Seat& seat) {
    const lifecycle::Machine& machine = seat.machine;
    ProviderRunner* provider = runner(machine.provider);
    if (provider == nullptr) {
        apply_event(seat, lifecycle::CreateFailed{Errc::rejected, {}});
        return;
    }
    const auto [model, offer] = catalogue_->config.offer(machine.offer);
    providers::MachineSpec spec{
        .name = machine.name,
        .sku = machine.sku,
        .region = machine.region,
        .image = offer != nullptr ? offer->image : std::string{},
        .model = machine.model,
        .engine_key = engine_key(machine.name),
        .owner_mark = machine.owner_mark,
        .expires = machine.expires};
    seat.outstanding.insert(lifecycle::CallKind::create);
    provider->run(
        ProviderRunner::Lane::spend,
        [spec = std::move(spec)](providers::Provider& api, std::stop_token stop) {
            return api.create(spec, stop);
        },
        [this, id = machine.id](Result<providers::RemoteMachine> result) {
            Seat* created = find(id);
            if (created == nullptr) {
                return;
            }
            created->outstanding.erase(lifecycle::CallKind::create);
            if (result) {
                apply_event(*created, lifecycle::Created{to_seen(*result)});
                return;
            }
            spdlog::warn(
                "machine={} create: {} ({})",
                created->machine.name,
                result.error().message,
                to_text(result.error().code));
            apply_event(
                *created, lifecycle::CreateFailed{result.error().code, result.error().retry_after});
        });
}

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
        state.trouble = result.error().message;
        spdlog::warn("provider={} list: {}", provider, result.error().message);
        for (const MachineId id : ours) {
            Seat* seat = find(id);
            if (seat == nullptr) {
                continue;
            }
            const MachineState waits = effective(*seat).state;
            if (waits == MachineState::unknown || waits == MachineState::verifying) {
                const auto kind = waits == MachineState::unknown ? lifecycle::CallKind::look_up
                                                                 : lifecycle::CallKind::prove;
                apply_event(*seat, lifecycle::CallFailed{kind, result.error().retry_after});
            }
        }
        return;
    }
    state.trouble.clear();
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
    for (const lifecycle::Finding& finding : lifecycle::sweep(input, state.watch)) {
        if (lifecycle::may_destroy(finding.verdict)) {
            adopt(finding, provider);
        } else if (
            finding.verdict == lifecycle::Verdict::adopt && find(finding.machine) == nullptr) {
            if (Seat* back = revive(finding.machine)) {
                apply_event(*back, lifecycle::listed_for(back->machine, seen, true, asked));
            }
        } else if (finding.verdict == lifecycle::Verdict::report) {
            spdlog::error(
                "provider={} remote={} carries our mark but is in no row",
                provider,
                finding.seen.remote_id);
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
    parts_.ledger.source(
        {.ix = seat.names.source,
         .kind = SourceKind::rental,
         .provider = seat.names.provider,
         .label = plain_gpu(seat.machine.gpu),
         .synthetic = seat.names.synthetic});
    return &seats_.insert_or_assign(id, std::move(seat)).first->second;
}

std::chrono::milliseconds Fleet::min_bill_of(const std::string& provider) const {
    std::chrono::milliseconds most{0};
    for (const Seat& seat : gone_) {
        if (seat.machine.provider == provider) {
            most = std::max(most, seat.machine.min_bill);
        }
    }
    for (const auto& [id, seat] : seats_) {
        if (seat.machine.provider == provider) {
            most = std::max(most, seat.machine.min_bill);
        }
    }
    return most;
}

void Fleet::adopt(const lifecycle::Finding& finding, const std::string& provider) {
    const Now now = parts_.clock.read();
    const ReasonCode code = finding.verdict == lifecycle::Verdict::duplicate
                                ? ReasonCode::machine_duplicate
                                : ReasonCode::machine_orphan;
    Seat seat;
    seat.machine = lifecycle::make_orphan(
        finding.seen,
        MachineId{settings_.ids.next(now.utc)},
        provider,
        settings_.boot_id,
        Reason{code},
        now,
        min_bill_of(provider));
    seat.machine.step = 0;  // the row is inserted by this very step
    seat.source_name = free_source_name(provider);
    const config::Provider* configured = catalogue_->config.provider(provider);
    seat.names = {
        .provider = parts_.names.intern(routing::NameKind::provider, provider),
        .offer = parts_.names.intern(routing::NameKind::offer, provider),
        .model = parts_.names.intern(routing::NameKind::model, "unknown"),
        .source = parts_.names.intern(routing::NameKind::source, seat.source_name),
        .synthetic = configured != nullptr && configured->synthetic};
    spdlog::error(
        "machine={} remote={} {}: adopted to be destroyed",
        seat.machine.name,
        seat.machine.remote_id,
        to_text(finding.verdict));
    parts_.ledger.source(
        {.ix = seat.names.source,
         .kind = SourceKind::rental,
         .provider = seat.names.provider,
         .label = plain_gpu(seat.machine.gpu),
         .synthetic = seat.names.synthetic});
    const MachineId id = seat.machine.id;
    Seat& placed = seats_.emplace(id, std::move(seat)).first->second;
    lifecycle::Step step{
        .machine = placed.machine,
        .durable = true,
        .event = "adopted",
        .from = placed.machine.state,
        .to = placed.machine.state,
        .reason = placed.machine.end_reason};
    if (placed.machine.phase) {
        step.opened = lifecycle::PhaseOpened{
            placed.machine.phase_no, *placed.machine.phase, placed.machine.phase_at};
    }
    commit(placed, std::move(step));
}

void Fleet::sweep() {
    for (const auto& [name, state] : providers_) {
        list(name);
    }
}

bool Fleet::listed_once() const noexcept {
    return std::ranges::all_of(providers_, [](const auto& entry) { return entry.second.listed; });
}

void Fleet::want_bills() {
    for (auto& [name, state] : providers_) {
        state.bill_wanted = true;
    }
    reconcile();
}

void Fleet::reconcile() {
    const BootTime now = parts_.clock.read().boot;
    for (auto& [name, state] : providers_) {
        if (!state.bill_wanted || state.billing || !state.runner || now < state.bill_after) {
            continue;
        }
        state.bill_wanted = false;
        state.billing = true;
        state.runner->run(
            ProviderRunner::Lane::safety,
            [](providers::Provider& api, std::stop_token stop) { return api.billing(stop); },
            [this, provider = name](Result<std::vector<providers::BillLine>> result) {
                billed(provider, result);
            });
    }
}

void Fleet::billed(
    const std::string& provider, const Result<std::vector<providers::BillLine>>& lines) {
    ProviderState& state = providers_[provider];
    state.billing = false;
    bool open = !lines.has_value();
    if (lines) {
        for (const providers::BillLine& line : *lines) {
            const auto seat = std::ranges::find_if(gone_, [&](const Seat& ended) {
                return ended.machine.provider == provider &&
                       ended.machine.remote_id == line.remote_id;
            });
            if (seat == gone_.end()) {
                continue;
            }
            if (!line.final) {
                open = true;
                continue;
            }
            if (!seat->paid.is_zero() && line.amount.currency() != seat->paid.currency()) {
                spdlog::error(
                    "machine={} is billed in {} and booked in {}: compare by hand",
                    seat->machine.name,
                    line.amount.currency().text(),
                    seat->paid.currency().text());
                continue;
            }
            const Money difference = line.amount - seat->paid;
            if (difference.is_zero()) {
                continue;
            }
            spdlog::info(
                "machine={} bill={} booked={} adjusted={}",
                seat->machine.name,
                to_text(line.amount),
                to_text(seat->paid),
                to_text(difference));
            seat->paid = line.amount;
            parts_.ledger.adjust(
                {.machine = seat->machine.id,
                 .amount = difference,
                 .reason = fmt::format("bill of {}", provider),
                 .idem = fmt::format("bill:{}:{}", seat->machine.id.value(), line.amount.nanos()),
                 .budgets = shares(*seat, difference, parts_.clock.read().utc)},
                [this, provider, difference, id = seat->machine.id](const Result<void>& result) {
                    if (!result) {
                        spdlog::error("adjustment refused: {}", result.error().message);
                        parts_.inbox.post([this, provider, difference, id] {
                            not_adjusted(provider, id, difference);
                        });
                    }
                });
        }
    }
    if (open && ++state.bill_failures < bill_attempts_max) {
        state.bill_wanted = true;
        state.bill_after = parts_.clock.read().boot + bill_pause * state.bill_failures;
        wake_at(state.bill_after);
    } else {
        state.bill_failures = 0;
    }
}

void Fleet::not_adjusted(const std::string& provider, MachineId id, Money difference) {
    const auto seat =
        std::ranges::find_if(gone_, [&](const Seat& ended) { return ended.machine.id == id; });
    if (seat == gone_.end()) {
        return;
    }
    spdlog::error(
        "machine={} adjustment of {} not booked: tried again",
        seat->machine.name,
        to_text(difference));
    seat->paid -= difference;
    providers_[provider].bill_wanted = true;
    providers_[provider].bill_after = parts_.clock.read().boot + std::chrono::seconds{1};
}

}  // namespace evenkeel::agent
