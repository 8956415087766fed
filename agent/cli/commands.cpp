// The command table. The one file of agent/ that names lab/.
#include "agent/cli/commands.hpp"

#include "agent/cli/actions.hpp"
#include "agent/cli/command_groups.hpp"
#include "agent/cli/command_words.hpp"
#include "agent/cli/completion.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/replay.hpp"
#include "agent/cli/status.hpp"
#include "lab/cloud/cloud.hpp"
#include "lab/demo/demo.hpp"
#include "lab/engine/engine.hpp"
#include "lab/player/trace_file.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace evenkeel::cli {

namespace {

/// What the flags of the commands of lab/ are written to.
struct LabArguments {
    lab::engine::EngineOptions engine{};
    lab::cloud::CloudOptions cloud{};
    lab::demo::DemoOptions demo{};
};

void add_globals(CLI::App& app, Arguments& arguments) {
    Globals& globals = arguments.globals;
    app.add_option("--config", globals.config, "configuration folder (/etc/evenkeel)");
    app.add_option("--state", globals.state, "state folder (/var/lib/evenkeel)");
    app.add_option("--socket", globals.socket, "control socket of the running agent");
    CLI::Option* const json =
        app.add_flag("--json", globals.json, "one JSON object, its schema named");
    json->excludes(app.add_flag("--csv", globals.csv, "comma-separated values"));
    app.add_flag("--no-color", globals.no_color, "no colour");
    app.add_flag("-q,--quiet", globals.quiet, "only what matters");
    app.add_flag("-v,--verbose", globals.verbose, "more");
    app.add_flag("--utc", globals.utc, "times in UTC; days stay report_zone's");
    app.add_option("--since", globals.since, "from this day or so long ago: 2026-11-01, 30d");
    app.add_option("--until", globals.until, "up to and with this day");
    app.add_option("--currency", arguments.report.currency, "to report in: AUD (the ledger's)");
}

class Table {
public:
    Table(CLI::App& app, Arguments& arguments, LabArguments& lab)
        : app_{app}, arguments_{arguments}, lab_{lab} {}

    void fill() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        CLI::App& serve = list_.command(app_, "serve", "run the agent", [&a] {
            a.serve.config = a.globals.config;
            a.serve.state = a.globals.state;
            a.serve.socket = a.globals.socket;
            a.serve.version = a.globals.version;
            a.serve.verbosity = a.globals.quiet ? -1 : a.globals.verbose ? 1 : 0;
            return agent::serve(a.serve);
        });
        serve.add_option("--threads", a.serve.threads, "data-path threads (one a core)")
            ->check(CLI::Range(0, 64));
        list_.command(app_, "status", "one screen: sources, queues, machines, spend", [&g] {
            return status(g);
        });
        add_host(list_, a);
        add_nodes(list_, a);
        add_spending(list_, a);
        add_reports(list_, a);
        add_breakeven(list_, a);
        add_route(list_, a);
        add_policy(list_, a);
        fill_replay();
        add_keys(list_, a);
        add_ledger(list_, a);
        fill_lab();
        CLI::App& complete = list_.command(
            app_, "completion", "print a completion script", [this] { return complete_for(); });
        complete.add_option("shell", arguments_.shell, "bash, zsh or fish")->required();
        CLI::App& help =
            list_.command(app_, "help", "about a command, or a code such as EK-C012", [this] {
                return help_about();
            });
        help.add_option("words", arguments_.help_words, "a command or a code");
        list_.command(app_, "version", "print the version", [&g] {
            std::cout << (g.json ? fmt::format(
                                       R"({{"schema":"evenkeel.version/1","version":"{}"}})",
                                       g.version)
                                 : "evenkeel " + g.version)
                      << '\n';
            return int{Exit::done};
        });
    }

    /// What the parsed command line asked for.
    [[nodiscard]] int run() const {
        if (!arguments_.report.currency.empty() && !app_.got_subcommand("report")) {
            std::cerr << "evenkeel: --currency is of reports: evenkeel report --currency AUD\n";
            return Exit::usage;
        }
        const CommandList::Action* const chosen = list_.chosen();
        return chosen == nullptr ? usage() : (*chosen)();
    }

private:
    void fill_replay() {
        Arguments& a = arguments_;
        ReplayArguments& r = a.replay;
        CLI::App& replay =
            list_.command(app_, "replay", "past requests under another policy", [&a] {
                return replay_requests(a.globals, a.replay, [](const std::string& path) {
                    return lab::player::open_trace(path);
                });
            });
        replay.add_option(
            "--trace", r.trace, "requests of a file, gzip or not; else --since 30d: our own");
        replay.add_option("--policy", r.policy, "./draft/, or a built-in: own+api, oracle, ...");
        replay.add_option("--set", r.set, "a changed value: scaling.h100-burst.max=0")
            ->allow_extra_args(false);
        replay.add_option("--world", r.world, "reference: instead of --config");
        replay.add_option("--model", r.model, "whose requests they are");
        replay.add_option("--api-price", r.api_price, "IN/OUT per million tokens: 5/25");
        replay.add_option("--boot", r.boot, "from order to serving: 420s");
        replay.add_flag("--bound", r.bound, "also what no policy could go below");
        replay.add_flag("--old-router", r.old_router, "without rescue and its companions");
    }

    void fill_lab() {
        Arguments& a = arguments_;
        LabArguments& l = lab_;
        CLI::App& demo =
            list_.command(app_, "demo", "the whole story on this host, synthetic", [&a, &l] {
                l.demo.no_color = l.demo.no_color || a.globals.no_color;
                return lab::demo::run(l.demo);
            });
        lab::demo::add_flags(demo, l.demo);
        CLI::App& engine = list_.command(app_, "engine", "the synthetic inference engine", [&l] {
            return lab::engine::run(l.engine);
        });
        lab::engine::add_flags(engine, l.engine);
        CLI::App& cloud = list_.command(
            app_, "cloud", "the sandbox cloud", [&l] { return lab::cloud::run(l.cloud); });
        lab::cloud::add_flags(cloud, l.cloud);
    }

    [[nodiscard]] int usage() const {
        std::cerr << app_.help();
        return Exit::usage;
    }

    [[nodiscard]] int complete_for() const {
        const std::string script = completion(app_, arguments_.shell);
        if (script.empty()) {
            std::cerr << "evenkeel: completion takes bash, zsh or fish, not '" << arguments_.shell
                      << "'\n";
            return Exit::usage;
        }
        std::cout << script;
        return Exit::done;
    }

    /// What `evenkeel <words> --help` says, or what a code means.
    [[nodiscard]] int help_about() const {
        const CLI::App* app = &app_;
        std::string name = app_.get_name();
        for (const std::string& word : arguments_.help_words) {
            const CLI::App* next = find_command(*app, word);
            if (next == nullptr && app == &app_) {
                return explain_code(word, near_command(app_, word));
            }
            if (next == nullptr) {
                std::cerr << fmt::format(
                    "evenkeel: {}\nTry: evenkeel help{}\n",
                    no_such_command(*app, name, word),
                    name.substr(app_.get_name().size()));
                return Exit::usage;
            }
            app = next;
            name += " " + word;
        }
        // App::help() would describe the command that was parsed: this one.
        std::cout << app->get_formatter()->make_help(app, name, CLI::AppFormatMode::Normal);
        return Exit::done;
    }

    CLI::App& app_;
    Arguments& arguments_;
    LabArguments& lab_;
    CommandList list_{app_};
};

}  // namespace

int run(int argc, char** argv) {
    // Results are on standard output alone; the agent makes a log of its own.
    auto logger =
        std::make_shared<spdlog::logger>("cli", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("evenkeel: %v");
    logger->set_level(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
    CLI::App app{"Evenkeel: cost-aware router and GPU renter for language-model inference"};
    app.name("evenkeel");
    Arguments arguments;
    arguments.globals.version = EVENKEEL_VERSION;
    add_globals(app, arguments);
    app.set_version_flag("--version", "evenkeel " EVENKEEL_VERSION);
    LabArguments lab;
    Table table{app, arguments, lab};
    table.fill();
    try {
        app.parse(reversed_words(app, argc, argv));
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::CallForVersion& version) {
        return app.exit(version);
    } catch (const CLI::ParseError& error) {
        std::cerr << "evenkeel: " << refusal(app, argc, argv, error);
        return Exit::usage;
    }
    return table.run();
}

}  // namespace evenkeel::cli
