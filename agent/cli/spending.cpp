#include "agent/cli/spending.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/control/state_files.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr const char* without_agent =
    "evenkeel: the agent did not answer; it sees this at its next tick, or when it starts\n";

/// Whether the agent itself said no. Anything else (it is down, or hangs) must not keep a person
/// from the brake: the file is written past it then.
bool is_answer(const Error& error) {
    return error.code == Errc::unauthorized || error.code == Errc::refused ||
           error.code == Errc::io_failed;
}

int tell_frozen(const Globals& globals, bool freeze, bool changed) {
    if (globals.json) {
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.action/1"},
                         {"action", freeze ? "freeze" : "thaw"},
                         {"frozen", freeze},
                         {"changed", changed}})
                  << '\n';
    } else if (freeze) {
        std::cout << "frozen: nothing is rented or bought until evenkeel thaw; own and rented "
                     "machines go on\n";
    } else {
        std::cout << (changed ? "thawed: spending is allowed again\n" : "nothing was frozen\n");
    }
    return Exit::done;
}

}  // namespace

int freeze(const Globals& globals, const std::string& reason) {
    const auto answer =
        tell(globals, "/api/freeze", json::serialize(json::object{{"reason", reason}}));
    if (answer) {
        return tell_frozen(globals, true, true);
    }
    if (is_answer(answer.error())) {
        return report(answer.error());
    }
    const auto written = agent::write_freeze(
        globals.state,
        {.at = agent::SystemClock{}.read().utc,
         .by = agent::user_text(::geteuid()),
         .reason = reason});
    if (!written) {
        return report(written.error());
    }
    std::cerr << (globals.quiet ? "" : without_agent);
    return tell_frozen(globals, true, true);
}

int thaw(const Globals& globals) {
    const auto answer = tell(globals, "/api/thaw", "{}");
    if (answer) {
        return tell_frozen(globals, false, answer->find("\"changed\":true") != std::string::npos);
    }
    if (is_answer(answer.error())) {
        return report(answer.error());
    }
    const auto removed = agent::remove_freeze(globals.state);
    if (!removed) {
        return report(removed.error());
    }
    std::cerr << (globals.quiet ? "" : without_agent);
    return tell_frozen(globals, false, *removed);
}

}  // namespace evenkeel::cli
