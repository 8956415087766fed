#include "agent/cli/actions.hpp"
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/config/reading.hpp"
#include "agent/ledger/reader.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>

namespace evenkeel::cli {

namespace {

/// ": policy #37 stays in force", where a ledger knows of one.
std::string in_force(const Globals& globals) {
    auto reader = ledger::Reader::open(globals.state);
    const auto summary = reader ? reader->summary() : Result<ledger::Summary>{};
    return !reader || !summary || summary->policy_revision == 0
               ? std::string{}
               : fmt::format(": policy #{} stays in force", summary->policy_revision);
}

}  // namespace

int policy_check(const Globals& globals) {
    const auto reading = agent::read_configuration(globals.config, agent::SystemClock{}.read().utc);
    if (!reading) {
        std::cerr << "evenkeel: " << reading.error().message << '\n';
        return Exit::configuration;
    }
    const bool good = reading->loaded.has_value();
    const std::vector<config::Diagnostic>& findings = reading->findings();
    if (globals.json) {
        std::cout << boost::json::serialize(agent::policy_check_json(*reading)) << '\n';
    } else if (!globals.quiet || !good) {
        std::ostream& out = good ? std::cout : std::cerr;
        out << config::render_all(findings) << globals.config.string() << ": "
            << config::summary(reading->files, findings) << (good ? "" : in_force(globals)) << '\n';
    }
    return good ? Exit::done : Exit::configuration;
}

int explain_code(const std::string& code, const std::string& hint) {
    const std::string text = config::explain(code);
    if (text.empty()) {
        std::cerr << "evenkeel: there is no command and no code '" << code << "'" << hint << '\n';
        return Exit::usage;
    }
    std::cout << text << (text.ends_with('\n') ? "" : "\n");
    return Exit::done;
}

}  // namespace evenkeel::cli
