// The doctor's list for the page, and the walk over the ledger.
#include "agent/admin/view_json.hpp"
#include "agent/breakeven/answer.hpp"
#include "agent/config/reading.hpp"
#include "agent/doctor/running.hpp"
#include "agent/ledger/ledger.hpp"
#include "agent/ledger/schema.hpp"
#include "agent/report/prices.hpp"
#include "agent/report/verification.hpp"
#include "agent/web/documents.hpp"
#include "agent/web/measured.hpp"
#include "agent/web/verifier.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <unistd.h>
#include <utility>

namespace evenkeel::web {

namespace json = boost::json;

using doctor::Finding;
using doctor::Findings;
using doctor::Level;

namespace {

/// What only the command does: it asks others over the network, or reads what the agent may not.
constexpr std::array left_out{
    "credential files and their rights: evenkeel doctor",
    "the whole hash chain, unless the ledger page has walked it: evenkeel ledger verify"};

Findings ledger_part(const Desk& desk) {
    doctor::LedgerFacts facts{
        .path = (desk.state / ledger::ledger_file).string(),
        .schema_newest = ledger::newest_schema(),
        .agent_runs = true,
        .is_walked = false};
    auto reader = desk.reader();
    facts.summary = reader ? reader->summary() : std::unexpected{reader.error()};
    if (const auto known = desk.verifier->last()) {
        facts.is_walked = true;
        facts.verified = *known;
    }
    return doctor::ledger_findings(facts, desk.now);
}

Findings files_part(const Desk& desk) {
    const auto reading = agent::read_configuration(desk.config, desk.now);
    if (!reading) {
        return {{.level = Level::fail, .check = "policy", .text = reading.error().message}};
    }
    return reading->loaded
               ? doctor::configuration_findings(reading->files, reading->loaded->warnings)
               : doctor::configuration_findings(reading->files, reading->loaded.error());
}

Finding disk_part(const Desk& desk) {
    const auto disk = doctor::look_at_disk(desk.state);
    return disk ? doctor::disk_finding(*disk)
                : Finding{.level = Level::fail, .check = "disk", .text = disk.error().message};
}

Finding open_files_part(const Desk& desk) {
    const auto files = doctor::look_at_open_files(::getpid());
    return files ? doctor::descriptor_finding(
                       files->limit, files->open, desk.view->config->limits.connections, true)
                 : Finding{
                       .level = Level::warn, .check = "open files", .text = files.error().message};
}

Findings gpus_part(const Desk& desk) {
    std::vector<doctor::GpuFacts> facts;
    for (const inference::gpu::GpuReading& reading : desk.view->gpus->gpus) {
        facts.push_back(doctor::facts_of(reading));
    }
    return doctor::gpu_findings(
        facts, desk.view->gpus->trouble, doctor::configured_gpus(*desk.view->config));
}

/// In the order of the command.
Findings look(const Desk& desk) {
    const json::value status = json::parse(agent::status_json(*desk.view, {}));
    const json::value nodes = json::parse(agent::nodes_json(*desk.view));
    const json::value prices = json::parse(report::prices_json(desk.view->prices, desk.now));
    Findings all;
    const auto add = [&all](Findings more) { std::ranges::move(more, std::back_inserter(all)); };
    all.push_back(doctor::agent_finding(status.as_object()));
    add(ledger_part(desk));
    all.push_back(doctor::clock_finding(doctor::look_at_clock()));
    add(files_part(desk));
    add(doctor::price_findings(prices.as_object()));
    add(doctor::account_findings(status.as_object(), prices.as_object()));
    add(doctor::node_findings(nodes.as_object()));
    add(doctor::warning_findings(status.as_object(), all));
    all.push_back(disk_part(desk));
    if (desk.view->config) {
        add(gpus_part(desk));
        all.push_back(open_files_part(desk));
        const bool starts_engines = std::ranges::any_of(
            desk.view->config->providers,
            [](const config::Provider& provider) { return !provider.start.command.empty(); });
        if (starts_engines) {
            all.push_back(doctor::engine_memory_finding(doctor::look_at_memory_limit(::getpid())));
        }
    }
    add(doctor::own_engine_findings(status.as_object()));
    return all;
}

}  // namespace

Result<std::string> health_document(const Desk& desk, const Query&) {
    const Findings findings = look(desk);
    json::array checks;
    for (const Finding& finding : findings) {
        checks.emplace_back(json::object{
            {"level",
             finding.level == Level::ok     ? "ok"
             : finding.level == Level::warn ? "warn"
                                            : "fail"},
            {"what", finding.check},
            {"text", finding.text},
            {"run", json::array(finding.run.begin(), finding.run.end())},
            {"money_hazard", finding.hazard}});
    }
    const doctor::Tally sum = doctor::tally(findings);
    return json::serialize(json::object{
        {"schema", "evenkeel.health/1"},
        {"failures", sum.failures},
        {"warnings", sum.warnings},
        {"money_hazard", sum.hazard},
        {"checks", std::move(checks)},
        {"left_out", json::array(left_out.begin(), left_out.end())}});
}

Result<std::string> verify_document(const Desk& desk, const Query&) {
    const auto found = desk.verifier->verify([&desk]() -> Result<ledger::Verification> {
        auto reader = desk.reader();
        return reader ? reader->verify() : std::unexpected{reader.error()};
    });
    if (!found) {
        return std::unexpected{found.error()};
    }
    return report::verification_json(*found);
}

Result<std::string> breakeven_document(const Desk& desk, const Query& query) {
    if (!desk.view->config) {
        return fail(Errc::unavailable, "the agent is starting: no policy is in force yet");
    }
    const auto ask = agent::breakeven_ask(
        {.machine = query.text("machine"),
         .use = query.text("use"),
         .price = query.text("price"),
         .residual = query.text("residual"),
         .in_mtok = query.text("in_mtok"),
         .out_mtok = query.text("out_mtok")});
    if (!ask) {
        return std::unexpected{ask.error()};
    }
    auto reader = desk.reader();
    if (!reader && reader.error().code != Errc::not_found) {
        return std::unexpected{reader.error()};
    }
    const config::Config& config = *desk.view->config;
    ledger::Reader* const books = reader ? &*reader : nullptr;
    auto measured = desk.uses->get(
        desk.view->policy_revision, [&] { return agent::measured_use(config, books, desk.now); });
    if (!measured) {
        return std::unexpected{measured.error()};
    }
    const auto answer =
        agent::breakeven_answer(config, books, std::move(*measured), *ask, desk.now);
    if (!answer) {
        return std::unexpected{answer.error()};
    }
    return report::breakeven_json(answer->input, answer->measured, answer->comparison);
}

}  // namespace evenkeel::web
