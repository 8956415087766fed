#include "agent/report/idle.hpp"

#include "agent/report/days.hpp"
#include "agent/report/rates.hpp"
#include "agent/report/spend_lines.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

namespace evenkeel::report {

namespace {

struct CauseWords {
    IdleCause cause;
    std::string_view code;
    std::string_view words;
};
constexpr std::array<CauseWords, 9> cause_words{
    {{IdleCause::start, "start", "starting machines that served"},
     {IdleCause::kept, "kept", "idle between requests"},
     {IdleCause::end, "end", "idle until given back"},
     {IdleCause::drain, "drain", "finishing the last requests"},
     {IdleCause::del, "delete", "waiting for the delete"},
     {IdleCause::minimum, "minimum", "unused minimum bill"},
     {IdleCause::never_served, "never_served", "machines that never served"},
     {IdleCause::running, "running", "runs now"},
     {IdleCause::own_rest, "own_rest", "own hardware at rest"}}};

bool has_ended(const ledger::MachineRow& row) {
    using enum MachineState;
    return row.state == draining || row.state == deleting || row.state == verifying ||
           row.state == gone;
}

/// Whether `machine` served after the phase with that number.
bool served_after(const ledger::MachineView& machine, std::int64_t no) {
    return std::ranges::any_of(machine.phases, [&](const ledger::PhaseRow& phase) {
        return phase.phase == Phase::serve && phase.no > no;
    });
}

IdleCause cause_of(const ledger::MachineView& machine, const ledger::PhaseRow& phase) {
    const bool ended = has_ended(machine.row);
    if (!served_after(machine, 0)) {
        return ended ? IdleCause::never_served : IdleCause::start;  // it is on its way
    }
    switch (phase.phase) {
        case Phase::boot:
        case Phase::warm:
            return IdleCause::start;
        case Phase::idle:
            return served_after(machine, phase.no) ? IdleCause::kept
                   : ended                         ? IdleCause::end
                                                   : IdleCause::running;
        case Phase::drain:
            return IdleCause::drain;
        case Phase::minimum:
            return IdleCause::minimum;
        case Phase::del:
        case Phase::serve:
            break;
    }
    return IdleCause::del;
}

class Maker {
public:
    Maker(ledger::Reader& reader, const SpendOptions& options, Days days)
        : reader_{reader},
          options_{options},
          days_{days},
          rates_{reader, options.currency, options.rates},
          costs_{rates_} {
        const Money nothing{0, options.currency};
        idle_ = {
            .first = days.first,
            .last = days.last,
            .currency = options.currency,
            .rental = nothing,
            .own_power = nothing,
            .own_wear = nothing,
            .running = nothing,
            .total = nothing,
            .zone = options.shown.value_or(options.zone)};
    }

    Result<Idle> run() {
        for (const auto& part : {&Maker::rented, &Maker::running, &Maker::own}) {
            if (const auto looked = (this->*part)(); !looked) {
                return std::unexpected{looked.error()};
            }
        }
        std::ranges::sort(idle_.lines, {}, [](const IdleLine& line) {
            return std::tuple{!line.to, line.from, line.machine, line.phase};
        });
        for (const auto& [key, total] : totals_) {
            idle_.totals.push_back(total);
        }
        std::ranges::sort(idle_.totals, {}, [](const IdleTotal& total) {
            return std::tuple{-total.cost.nanos(), total.cause, total.reason};
        });
        idle_.total = idle_.rental + idle_.own_power + idle_.own_wear;
        idle_.rates = rates_.texts();
        return std::move(idle_);
    }

private:
    /// Why a machine was ordered; read once each.
    const Reason& ordered(const ledger::MachineView& machine) {
        const auto [known, is_new] = orders_.try_emplace(machine.row.id);
        if (is_new) {
            const auto decision = reader_.order_decision(machine.row.id);
            const bool found = decision && decision->has_value();
            known->second = found                    ? (*decision)->decision.reason
                            : !has_ended(machine.row) ? machine.row.reason
                                                      : Reason{};
        }
        return known->second;
    }

    IdleLine line_of(const ledger::MachineView& machine, const ledger::PhaseRow& phase) {
        const ledger::MachineRow& row = machine.row;
        const auto name = names_.find(row.source);
        IdleLine line{
            .machine = row.name,
            .name = name == names_.end() ? std::string{} : name->second,
            .provider = machine.provider,
            .model = machine.model,
            .gpu = row.gpu,
            .synthetic = row.synthetic,
            .phase = phase.phase,
            .from = phase.from,
            .to = phase.to,
            .cause = cause_of(machine, phase)};
        const bool by_end = line.cause != IdleCause::kept && has_ended(row);
        line.reason = line.cause == IdleCause::start ? ordered(machine)
                      : by_end                       ? row.reason
                                                     : Reason{};
        if (line.reason.code != ReasonCode::none) {
            line.why = sentence(line.reason, row.price.currency().text());
        }
        return line;
    }

    Result<void> rented() {
        auto machines = reader_.machines(UtcTime{});
        const auto money = reader_.machine_money(
            ledger::day_number(days_.first), ledger::day_number(days_.last));
        const auto names = reader_.names();
        if (!machines || !money || !names) {
            return std::unexpected{
                !machines ? machines.error() : !money ? money.error() : names.error()};
        }
        names_ = names_by_ix(*names);
        machines_ = *std::move(machines);
        for (const ledger::MachineMoneyRow& row : *money) {
            const auto machine = std::ranges::find(
                machines_, row.machine, [](const auto& view) { return view.row.id; });
            const bool counts = row.phase != "serve" && row.phase != "adjust";
            if (!counts || machine == machines_.end()) {
                continue;
            }
            const auto phase =
                std::ranges::find(machine->phases, row.no, &ledger::PhaseRow::no);
            if (phase == machine->phases.end()) {
                continue;
            }
            ledger::SpendRow cell;
            cell.source = machine->row.source;
            cell.model = machine->row.model;
            cell.phase = row.phase;
            cell.currency = row.amount.currency();
            cell.paid = row.amount;
            const auto cost = costs_.of(cell);
            if (!cost) {
                return std::unexpected{cost.error()};
            }
            IdleLine line = line_of(*machine, *phase);
            line.time = row.time;
            line.cost = *cost;
            count(line.cause, line.reason.code, row.time, *cost);
            idle_.rental += *cost;
            idle_.lines.push_back(std::move(line));
        }
        return {};
    }

    /// Phases that run now and are booked at their end.
    Result<void> running() {
        if (days_.last < options_.zone.day(options_.now)) {
            return {};
        }
        for (const ledger::MachineView& machine : machines_) {
            for (const ledger::PhaseRow& phase : machine.phases) {
                if (phase.to || machine.row.gone || phase.phase == Phase::serve) {
                    continue;
                }
                IdleLine line = line_of(machine, phase);
                line.time = std::max(options_.now - phase.from, UtcTime::duration{0});
                const auto cost =
                    rates_.convert(machine.row.price.cost_of(line.time, Rounding::half_even));
                if (!cost) {
                    return std::unexpected{cost.error()};
                }
                line.cost = *cost;
                idle_.running += *cost;
                idle_.lines.push_back(std::move(line));
            }
        }
        return {};
    }

    /// What own hardware drew and lost while it had nothing to do.
    Result<void> own() {
        const auto posts = reader_.energy_posts(
            ledger::day_number(days_.first), ledger::day_number(days_.last));
        if (!posts) {
            return std::unexpected{posts.error()};
        }
        std::map<std::pair<std::string, std::int64_t>, OwnIdleDay> days;
        std::map<std::pair<std::string, Currency>, Telescope> power;
        std::map<std::pair<std::string, Currency>, Telescope> wear;
        for (const ledger::EnergyPost& post : *posts) {
            const ledger::EnergyRow& row = post.row;
            const auto idle_time = row.on - row.worked;
            const Money rest = row.idle + row.host;
            // Without any time nothing says that it worked: `worked` is a part of `on`.
            const auto share =
                row.on.count() > 0
                    ? mul_div(
                          rest.nanos(), idle_time.count(), row.on.count(), Rounding::half_even)
                    : std::optional{rest.nanos()};
            const auto paid = power[{row.hardware, rest.currency()}].add(
                rates_, {share.value_or(0), rest.currency()});
            const auto lost = wear[{row.hardware, row.wear.currency()}].add(
                rates_, row.wear - row.wear_worked);
            if (!paid || !lost) {
                return std::unexpected{!paid ? paid.error() : lost.error()};
            }
            const Money nothing{0, options_.currency};
            const auto [day, is_new] = days.try_emplace(
                {row.hardware, post.day},
                OwnIdleDay{
                    .hardware = row.hardware,
                    .day = ledger::day_of(post.day),
                    .power = nothing,
                    .wear = nothing});
            day->second.on += row.on;
            day->second.idle += idle_time;
            day->second.power += *paid;
            day->second.wear += *lost;
        }
        for (auto& [key, day] : days) {
            idle_.own_power += day.power;
            idle_.own_wear += day.wear;
            count(IdleCause::own_rest, ReasonCode::none, day.idle, day.cost());
            idle_.own.push_back(std::move(day));
        }
        return {};
    }

    void count(IdleCause cause, ReasonCode reason, std::chrono::nanoseconds time, Money cost) {
        const auto [total, is_new] = totals_.try_emplace(
            {cause, reason},
            IdleTotal{.cause = cause, .reason = reason, .cost = Money{0, options_.currency}});
        ++total->second.count;
        total->second.time += time;
        total->second.cost += cost;
    }

    ledger::Reader& reader_;
    const SpendOptions& options_;
    Days days_;
    Rates rates_;
    CellCosts costs_;
    Names names_{};
    std::vector<ledger::MachineView> machines_{};
    std::map<MachineId, Reason> orders_{};
    std::map<std::pair<IdleCause, ReasonCode>, IdleTotal> totals_{};
    Idle idle_{};
};

}  // namespace

std::string_view to_text(IdleCause cause) noexcept {
    return cause_words[static_cast<std::size_t>(cause)].code;
}

std::string_view words_of(IdleCause cause) noexcept {
    return cause_words[static_cast<std::size_t>(cause)].words;
}

Result<Idle> make_idle(ledger::Reader& reader, const SpendOptions& options) {
    const auto snapshot = reader.snapshot();
    if (!snapshot) {
        return std::unexpected{snapshot.error()};
    }
    const auto days = days_between(options.since, options.until, options.now, options.zone);
    if (!days) {
        return std::unexpected{days.error()};
    }
    return Maker{reader, options, *days}.run();
}

}  // namespace evenkeel::report
