#include "agent/admin/node_json.hpp"

#include "agent/control/machine_row.hpp"
#include "agent/report/nodes.hpp"
#include "policies/domain/reason.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::agent {

namespace json = boost::json;

namespace {

json::value time_json(const std::optional<UtcTime>& time) {
    return time ? json::value(providers::format_rfc3339(*time)) : json::value(nullptr);
}

json::value price_json(const std::optional<Price>& price) {
    return price && !price->currency().is_none()
               ? json::value(amount_text(price->per_display_unit()))
               : json::value(nullptr);
}

/// Every change of state, oldest first, and what else was noted between.
json::array events_json(const std::vector<ledger::MachineEvent>& events) {
    json::array list;
    for (const ledger::MachineEvent& event : events) {
        list.emplace_back(json::object{
            {"at", providers::format_rfc3339(event.at)},
            {"event", event.event},
            {"from", to_text(event.from)},
            {"to", to_text(event.to)}});
    }
    return list;
}

/// `open_cost` is what the open phase has cost and was not posted yet.
json::array phases_json(const ledger::MachineView& machine, Money open_cost) {
    json::array list;
    for (const ledger::PhaseRow& phase : machine.phases) {
        json::object object{
            {"no", phase.no},
            {"phase", to_text(phase.phase)},
            {"from", providers::format_rfc3339(phase.from)},
            {"to", time_json(phase.to)},
            {"billed", amount_text(phase.billed)}};
        object["estimate"] =
            phase.to ? json::value(nullptr) : json::value(amount_text(phase.billed + open_cost));
        list.emplace_back(std::move(object));
    }
    return list;
}

json::value order_reason(ledger::Reader& reader, const ledger::MachineView& machine) {
    const auto row = reader.order_decision(machine.row.id);
    return row && *row
               ? json::value(sentence((*row)->decision.reason, machine.row.price.currency().text()))
               : json::value(nullptr);
}

}  // namespace

std::string console_hint(std::string_view driver, std::string_view remote_id) {
    if (remote_id.empty()) {
        return {};
    }
    // The sellers' own web pages for people, as linked from https://docs.digitalocean.com,
    // https://docs.runpod.io and https://docs.lambda.ai.
    if (driver == "digitalocean") {
        return fmt::format("https://cloud.digitalocean.com/droplets/{}", remote_id);
    }
    if (driver == "runpod") {
        return fmt::format("https://console.runpod.io/pods (pod {})", remote_id);
    }
    if (driver == "lambda") {
        return fmt::format("https://cloud.lambda.ai/instances (instance {})", remote_id);
    }
    return {};
}

Result<std::string> node_json(
    ledger::Reader& reader, std::string_view name, const DriverOf& driver_of, UtcTime now) {
    const auto machines = reader.machines(UtcTime{});
    const auto names = reader.names();
    if (!machines || !names) {
        return std::unexpected{machines ? names.error() : machines.error()};
    }
    std::vector<report::NodeName> called;
    for (const ledger::MachineView& machine : *machines) {
        called.push_back(
            {.source = report::name_text(*names, machine.row.source),
             .name = machine.row.name,
             .remote_id = machine.row.remote_id,
             .provider = machine.provider,
             .state = std::string{to_text(machine.row.state)},
             .gone = machine.row.state == MachineState::gone});
    }
    const auto found = report::find_node(called, name);
    if (!found) {
        return std::unexpected{found.error()};
    }
    const ledger::MachineView& view = (*machines)[*found];
    const auto events = reader.events(view.row.id);
    if (!events) {
        return std::unexpected{events.error()};
    }
    routing::NameTable table;
    for (const ledger::NameRow& row : *names) {
        table.restore(row.ix, row.kind, row.text);
    }
    // A detail that cannot be read leaves the columns, which say what matters.
    const auto detail = from_row(view.row, table, {});
    lifecycle::Machine machine = detail.value_or(lifecycle::Machine{.id = view.row.id});
    const bool gone = view.row.gone.has_value();
    const Price price = machine.real_price.value_or(view.row.price);
    Money open_cost{0, price.currency()};
    for (const ledger::PhaseRow& phase : view.phases) {
        if (!phase.to && !gone && view.row.state != MachineState::wanted) {
            open_cost = price.cost_of(
                std::max(now - phase.from, std::chrono::microseconds{0}), Rounding::up);
        }
    }
    const auto billed_from =
        machine.billed_from ? std::optional{machine.billed_from->utc} : std::optional<UtcTime>{};
    const std::string driver = driver_of ? driver_of(view.provider) : std::string{};
    json::object root{
        {"schema", "evenkeel.node/1"},
        {"id", id_to_text(view.row.id.value())},
        {"name", called[*found].source},
        {"machine", view.row.name},
        {"provider", view.provider},
        {"driver", driver},
        {"remote_id", view.row.remote_id},
        {"console", console_hint(driver, view.row.remote_id)},
        {"gpu", view.row.gpu},
        {"model", view.model},
        {"offer", view.offer},
        {"region", machine.region},
        {"sku", machine.sku},
        {"address",
         machine.host.empty() ? std::string{} : fmt::format("{}:{}", machine.host, machine.port)},
        {"state", to_text(view.row.state)},
        {"synthetic", view.row.synthetic},
        {"currency", price.currency().text()},
        {"paid", amount_text(view.paid)},
        {"paid_estimate", amount_text(view.paid + open_cost)},
        {"wanted", providers::format_rfc3339(view.row.created)},
        {"expires", providers::format_rfc3339(view.row.expires)},
        {"reason", sentence(view.row.reason, price.currency().text())},
        {"detail_ok", detail.has_value()}};
    root["billed_from"] = time_json(billed_from);
    root["price_asked"] =
        price_json(detail ? std::optional{machine.intent_price} : std::optional<Price>{});
    root["price_read_back"] = price_json(machine.real_price);
    root["gone"] = time_json(view.row.gone);
    root["gone_how"] = gone ? json::value(to_text(view.row.gone_how.value_or(GoneHow::lost)))
                            : json::value(nullptr);
    root["ordered_because"] = order_reason(reader, view);
    root["events"] = events_json(*events);
    root["phases"] = phases_json(view, open_cost);
    return json::serialize(root);
}

}  // namespace evenkeel::agent
