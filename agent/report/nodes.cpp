#include "agent/report/nodes.hpp"

#include "policies/domain/reason.hpp"

#include <boost/json.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::report {

namespace {

namespace json = boost::json;

/// Whole tenths of a second.
double seconds_between(UtcTime from, UtcTime to) {
    const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(to - from) / 100;
    return static_cast<double>(std::max<std::int64_t>(tenths.count(), 0)) / 10;
}

/// Share of the posted money that paid for serving; nothing before any was posted.
json::value useful_share(const ledger::MachineView& machine) {
    std::int64_t all = 0;
    std::int64_t serving = 0;
    for (const ledger::PhaseRow& phase : machine.phases) {
        all += phase.billed.nanos();
        serving += phase.phase == Phase::serve ? phase.billed.nanos() : 0;
    }
    const auto permille =
        all > 0 ? mul_div(serving, 1'000, all, Rounding::half_even) : std::optional<std::int64_t>{};
    return permille ? json::value(static_cast<double>(*permille) / 1'000) : json::value(nullptr);
}

json::object node(const ledger::MachineView& machine, UtcTime now) {
    const ledger::MachineRow& row = machine.row;
    const UtcTime end = row.gone.value_or(now);
    const auto expires = std::chrono::floor<std::chrono::seconds>(row.expires);
    return {
        {"id", id_to_text(row.id.value())},
        {"name", row.name},
        {"provider", machine.provider},
        {"remote_id", row.remote_id},
        {"gpu", row.gpu},
        {"model", machine.model},
        {"state", to_text(row.state)},
        {"state_for_s", seconds_between(machine.last.at, now)},
        {"age_s", seconds_between(row.created, end)},
        {"paid", amount_text(machine.paid)},
        {"rate", amount_text(row.price.per_display_unit())},
        {"currency", row.price.currency().text()},
        {"useful", useful_share(machine)},
        {"ends",
         row.gone ? std::string{to_text(row.gone_how.value_or(GoneHow::lost))}
                  : fmt::format("{:%Y-%m-%d %H:%M} UTC at the latest", expires)},
        {"reason", sentence(row.reason, row.price.currency().text())},
        {"synthetic", row.synthetic}};
}

}  // namespace

std::string nodes_json(const std::vector<ledger::MachineView>& machines, UtcTime now) {
    json::array nodes;
    for (const ledger::MachineView& machine : machines) {
        nodes.emplace_back(node(machine, now));
    }
    return json::serialize(
        json::object{{"schema", "evenkeel.nodes/1"}, {"machines", std::move(nodes)}});
}

}  // namespace evenkeel::report
