// What people ask of machines, what they must be told, and what the reaper did meanwhile.
#include "agent/control/fleet.hpp"
#include "agent/report/nodes.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace evenkeel::agent {

namespace {

/// A row that lives past its end for so long is a hazard: its drain and delete had their time.
constexpr std::chrono::minutes overdue_after{2};

std::string clock_text(UtcTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
    return fmt::format("{:%H:%M} UTC", fmt::gmtime(static_cast<std::time_t>(whole.count())));
}

NodeAnswer answer_of(const Seat& seat, bool adopted) {
    return {
        .name = seat.source_name,
        .machine = seat.machine.name,
        .provider = seat.machine.provider,
        .remote_id = seat.machine.remote_id,
        .state = std::string{to_text(seat.machine.state)},
        .in_flight = seat.in_flight,
        .adopted = adopted};
}

}  // namespace

std::vector<Stranger> Fleet::strangers() const {
    std::vector<Stranger> strangers;
    for (const auto& [name, state] : providers_) {
        for (const lifecycle::Finding& finding : state.strangers) {
            strangers.push_back({.provider = name, .finding = finding});
        }
    }
    return strangers;
}

std::vector<std::string> Fleet::hazards() const {
    std::vector<std::string> hazards;
    const UtcTime now = parts_.clock.read().utc;
    for (const auto& [id, seat] : seats_) {
        const lifecycle::Machine& machine = effective(seat);
        const auto tell = [&](std::string_view what) {
            hazards.push_back(fmt::format("{} ({}): {}", seat.source_name, machine.provider, what));
        };
        const auto provider = providers_.find(machine.provider);
        if (provider == providers_.end() || !provider->second.runner) {
            tell("its provider has no working driver, so it cannot be destroyed");
        }
        if (machine.state == MachineState::unknown) {
            tell("nobody knows whether it was created; it is looked up by its name");
        }
        if (machine.alarmed) {
            tell(fmt::format(
                "its deletion is not proved; it may still cost {} an hour",
                to_text(machine.real_price.value_or(machine.intent_price).per_display_unit())));
        }
        if (machine.state != MachineState::gone && now - machine.expires > overdue_after &&
            machine.expires != UtcTime{}) {
            tell(fmt::format("it should have ended at {}", clock_text(machine.expires)));
        }
        if (seat.unsaved) {
            tell("the ledger does not have its newest step");
        }
    }
    for (const Stranger& stranger : strangers()) {
        if (stranger.ours()) {
            hazards.push_back(fmt::format(
                "{}: machine {} ({}) carries our mark and is in no row; run: evenkeel nodes adopt "
                "{}, or: evenkeel nodes destroy {}",
                stranger.provider,
                stranger.finding.seen.remote_id,
                stranger.finding.seen.gpu.empty() ? "GPU not stated" : stranger.finding.seen.gpu,
                stranger.finding.seen.remote_id,
                stranger.finding.seen.remote_id));
        }
    }
    return hazards;
}

Result<NodeAnswer> Fleet::command(const NodeCommand& command) {
    std::vector<report::NodeName> names;
    std::vector<MachineId> ids;
    for (const auto& [id, seat] : seats_) {
        names.push_back(
            {.source = seat.source_name,
             .name = seat.machine.name,
             .remote_id = seat.machine.remote_id,
             .provider = seat.machine.provider,
             .state = std::string{to_text(seat.machine.state)}});
        ids.push_back(id);
    }
    const std::vector<Stranger> unknown = strangers();
    for (const Stranger& stranger : unknown) {
        names.push_back(
            {.name = stranger.finding.seen.name,
             .remote_id = stranger.finding.seen.remote_id,
             .provider = stranger.provider,
             .state = stranger.ours() ? "in no row" : "not ours"});
    }
    for (const Seat& ended : gone_) {
        names.push_back(
            {.source = ended.source_name,
             .name = ended.machine.name,
             .remote_id = ended.machine.remote_id,
             .provider = ended.machine.provider,
             .state = "gone",
             .gone = true});
    }
    const auto found = report::find_node(names, command.name, command.provider);
    if (!found) {
        return std::unexpected{found.error()};
    }
    if (*found < ids.size()) {
        return this->command(command, *find(ids[*found]));
    }
    if (*found < ids.size() + unknown.size()) {
        return this->command(command, unknown[*found - ids.size()]);
    }
    if (command.verb == NodeCommand::Verb::adopt) {
        return fail(Errc::conflict, fmt::format("{} is gone already", command.name));
    }
    return answer_of(gone_[*found - ids.size() - unknown.size()], false);
}

Result<NodeAnswer> Fleet::command(const NodeCommand& command, Seat& seat) {
    using enum NodeCommand::Verb;
    if (command.verb == adopt) {
        return fail(
            Errc::conflict,
            fmt::format(
                "{} is ours already ({}); nothing is to be adopted",
                seat.source_name,
                to_text(seat.machine.state)));
    }
    const MachineId id = seat.machine.id;
    const Reason reason{ReasonCode::asked_by_owner};
    spdlog::info(
        "machine={} {} asked by a person",
        seat.machine.name,
        command.verb == drain ? "drain" : "destroy");
    command.verb == drain ? this->drain(id, reason) : this->destroy(id, reason);
    if (Seat* now = find(id)) {
        return answer_of(*now, false);
    }
    // An intent that was never sent ends at once.
    const auto ended = std::ranges::find(gone_, id, [](const Seat& one) { return one.machine.id; });
    return ended == gone_.end() ? Result<NodeAnswer>{fail(Errc::not_found, "it is gone")}
                                : Result<NodeAnswer>{answer_of(*ended, false)};
}

Result<NodeAnswer> Fleet::command(const NodeCommand& command, const Stranger& stranger) {
    const lifecycle::Seen& seen = stranger.finding.seen;
    // Both tests, although one implies the other: this is where somebody else's machine could die.
    if (!stranger.ours() || seen.owner_mark != settings_.owner_mark) {
        return fail(
            Errc::refused,
            fmt::format(
                "{} at {} does not carry this agent's mark ({}): it is never touched from here",
                seen.remote_id,
                stranger.provider,
                settings_.owner_mark));
    }
    if (command.verb == NodeCommand::Verb::adopt) {
        return keep(command, stranger);
    }
    NodeAnswer answer = answer_of(adopt(seen, stranger.provider, ReasonCode::asked_by_owner), true);
    forget_stranger(seen);
    return answer;
}

Result<NodeAnswer> Fleet::keep(const NodeCommand& command, const Stranger& stranger) {
    const lifecycle::Seen& seen = stranger.finding.seen;
    struct Choice {
        std::string model{};
        std::string offer{};
        bool same_gpu{false};
    };
    std::vector<Choice> choices;
    std::string models;
    for (const config::Model& model : catalogue_->config.models) {
        const bool wanted =
            command.model.empty() || catalogue_->config.model(command.model) == &model;
        for (const config::Offer& offer : model.offers) {
            if (offer.on == stranger.provider) {
                models += (models.empty() ? "" : ", ") + model.name;
                if (wanted) {
                    choices.push_back({model.name, offer.name, names_gpu(offer.gpu, seen.gpu)});
                }
            }
        }
    }
    if (choices.empty()) {
        return fail(
            Errc::invalid_argument,
            models.empty()
                ? fmt::format("no model has an offer on {}: destroy it", stranger.provider)
                : fmt::format("{} serves {}, not '{}'", stranger.provider, models, command.model));
    }
    const bool one_model = std::ranges::all_of(
        choices, [&](const Choice& choice) { return choice.model == choices[0].model; });
    if (!one_model) {
        return fail(
            Errc::invalid_argument,
            fmt::format("say with --model what it is to serve: {}", models));
    }
    const auto same = std::ranges::find(choices, true, &Choice::same_gpu);
    const Choice& choice = same == choices.end() ? choices[0] : *same;
    const Now now = parts_.clock.read();
    lifecycle::Machine probe;
    probe.model = choice.model;
    probe.offer = choice.offer;
    const lifecycle::Limits machine_limits = limits(probe);
    if (seen.created != UtcTime{} && now.utc - seen.created >= machine_limits.max_life) {
        return fail(
            Errc::conflict,
            fmt::format("{} is older than its max_life: destroy it", seen.remote_id));
    }
    lifecycle::Machine machine = lifecycle::make_adopted(
        seen,
        MachineId{settings_.ids.next(now.utc)},
        stranger.provider,
        choice.model,
        choice.offer,
        settings_.boot_id,
        machine_limits,
        now,
        min_bill_of(stranger.provider));
    spdlog::warn(
        "machine={} remote={} adopted for model={}: asked by a person",
        machine.name,
        machine.remote_id,
        machine.model);
    const Seat& placed = place(std::move(machine), "adopted", choice.model);
    NodeAnswer answer = answer_of(placed, true);
    forget_stranger(seen);
    return answer;
}

/// It is in a row now. Two entries of the configuration may be one account, so all forget it.
void Fleet::forget_stranger(const lifecycle::Seen& known) {
    const lifecycle::Seen copy = known;  // it may live in a list that changes here
    for (auto& [name, state] : providers_) {
        std::erase_if(state.strangers, [&](const lifecycle::Finding& finding) {
            return finding.seen.remote_id == copy.remote_id && finding.seen.name == copy.name;
        });
    }
}

bool Fleet::book_reaped(const reap::Entry& entry, bool known) {
    if (entry.machine.owner_mark != settings_.owner_mark) {
        spdlog::warn(
            "reap.log: machine {} is marked {}: not this agent's, so not in its books",
            entry.machine.remote_id,
            entry.machine.owner_mark);
        return true;
    }
    const auto same = [&](const lifecycle::Machine& machine) {
        const bool by_id =
            machine.provider == entry.provider && machine.remote_id == entry.machine.remote_id;
        // Names are ours and unique; the provider's name in the configuration may have changed.
        const bool by_name =
            machine.name == entry.machine.name &&
            (machine.remote_id.empty() || machine.remote_id == entry.machine.remote_id);
        return by_id || by_name;
    };
    const Now now = parts_.clock.read();
    const auto age = std::max(std::chrono::microseconds{0}, now.utc - entry.at);
    const Now answered{.boot = now.boot - age, .utc = now.utc - age};
    const auto seat =
        std::ranges::find_if(seats_, [&](const auto& one) { return same(one.second.machine); });
    const bool was_answered = entry.deed == reap::Deed::answered;
    if (seat != seats_.end()) {
        if (seat->second.committing) {
            return false;
        }
        const lifecycle::Machine& ending = seat->second.machine;
        if (!was_answered) {
            return true;  // whether it lives is asked by its row
        }
        const bool lost = ending.gone_how == GoneHow::lost;
        if (ending.state == MachineState::gone ||
            (ending.state == MachineState::verifying && !lost)) {
            return true;
        }
        apply_event(seat->second, lifecycle::Reaped{answered, entry.machine.remote_id});
        return false;
    }
    if (known || std::ranges::any_of(gone_, [&](const Seat& one) { return same(one.machine); })) {
        return true;
    }
    if (catalogue_->config.provider(entry.provider) == nullptr) {
        spdlog::error(
            "reap.log: machine {} of {} is not booked: no such provider is configured",
            entry.machine.remote_id,
            entry.provider);
        return true;  // it stays in the booked file, for a person
    }
    lifecycle::Machine machine = lifecycle::make_orphan(
        to_seen(entry.machine),
        MachineId{settings_.ids.next(now.utc)},
        entry.provider,
        settings_.boot_id,
        Reason{ReasonCode::machine_reaped},
        now,
        min_bill_of(entry.provider));
    machine.alive_at = answered;
    machine.delete_asked = answered;
    if (was_answered) {
        // It is paid until the reaper's delete was answered, and proved gone like every other.
        machine.state = MachineState::verifying;
        machine.gone_how = GoneHow::destroyed;
        machine.delete_answered = answered;
    }  // else the reaper ended before the answer; finds our delete nothing, its ask was the end
    spdlog::warn(
        "machine={} remote={} was {} by evenkeel reap: booked",
        machine.name,
        machine.remote_id,
        was_answered ? "destroyed" : "to be destroyed");
    static_cast<void>(place(std::move(machine), "reaped", "unknown"));
    return false;
}

}  // namespace evenkeel::agent
