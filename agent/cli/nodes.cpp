// What `evenkeel nodes list` and `evenkeel nodes show` print.
#include "agent/report/nodes.hpp"

#include "agent/admin/node_json.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/status.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/reading.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/service/clock.hpp"
#include "policies/domain/reason.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr const char* daemon_is_down =
    "evenkeel: the agent is not running; this is what its ledger says\n";

/// "US$4.41/h", "?" when it is not known.
std::string rate_text(const json::object& object, std::string_view key, std::string_view currency) {
    return object.at(key).is_null() ? "?" : money_text(money_field(object, key, currency)) + "/h";
}

void add_unknown(Table& table, const json::object& machine) {
    const std::string currency = text_field(machine, "currency");
    const bool priced = !machine.at("paid_estimate").is_null();
    table.add(
        {"-",
         text_field(machine, "provider"),
         synthetic_mark(
             machine, text_field(machine, "remote_id") + " " + text_field(machine, "gpu")),
         "UNKNOWN",
         machine.at("age_s").is_null() ? "?" : duration_text(seconds_field(machine, "age_s")),
         priced ? money_text(money_field(machine, "paid_estimate", currency)) + "?" : "?",
         rate_text(machine, "rate", currency),
         "?",
         text_field(machine, "ends")});
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
        const std::string currency = text_field(machine, "currency");
        const json::value& useful = machine.at("useful_percent");
        const json::value& how = machine.at("gone_how");
        table.add(
            {text_field(machine, "name"),
             text_field(machine, "provider"),
             synthetic_mark(machine, text_field(machine, "gpu")),
             how.is_null() ? text_field(machine, "state")
                           : fmt::format("gone, {}", text_field(machine, "gone_how")),
             duration_text(seconds_field(machine, "age_s")),
             money_text(money_field(machine, "paid", currency), 4),
             money_text(money_field(machine, "rate", currency)) + "/h",
             useful.is_null() ? "-" : fmt::format("{} %", useful.to_number<std::int64_t>()),
             how.is_null() ? text_field(machine, "ends") : text_field(machine, "reason")});
    }
    for (const json::value& value : root.at("unknown").as_array()) {
        add_unknown(table, value.as_object());
    }
    if (csv) {
        return table.csv();
    }
    std::string out =
        table.empty() ? "No machine is rented, and none was in the last day.\n" : table.text();
    for (const json::value& hazard : root.at("hazards").as_array()) {
        out += "! " + json::value_to<std::string>(hazard) + "\n";
    }
    return out;
}

std::string when(const json::object& object, std::string_view key, bool utc) {
    const json::value& value = object.at(key);
    if (value.is_null()) {
        return "-";
    }
    const auto time = providers::parse_rfc3339(json::value_to<std::string>(value));
    return time ? moment_text(*time, utc) : "?";
}

std::string render_node(const json::object& root, bool utc) {
    const std::string currency = text_field(root, "currency");
    const auto price = [&](std::string_view key) { return rate_text(root, key, currency); };
    const bool gone = !root.at("gone").is_null();
    const std::string console = text_field(root, "console");
    const std::string remote = text_field(root, "remote_id");
    std::string out = fmt::format(
        "{}  {}  {}\n",
        text_field(root, "name"),
        text_field(root, "machine"),
        gone ? fmt::format("gone, {}", text_field(root, "gone_how")) : text_field(root, "state"));
    const auto line = [&out](const char* name, const std::string& text) {
        out += fmt::format("{:<10} {}\n", name, text);
    };
    line(
        "at",
        fmt::format(
            "{}, {}{}{}",
            text_field(root, "provider"),
            remote.empty() ? "no id known" : remote,
            console.empty() ? "" : "   ",
            console));
    line(
        "what",
        fmt::format(
            "{}{}, for {}",
            synthetic_mark(root, text_field(root, "gpu")),
            text_field(root, "region").empty() ? "" : " in " + text_field(root, "region"),
            text_field(root, "model")));
    if (!text_field(root, "address").empty()) {
        line("address", text_field(root, "address"));
    }
    line(
        "price",
        fmt::format("asked {}, read back {}", price("price_asked"), price("price_read_back")));
    line(
        "paid",
        gone ? money_text(money_field(root, "paid", currency), 4) + " in the ledger"
             : fmt::format(
                   "{} in the ledger, about {} so far",
                   money_text(money_field(root, "paid", currency), 4),
                   money_text(money_field(root, "paid_estimate", currency), 4)));
    if (!root.at("ordered_because").is_null()) {
        line("ordered", text_field(root, "ordered_because"));
    }
    if (text_field(root, "reason") != sentence({}, {})) {
        line(gone ? "ended" : "reason", text_field(root, "reason"));
    }
    if (!gone) {
        line("ends", when(root, "expires", utc) + " at the latest");
    }
    using enum Table::Align;
    Table events{{{"TIME", left}, {"EVENT", left}, {"STATE", left}}};
    for (const json::value& value : root.at("events").as_array()) {
        const json::object& event = value.as_object();
        const std::string from = text_field(event, "from");
        const std::string to = text_field(event, "to");
        events.add(
            {when(event, "at", utc),
             text_field(event, "event"),
             from == to ? to : from + " -> " + to});
    }
    Table phases{{{"PHASE", left}, {"FROM", left}, {"TO", left}, {"BILLED", right}}};
    for (const json::value& value : root.at("phases").as_array()) {
        const json::object& phase = value.as_object();
        const bool open = !phase.at("estimate").is_null();
        phases.add(
            {text_field(phase, "phase"),
             when(phase, "from", utc),
             when(phase, "to", utc),
             open ? "about " + money_text(money_field(phase, "estimate", currency), 4)
                  : money_text(money_field(phase, "billed", currency), 4)});
    }
    out += events.empty() ? "" : "\n" + events.text();
    out += phases.empty() ? "" : "\n" + phases.text();
    return out;
}

/// Machines as the ledger knows them, when the agent does not run.
Result<std::string> nodes_from_ledger(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto machines = reader->machines(now - report::gone_shown);
    const auto names = reader->names();
    if (!machines || !names) {
        return std::unexpected{machines ? names.error() : machines.error()};
    }
    return report::nodes_json(*machines, *names, now);
}

Result<std::string> node_from_ledger(const Globals& globals, const std::string& name) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto reading = agent::read_configuration(globals.config, now);
    return agent::node_json(
        *reader,
        name,
        [&reading](std::string_view provider) {
            const config::Provider* entry =
                reading && reading->loaded ? reading->loaded->config.provider(provider) : nullptr;
            return entry == nullptr ? std::string{} : entry->driver;
        },
        now);
}

}  // namespace

Result<std::string> nodes_text(std::string_view document, bool csv) {
    return render(document, [csv](const json::object& root) { return render_nodes(root, csv); });
}

Result<std::string> node_text(std::string_view document, bool utc) {
    return render(document, [utc](const json::object& root) { return render_node(root, utc); });
}

Result<Document> nodes_document(const Globals& globals) {
    auto document = ask(globals, "/api/nodes");
    const bool without_agent = !document && document.error().code == Errc::unavailable;
    if (without_agent) {
        document = nodes_from_ledger(globals);
    }
    if (!document) {
        return std::unexpected{document.error()};
    }
    return Document{.text = std::move(*document), .without_agent = without_agent};
}

int nodes(const Globals& globals) {
    const auto document = nodes_document(globals);
    if (!document) {
        return report(document.error());
    }
    std::cerr << (document->without_agent ? daemon_is_down : "");
    return show(globals, document->text, nodes_text(document->text, globals.csv));
}

int nodes_show(const Globals& globals, const std::string& name) {
    auto document = ask(globals, "/api/nodes/" + path_word(name));
    if (!document && document.error().code == Errc::unavailable) {
        document = node_from_ledger(globals, name);
        if (document) {
            std::cerr << daemon_is_down;
        }
    }
    return document ? show(globals, *document, node_text(*document, globals.utc))
                    : report(document.error());
}

}  // namespace evenkeel::cli
