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

json::value share_or_null(const ledger::MachineView& machine) {
    const auto percent = useful_share(machine, 100);
    return percent ? json::value(*percent) : json::value(nullptr);
}

json::object node(
    const ledger::MachineView& machine, const std::vector<ledger::NameRow>& names, UtcTime now) {
    const ledger::MachineRow& row = machine.row;
    const UtcTime end = row.gone.value_or(now);
    const auto expires = std::chrono::floor<std::chrono::seconds>(row.expires);
    const std::string source = name_text(names, row.source);
    json::object object{
        {"id", id_to_text(row.id.value())},
        {"name", source.empty() ? row.name : source},
        {"machine", row.name},
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
        {"useful_percent", share_or_null(machine)},
        {"ends",
         row.gone ? std::string{to_text(row.gone_how.value_or(GoneHow::lost))}
                  : fmt::format("{:%Y-%m-%d %H:%M} UTC at the latest", expires)},
        {"reason", sentence(row.reason, row.price.currency().text())},
        {"synthetic", row.synthetic}};
    object["gone_how"] = row.gone ? json::value(to_text(row.gone_how.value_or(GoneHow::lost)))
                                  : json::value(nullptr);
    return object;
}

}  // namespace

std::optional<std::int64_t> useful_share(Money served, Money all, std::int64_t parts) {
    return all.nanos() > 0 ? mul_div(served.nanos(), parts, all.nanos(), Rounding::half_even)
                           : std::nullopt;
}

std::optional<std::int64_t> useful_share(const ledger::MachineView& machine, std::int64_t parts) {
    Money all;
    Money served;
    for (const ledger::PhaseRow& phase : machine.phases) {
        all += phase.billed;
        served += phase.phase == Phase::serve ? phase.billed : Money{};
    }
    return useful_share(served, all, parts);
}

std::string nodes_json(
    const std::vector<ledger::MachineView>& machines,
    const std::vector<ledger::NameRow>& names,
    UtcTime now) {
    json::array nodes;
    json::array hazards;
    for (const ledger::MachineView& machine : machines) {
        nodes.emplace_back(node(machine, names, now));
        if (!machine.row.gone) {
            hazards.emplace_back(fmt::format(
                "{} ({}): it may cost money while the agent does not run",
                machine.row.name,
                machine.provider));
        }
    }
    const bool hazard = !hazards.empty();
    return json::serialize(json::object{
        {"schema", "evenkeel.nodes/1"},
        {"machines", std::move(nodes)},
        {"unknown", json::array{}},
        {"hazards", std::move(hazards)},
        {"money_hazard", hazard}});
}

std::string name_text(const std::vector<ledger::NameRow>& names, NameIx ix) {
    const auto found = std::ranges::find(names, ix, &ledger::NameRow::ix);
    return found == names.end() ? std::string{} : found->text;
}

Result<std::size_t> find_node(
    std::span<const NodeName> nodes, std::string_view text, std::string_view provider) {
    std::vector<std::size_t> living;
    std::vector<std::size_t> gone;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const NodeName& node = nodes[i];
        const bool named = node.source == text || node.name == text || node.remote_id == text;
        if (!text.empty() && named && (provider.empty() || node.provider == provider)) {
            (node.gone ? gone : living).push_back(i);
        }
    }
    const std::vector<std::size_t>& fit = living.empty() ? gone : living;
    if (fit.size() == 1) {
        return fit[0];
    }
    if (fit.empty()) {
        return fail(
            Errc::not_found,
            fmt::format("there is no machine '{}'; evenkeel nodes lists them", text));
    }
    std::string all;
    for (const std::size_t i : fit) {
        all += fmt::format(
            "{}{} ({} {}, {})",
            all.empty() ? "" : ", ",
            nodes[i].name,
            nodes[i].provider,
            nodes[i].remote_id.empty() ? "without id" : nodes[i].remote_id,
            nodes[i].state);
    }
    return fail(Errc::conflict, fmt::format("'{}' fits several machines: {}", text, all));
}

}  // namespace evenkeel::report
