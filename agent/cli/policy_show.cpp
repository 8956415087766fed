// `evenkeel policy show`: what was in force, from the ledger.
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/cli/policy_sides.hpp"
#include "agent/cli/text.hpp"
#include "agent/ledger/sha256.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

/// Policies in one list; older ones are shown one by one, by their number.
constexpr int listed_max = 1'000;

json::object to_json(const ledger::PolicyRow& row) {
    return {
        {"revision", row.no},
        {"at_us", to_us(row.at)},
        {"author", row.author},
        {"sha256", ledger::to_hex(row.sha256)}};
}

int list(const Globals& globals, ledger::Reader& reader) {
    const auto rows = reader.policies(listed_max);
    if (!rows) {
        return report(rows.error());
    }
    if (globals.json) {
        json::array revisions;
        for (const ledger::PolicyRow& row : *rows) {
            revisions.emplace_back(to_json(row));
        }
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.policy-list/1"}, {"policies", std::move(revisions)}})
                  << '\n';
        return Exit::done;
    }
    Table table{
        {{"POLICY", Table::Align::right},
         {"IN FORCE FROM", Table::Align::left},
         {"BY", Table::Align::left},
         {"SHA-256", Table::Align::left}}};
    for (const ledger::PolicyRow& row : *rows) {
        table.add(
            {fmt::format("#{}", row.no),
             moment_text(row.at, globals.utc),
             row.author,
             ledger::to_hex(row.sha256).substr(0, 12)});
    }
    std::cout << (globals.csv ? table.csv() : table.text());
    return Exit::done;
}

}  // namespace

int policy_show(const Globals& globals, const ShowArguments& arguments) {
    auto reader = open_ledger(globals);
    if (!reader) {
        return reader.error();
    }
    if (arguments.list) {
        return list(globals, *reader);
    }
    const auto row = reader->policy(arguments.revision);
    if (!row) {
        return report(row.error());
    }
    if (globals.json) {
        json::object out = to_json(*row);
        out["schema"] = "evenkeel.policy-show/1";
        out["text"] = row->text;
        std::cout << json::serialize(out) << '\n';
        return Exit::done;
    }
    std::cout << fmt::format(
        "# policy #{}, in force from {}, by {}\n{}",
        row->no,
        moment_text(row->at, globals.utc),
        row->author,
        row->text);
    return Exit::done;
}

}  // namespace evenkeel::cli
