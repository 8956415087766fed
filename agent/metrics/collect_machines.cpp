#include "agent/metrics/collect.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace evenkeel::agent::metrics {

namespace {

void add_provider(const View& view, const ProviderView& provider, Families& out) {
    const std::string& name = provider.name;
    const auto here = [&name](const MachineView& machine) { return machine.provider == name; };
    for (const MachineState state : all_machine_states) {
        if (state == MachineState::gone) {
            continue;
        }
        const auto count = std::ranges::count_if(view.machines, [&](const MachineView& machine) {
            return here(machine) && machine.state == to_text(state);
        });
        out.add(machines, {name, to_text(state)}, static_cast<double>(count));
    }
    for (const Phase phase : open_phases) {
        std::int64_t oldest_ms = 0;
        for (const MachineView& machine : view.machines) {
            if (here(machine) && machine.phase == to_text(phase)) {
                oldest_ms = std::max(oldest_ms, machine.age_ms);
            }
        }
        out.add(machine_age, {name, to_text(phase)}, static_cast<double>(oldest_ms) / 1e3);
    }
    const auto overdue = std::ranges::count_if(
        view.machines, [&](const MachineView& each) { return here(each) && each.overdue; });
    out.add(machines_overdue, {name}, static_cast<double>(overdue));
    const auto strangers = std::ranges::count_if(
        view.unknown, [&](const UnknownView& each) { return each.ours && each.provider == name; });
    out.add(unknown_machines, {name}, static_cast<double>(strangers));
    const ProviderFigures& figures = provider.figures;
    out.add(destroy_failures, {name}, static_cast<double>(figures.destroy_failures));
    // Without a driver nothing can be asked there; only machines make that an alarm.
    const bool has_driver = !figures.calls.empty();
    if (has_driver || std::ranges::any_of(view.machines, here)) {
        out.add(leak_scan, {name}, figures.listed ? seconds_of(*figures.listed) : 0);
    }
    for (const auto& [outcome, count] : figures.calls) {
        out.add(provider_requests, {name, outcome}, static_cast<double>(count));
    }
    if (provider.balance) {
        out.add(
            provider_balance,
            {name, provider.balance->currency().text()},
            amount_of(*provider.balance));
    }
    for (const Money& difference : figures.bill_differences) {
        out.add(bill_difference, {name, difference.currency().text()}, amount_of(difference));
    }
    out.add(bill_alarms, {name}, static_cast<double>(figures.bill_alarms));
}

}  // namespace

void collect_machines(const Known& known, Families& out) {
    std::vector<ProviderView> providers = known.view.providers;
    const auto note = [&providers](const std::string& name) {
        if (std::ranges::find(providers, name, &ProviderView::name) == providers.end()) {
            providers.push_back({.name = name});  // of an earlier configuration
        }
    };
    for (const MachineView& machine : known.view.machines) {
        note(machine.provider);
    }
    for (const UnknownView& stranger : known.view.unknown) {
        note(stranger.provider);
    }
    for (const ProviderView& provider : providers) {
        add_provider(known.view, provider, out);
    }
    // From zero on, so that the first posting is seen as a rise.
    auto paid = known.booked.paid_time;
    for (const ProviderView& provider : known.view.providers) {
        for (const Phase phase : open_phases) {
            paid.try_emplace({provider.name, std::string{to_text(phase)}});
        }
    }
    for (const auto& [names, time] : paid) {
        out.add(
            machine_paid, {names.first, names.second}, std::chrono::duration<double>{time}.count());
    }
}

}  // namespace evenkeel::agent::metrics
