#include "agent/cli/status.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/reader.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

std::string text(const json::object& object, std::string_view key) {
    return json::value_to<std::string>(object.at(key));
}

std::int64_t number(const json::object& object, std::string_view key) {
    return object.at(key).to_number<std::int64_t>();
}

Money money(const json::object& object, std::string_view key, std::string_view currency) {
    return Money{
        parse_decimal(text(object, key), 9).value_or(0),
        Currency::parse(currency).value_or(Currency{})};
}

std::chrono::milliseconds seconds(const json::object& object, std::string_view key) {
    return std::chrono::milliseconds{std::llround(object.at(key).to_number<double>() * 1000.0)};
}

std::string synthetic(const json::object& object, std::string name) {
    return object.at("synthetic").as_bool() ? name + " (synthetic)" : name;
}

std::string render_status(const json::object& root) {
    const std::string currency = text(root.at("cost_rate").as_object(), "currency");
    const json::object& policy = root.at("policy").as_object();
    const json::object& rented = root.at("rented").as_object();
    std::string out = fmt::format(
        "Evenkeel {} on {}   {}   up {}   policy #{} of {}   rented: {} of {}   spending {}/h\n",
        text(root, "version"),
        text(root, "host"),
        text(root, "state"),
        duration_text(std::chrono::seconds{number(root, "uptime_s")}),
        number(policy, "revision"),
        text(policy, "loaded").substr(0, 16),
        number(rented, "now"),
        number(rented, "max"),
        money_text(money(root.at("cost_rate").as_object(), "amount", currency)));
    if (number(root, "speed") != 1) {
        out += fmt::format(
            "This is a demonstration at {} times the speed of the real world.\n",
            number(root, "speed"));
    }
    using enum Table::Align;
    Table sources{
        {{"SOURCE", left},
         {"WHAT", left},
         {"MODEL", left},
         {"STATE", left},
         {"BUSY", right},
         {"QUEUE", right},
         {"TOK/S", right},
         {"COST NOW", right},
         {"FOR", right}}};
    for (const json::value& value : root.at("sources").as_array()) {
        const json::object& source = value.as_object();
        const json::value& rate = source.at("cost_rate");
        const std::string kind = text(source, "kind");
        sources.add(
            {text(source, "name"),
             synthetic(source, text(source, "what")),
             text(source, "model"),
             text(source, "state"),
             fmt::format("{}/{}", number(source, "busy"), number(source, "slots")),
             count_text(number(source, "queue")),
             count_text(number(source, "tokens_per_s")),
             !rate.is_null() ? money_text(money(source, "cost_rate", currency)) + "/h"
             : kind == "api" ? std::string{"per token"}
                             : std::string{"-"},
             duration_text(std::chrono::seconds{number(source, "for_s")})});
    }
    out += "\n" + (sources.empty() ? "No source is configured.\n" : sources.text());
    const json::object& spend = root.at("spend").as_object();
    out += fmt::format(
        "\nSPEND     today {}    month {}\n",
        money_text(money(spend, "today", currency)),
        money_text(money(spend, "month", currency)));
    for (const json::value& value : root.at("budgets").as_array()) {
        const json::object& budget = value.as_object();
        const std::string unit = text(budget, "currency");
        out += fmt::format(
            "BUDGET    {}: {} of {} a {}, {} held\n",
            text(budget, "name"),
            money_text(money(budget, "spent", unit)),
            money_text(money(budget, "limit", unit)),
            text(budget, "per"),
            money_text(money(budget, "held", unit)));
    }
    for (const json::value& value : root.at("machines").as_array()) {
        const json::object& machine = value.as_object();
        out += fmt::format(
            "RENTAL    {} {}: ends {}    so far {}\n",
            text(machine, "name"),
            text(machine, "state"),
            text(machine, "ends"),
            money_text(money(machine, "paid", text(machine, "currency"))));
    }
    const json::array& warnings = root.at("warnings").as_array();
    for (const json::value& warning : warnings) {
        out += (&warning == &warnings.front() ? "\n! " : "! ") +
               json::value_to<std::string>(warning) + "\n";
    }
    return out;
}

std::string render_nodes(const json::object& root, bool csv) {
    using enum Table::Align;
    Table table{
        {{"NAME", left},
         {"PROVIDER", left},
         {"WHAT", left},
         {"STATE", left},
         {"AGE", right},
         {"PAID", right},
         {"RATE", right},
         {"USEFUL", right},
         {"ENDS", left}}};
    for (const json::value& value : root.at("machines").as_array()) {
        const json::object& machine = value.as_object();
        const std::string currency = text(machine, "currency");
        const json::value& useful = machine.at("useful_percent");
        const json::value& how = machine.at("gone_how");
        table.add(
            {text(machine, "name"),
             text(machine, "provider"),
             synthetic(machine, text(machine, "gpu")),
             how.is_null() ? text(machine, "state")
                           : fmt::format("gone, {}", text(machine, "gone_how")),
             duration_text(seconds(machine, "age_s")),
             money_text(money(machine, "paid", currency), 4),
             money_text(money(machine, "rate", currency)) + "/h",
             useful.is_null() ? "-" : fmt::format("{} %", useful.to_number<std::int64_t>()),
             how.is_null() ? text(machine, "ends") : text(machine, "reason")});
    }
    if (csv) {
        return table.csv();
    }
    return table.empty() ? "No machine is rented, and none was in the last day.\n" : table.text();
}

template <class Render>
Result<std::string> render(std::string_view document, Render make) {
    try {
        return make(json::parse({document.data(), document.size()}).as_object());
    } catch (const std::exception&) {
        return fail(
            Errc::invalid_response,
            "the agent's answer cannot be read: is it another version than this command?");
    }
}

/// Machines as the ledger knows them, when the agent does not run.
int nodes_from_ledger(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const auto machines = reader->machines(UtcTime{});
    if (!machines) {
        return report(machines.error());
    }
    bool open = false;
    using enum Table::Align;
    Table table{
        {{"NAME", left}, {"PROVIDER", left}, {"WHAT", left}, {"STATE", left}, {"PAID", right}}};
    for (const ledger::MachineView& machine : *machines) {
        const bool gone = machine.row.state == MachineState::gone;
        open = open || !gone;
        table.add(
            {machine.row.name,
             machine.provider,
             machine.row.synthetic ? machine.row.gpu + " (synthetic)" : machine.row.gpu,
             std::string{to_text(machine.row.state)},
             money_text(machine.paid, 4)});
    }
    std::cerr << "evenkeel: the agent is not running; this is what its ledger says\n";
    std::cout
        << (globals.csv     ? table.csv()
            : table.empty() ? std::string{"No machine was ever rented.\n"}
                            : table.text());
    // A machine that may cost money while nobody looks after it is what monitoring must hear of.
    return open ? Exit::money_hazard : Exit::done;
}

bool hazard(std::string_view document) {
    boost::system::error_code code;
    const json::value root = json::parse({document.data(), document.size()}, code);
    const json::value* flag = code ? nullptr : root.find_pointer("/money_hazard", code);
    return flag != nullptr && flag->is_bool() && flag->get_bool();
}

int show(const Result<std::string>& text) {
    if (!text) {
        return report(text.error());
    }
    std::cout << *text;
    return Exit::done;
}

}  // namespace

Result<std::string> status_text(std::string_view document, bool utc) {
    static_cast<void>(utc);
    return render(document, [](const json::object& root) { return render_status(root); });
}

Result<std::string> nodes_text(std::string_view document, bool csv) {
    return render(document, [csv](const json::object& root) { return render_nodes(root, csv); });
}

int status(const Globals& globals) {
    const auto document = ask(globals, "/api/status");
    if (!document) {
        return report(document.error());
    }
    const int shown = globals.json ? (std::cout << *document << '\n', Exit::done)
                                   : show(status_text(*document, globals.utc));
    return shown == Exit::done && hazard(*document) ? Exit::money_hazard : shown;
}

int nodes(const Globals& globals) {
    const auto document = ask(globals, "/api/nodes");
    if (!document) {
        return document.error().code == Errc::unavailable && !globals.json
                   ? nodes_from_ledger(globals)
                   : report(document.error());
    }
    if (globals.json) {
        std::cout << *document << '\n';
        return Exit::done;
    }
    return show(nodes_text(*document, globals.csv));
}

}  // namespace evenkeel::cli
