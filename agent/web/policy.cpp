// The policies that were in force, and the files that may come into force next.
#include "agent/config/policy_tests.hpp"
#include "agent/config/policy_text.hpp"
#include "agent/config/reading.hpp"
#include "agent/config/saved_plan.hpp"
#include "agent/ledger/sha256.hpp"
#include "agent/web/documents.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace evenkeel::web {

namespace json = boost::json;

namespace {

/// The files of one policy, or all of its text where it cannot be taken apart.
json::array files_of(const std::string& policy) {
    json::array files;
    const auto parts = agent::split_policy(policy);
    if (!parts) {
        files.emplace_back(json::object{{"name", "policy"}, {"text", policy}});
        return files;
    }
    for (const config::SourceFile& file : *parts) {
        files.emplace_back(json::object{{"name", file.path}, {"text", file.text}});
    }
    return files;
}

/// What policy.test.yaml makes of the files: {"document"} as `policy test --json`, or {"none"}.
json::object tests_of(const Desk& desk, const config::Config& config) {
    const auto run = agent::run_policy_tests(desk.config, config, desk.now);
    if (!run) {
        return {{"none", run.error().message}};
    }
    if (!*run) {
        return {{"none", config::render_all(run->error())}};
    }
    return {{"document", agent::policy_tests_json(**run)}};
}

/// The plan saved last, and whether it is one from this policy to these files.
json::value plan_of(const Desk& desk, const std::string& running, const std::string& draft) {
    const auto last = agent::last_plan(desk.state);
    if (!last) {
        return json::object{{"none", last.error().message}};
    }
    if (!*last) {
        return nullptr;
    }
    const agent::SavedPlan& plan = **last;
    std::string outdated;
    if (plan.draft_sha256 == running) {
        outdated = "what it says is in force";
    } else if (plan.base_sha256 != running) {
        outdated = fmt::format("it starts from policy #{}", plan.base_revision);
    } else if (plan.draft_sha256 != draft) {
        outdated = "the files have changed since";
    }
    return json::object{{"name", plan.name}, {"outdated", outdated}, {"document", plan.document}};
}

}  // namespace

Result<std::string> policy_document(const Desk& desk, const Query& query) {
    const auto no = query.number("no", 0, 1'000'000'000'000);
    if (!no) {
        return std::unexpected{no.error()};
    }
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto shown = reader->policy(*no);
    if (!shown) {
        return std::unexpected{shown.error()};
    }
    const auto rows = reader->policies(policies_max);
    if (!rows) {
        return std::unexpected{rows.error()};
    }
    json::array versions;
    for (const ledger::PolicyRow& row : *rows) {
        versions.emplace_back(json::object{
            {"no", row.no},
            {"at_us", to_us(row.at)},
            {"author", row.author},
            {"sha256", ledger::to_hex(row.sha256)}});
    }
    json::array previous;
    if (shown->no > 1) {
        const auto before = reader->policy(shown->no - 1);
        if (before) {
            previous = files_of(before->text);
        } else if (before.error().code != Errc::not_found) {
            return std::unexpected{before.error()};
        }
    }
    return json::serialize(json::object{
        {"schema", "evenkeel.policy-history/1"},
        {"running", desk.view->policy_revision},
        {"no", shown->no},
        {"versions", std::move(versions)},
        {"versions_max", policies_max},
        {"files", files_of(shown->text)},
        {"previous", std::move(previous)}});
}

Result<std::string> policy_draft_document(const Desk& desk, const Query&) {
    auto reader = desk.reader();
    if (!reader) {
        return std::unexpected{reader.error()};
    }
    const auto row = reader->policy();
    if (!row && row.error().code != Errc::not_found) {
        return std::unexpected{row.error()};
    }
    const std::string before = row ? row->text : std::string{};
    const std::string running = row ? agent::policy_sha256(before) : std::string{};
    json::object out{
        {"schema", "evenkeel.policy-draft/1"},
        {"folder", desk.config.string()},
        {"running", row ? row->no : 0},
        {"unreadable", nullptr},
        {"same", false},
        {"check", nullptr},
        {"tests", nullptr},
        {"plan", nullptr},
        {"files", json::array{}},
        {"previous", before.empty() ? json::array{} : files_of(before)}};
    const auto reading = agent::read_configuration(desk.config, desk.now);
    if (!reading) {
        out["unreadable"] = reading.error().message;
        return json::serialize(out);
    }
    const std::string draft = agent::policy_sha256(reading->text);
    out["same"] = draft == running;
    out["check"] = agent::policy_check_json(*reading);
    out["files"] = files_of(reading->text);
    if (reading->loaded) {
        out["tests"] = tests_of(desk, reading->loaded->config);
    }
    out["plan"] = plan_of(desk, running, draft);
    return json::serialize(out);
}

Result<std::string> apply_order(
    const std::filesystem::path& state,
    const std::string& name,
    const std::vector<std::string>& confirmed) {
    if (name.empty() || name.contains('/')) {
        return fail(Errc::invalid_argument, "name is that of a plan of evenkeel policy plan");
    }
    const auto plan = agent::read_plan(agent::plans_folder(state) / name);
    if (!plan) {
        return std::unexpected{plan.error()};
    }
    if (const auto missing = agent::unconfirmed(*plan, confirmed); !missing.empty()) {
        return fail(
            Errc::refused,
            fmt::format("nothing changed; say that this is meant: {}", fmt::join(missing, ", ")));
    }
    return json::serialize(
        json::object{{"base_sha256", plan->base_sha256}, {"draft_sha256", plan->draft_sha256}});
}

}  // namespace evenkeel::web
