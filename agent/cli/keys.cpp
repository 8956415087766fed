#include "agent/ledger/keys.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/key_actions.hpp"
#include "agent/config/reading.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/service/clock.hpp"

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

/// Does `work(books)` on the ledger itself, and says that the agent was not there to do it.
template <class Work>
int without_agent(const Globals& globals, const Clock& clock, const Work& work) {
    auto opened = open_ledger(globals, clock);
    if (!opened) {
        return report(opened.error());
    }
    ledger::Ledger& books = **opened;
    if (const Result<void> done = work(books); !done) {
        return report(done.error());
    }
    if (const auto closed = books.close(); !closed) {
        return report(closed.error());
    }
    if (!globals.quiet) {
        std::cerr << "evenkeel: the agent is not running; this was written to its ledger\n";
    }
    return Exit::done;
}

/// The living key of that name.
Result<ledger::KeyRow> living(const ledger::Ledger& books, const std::string& name) {
    for (const ledger::KeyRow& row : books.recovered().keys) {
        if (row.name == name && !row.revoked) {
            return row;
        }
    }
    return fail(Errc::not_found, fmt::format("there is no key named '{}'", name));
}

int create_without_agent(const Globals& globals, const KeyArguments& arguments) {
    const agent::SystemClock clock;
    std::string text;
    const int status = without_agent(globals, clock, [&](ledger::Ledger& books) -> Result<void> {
        const UtcTime now = clock.read().utc;
        if (living(books, arguments.name)) {
            return fail(
                Errc::conflict, fmt::format("there is a key named '{}' already", arguments.name));
        }
        auto terms = agent::change_terms({}, arguments.change, nullptr, now);
        if (!terms) {
            return std::unexpected{terms.error()};
        }
        routing::NameTable names;
        for (const ledger::NameRow& row : books.recovered().names) {
            names.restore(row.ix, row.kind, row.text);
        }
        names.on_new([&books](NameIx ix, routing::NameKind kind, std::string_view name) {
            books.name({.ix = ix, .kind = kind, .text = std::string{name}});
        });
        auto key = ledger::make_key(
            arguments.name, names.intern(routing::NameKind::key, arguments.name), now);
        if (!key) {
            return std::unexpected{key.error()};
        }
        key->row.terms = std::move(*terms);
        text = key->text;
        std::promise<Result<void>> stored;
        books.add_key(key->row, [&stored](Result<void> result) { stored.set_value(result); });
        return stored.get_future().get();
    });
    return status == Exit::done ? print_key(globals, arguments.name, text) : status;
}

json::object body_of(const KeyArguments& arguments) {
    json::object body{{"name", arguments.name}};
    const auto add = [&body](const char* key, const std::optional<std::string>& text) {
        if (text) {
            body[key] = *text;
        }
    };
    add("limit", arguments.change.limit);
    add("requests", arguments.change.requests);
    add("tokens", arguments.change.tokens);
    add("in_flight", arguments.change.in_flight);
    add("routes", arguments.change.routes);
    add("team", arguments.change.team);
    add("expires", arguments.change.expires);
    return body;
}

int print_action(const Globals& globals, const char* action, const std::string& name) {
    if (globals.json) {
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.action/1"}, {"action", action}, {"name", name}})
                  << '\n';
    } else if (!globals.quiet) {
        std::cout
            << (action == std::string_view{"revoke"}
                    ? fmt::format("revoked {}: it opens nothing any more\n", name)
                    : fmt::format("changed {}; see: evenkeel keys\n", name));
    }
    return Exit::done;
}

}  // namespace

int keys_create(const Globals& globals, const KeyArguments& arguments) {
    const auto answer = tell(globals, "/api/keys", json::serialize(body_of(arguments)));
    if (!answer) {
        return answer.error().code == Errc::unavailable ? create_without_agent(globals, arguments)
                                                        : report(answer.error());
    }
    boost::system::error_code code;
    const json::value root = json::parse(*answer, code);
    const json::value* key = code ? nullptr : root.find_pointer("/key", code);
    if (key == nullptr || !key->is_string()) {
        return report({Errc::invalid_response, "the agent's answer cannot be read"});
    }
    return print_key(globals, arguments.name, json::value_to<std::string>(*key));
}

int keys_limit(const Globals& globals, const KeyArguments& arguments) {
    if (arguments.change.empty()) {
        std::cerr << "evenkeel: say what to change: --limit, --requests, --tokens, --in-flight, "
                     "--routes, --team or --expires\n";
        return Exit::usage;
    }
    const auto answer = tell(globals, "/api/keys/limit", json::serialize(body_of(arguments)));
    if (answer) {
        return print_action(globals, "limit", arguments.name);
    }
    if (answer.error().code != Errc::unavailable) {
        return report(answer.error());
    }
    const agent::SystemClock clock;
    const int status = without_agent(globals, clock, [&](ledger::Ledger& books) -> Result<void> {
        const auto row = living(books, arguments.name);
        if (!row) {
            return std::unexpected{row.error()};
        }
        auto terms = agent::change_terms(row->terms, arguments.change, nullptr, clock.read().utc);
        if (!terms) {
            return std::unexpected{terms.error()};
        }
        std::promise<Result<void>> stored;
        books.key_terms(arguments.name, std::move(*terms), [&stored](Result<void> result) {
            stored.set_value(result);
        });
        return stored.get_future().get();
    });
    return status == Exit::done ? print_action(globals, "limit", arguments.name) : status;
}

int keys_revoke(const Globals& globals, const std::string& name) {
    const auto answer =
        tell(globals, "/api/keys/revoke", json::serialize(json::object{{"name", name}}));
    if (answer) {
        return print_action(globals, "revoke", name);
    }
    if (answer.error().code != Errc::unavailable) {
        return report(answer.error());
    }
    const agent::SystemClock clock;
    const int status = without_agent(globals, clock, [&](ledger::Ledger& books) {
        std::promise<Result<void>> stored;
        books.revoke_key(name, [&stored](Result<void> result) { stored.set_value(result); });
        return stored.get_future().get();
    });
    return status == Exit::done ? print_action(globals, "revoke", name) : status;
}

}  // namespace evenkeel::cli
