#include "agent/cli/policy_plan.hpp"

#include "agent/cli/daemon_client.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/files.hpp"
#include "agent/config/saved_plan.hpp"
#include "agent/service/durable_file.hpp"
#include "providers/http/rfc3339.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace evenkeel::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr int plans_per_day_max = 1'000;
constexpr std::size_t column = 10;  ///< where a label's text begins
/// Widest key that the values of the others stand behind.
constexpr std::size_t path_width_max = 44;

std::vector<plan::Running> running_machines(ledger::Reader& reader, UtcTime now) {
    std::vector<plan::Running> out;
    if (const auto machines = reader.machines(now)) {
        for (const ledger::MachineView& machine : *machines) {
            if (machine.row.state != MachineState::gone) {
                out.push_back(
                    {.name = machine.row.name,
                     .model = machine.model,
                     .provider = machine.provider});
            }
        }
    }
    return out;
}

/// A budget in a few words; other entries in the short form they have.
std::string entry_text(
    const config::Change& change, const config::Config& config, const std::string& otherwise) {
    if (change.is_entry && change.key->path == "budgets[]") {
        for (const config::Budget& budget : config.budgets) {
            if (budget.name == change.name) {
                return fmt::format("{} {}", to_text(budget.limit), plan::per_text(budget.per));
            }
        }
    }
    return otherwise;
}

std::string line_of(const config::Change& change, const Sides& sides, std::size_t width) {
    const std::string path = change.path();
    const std::string head = fmt::format("{:<{}}", path, width);
    switch (change.kind) {
        case config::ChangeKind::added:
            return fmt::format(
                "+ {}  {}    (new)\n",
                head,
                entry_text(change, sides.draft.loaded.config, change.after));
        case config::ChangeKind::removed:
            return fmt::format(
                "- {}  {}    (removed)\n",
                head,
                entry_text(change, sides.running.loaded.config, change.before));
        case config::ChangeKind::changed:
            return fmt::format("~ {}  {} -> {}\n", head, change.before, change.after);
    }
    return "";
}

std::string cap_text(const plan::DayCap& cap) {
    return cap.amount ? money_text(*cap.amount) : "no limit";
}

std::string worst_text(
    std::string_view label,
    std::string_view what,
    const plan::DayCap& before,
    const plan::DayCap& after) {
    const std::string amounts = before.amount == after.amount
                                    ? fmt::format("{} (as before)", cap_text(after))
                                    : fmt::format("{} -> {}", cap_text(before), cap_text(after));
    return fmt::format("{:<8}case, {:<22}{:<26}{}\n", label, what, amounts, after.why);
}

std::string labelled(std::string_view label, const std::vector<std::string>& lines) {
    std::string out;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        out += fmt::format("{:<8}{}\n", i == 0 ? label : "", lines[i]);
    }
    return out;
}

json::array to_json(const std::vector<config::Change>& changes) {
    json::array list;
    for (const config::Change& change : changes) {
        list.emplace_back(json::object{
            {"change", to_text(change.kind)},
            {"path", change.path()},
            {"file", file_name(change.file)},
            {"before", change.before},
            {"after", change.after}});
    }
    return list;
}

json::array to_json(const std::vector<std::string>& texts) {
    json::array list;
    for (const std::string& text : texts) {
        list.emplace_back(text);
    }
    return list;
}

json::value to_json(const plan::DayCap& cap) {
    json::object out{{"amount", nullptr}, {"currency", nullptr}, {"why", cap.why}};
    if (cap.amount) {
        out["amount"] = amount_text(*cap.amount);
        out["currency"] = cap.amount->currency().text();
    }
    return json::value(std::move(out));
}

std::string reason(int code) {
    return std::generic_category().message(code);
}

}  // namespace

std::expected<PolicyPlan, int> make_plan(
    const Globals& globals, ledger::Reader& reader, UtcTime now) {
    auto sides = read_sides(globals, reader, now);
    if (!sides) {
        return std::unexpected{sides.error()};
    }
    PolicyPlan plan{.sides = std::move(*sides), .config = globals.config.string(), .made = now};
    plan.assessment = plan::assess(
        plan.sides.running.loaded.config,
        plan.sides.draft.loaded.config,
        plan.sides.changes,
        running_machines(reader, now));
    return plan;
}

std::string plan_text(const PolicyPlan& plan) {
    std::size_t width = column;
    for (const config::Change& change : plan.sides.changes) {
        width = std::max(width, std::min(change.path().size(), path_width_max));
    }
    std::string out;
    for (const config::Change& change : plan.sides.changes) {
        out += line_of(change, plan.sides, width);
    }
    const plan::Assessment& a = plan.assessment;
    out += labelled(
        "Now",
        a.at_once.empty() ? std::vector<std::string>{"nothing is started or stopped at once"}
                          : a.at_once);
    if (!a.at_restart.empty()) {
        out += fmt::format(
            "Later   {}: only when the agent is restarted\n", fmt::join(a.at_restart, ", "));
    }
    out += worst_text("Worst", "rentals per day", a.before.rentals, a.after.rentals);
    out += worst_text("", "APIs per day", a.before.apis, a.after.apis);
    if (plan.replay) {
        out += plan_replay_text(*plan.replay);
    }
    for (const std::string& warning : a.warnings) {
        out += fmt::format("! {}\n", warning);
    }
    for (const plan::Confirmation& each : a.confirm) {
        if (std::ranges::find(a.warnings, each.why) == a.warnings.end()) {
            out += fmt::format("! {}\n", each.why);
        }
    }
    return out;
}

json::object diff_json(const Sides& sides, const std::string& config) {
    return {
        {"schema", "evenkeel.policy-diff/1"},
        {"config", config},
        {"base", {{"revision", sides.running.revision}, {"sha256", sides.running.sha256}}},
        {"draft", {{"sha256", sides.draft.sha256}}},
        {"changes", to_json(sides.changes)}};
}

json::object plan_json(const PolicyPlan& plan) {
    const plan::Assessment& a = plan.assessment;
    json::array confirm;
    for (const plan::Confirmation& each : a.confirm) {
        confirm.emplace_back(json::object{{"name", each.name}, {"why", each.why}});
    }
    const auto pair = [](const plan::DayCap& before, const plan::DayCap& after) {
        return json::object{{"before", to_json(before)}, {"after", to_json(after)}};
    };
    json::object out = diff_json(plan.sides, plan.config);
    out["schema"] = agent::plan_schema;
    out["made"] = providers::format_rfc3339(plan.made);
    out["at_once"] = to_json(a.at_once);
    out["at_restart"] = to_json(a.at_restart);
    out["worst_case_per_day"] = {
        {"rentals", pair(a.before.rentals, a.after.rentals)},
        {"apis", pair(a.before.apis, a.after.apis)}};
    if (plan.replay) {
        out["replay"] = plan_replay_json(*plan.replay);
    }
    out["warnings"] = to_json(a.warnings);
    out["confirm"] = std::move(confirm);
    return out;
}

Result<fs::path> save_plan(const fs::path& state, const PolicyPlan& plan) {
    const fs::path folder = agent::plans_folder(state);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(
            Errc::io_failed, fmt::format("cannot make {}: {}", folder.string(), reason(errno)));
    }
    const std::string text = json::serialize(plan_json(plan)) + "\n";
    const std::string day =
        fmt::format("{:%Y%m%d}", std::chrono::floor<std::chrono::seconds>(plan.made));
    for (int number = 1; number <= plans_per_day_max; ++number) {
        const fs::path file = folder / fmt::format("plan-{}-{}.json", day, number);
        const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST) {
            continue;
        }
        const bool written = fd >= 0 && agent::write_all(fd, text) && ::fsync(fd) == 0;
        const int code = errno;
        if (fd >= 0) {
            ::close(fd);
        }
        if (!written) {
            ::unlink(file.c_str());
            return fail(
                Errc::io_failed, fmt::format("cannot write {}: {}", file.string(), reason(code)));
        }
        return file;
    }
    return fail(
        Errc::refused,
        fmt::format("{} holds {} plans of today; remove some", folder.string(), plans_per_day_max));
}

std::string confirm_flags(const plan::Assessment& assessment) {
    std::string out;
    for (const plan::Confirmation& each : assessment.confirm) {
        out += fmt::format(" --confirm={}", each.name);
    }
    return out;
}

}  // namespace evenkeel::cli
