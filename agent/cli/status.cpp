#include "agent/cli/status.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/text.hpp"

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

std::string render_status(const json::object& root) {
    const std::string currency = text_field(root.at("cost_rate").as_object(), "currency");
    const json::object& policy = root.at("policy").as_object();
    const json::object& rented = root.at("rented").as_object();
    std::string out = fmt::format(
        "Evenkeel {} on {}   {}   up {}   policy #{} of {}   rented: {} of {}   spending {}/h\n",
        text_field(root, "version"),
        text_field(root, "host"),
        text_field(root, "state"),
        duration_text(std::chrono::seconds{number_field(root, "uptime_s")}),
        number_field(policy, "revision"),
        text_field(policy, "loaded").substr(0, 16),
        number_field(rented, "now"),
        number_field(rented, "max"),
        money_text(money_field(root.at("cost_rate").as_object(), "amount", currency)));
    if (number_field(root, "speed") != 1) {
        out += fmt::format(
            "This is a demonstration at {} times the speed of the real world.\n",
            number_field(root, "speed"));
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
        const std::string kind = text_field(source, "kind");
        sources.add(
            {text_field(source, "name"),
             synthetic_mark(source, text_field(source, "what")),
             text_field(source, "model"),
             text_field(source, "state"),
             fmt::format("{}/{}", number_field(source, "busy"), number_field(source, "slots")),
             count_text(number_field(source, "queue")),
             count_text(number_field(source, "tokens_per_s")),
             !rate.is_null() ? money_text(money_field(source, "cost_rate", currency)) + "/h"
             : kind == "api" ? std::string{"per token"}
                             : std::string{"-"},
             duration_text(std::chrono::seconds{number_field(source, "for_s")})});
    }
    out += "\n" + (sources.empty() ? "No source is configured.\n" : sources.text());
    const json::object& spend = root.at("spend").as_object();
    out += fmt::format(
        "\nSPEND     today {}    month {}\n",
        money_text(money_field(spend, "today", currency)),
        money_text(money_field(spend, "month", currency)));
    for (const json::value& value : root.at("budgets").as_array()) {
        const json::object& budget = value.as_object();
        const std::string unit = text_field(budget, "currency");
        out += fmt::format(
            "BUDGET    {}: {} of {} a {}, {} held\n",
            text_field(budget, "name"),
            money_text(money_field(budget, "spent", unit)),
            money_text(money_field(budget, "limit", unit)),
            text_field(budget, "per"),
            money_text(money_field(budget, "held", unit)));
    }
    for (const json::value& value : root.at("machines").as_array()) {
        const json::object& machine = value.as_object();
        out += fmt::format(
            "RENTAL    {} {}: ends {}    so far {}\n",
            text_field(machine, "name"),
            text_field(machine, "state"),
            text_field(machine, "ends"),
            money_text(money_field(machine, "paid", text_field(machine, "currency"))));
    }
    const json::array& warnings = root.at("warnings").as_array();
    for (const json::value& warning : warnings) {
        out += (&warning == &warnings.front() ? "\n! " : "! ") +
               json::value_to<std::string>(warning) + "\n";
    }
    return out;
}

}  // namespace

Result<std::string> status_text(std::string_view document, bool utc) {
    static_cast<void>(utc);
    return render(document, [](const json::object& root) { return render_status(root); });
}

int status(const Globals& globals) {
    const auto document = ask(globals, "/api/status");
    if (!document) {
        return report(document.error());
    }
    return show(globals, *document, status_text(*document, globals.utc));
}

}  // namespace evenkeel::cli
