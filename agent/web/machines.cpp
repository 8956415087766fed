// The life of each rented machine, for the page's timeline.
#include "agent/report/nodes.hpp"
#include "agent/web/documents.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace evenkeel::web {

namespace json = boost::json;

namespace {

constexpr std::chrono::hours shown_by_default{30 * 24};

json::value us_or_null(const std::optional<UtcTime>& at) {
    return at ? json::value(to_us(*at)) : json::value(nullptr);
}

json::value useful_permille(const ledger::MachineView& machine) {
    const auto share = report::useful_share(machine, 1'000);
    return share ? json::value(*share) : json::value(nullptr);
}

json::array phases_of(const ledger::MachineView& machine) {
    json::array phases;
    for (const ledger::PhaseRow& phase : machine.phases) {
        phases.emplace_back(json::object{
            {"phase", to_text(phase.phase)},
            {"from_us", to_us(phase.from)},
            {"to_us", us_or_null(phase.to)},
            {"billed", amount_text(phase.billed)}});
    }
    return phases;
}

/// Each change of its state, from the order on.
Result<json::array> states_of(ledger::Reader& reader, MachineId machine) {
    const auto events = reader.events(machine);
    if (!events) {
        return std::unexpected{events.error()};
    }
    json::array states;
    std::optional<MachineState> last;
    for (const ledger::MachineEvent& event : *events) {
        if (event.to != last) {
            states.emplace_back(
                json::object{{"state", to_text(event.to)}, {"from_us", to_us(event.at)}});
            last = event.to;
        }
    }
    return states;
}

}  // namespace

Result<std::string> machines_document(const Desk& desk, const Query& query) {
    const auto since = query.instant("since", desk.now, shown_by_default, desk.zone);
    if (!since) {
        return std::unexpected{since.error()};
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto rows = reader->machines(*since);
    const auto names = reader->names();
    if (!rows || !names) {
        return std::unexpected{!rows ? rows.error() : names.error()};
    }
    json::array machines;
    for (auto it = rows->rbegin(); it != rows->rend() && machines.size() < machines_max; ++it) {
        const ledger::MachineView& machine = *it;
        const ledger::MachineRow& row = machine.row;
        auto states = states_of(*reader, row.id);
        if (!states) {
            return std::unexpected{states.error()};
        }
        const std::string source = report::name_text(*names, row.source);
        json::object object{
            {"id", id_to_text(row.id.value())},
            {"name", source.empty() ? row.name : source},
            {"machine", row.name},
            {"provider", machine.provider},
            {"remote_id", row.remote_id},
            {"gpu", row.gpu},
            {"model", machine.model},
            {"state", to_text(row.state)},
            {"created_us", to_us(row.created)},
            {"expires_us", to_us(row.expires)},
            {"gone_us", us_or_null(row.gone)},
            {"paid", amount_text(machine.paid)},
            {"rate", amount_text(row.price.per_display_unit())},
            {"currency", row.price.currency().text()},
            {"useful_permille", useful_permille(machine)},
            {"synthetic", row.synthetic},
            {"states", *std::move(states)},
            {"phases", phases_of(machine)}};
        object["gone_how"] =
            row.gone_how ? json::value(to_text(*row.gone_how)) : json::value(nullptr);
        machines.emplace_back(std::move(object));
    }
    const std::size_t left_out = rows->size() - machines.size();
    return json::serialize(json::object{
        {"schema", "evenkeel.machines/1"},
        {"currency", desk.view->currency.report.text()},
        {"since_us", to_us(*since)},
        {"now_us", to_us(desk.now)},
        {"machines", std::move(machines)},
        {"left_out", left_out}});
}

}  // namespace evenkeel::web
