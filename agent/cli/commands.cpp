// The command table. The one file of agent/ that names lab/.
#include "agent/cli/commands.hpp"

#include "agent/cli/actions.hpp"
#include "agent/cli/breakeven.hpp"
#include "agent/cli/completion.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/globals.hpp"
#include "agent/cli/key_actions.hpp"
#include "agent/cli/node_actions.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/cli/replay.hpp"
#include "agent/cli/route.hpp"
#include "agent/cli/spending.hpp"
#include "agent/cli/status.hpp"
#include "agent/daemon.hpp"
#include "lab/cloud/cloud.hpp"
#include "lab/demo/demo.hpp"
#include "lab/engine/engine.hpp"
#include "lab/player/trace_file.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

namespace evenkeel::cli {

namespace {

/// Everything the flags of all commands are written to.
struct Arguments {
    Globals globals{};
    agent::ServeOptions serve{};
    lab::engine::EngineOptions engine{};
    lab::cloud::CloudOptions cloud{};
    lab::demo::DemoOptions demo{};
    std::string by{"source"};
    KeyArguments key{};
    std::string backup_target{};
    std::string shell{};
    std::vector<std::string> help_words{};
    NodeArguments node{};
    ReapArguments reap{};
    std::string freeze_reason{};
    std::string price_provider{};
    BreakevenArguments breakeven{};
    RouteArguments route{};
    bool exit_code{false};
    ApplyArguments apply{};
    ShowArguments show{};
    std::string key_path{};
    std::string schema_file{};
    ReplayArguments replay{};
};

using Action = std::function<int()>;

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0u);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u);
            diagonal = row[j];
            row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

/// The direct subcommand called `name`, or nothing.
const CLI::App* find_command(const CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands(
        [&name](const CLI::App* command) { return command->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

/// Words for a command that does not exist.
std::string near(const CLI::App& app, const std::string& typed) {
    std::string best;
    std::size_t least = 3;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        const std::size_t apart = distance(typed, command->get_name());
        if (apart < least) {
            least = apart;
            best = command->get_name();
        }
    }
    return best.empty() ? "" : fmt::format("; did you mean '{}'?", best);
}

/// The command line, last word first as CLI::App::parse() wants it. What follows `help` is marked
/// as words: CLI11 would run `nodes` in `help nodes`, because it looks a word up among the commands
/// of every parent.
std::vector<std::string> reversed_words(const CLI::App& app, int argc, char** argv) {
    std::vector<std::string> words{argv + 1, argv + argc};
    auto command = words.begin();
    while (command != words.end() && command->starts_with('-')) {
        const CLI::Option* option = app.get_option_no_throw(*command);
        const bool takes_next = option != nullptr && option->get_items_expected_max() > 0;
        command += takes_next && command + 1 != words.end() ? 2 : 1;
    }
    if (command != words.end() && *command == "help") {
        const std::vector<std::string> rest{command + 1, words.end()};
        const auto is_flag = [](const std::string& word) { return word.starts_with('-'); };
        words.erase(command + 1, words.end());
        std::ranges::copy_if(rest, std::back_inserter(words), [&](const std::string& word) {
            return is_flag(word) && word != "--";
        });
        words.emplace_back("--");
        std::ranges::copy_if(rest, std::back_inserter(words), std::not_fn(is_flag));
    }
    std::ranges::reverse(words);
    return words;
}

void add_globals(CLI::App& app, Globals& globals) {
    app.add_option("--config", globals.config, "configuration folder (/etc/evenkeel)");
    app.add_option("--state", globals.state, "state folder (/var/lib/evenkeel)");
    app.add_option("--socket", globals.socket, "control socket of the running agent");
    app.add_flag("--json", globals.json, "one JSON object, its schema named");
    app.add_flag("--csv", globals.csv, "comma-separated values");
    app.add_flag("--no-color", globals.no_color, "no colour");
    app.add_flag("-q,--quiet", globals.quiet, "only what matters");
    app.add_flag("-v,--verbose", globals.verbose, "more");
    app.add_flag("--utc", globals.utc, "times in UTC");
    app.add_option("--since", globals.since, "from this day or so long ago: 2026-11-01, 30d");
    app.add_option("--until", globals.until, "up to and with this day");
}

class Table {
public:
    Table(CLI::App& app, Arguments& arguments) : app_{app}, arguments_{arguments} {}

    CLI::App& command(CLI::App& parent, const char* name, const char* text, Action action) {
        CLI::App& added = *parent.add_subcommand(name, text);
        added.fallthrough();
        actions_.emplace_back(&added, std::move(action));
        return added;
    }

    void fill() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        CLI::App& serve = command(app_, "serve", "run the agent", [&a] {
            a.serve.config = a.globals.config;
            a.serve.state = a.globals.state;
            a.serve.socket = a.globals.socket;
            a.serve.version = a.globals.version;
            a.serve.verbosity = a.globals.quiet ? -1 : a.globals.verbose ? 1 : 0;
            return agent::serve(a.serve);
        });
        serve.add_option("--threads", a.serve.threads, "data-path threads (one a core)")
            ->check(CLI::Range(0, 64));
        command(app_, "status", "one screen: sources, queues, machines, spend", [&g] {
            return status(g);
        });
        fill_nodes();
        fill_spending();
        CLI::App& reports = command(app_, "report", "what was spent, and on what", [&a] {
            return report_spend(a.globals, a.by);
        });
        CLI::App& spend =
            command(reports, "spend", "by source, model, key, route or provider", [&a] {
                return report_spend(a.globals, a.by);
            });
        spend.add_option("--by", a.by, "source, model, key, route or provider");
        fill_breakeven();
        fill_route();
        fill_policy();
        fill_replay();
        fill_keys();
        CLI::App& ledger = group("ledger", "the books");
        command(ledger, "verify", "hash chain, sums, roll-ups", [&g] { return ledger_verify(g); });
        CLI::App& backup = command(ledger, "backup", "copy the ledger while it is in use", [&a] {
            return ledger_backup(a.globals, a.backup_target);
        });
        backup.add_option("file", a.backup_target, "where to write it")->required();
        fill_lab();
        CLI::App& complete = command(
            app_, "completion", "print a completion script", [this] { return complete_for(); });
        complete.add_option("shell", arguments_.shell, "bash, zsh or fish")->required();
        CLI::App& help =
            command(app_, "help", "about a command, or a code such as EK-C012", [this] {
                return help_about();
            });
        help.add_option("words", arguments_.help_words, "a command or a code");
        command(app_, "version", "print the version", [&g] {
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
        const Action* chosen = nullptr;
        for (const auto& [app, action] : actions_) {
            // Parents stand before their children, so the last parsed one is the innermost.
            if (app->parsed()) {
                chosen = &action;
            }
        }
        return chosen == nullptr ? usage() : (*chosen)();
    }

private:
    CLI::App& group(const char* name, const char* text) {
        CLI::App& added = *app_.add_subcommand(name, text);
        added.fallthrough();
        added.require_subcommand(1);
        return added;
    }

    void fill_keys() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        CLI::App& keys =
            command(app_, "keys", "client keys and their limits", [&g] { return keys_list(g); });
        command(keys, "list", "what they may do and have used", [&g] { return keys_list(g); });
        const auto limits = [&a](CLI::App& to) {
            agent::KeyChange& change = a.key.change;
            to.add_option("name", a.key.name, "a name for people")->required();
            to.add_option("--limit", change.limit, "money in a window: '20 AUD/mo', /day, /h");
            to.add_option("--requests", change.requests, "requests a minute: 60/min");
            to.add_option("--tokens", change.tokens, "tokens a minute, both ways: 200k/min");
            to.add_option("--in-flight", change.in_flight, "requests at once");
            to.add_option("--routes", change.routes, "the only routes it may use: a,b; or all");
            to.add_option("--team", change.team, "whose budget counts it (scope: {team: NAME})");
            to.add_option("--expires", change.expires, "90d from now, or on a day: 2027-01-31");
        };
        limits(command(keys, "create", "make one; it is shown once", [&a] {
            return keys_create(a.globals, a.key);
        }));
        limits(command(keys, "limit", "change what one may do; none takes a limit away", [&a] {
            return keys_limit(a.globals, a.key);
        }));
        CLI::App& revoke = command(keys, "revoke", "it opens nothing from now on", [&a] {
            return keys_revoke(a.globals, a.key.name);
        });
        revoke.add_option("name", a.key.name, "its name")->required();
    }

    void fill_nodes() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        NodeArguments& n = a.node;
        const auto name = [&n](CLI::App& to) {
            to.add_option("name", n.name, "runpod-1, its own name, or the provider's id")
                ->required();
            to.add_option("--provider", n.provider, "only there, where several have that name");
        };
        const auto wait = [&n](CLI::App& to) {
            to.add_option("--wait", n.wait, "for the proof that it is gone (5m)");
        };
        CLI::App& all = command(
            app_, "nodes", "machines that cost money by the hour", [&g] { return nodes(g); });
        command(all, "list", "all of them, unknown ones too", [&g] { return nodes(g); });
        CLI::App& one = command(all, "show", "everything about one: states, phases, money", [&a] {
            return nodes_show(a.globals, a.node.name);
        });
        one.add_option("name", n.name, "runpod-1, its own name, or the provider's id")->required();
        name(command(all, "drain", "let it finish its requests, then destroy it", [&a] {
            return nodes_drain(a.globals, a.node, real_talk(a.globals));
        }));
        CLI::App& destroy = command(all, "destroy", "destroy it and wait for the proof", [&a] {
            return nodes_destroy(a.globals, a.node, real_talk(a.globals));
        });
        name(destroy);
        wait(destroy);
        destroy.add_flag("--now", n.now, "cut its requests instead of letting them finish");
        destroy.add_flag("--yes", n.yes, "do not ask; needed where nobody can answer");
        CLI::App& adopt = command(all, "adopt", "take an unknown machine with our mark", [&a] {
            return nodes_adopt(a.globals, a.node, real_talk(a.globals));
        });
        name(adopt);
        wait(adopt);
        adopt.add_option("--model", n.model, "what it is to serve from now on");
        adopt.add_flag("--destroy", n.destroy, "take it only to destroy it");
    }

    void fill_spending() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        CLI::App& reap_command =
            command(app_, "reap", "destroy our overdue machines without the agent", [&a] {
                return reap(a.globals, a.reap);
            });
        reap_command.add_flag("--dry-run", a.reap.dry_run, "only say what would be destroyed");
        reap_command.add_option("--wait", a.reap.wait, "for the proof that they are gone (5m)");
        reap_command.add_option(
            "--agent-id", a.reap.agent_id, "whose machines, if the ledger is lost");
        CLI::App& freeze_command =
            command(app_, "freeze", "stop all new spending, until thaw", [&a] {
                return freeze(a.globals, a.freeze_reason);
            });
        freeze_command.add_option("--reason", a.freeze_reason, "why, for people");
        command(app_, "thaw", "allow spending again", [&g] { return thaw(g); });
        CLI::App& prices =
            command(app_, "prices", "what each offer costs", [&g] { return prices_list(g); });
        command(prices, "list", "with source and age", [&g] { return prices_list(g); });
        CLI::App& refresh = command(prices, "refresh", "ask the providers now", [&a] {
            return prices_refresh(a.globals, a.price_provider);
        });
        refresh.add_option("provider", a.price_provider, "only this one");
    }

    void fill_route() {
        Arguments& a = arguments_;
        RouteArguments& r = a.route;
        CLI::App& explain = command(
            group("route", "why a request goes where it goes"),
            "explain",
            "every source that may answer it, or may not, and why",
            [&a] { return route_explain(a.globals, a.route); });
        explain.add_option("request", r.request, "id of a past request");
        explain.add_option("--model", r.model, "or: the model that would be asked for");
        explain.add_option("--key", r.key, "name of the client key");
        explain.add_option("--tokens-in", r.tokens_in, "prompt tokens (1000)");
        explain.add_option("--tokens-out", r.tokens_out, "likely answer tokens (256)");
        explain.add_option("--max-tokens", r.max_tokens, "the client's ceiling");
        explain.add_option("--header", r.headers, "name=value, as the client would send it");
        explain.add_flag("--tools", r.tools, "it defines tools");
        explain.add_flag("--images", r.images, "it holds images");
        explain.add_option("--text", r.text, "text of its messages, for routes that match on it");
    }

    void fill_breakeven() {
        Arguments& a = arguments_;
        BreakevenArguments& b = a.breakeven;
        CLI::App& command_of =
            command(app_, "breakeven", "buy, rent, reserve, or pay by the token", [&a] {
                return breakeven(a.globals, a.breakeven);
            });
        command_of.add_option("--machine", b.machine, "which of hardware[]");
        command_of.add_option("--use", b.use, "share of the month it is busy: 30%");
        command_of.add_option("--price", b.price, "instead of hardware[].price: \"8300 AUD\"");
        command_of.add_option("--residual", b.residual, "share it is worth at the end: 35%");
        command_of.add_option("--in-mtok", b.in_mtok, "million prompt tokens a month");
        command_of.add_option("--out-mtok", b.out_mtok, "million answer tokens a month");
        command_of.add_option("--table", b.table, "answer the questions of a CSV file");
    }

    void fill_policy() {
        Arguments& a = arguments_;
        Globals& g = a.globals;
        CLI::App& policy = group("policy", "the configuration files");
        command(policy, "check", "check them, without the agent", [&g] { return policy_check(g); });
        command(policy, "test", "what policy.test.yaml expects of them", [&g] {
            return policy_test(g);
        });
        const auto exit_code = [&a](CLI::App& to) {
            to.add_flag("--exit-code", a.exit_code, "exit with 10 when there are changes");
        };
        exit_code(command(policy, "plan", "what they would change and cost at most", [&a] {
            return policy_plan(a.globals, a.exit_code);
        }));
        exit_code(command(policy, "diff", "what they say otherwise than what is in force", [&a] {
            return policy_diff(a.globals, a.exit_code);
        }));
        CLI::App& apply = command(policy, "apply", "put them in force", [&a] {
            return policy_apply(a.globals, a.apply);
        });
        apply.add_option("plan", a.apply.plan, "what 'policy plan' has written");
        apply.add_flag("--yes", a.apply.yes, "without a plan");
        apply.add_option("--confirm", a.apply.confirm, "a limit that may go, by its name")
            ->delimiter(',')
            ->allow_extra_args(false);
        CLI::App& show_command = command(policy, "show", "what is or was in force", [&a] {
            return policy_show(a.globals, a.show);
        });
        show_command.add_option("--revision", a.show.revision, "its number; left out: the newest")
            ->check(CLI::PositiveNumber);
        show_command.add_flag("--list", a.show.list, "all of them: number, time and author");
        CLI::App& explain = command(policy, "explain", "about a key, such as max_life", [&a] {
            return policy_explain(a.globals, a.key_path);
        });
        explain.add_option("key", a.key_path, "scaling.max_life, or its last part")->required();
        CLI::App& schema = command(policy, "schema", "JSON Schema of the files, for editors", [&a] {
            return policy_schema(a.schema_file);
        });
        schema.add_option("file", a.schema_file, "of this file only");
    }

    void fill_replay() {
        Arguments& a = arguments_;
        ReplayArguments& r = a.replay;
        CLI::App& replay = command(app_, "replay", "past requests under another policy", [&a] {
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
        CLI::App& demo = command(app_, "demo", "the whole story on this host, synthetic", [&a] {
            a.demo.no_color = a.demo.no_color || a.globals.no_color;
            return lab::demo::run(a.demo);
        });
        lab::demo::add_flags(demo, a.demo);
        CLI::App& engine = command(app_, "engine", "the synthetic inference engine", [&a] {
            return lab::engine::run(a.engine);
        });
        lab::engine::add_flags(engine, a.engine);
        CLI::App& cloud =
            command(app_, "cloud", "the sandbox cloud", [&a] { return lab::cloud::run(a.cloud); });
        lab::cloud::add_flags(cloud, a.cloud);
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
                return explain_code(word, near(app_, word));
            }
            if (next == nullptr) {
                std::cerr << fmt::format(
                    "evenkeel: '{}' has no command '{}'{}\nTry: evenkeel help{}\n",
                    name,
                    word,
                    near(*app, word),
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
    std::vector<std::pair<CLI::App*, Action>> actions_{};
};

}  // namespace

int run(int argc, char** argv) {
    CLI::App app{"Evenkeel: cost-aware router and GPU renter for language-model inference"};
    app.name("evenkeel");
    Arguments arguments;
    arguments.globals.version = EVENKEEL_VERSION;
    add_globals(app, arguments.globals);
    app.set_version_flag("--version", "evenkeel " EVENKEEL_VERSION);
    Table table{app, arguments};
    table.fill();
    try {
        app.parse(reversed_words(app, argc, argv));
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::CallForVersion& version) {
        return app.exit(version);
    } catch (const CLI::ParseError& error) {
        const bool unknown = argc > 1 && argv[1][0] != '-' && find_command(app, argv[1]) == nullptr;
        std::cerr << "evenkeel: "
                  << (unknown ? fmt::format("unknown command '{}'{}", argv[1], near(app, argv[1]))
                              : std::string{error.what()})
                  << "\nTry: evenkeel help\n";
        return Exit::usage;
    }
    return table.run();
}

}  // namespace evenkeel::cli
