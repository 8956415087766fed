#include "agent/admin/view_json.hpp"

#include "agent/report/nodes.hpp"
#include "agent/report/rules.hpp"
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

template <class T>
json::value or_null(const std::optional<T>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

/// A measure of time, not of money.
double seconds(std::int64_t ms) {
    return static_cast<double>(ms) / 1000.0;
}

/// What the driver says of the GPUs of an own source, together; the warmest counts.
void add_gpus(json::object& object, const SourceView& source, const View& view) {
    std::optional<std::int64_t> used;
    std::optional<std::int64_t> total;
    std::optional<std::int64_t> power;
    std::optional<std::int64_t> warmest;
    for (const inference::gpu::GpuReading& reading : view.gpus->gpus) {
        if (std::ranges::find(source.gpus, reading.info.index) == source.gpus.end()) {
            continue;
        }
        const inference::gpu::GpuSample& sample = reading.sample;
        total = total.value_or(0) + reading.info.memory_bytes;
        if (sample.memory_used_bytes) {
            used = used.value_or(0) + *sample.memory_used_bytes;
        }
        if (sample.power_milliwatts) {
            power = power.value_or(0) + *sample.power_milliwatts;
        }
        if (sample.temperature_c) {
            warmest = std::max<std::int64_t>(warmest.value_or(0), *sample.temperature_c);
        }
    }
    object["vram_used_bytes"] = or_null(used);
    object["vram_bytes"] = or_null(total);
    object["power_milliwatts"] = or_null(power);
    object["temperature_c"] = or_null(warmest);
}

json::object gpu_json(const inference::gpu::GpuReading& reading) {
    const inference::gpu::GpuSample& sample = reading.sample;
    json::object object{
        {"index", reading.info.index},
        {"uuid", reading.info.uuid},
        {"name", reading.info.name},
        {"driver", reading.info.driver},
        {"mig", reading.info.mig},
        {"state", inference::gpu::to_text(sample.state)},
        {"memory_bytes", reading.info.memory_bytes},
        {"power_limit_milliwatts", reading.info.power_limit_milliwatts},
        {"throttled", inference::gpu::throttle_text(sample.throttle.value_or(0))},
        {"sick", reading.verdict.sick},
        {"why", reading.verdict.why},
        {"xids_seen", reading.xids_seen},
        {"last_xid", reading.last_xid}};
    object["memory_used_bytes"] = or_null(sample.memory_used_bytes);
    object["utilisation_percent"] = or_null(sample.utilisation_percent);
    object["power_milliwatts"] = or_null(sample.power_milliwatts);
    object["temperature_c"] = or_null(sample.temperature_c);
    object["sm_clock_mhz"] = or_null(sample.sm_clock_mhz);
    object["ecc_uncorrected"] = or_null(sample.ecc_uncorrected);
    return object;
}

json::object to_json(const SourceView& source, const View& view) {
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
    add_gpus(object, source, view);
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

json::object provider_json(const ProviderView& provider) {
    json::object object{
        {"name", provider.name},
        {"driver", provider.driver},
        {"known", provider.known},
        {"currency", provider.balance ? provider.balance->currency().text() : std::string_view{}}};
    object["balance"] =
        provider.balance ? json::value(amount_text(*provider.balance)) : json::value(nullptr);
    object["troubles"] =
        list(provider.troubles, [](const std::string& text) { return json::string{text}; });
    return object;
}

json::object budget_json(const BudgetView& budget) {
    return {
        {"name", budget.name},
        {"per", budget.per},
        {"limit", amount_text(budget.limit)},
        {"spent", amount_text(budget.spent)},
        {"held", amount_text(budget.held)},
        {"currency", budget.limit.currency().text()},
        {"from_us", to_us(budget.from)},
        {"until_us", to_us(budget.until)},
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
    root["sources"] =
        list(view.sources, [&view](const SourceView& source) { return to_json(source, view); });
    root["gpus"] = list(view.gpus->gpus, gpu_json);
    root["gpus_trouble"] = view.gpus->trouble;
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
    root["providers"] = list(view.providers, provider_json);
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

std::string requests_json(
    std::vector<inference::LiveRequest> requests, const std::vector<ledger::NameRow>& names) {
    std::ranges::sort(requests, [](const auto& a, const auto& b) { return a.id > b.id; });
    json::array array = list(requests, [&names](const inference::LiveRequest& request) {
        const auto name = [&names](NameIx ix) { return report::name_text(names, ix); };
        json::object object{
            {"id", id_to_text(request.id.value())},
            {"key", name(request.key)},
            {"model", name(request.model)},
            {"source", name(request.source)},
            {"kind", to_text(request.kind)},
            {"wait_s", seconds(request.wait_ms)},
            {"age_s", seconds(request.age_ms)},
            {"tokens_out", request.tokens_out},
            {"currency", request.cost.currency().text()}};
        object["cost"] = request.cost.currency().is_none() ? json::value(nullptr)
                                                           : json::value(amount_text(request.cost));
        return object;
    });
    return json::serialize(
        json::object{{"schema", "evenkeel.requests-live/1"}, {"requests", std::move(array)}});
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
