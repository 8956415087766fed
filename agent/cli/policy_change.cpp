// `evenkeel policy diff`, `plan` and `apply`: from the policy in force to the files.
#include "agent/cli/daemon_client.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/json_fields.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/cli/policy_plan.hpp"
#include "agent/config/saved_plan.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

constexpr std::string_view red = "\033[31m";
constexpr std::string_view green = "\033[32m";
constexpr std::string_view plain = "\033[0m";

/// Grouped by the entry that they belong to, before and after one below the other.
std::string diff_text(const std::vector<config::Change>& changes, bool in_colour) {
    std::string out;
    const std::string* group = nullptr;
    const auto side = [&](char sign, const config::Change& change, const std::string& text) {
        out += fmt::format(
            "{}{}  {}: {}{}\n",
            !in_colour    ? ""
            : sign == '-' ? red
                          : green,
            sign,
            change.name,
            text,
            in_colour ? plain : "");
    };
    for (const config::Change& change : changes) {
        if (group == nullptr || *group != change.group) {
            out +=
                fmt::format(" {}\n", change.group.empty() ? file_name(change.file) : change.group);
            group = &change.group;
        }
        if (change.kind != config::ChangeKind::added) {
            side('-', change, change.before);
        }
        if (change.kind != config::ChangeKind::removed) {
            side('+', change, change.after);
        }
    }
    return out;
}

int pending(const Sides& sides, bool exit_code) {
    return exit_code && !sides.changes.empty() ? Exit::changes_pending : Exit::done;
}

/// What is to be confirmed and was not.
std::vector<plan::Confirmation> unconfirmed(
    const plan::Assessment& assessment, const std::vector<std::string>& confirmed) {
    std::vector<plan::Confirmation> out;
    std::ranges::copy_if(
        assessment.confirm, std::back_inserter(out), [&](const plan::Confirmation& each) {
            return std::ranges::find(confirmed, each.name) == confirmed.end();
        });
    return out;
}

Result<void> check_plan(const Globals& globals, const std::string& name, const Sides& sides) {
    const auto saved = agent::read_plan(
        name.contains('/') ? std::filesystem::path{name}
                           : agent::plans_folder(globals.state) / name);
    if (!saved) {
        return std::unexpected{saved.error()};
    }
    if (saved->base_sha256 != sides.running.sha256) {
        return fail(
            Errc::refused,
            fmt::format(
                "{} was made when policy #{} was in force; now it is #{}. Look again: evenkeel "
                "policy plan",
                name,
                saved->base_revision,
                sides.running.revision));
    }
    if (saved->draft_sha256 != sides.draft.sha256) {
        return fail(
            Errc::refused,
            fmt::format(
                "the files in {} have changed since {} was made. Look again: evenkeel policy plan",
                globals.config.string(),
                name));
    }
    return {};
}

}  // namespace

int policy_diff(const Globals& globals, bool exit_code) {
    auto reader = open_ledger(globals);
    if (!reader) {
        return reader.error();
    }
    const auto sides = read_sides(globals, *reader, agent::SystemClock{}.read().utc);
    if (!sides) {
        return sides.error();
    }
    if (globals.json) {
        std::cout << json::serialize(diff_json(*sides, globals.config.string())) << '\n';
    } else {
        std::cout << diff_text(sides->changes, colour(globals))
                  << fmt::format(
                         "{} between policy #{}, in force, and {}\n",
                         changes_text(sides->changes.size()),
                         sides->running.revision,
                         globals.config.string());
    }
    return pending(*sides, exit_code);
}

int policy_plan(const Globals& globals, bool exit_code) {
    auto reader = open_ledger(globals);
    if (!reader) {
        return reader.error();
    }
    auto plan = make_plan(globals, *reader, agent::SystemClock{}.read().utc);
    if (!plan) {
        return plan.error();
    }
    const Sides& sides = plan->sides;
    if (sides.changes.empty()) {
        if (globals.json) {
            std::cout << json::serialize(plan_json(*plan)) << '\n';
        } else {
            std::cout << fmt::format(
                "no changes: {} says what policy #{} says\n",
                globals.config.string(),
                sides.running.revision);
        }
        return Exit::done;
    }
    plan->replay = replay_plan(globals.state, *reader, sides, plan->made);
    const auto saved = save_plan(globals.state, *plan);
    if (!saved) {
        std::cerr << fmt::format("evenkeel: the plan is not saved: {}\n", saved.error().message);
    }
    if (globals.json) {
        json::object out = plan_json(*plan);
        out["saved"] = saved ? json::value(saved->string()) : json::value(nullptr);
        std::cout << json::serialize(out) << '\n';
    } else {
        std::cout << plan_text(*plan)
                  << fmt::format(
                         "Apply with: evenkeel policy apply {}{}\n",
                         saved ? saved->filename().string() : "--yes",
                         confirm_flags(plan->assessment));
    }
    return saved ? pending(sides, exit_code) : int{Exit::failed};
}

int policy_apply(const Globals& globals, const ApplyArguments& arguments) {
    if (arguments.plan.empty() != arguments.yes) {
        std::cerr << "evenkeel: name the plan that 'evenkeel policy plan' wrote, or give --yes to "
                     "apply the files as they are\n";
        return Exit::usage;
    }
    auto reader = open_ledger(globals);
    if (!reader) {
        return reader.error();
    }
    const auto plan = make_plan(globals, *reader, agent::SystemClock{}.read().utc);
    if (!plan) {
        return plan.error();
    }
    const Sides& sides = plan->sides;
    if (!arguments.yes) {
        if (const auto same = check_plan(globals, arguments.plan, sides); !same) {
            return report(same.error());
        }
    }
    if (const auto missing = unconfirmed(plan->assessment, arguments.confirm); !missing.empty()) {
        for (const plan::Confirmation& each : missing) {
            std::cerr << fmt::format("evenkeel: {}: --confirm={}\n", each.why, each.name);
        }
        std::cerr << "evenkeel: nothing changed; say that this is meant\n";
        return Exit::refused;
    }
    const auto answer = tell(
        globals,
        "/api/policy/apply",
        json::serialize(json::object{
            {"base_sha256", sides.running.sha256}, {"draft_sha256", sides.draft.sha256}}));
    if (!answer) {
        // The agent compared once more, and something moved in between.
        return answer.error().code == Errc::conflict
                   ? report({Errc::refused, answer.error().message})
                   : report(answer.error());
    }
    const auto text = render(*answer, [&](const json::object& object) {
        std::string out = fmt::format(
            "policy #{} is in force ({})\n",
            number_field(object, "revision"),
            changes_text(sides.changes.size()));
        if (!plan->assessment.at_restart.empty()) {
            out += fmt::format(
                "{}: only when the agent is restarted\n",
                fmt::join(plan->assessment.at_restart, ", "));
        }
        return out;
    });
    return show(globals, *answer, text);
}

}  // namespace evenkeel::cli
