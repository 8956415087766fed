#include "agent/admin/view_json.hpp"

#include "agent/report/rules.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace evenkeel::agent {

namespace json = boost::json;

namespace {

/// A measure of time, not of money.
double seconds(std::int64_t ms) {
    return static_cast<double>(ms) / 1000.0;
}

json::object to_json(const SourceView& source) {
    json::object object{
        {"name", source.name},
        {"kind", source.kind},
        {"what", source.what},
        {"synthetic", source.synthetic},
        {"model", source.model},
        {"state", source.state},
        {"busy", source.busy},
        {"slots", source.slots},
        {"queue", source.queue},
        {"tokens_per_s", source.tokens_per_s},
        {"granted", source.granted},
        {"failed", source.failed},
        {"for_s", source.for_s},
    };
    object["cost_rate"] =
        source.cost_rate ? json::value(amount_text(*source.cost_rate)) : json::value(nullptr);
    object["measured"] = nullptr;
    if (source.measured) {
        object["measured"] = json::object{
            {"step_us", source.measured->step_us},
            {"step_more_us", source.measured->step_more_us},
            {"prompt_tokens_per_s", source.measured->prompt_tokens_per_s},
            {"windows", source.measured->windows}};
    }
    return object;
}

json::object to_json(const MachineView& machine) {
    json::object object{
        {"id", machine.id},
        {"name", machine.name},
        {"machine", machine.machine},
        {"provider", machine.provider},
        {"remote_id", machine.remote_id},
        {"gpu", machine.gpu},
        {"model", machine.model},
        {"state", machine.state},
        {"in_flight", machine.in_flight},
        {"state_for_s", seconds(machine.state_for_ms)},
        {"age_s", seconds(machine.age_ms)},
        {"paid", amount_text(machine.paid)},
        {"rate", amount_text(machine.rate)},
        {"currency", machine.rate.currency().text()},
        {"ends", machine.ends},
        {"reason", machine.reason},
        {"synthetic", machine.synthetic},
    };
    object["useful_percent"] =
        machine.useful_percent ? json::value(*machine.useful_percent) : json::value(nullptr);
    object["gone_how"] = machine.gone_how ? json::value(*machine.gone_how) : json::value(nullptr);
    return object;
}

json::object to_json(const UnknownView& machine) {
    json::object object{
        {"provider", machine.provider},
        {"remote_id", machine.remote_id},
        {"name", machine.name},
        {"gpu", machine.gpu},
        {"ours", machine.ours},
        {"verdict", machine.verdict},
        {"ends", machine.ends},
        {"synthetic", machine.synthetic},
    };
    object["age_s"] = machine.age_ms > 0 ? json::value(seconds(machine.age_ms)) : json::value();
    object["rate"] = machine.rate ? json::value(amount_text(*machine.rate)) : json::value();
    object["paid_estimate"] =
        machine.paid ? json::value(amount_text(*machine.paid)) : json::value();
    object["currency"] = machine.rate ? machine.rate->currency().text() : std::string_view{};
    return object;
}

template <class Items, class Make>
json::array list(const Items& items, Make make) {
    json::array array;
    array.reserve(items.size());
    for (const auto& item : items) {
        array.emplace_back(make(item));
    }
    return array;
}

json::object requests_json(const RequestsView& requests) {
    return {
        {"total", requests.total},
        {"answered", requests.answered},
        {"refused", requests.refused},
        {"cut", requests.cut},
        {"failed", requests.failed},
        {"client_gone", requests.client_gone},
        {"invalid", requests.invalid},
        {"own", requests.own},
        {"rental", requests.rental},
        {"api", requests.api},
    };
}

json::object budget_json(const BudgetView& budget) {
    return {
        {"name", budget.name},
        {"per", budget.per},
        {"limit", amount_text(budget.limit)},
        {"spent", amount_text(budget.spent)},
        {"held", amount_text(budget.held)},
        {"currency", budget.limit.currency().text()},
    };
}

}  // namespace

std::string status_json(const View& view, const Spent& spent) {
    const auto machine = [](const MachineView& item) { return to_json(item); };
    json::object root{
        {"schema", "evenkeel.status/1"},
        {"version", view.version},
        {"host", view.host},
        {"pid", view.pid},
        {"started", providers::format_rfc3339_ms(view.started)},
        {"at", providers::format_rfc3339_ms(view.made)},
        {"uptime_s", view.uptime_s},
        {"policy",
         {{"revision", view.policy_revision},
          {"loaded", providers::format_rfc3339_ms(view.policy_loaded)}}},
        {"speed", view.speed},
        {"state", view.state},
        {"frozen", view.frozen},
        {"frozen_by", view.frozen_by},
        {"rented", {{"now", view.rented}, {"max", view.rented_max}}},
        {"cost_rate",
         {{"amount", amount_text(view.cost_rate)}, {"currency", view.cost_rate.currency().text()}}},
        {"spend",
         {{"today", amount_text(spent.today + view.unposted)},
          {"month", amount_text(spent.month + view.unposted)},
          {"currency", view.cost_rate.currency().text()}}},
        {"requests", requests_json(view.requests)},
        {"ledger", {{"ok", view.ledger_ok}, {"path", view.ledger_path}}},
        {"money_hazard", view.money_hazard},
    };
    root["sources"] = list(view.sources, [](const SourceView& source) { return to_json(source); });
    root["queues"] = list(view.queues, [](const QueueView& queue) {
        return json::object{
            {"model", queue.model},
            {"depth", queue.depth},
            {"oldest_ms", queue.oldest_ms},
            {"tokens", queue.tokens}};
    });
    root["machines"] = list(view.machines, machine);
    root["unknown"] = list(view.unknown, [](const UnknownView& item) { return to_json(item); });
    root["hazards"] =
        list(view.hazards, [](const std::string& text) { return json::string{text}; });
    root["budgets"] = list(view.budgets, budget_json);
    root["rules"] = list(view.rules, [](const RuleView& rule) {
        return json::object{
            {"scaling", rule.scaling},
            {"model", rule.model},
            {"rule", rule.rule},
            {"auto", rule.automatic},
            {"replay",
             rule.replay ? json::value(report::rule_replay_json(*rule.replay)) : nullptr}};
    });
    root["decisions"] = list(view.decisions, [](const DecisionView& decision) {
        return json::object{
            {"at", providers::format_rfc3339_ms(decision.at)},
            {"what", decision.what},
            {"subject", decision.subject},
            {"sentence", decision.sentence}};
    });
    root["warnings"] =
        list(view.warnings, [](const std::string& text) { return json::string{text}; });
    return json::serialize(root);
}

std::string nodes_json(const View& view) {
    json::array machines =
        list(view.machines, [](const MachineView& item) { return to_json(item); });
    for (const MachineView& machine : view.machines_gone) {
        machines.emplace_back(to_json(machine));
    }
    json::object root{
        {"schema", "evenkeel.nodes/1"},
        {"machines", std::move(machines)},
        {"money_hazard", view.money_hazard}};
    root["unknown"] = list(view.unknown, [](const UnknownView& item) { return to_json(item); });
    root["hazards"] =
        list(view.hazards, [](const std::string& text) { return json::string{text}; });
    return json::serialize(root);
}

}  // namespace evenkeel::agent
