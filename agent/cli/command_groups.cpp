#include "agent/cli/command_groups.hpp"

#include "agent/cli/actions.hpp"
#include "agent/cli/status.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace evenkeel::cli {

CLI::Validator count_of_something() {
    return CLI::Validator{
        [](std::string& text) {
            std::int64_t count = 0;
            const char* const end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, count);
            const bool fits = error == std::errc{} && rest == end && count > 0;
            return fits ? std::string{}
                        : fmt::format("takes a whole number from 1 on, not '{}'", text);
        },
        "POSITIVE"};
}

CLI::App& CommandList::command(
    CLI::App& parent, const char* name, const char* text, Action action) {
    CLI::App& added = *parent.add_subcommand(name, text);
    added.fallthrough();
    actions_.emplace_back(&added, std::move(action));
    return added;
}

CLI::App& CommandList::group(const char* name, const char* text) {
    CLI::App& added = *app_.add_subcommand(name, text);
    added.fallthrough();
    added.require_subcommand(1);
    return added;
}

const CommandList::Action* CommandList::chosen() const {
    const Action* chosen = nullptr;
    for (const auto& [app, action] : actions_) {
        // Parents stand before their children, so the last parsed one is the innermost.
        if (app->parsed()) {
            chosen = &action;
        }
    }
    return chosen;
}

void add_keys(CommandList& to, Arguments& a) {
    Globals& g = a.globals;
    CLI::App& keys =
        to.command(to.app(), "keys", "client keys and their limits", [&g] { return keys_list(g); });
    to.command(keys, "list", "what they may do and have used", [&g] { return keys_list(g); });
    const auto limits = [&a](CLI::App& added) {
        agent::KeyChange& change = a.key.change;
        added.add_option("name", a.key.name, "a name for people")->required();
        added.add_option("--limit", change.limit, "money in a window: '20 AUD/mo', /day, /h");
        added.add_option("--requests", change.requests, "requests a minute: 60/min");
        added.add_option("--tokens", change.tokens, "tokens a minute, both ways: 200k/min");
        added.add_option("--in-flight", change.in_flight, "requests at once");
        added.add_option("--routes", change.routes, "the only routes it may use: a,b; or all");
        added.add_option("--team", change.team, "whose budget counts it (scope: {team: NAME})");
        added.add_option("--expires", change.expires, "90d from now, or on a day: 2027-01-31");
    };
    limits(to.command(keys, "create", "make one; it is shown once", [&a] {
        return keys_create(a.globals, a.key);
    }));
    limits(to.command(keys, "limit", "change what one may do; none takes a limit away", [&a] {
        return keys_limit(a.globals, a.key);
    }));
    CLI::App& revoke = to.command(keys, "revoke", "it opens nothing from now on", [&a] {
        return keys_revoke(a.globals, a.key.name);
    });
    revoke.add_option("name", a.key.name, "its name")->required();
}

void add_host(CommandList& to, Arguments& a) {
    InitArguments& i = a.init;
    CLI::App& init_command =
        to.command(to.app(), "init", "write a first configuration for this host", [&a] {
            return init(a.globals, a.init);
        });
    init_command.add_flag("--non-interactive", i.non_interactive, "ask nothing");
    init_command.add_option("--gpu", i.gpu, "instead of looking: \"2x RTX 5090\"");
    init_command.add_option("--currency", i.currency, "of reports and budgets: AUD (USD)");
    init_command.add_option("--tariff", i.tariff, "price of power: \"0.33 AUD/kWh\"");
    init_command.add_option("--probe", i.probe, "what evenkeel-gpu-probe --json has written");
    CLI::App& doctor_command =
        to.command(to.app(), "doctor", "what could cost money or break, in one list", [&a] {
            return doctor(a.globals, a.doctor);
        });
    CLI::App& top_command = to.command(to.app(), "top", "sources, requests and money, live", [&a] {
        return top(a.globals, a.top);
    });
    top_command.add_flag("--control", a.top.control, "let d drain machines and F freeze spending");
    CLI::App& dashboard = to.group("dashboard", "the web page of the agent");
    to.command(dashboard, "login", "a token that lets you act on the page, once", [&a] {
        return dashboard_login(a.globals);
    });
    doctor_command.add_flag("--fix", a.doctor.fix, "mend what is safe: file modes, old prices");
}

void add_nodes(CommandList& to, Arguments& a) {
    Globals& g = a.globals;
    NodeArguments& n = a.node;
    const auto name = [&n](CLI::App& added) {
        added.add_option("name", n.name, "runpod-1, its own name, or the provider's id")
            ->required();
        added.add_option("--provider", n.provider, "only there, where several have that name");
    };
    const auto wait = [&n](CLI::App& added) {
        added.add_option("--wait", n.wait, "for the proof that it is gone (5m)");
    };
    CLI::App& all = to.command(
        to.app(), "nodes", "machines that cost money by the hour", [&g] { return nodes(g); });
    to.command(all, "list", "all of them, unknown ones too", [&g] { return nodes(g); });
    CLI::App& one = to.command(all, "show", "everything about one: states, phases, money", [&a] {
        return nodes_show(a.globals, a.node.name);
    });
    one.add_option("name", n.name, "runpod-1, its own name, or the provider's id")->required();
    name(to.command(all, "drain", "let it finish its requests, then destroy it", [&a] {
        return nodes_drain(a.globals, a.node, real_talk(a.globals));
    }));
    CLI::App& destroy = to.command(all, "destroy", "destroy it and wait for the proof", [&a] {
        return nodes_destroy(a.globals, a.node, real_talk(a.globals));
    });
    name(destroy);
    wait(destroy);
    destroy.add_flag("--now", n.now, "cut its requests instead of letting them finish");
    destroy.add_flag("--yes", n.yes, "do not ask; needed where nobody can answer");
    CLI::App& adopt = to.command(all, "adopt", "take an unknown machine with our mark", [&a] {
        return nodes_adopt(a.globals, a.node, real_talk(a.globals));
    });
    name(adopt);
    wait(adopt);
    adopt.add_option("--model", n.model, "what it is to serve from now on");
    adopt.add_flag("--destroy", n.destroy, "take it only to destroy it");
}

void add_reports(CommandList& to, Arguments& a) {
    const auto spent = [&a] { return report_spend(a.globals, a.report); };
    CLI::App& reports = to.command(to.app(), "report", "what was spent, and on what", spent);
    CLI::App& spend = to.command(
        reports, "spend", "by source, model, key, route, provider, machine or tag", spent);
    CLI::Option* const by = spend.add_option(
        "--by",
        a.report.by,
        "source, model, key, route, provider, machine or tag; by tag a request counts under each "
        "of its x-evenkeel-tag, those without are one row");
    CLI::Option* const days = spend.add_flag("--days", a.report.days, "day by day");
    spend.add_flag("--hours", a.report.hours, "the last 24 hours, or from --since, hour by hour")
        ->excludes(days)
        ->excludes(by);
    to.command(reports, "savings", "what the same work would have cost elsewhere", [&a] {
        return report_savings(a.globals, a.report);
    });
    to.command(reports, "idle", "every paid second without work, and why", [&a] {
        return report_idle(a.globals, a.report);
    });
    to.command(reports, "forecast", "what the month will have cost; whether budgets hold", [&a] {
        return report_forecast(a.globals, a.report);
    });
    CLI::App& requests = to.command(
        reports, "requests", "single requests of today or --since, the newest first", [&a] {
            return report_requests(a.globals, a.report, a.requests);
        });
    requests.add_option("--key", a.requests.key, "only of this client key");
    requests.add_option("--tag", a.requests.tag, "only with this tag: name=value");
    requests.add_option("--limit", a.requests.limit, "at most so many (50; --json and --csv: all)")
        ->check(count_of_something());
}

void add_spending(CommandList& to, Arguments& a) {
    Globals& g = a.globals;
    CLI::App& reap_command =
        to.command(to.app(), "reap", "destroy our overdue machines without the agent", [&a] {
            return reap(a.globals, a.reap);
        });
    reap_command.add_flag("--dry-run", a.reap.dry_run, "only say what would be destroyed");
    reap_command.add_option("--wait", a.reap.wait, "for the proof that they are gone (5m)");
    reap_command.add_option("--agent-id", a.reap.agent_id, "whose machines, if the ledger is lost");
    CLI::App& freeze_command =
        to.command(to.app(), "freeze", "stop all new spending, until thaw", [&a] {
            return freeze(a.globals, a.freeze_reason);
        });
    freeze_command.add_option("--reason", a.freeze_reason, "why, for people");
    to.command(to.app(), "thaw", "allow spending again", [&g] { return thaw(g); });
    CLI::App& prices =
        to.command(to.app(), "prices", "what each offer costs", [&g] { return prices_list(g); });
    to.command(prices, "list", "with source and age", [&g] { return prices_list(g); });
    CLI::App& refresh = to.command(prices, "refresh", "ask the providers now", [&a] {
        return prices_refresh(a.globals, a.price_provider);
    });
    refresh.add_option("provider", a.price_provider, "only this one");
}

void add_route(CommandList& to, Arguments& a) {
    RouteArguments& r = a.route;
    CLI::App& explain = to.command(
        to.group("route", "why a request goes where it goes"),
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

void add_breakeven(CommandList& to, Arguments& a) {
    agent::BreakevenWords& b = a.breakeven.words;
    CLI::App& command_of =
        to.command(to.app(), "breakeven", "buy, rent, reserve, or pay by the token", [&a] {
            return breakeven(a.globals, a.breakeven);
        });
    command_of.add_option("--machine", b.machine, "which of hardware[]");
    command_of.add_option("--use", b.use, "share of the month it is busy: 30%");
    command_of.add_option("--price", b.price, "instead of hardware[].price: \"8300 AUD\"");
    command_of.add_option("--residual", b.residual, "share it is worth at the end: 35%");
    command_of.add_option("--in-mtok", b.in_mtok, "million prompt tokens a month");
    command_of.add_option("--out-mtok", b.out_mtok, "million answer tokens a month");
    command_of.add_option("--table", a.breakeven.table, "answer the questions of a CSV file");
}

void add_policy(CommandList& to, Arguments& a) {
    Globals& g = a.globals;
    CLI::App& policy = to.group("policy", "the configuration files");
    to.command(policy, "check", "check them, without the agent", [&g] { return policy_check(g); });
    to.command(
        policy, "test", "what policy.test.yaml expects of them", [&g] { return policy_test(g); });
    const auto exit_code = [&a](CLI::App& added) {
        added.add_flag("--exit-code", a.exit_code, "exit with 10 when there are changes");
    };
    exit_code(to.command(policy, "plan", "what they would change and cost at most", [&a] {
        return policy_plan(a.globals, a.exit_code);
    }));
    exit_code(to.command(policy, "diff", "what they say otherwise than what is in force", [&a] {
        return policy_diff(a.globals, a.exit_code);
    }));
    CLI::App& apply = to.command(
        policy, "apply", "put them in force", [&a] { return policy_apply(a.globals, a.apply); });
    apply.add_option("plan", a.apply.plan, "what 'policy plan' has written");
    apply.add_flag("--yes", a.apply.yes, "without a plan");
    apply.add_option("--confirm", a.apply.confirm, "a limit that may go, by its name")
        ->delimiter(',')
        ->allow_extra_args(false);
    CLI::App& show_command = to.command(
        policy, "show", "what is or was in force", [&a] { return policy_show(a.globals, a.show); });
    show_command.add_option("--revision", a.show.revision, "its number; left out: the newest")
        ->check(count_of_something());
    show_command.add_flag("--list", a.show.list, "all of them: number, time and author");
    CLI::App& explain = to.command(policy, "explain", "about a key, such as max_life", [&a] {
        return policy_explain(a.globals, a.key_path);
    });
    explain.add_option("key", a.key_path, "scaling.max_life, or its last part")->required();
    CLI::App& schema = to.command(policy, "schema", "JSON Schema of the files, for editors", [&a] {
        return policy_schema(a.schema_file);
    });
    schema.add_option("file", a.schema_file, "of this file only");
}

}  // namespace evenkeel::cli
