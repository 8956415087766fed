// What `evenkeel doctor` says of machines that cost money, and how its list is printed.
#include "agent/doctor/rules.hpp"
#include "agent/report/json_fields.hpp"
#include "agent/report/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace evenkeel::doctor {

namespace json = boost::json;
using report::money_field;
using report::money_text;
using report::synthetic_mark;
using report::text_field;
using report::width;

namespace {

std::vector<std::string> ways_out(const std::string& remote_id) {
    return {"evenkeel nodes adopt " + remote_id, "evenkeel nodes destroy " + remote_id};
}

Finding unknown_finding(const json::object& machine) {
    const std::string remote = text_field(machine, "remote_id");
    const std::string currency = text_field(machine, "currency");
    const bool waits = text_field(machine, "verdict") == "wait";
    return {
        .level = Level::fail,
        .check = "unknown machine",
        .text = fmt::format(
            "{} {} ({}{}) carries our mark, is not in the ledger{}",
            text_field(machine, "provider"),
            remote,
            synthetic_mark(machine, text_field(machine, "gpu")),
            machine.at("rate").is_null()
                ? ""
                : ", " + money_text(money_field(machine, "rate", currency)) + "/h",
            waits ? ": " + text_field(machine, "ends") : ""),
        .run = ways_out(remote),
        .hazard = true};
}

}  // namespace

std::string_view to_text(Level level) noexcept {
    return level == Level::ok ? "ok" : level == Level::warn ? "warn" : "FAIL";
}

Findings node_findings(const json::object& nodes) {
    Findings out;
    for (const json::value& value : nodes.at("unknown").as_array()) {
        if (value.at("ours").as_bool()) {
            out.push_back(unknown_finding(value.as_object()));
        }
    }
    for (const json::value& hazard : nodes.at("hazards").as_array()) {
        const std::string text = json::value_to<std::string>(hazard);
        const auto told = [&text](const Finding& finding) {
            const std::string& run = finding.run.front();
            return text.contains(run.substr(run.rfind(' ') + 1));
        };
        if (std::ranges::none_of(out, told)) {
            out.push_back(
                {.level = Level::fail,
                 .check = "machine",
                 .text = text,
                 .run = {"evenkeel nodes"},
                 .hazard = true});
        }
    }
    if (out.empty()) {
        const auto living = std::ranges::count_if(
            nodes.at("machines").as_array(),
            [](const json::value& machine) { return machine.at("gone_how").is_null(); });
        out.push_back(
            {.check = "machines",
             .text = fmt::format("{} rented, every one of ours is in the ledger", living)});
    }
    return out;
}

Findings machine_findings(std::span<const reap::Findings> all) {
    Findings out;
    for (const reap::Findings& at : all) {
        const auto hazard = [&](std::string check, std::string text, std::vector<std::string> run) {
            out.push_back(
                {.level = Level::fail,
                 .check = std::move(check),
                 .text = std::move(text),
                 .run = std::move(run),
                 .hazard = true});
        };
        for (const reap::Ended& one : at.ended) {
            hazard(
                one.judged.verdict == reap::Verdict::orphan ? "unknown machine" : "overdue machine",
                fmt::format(
                    "{} {} ({}): {}",
                    at.provider,
                    one.judged.machine.remote_id,
                    one.judged.machine.gpu,
                    one.judged.why),
                {"evenkeel reap"});
        }
        for (const reap::Judgement& one : at.seen) {
            const bool unknown =
                one.verdict == reap::Verdict::reported || one.verdict == reap::Verdict::watched;
            if (unknown) {
                hazard(
                    "unknown machine",
                    fmt::format(
                        "{} {} ({}): {}",
                        at.provider,
                        one.machine.remote_id,
                        one.machine.gpu,
                        one.why),
                    {"systemctl start evenkeel, then evenkeel nodes adopt " +
                     one.machine.remote_id});
            }
        }
        if (at.error && at.unseen.empty()) {
            out.push_back(
                {.level = Level::warn,
                 .check = "machines",
                 .text = fmt::format(
                     "what runs at {} is not known: {}", at.provider, at.error->message),
                 .run = {"evenkeel reap --dry-run"}});
        }
        for (const reap::Row& row : at.unseen) {
            hazard(
                "overdue machine",
                fmt::format(
                    "{} {} is past its end and cannot be looked at: {}",
                    at.provider,
                    row.name,
                    at.error ? at.error->message : "not listed"),
                {"evenkeel reap"});
        }
    }
    return out;
}

Tally tally(const Findings& findings) noexcept {
    Tally sum;
    for (const Finding& finding : findings) {
        sum.failures += finding.level == Level::fail ? 1 : 0;
        sum.warnings += finding.level == Level::warn ? 1 : 0;
        sum.hazard = sum.hazard || finding.hazard;
    }
    return sum;
}

std::string doctor_text(const Findings& findings, bool quiet) {
    std::size_t widest = 0;
    for (const Finding& finding : findings) {
        widest = std::max(widest, width(finding.check));
    }
    std::string out;
    for (const Finding& finding : findings) {
        if (quiet && finding.level == Level::ok) {
            continue;
        }
        out += fmt::format(
            "{:<4}  {}{}  {}\n",
            to_text(finding.level),
            finding.check,
            std::string(widest - width(finding.check), ' '),
            finding.text);
        std::string run;
        for (const std::string& command : finding.run) {
            run += (run.empty() ? "run: " : "    or    ") + command;
        }
        if (!run.empty()) {
            out += std::string(widest + 8, ' ') + run + "\n";
        }
    }
    const Tally sum = tally(findings);
    const auto plural = [](int number, const char* word) {
        return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
    };
    out += sum.failures + sum.warnings == 0 ? "nothing to mend\n"
                                            : fmt::format(
                                                  "{}, {}{}\n",
                                                  plural(sum.failures, "failure"),
                                                  plural(sum.warnings, "warning"),
                                                  sum.hazard ? "; money may be lost unseen" : "");
    return out;
}

std::string doctor_json(
    const Findings& findings, std::span<const std::string> mended, bool without_agent) {
    json::array checks;
    for (const Finding& finding : findings) {
        json::array run;
        for (const std::string& command : finding.run) {
            run.emplace_back(command);
        }
        checks.emplace_back(json::object{
            {"level", to_text(finding.level)},
            {"check", finding.check},
            {"text", finding.text},
            {"run", std::move(run)},
            {"money_hazard", finding.hazard}});
    }
    json::array done;
    for (const std::string& one : mended) {
        done.emplace_back(one);
    }
    const Tally sum = tally(findings);
    return json::serialize(json::object{
        {"schema", "evenkeel.doctor/1"},
        {"agent_runs", !without_agent},
        {"failures", sum.failures},
        {"warnings", sum.warnings},
        {"money_hazard", sum.hazard},
        {"mended", std::move(done)},
        {"checks", std::move(checks)}});
}

}  // namespace evenkeel::doctor
