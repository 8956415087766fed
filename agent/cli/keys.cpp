#include "agent/ledger/keys.hpp"

#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/reading.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <future>
#include <iostream>
#include <memory>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

int print_key(const Globals& globals, const std::string& name, const std::string& text) {
    if (globals.json) {
        std::cout << json::serialize(
                         json::object{{"schema", "evenkeel.key/1"}, {"name", name}, {"key", text}})
                  << '\n';
    } else {
        std::cout << text << "  (shown once; only its SHA-256 is stored)\n";
    }
    return Exit::done;
}

/// Opens the ledger as the agent would; it must not run. A new one takes zone and currency from the
/// configuration, an old one keeps its own.
Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Globals& globals, const Clock& clock) {
    ledger::Options options{.dir = globals.state, .clock = &clock};
    if (auto reader = ledger::Reader::open(globals.state)) {
        if (const auto summary = reader->summary()) {
            options.zone = summary->zone;
            options.report = summary->report;
        }
    } else if (const auto reading = agent::read_configuration(globals.config, clock.read().utc);
               reading && reading->loaded) {
        options.zone = reading->loaded->config.report_zone;
        options.report = reading->loaded->config.currency.report;
    }
    return ledger::Ledger::open(std::move(options));
}

int create_without_agent(const Globals& globals, const std::string& name) {
    const agent::SystemClock clock;
    auto opened = open_ledger(globals, clock);
    if (!opened) {
        return report(opened.error());
    }
    ledger::Ledger& books = **opened;
    routing::NameTable names;
    for (const ledger::NameRow& row : books.recovered().names) {
        names.restore(row.ix, row.kind, row.text);
    }
    names.on_new([&books](NameIx ix, routing::NameKind kind, std::string_view text) {
        books.name({.ix = ix, .kind = kind, .text = std::string{text}});
    });
    const auto key =
        ledger::make_key(name, names.intern(routing::NameKind::key, name), clock.read().utc);
    if (!key) {
        return report(key.error());
    }
    std::promise<Result<void>> stored;
    books.add_key(key->row, [&stored](Result<void> result) { stored.set_value(result); });
    if (const auto result = stored.get_future().get(); !result) {
        return report(result.error());
    }
    if (const auto closed = books.close(); !closed) {
        return report(closed.error());
    }
    if (!globals.quiet) {
        std::cerr << "evenkeel: the agent is not running; the key was written to its ledger\n";
    }
    return print_key(globals, name, key->text);
}

}  // namespace

int keys_create(const Globals& globals, const std::string& name) {
    const auto answer = tell(globals, "/api/keys", json::serialize(json::object{{"name", name}}));
    if (!answer) {
        return answer.error().code == Errc::unavailable ? create_without_agent(globals, name)
                                                        : report(answer.error());
    }
    boost::system::error_code code;
    const json::value root = json::parse(*answer, code);
    const json::value* key = code ? nullptr : root.find_pointer("/key", code);
    if (key == nullptr || !key->is_string()) {
        return report({Errc::invalid_response, "the agent's answer cannot be read"});
    }
    return print_key(globals, name, json::value_to<std::string>(*key));
}

int keys_list(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    if (!reader) {
        return report(reader.error());
    }
    const auto rows = reader->keys();
    if (!rows) {
        return report(rows.error());
    }
    using enum Table::Align;
    Table table{{{"NAME", left}, {"PREFIX", left}, {"CREATED", left}}};
    json::array list;
    for (const ledger::KeyRow& row : *rows) {
        if (row.revoked) {
            continue;
        }
        table.add({row.name, row.prefix + "…", time_text(row.created, globals.utc)});
        list.emplace_back(json::object{
            {"name", row.name}, {"prefix", row.prefix}, {"created", time_text(row.created, true)}});
    }
    if (globals.json) {
        std::cout << json::serialize(
                         json::object{{"schema", "evenkeel.keys/1"}, {"keys", std::move(list)}})
                  << '\n';
    } else {
        std::cout
            << (globals.csv     ? table.csv()
                : table.empty() ? std::string{"No client key yet: evenkeel keys create NAME\n"}
                                : table.text());
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
