#include "agent/cli/node_actions.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/text.hpp"
#include "policies/domain/duration.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <optional>
#include <thread>
#include <unistd.h>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds look_every{500};

/// What /api/nodes says of one machine; nothing when it does not list it.
struct Sight {
    std::string name{};
    std::string machine{};
    std::string state{};
    std::string gone_how{};
    std::int64_t in_flight{0};
    std::string paid{};
    std::string rate{};
    std::chrono::milliseconds age{0};
};

Sight sight_of(const json::object& machine) {
    const std::string currency = text_field(machine, "currency");
    return {
        .name = text_field(machine, "name"),
        .machine = text_field(machine, "machine"),
        .state = text_field(machine, "state"),
        .gone_how = machine.at("gone_how").is_null() ? "" : text_field(machine, "gone_how"),
        .in_flight = number_field(machine, "in_flight"),
        .paid = money_text(money_field(machine, "paid", currency), 4),
        .rate = money_text(money_field(machine, "rate", currency)) + "/h",
        .age = seconds_field(machine, "age_s")};
}

/// The first machine of the answer that `is` it.
template <class Is>
Result<std::optional<Sight>> look(const NodeTalk& talk, Is is) {
    const auto document = talk.ask("/api/nodes");
    if (!document) {
        return std::unexpected{document.error()};
    }
    std::optional<Sight> found;
    const auto read = render(*document, [&](const json::object& root) {
        for (const json::value& value : root.at("machines").as_array()) {
            const json::object& machine = value.as_object();
            if (!found && is(machine)) {
                found = sight_of(machine);
            }
        }
        return std::string{};
    });
    return read ? Result<std::optional<Sight>>{found} : std::unexpected{read.error()};
}

std::string body_of(const NodeArguments& arguments) {
    return json::serialize(json::object{
        {"name", arguments.name}, {"provider", arguments.provider}, {"model", arguments.model}});
}

int not_reached(const NodeTalk& talk, const Error& error) {
    const int status = report(error);
    if (status == Exit::daemon_down) {
        talk.err << "evenkeel: without the agent, evenkeel reap destroys what is past its end\n";
    }
    return status;
}

/// What a person wants done with a machine that may work.
enum class Choice : std::uint8_t { drain, now, no, nobody };

Choice ask_person(const NodeArguments& arguments, const NodeTalk& talk) {
    if (arguments.yes) {
        return arguments.now ? Choice::now : Choice::drain;
    }
    const auto seen = look(talk, [&](const json::object& machine) {
        return machine.at("gone_how").is_null() &&
               (text_field(machine, "name") == arguments.name ||
                text_field(machine, "machine") == arguments.name ||
                text_field(machine, "remote_id") == arguments.name);
    });
    const bool works = seen && *seen && (*seen)->in_flight > 0 && !arguments.now;
    const std::string question = works ? fmt::format(
                                             "{} is {} {} requests. Drain first? [Y/n/now] ",
                                             (*seen)->name,
                                             (*seen)->state,
                                             (*seen)->in_flight)
                                 : seen && *seen
                                     ? fmt::format(
                                           "Destroy {} ({}, {}, so far {})? [y/N] ",
                                           (*seen)->name,
                                           (*seen)->state,
                                           (*seen)->rate,
                                           (*seen)->paid)
                                     : fmt::format("Destroy {}? [y/N] ", arguments.name);
    auto line = talk.question(question);
    if (!line) {
        return Choice::nobody;
    }
    std::ranges::transform(
        *line, line->begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool yes = *line == "y" || *line == "yes";
    if (works) {
        return *line == "now" ? Choice::now : yes || line->empty() ? Choice::drain : Choice::no;
    }
    return yes ? arguments.now ? Choice::now : Choice::drain : Choice::no;
}

struct Begun {
    std::string name{};
    std::string machine{};
    std::string provider{};
    std::string state{};
    std::int64_t in_flight{0};
};

Result<Begun> begun_of(const std::string& document) {
    Begun begun;
    const auto read = render(document, [&begun](const json::object& root) {
        begun = {
            .name = text_field(root, "name"),
            .machine = text_field(root, "machine"),
            .provider = text_field(root, "provider"),
            .state = text_field(root, "state"),
            .in_flight = number_field(root, "in_flight")};
        return std::string{};
    });
    return read ? Result<Begun>{begun} : std::unexpected{read.error()};
}

/// Asks the agent for an action. Nothing when that failed: it was told, and `status` says how.
struct Asked {
    std::string document{};
    Begun begun{};
};
std::optional<Asked> ask_agent(
    const NodeTalk& talk, const char* target, const NodeArguments& arguments, int& status) {
    const auto answer = talk.tell(target, body_of(arguments));
    if (!answer) {
        status = not_reached(talk, answer.error());
        return std::nullopt;
    }
    const auto begun = begun_of(*answer);
    if (!begun) {
        status = report(begun.error());
        return std::nullopt;
    }
    return Asked{.document = *answer, .begun = *begun};
}

/// It ended before anybody asked: nothing was begun, so nothing is to be waited for.
int gone_already(
    const Globals& globals, const NodeTalk& talk, const Asked& asked, std::string_view action) {
    if (globals.json) {
        talk.out << json::serialize(json::object{
                        {"schema", "evenkeel.action/1"},
                        {"action", action},
                        {"name", asked.begun.name},
                        {"machine", asked.begun.machine},
                        {"state", "gone"}})
                 << '\n';
    } else {
        talk.out << fmt::format("{} is gone already\n", asked.begun.name);
    }
    return Exit::done;
}

/// Watches until the machine is gone. Its own name is unique for ever, unlike its source's.
int wait_for_the_end(
    const Globals& globals,
    const NodeArguments& arguments,
    const NodeTalk& talk,
    const Begun& begun,
    std::chrono::milliseconds limit) {
    const auto give_up = talk.clock() + limit;
    std::string told;
    for (;;) {
        const auto seen = look(talk, [&](const json::object& machine) {
            return text_field(machine, "machine") == begun.machine;
        });
        if (seen && *seen) {
            const Sight& sight = **seen;
            if (sight.state == "gone") {
                const bool proved = sight.gone_how != "lost";
                if (globals.json) {
                    talk.out << json::serialize(json::object{
                                    {"schema", "evenkeel.action/1"},
                                    {"action", "destroy"},
                                    {"name", sight.name},
                                    {"machine", sight.machine},
                                    {"state", sight.state},
                                    {"gone_how", sight.gone_how}})
                             << '\n';
                } else {
                    talk.out << fmt::format(
                        "{} {} after {}; {} confirms that it is gone; {} in the ledger\n",
                        proved ? "destroyed" : "gone:",
                        sight.name,
                        duration_text(sight.age),
                        begun.provider,
                        sight.paid);
                }
                return Exit::done;
            }
            if (sight.state != told && !globals.quiet) {
                told = sight.state;
                talk.err << fmt::format("{} is {}\n", sight.name, sight.state);
            }
        }
        if (talk.clock() >= give_up) {
            break;
        }
        talk.pause(look_every);
    }
    talk.err << fmt::format(
        "evenkeel: {} is not proved gone within {}; that goes on in the background. Look again "
        "with: "
        "evenkeel nodes show {}\n",
        begun.name,
        arguments.wait,
        begun.machine);
    return Exit::money_hazard;
}

}  // namespace

NodeTalk real_talk(const Globals& globals) {
    return {
        .ask = [&globals](const std::string& target) { return ask(globals, target); },
        .tell = [&globals](
                    const std::string& target,
                    const std::string& body) { return tell(globals, target, body); },
        .question = [](const std::string& question) -> std::optional<std::string> {
            if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) {
                return std::nullopt;
            }
            std::cerr << question << std::flush;
            std::string line;
            return std::getline(std::cin, line) ? std::optional{line}
                                                : std::optional{std::string{"n"}};
        },
        .pause = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); },
        .clock =
            [] {
                return std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::steady_clock::now().time_since_epoch());
            },
        .out = std::cout,
        .err = std::cerr};
}

int nodes_drain(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk) {
    int status = Exit::done;
    const auto asked = ask_agent(talk, "/api/nodes/drain", arguments, status);
    if (!asked) {
        return status;
    }
    if (asked->begun.state == "gone") {
        return gone_already(globals, talk, *asked, "drain");
    }
    if (globals.json) {
        talk.out << asked->document << '\n';
    } else if (!globals.quiet) {
        talk.out << fmt::format(
            "{} takes no new requests, finishes {}, and is destroyed then\n",
            asked->begun.name,
            asked->begun.in_flight);
    }
    return Exit::done;
}

int nodes_destroy(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk) {
    const auto limit = parse_duration(arguments.wait);
    if (!limit) {
        report(limit.error());
        return Exit::usage;
    }
    const Choice choice = ask_person(arguments, talk);
    if (choice == Choice::nobody) {
        talk.err << "evenkeel: nobody is here to ask: say --yes to destroy " << arguments.name
                 << '\n';
        return Exit::usage;
    }
    if (choice == Choice::no) {
        talk.err << "evenkeel: nothing was done\n";
        return Exit::failed;
    }
    const char* target = choice == Choice::now ? "/api/nodes/destroy" : "/api/nodes/drain";
    int status = Exit::done;
    const auto asked = ask_agent(talk, target, arguments, status);
    if (asked && asked->begun.state == "gone") {
        return gone_already(globals, talk, *asked, "destroy");
    }
    return asked ? wait_for_the_end(globals, arguments, talk, asked->begun, *limit) : status;
}

int nodes_adopt(const Globals& globals, const NodeArguments& arguments, const NodeTalk& talk) {
    if (arguments.destroy) {
        if (!arguments.model.empty()) {
            talk.err << "evenkeel: either --model or --destroy\n";
            return Exit::usage;
        }
        NodeArguments destroy = arguments;
        destroy.yes = true;
        destroy.now = true;
        return nodes_destroy(globals, destroy, talk);
    }
    int status = Exit::done;
    const auto asked = ask_agent(talk, "/api/nodes/adopt", arguments, status);
    if (!asked) {
        return status;
    }
    if (globals.json) {
        talk.out << asked->document << '\n';
    } else {
        talk.out << fmt::format(
            "{} is ours now as {}: it serves once it passes acceptance, and it ends like every "
            "other "
            "machine. evenkeel nodes show {}\n",
            arguments.name,
            asked->begun.name,
            asked->begun.name);
    }
    return Exit::done;
}

}  // namespace evenkeel::cli
