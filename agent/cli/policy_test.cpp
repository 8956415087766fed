// `evenkeel policy test`: the cases of policy.test.yaml against the files.
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/config/files.hpp"
#include "agent/config/reading.hpp"
#include "agent/service/clock.hpp"
#include "policies/config/cases.hpp"
#include "policies/trial/trial.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>

namespace evenkeel::cli {

namespace json = boost::json;

namespace {

int refuse(const std::vector<config::Diagnostic>& findings, std::size_t files) {
    std::cerr << config::render_all(findings) << config::summary(files, findings)
              << ": nothing was tried\n";
    return Exit::configuration;
}

}  // namespace

int policy_test(const Globals& globals) {
    const UtcTime now = agent::SystemClock{}.read().utc;
    const auto reading = agent::read_configuration(globals.config, now);
    if (!reading) {
        std::cerr << "evenkeel: " << reading.error().message << '\n';
        return Exit::configuration;
    }
    if (!reading->loaded) {
        return refuse(reading->loaded.error(), reading->files);
    }
    const config::Config& config = reading->loaded->config;
    const auto file = agent::read_cases(globals.config);
    if (!file) {
        std::cerr << "evenkeel: " << file.error().message << '\n';
        return Exit::failed;
    }
    const auto cases = config::load_cases(*file, config.currency.report);
    if (!cases) {
        return refuse(cases.error(), 1);
    }
    const auto today = std::chrono::floor<std::chrono::days>(now);
    json::array list;
    std::size_t passed = 0;
    for (const config::PolicyCase& each : *cases) {
        const trial::Verdict verdict = trial::play(config, each, today);
        passed += verdict.passed ? 1 : 0;
        if (globals.json) {
            list.emplace_back(json::object{
                {"name", each.name},
                {"file", file->path},
                {"line", each.line},
                {"passed", verdict.passed},
                {"told", verdict.told}});
        } else if (!verdict.passed) {
            std::cout << fmt::format(
                "FAIL  '{}' {}      {}:{}\n", each.name, verdict.told, file->path, each.line);
        } else if (!globals.quiet) {
            std::cout << fmt::format("ok    {}\n", each.name);
        }
    }
    const std::size_t failures = cases->size() - passed;
    if (globals.json) {
        std::cout << json::serialize(json::object{
                         {"schema", "evenkeel.policy-test/1"},
                         {"passed", passed},
                         {"failed", failures},
                         {"cases", std::move(list)}})
                  << '\n';
    } else {
        std::cout << fmt::format("{} passed, {} failed\n", passed, failures);
    }
    return failures == 0 ? Exit::done : Exit::failed;
}

}  // namespace evenkeel::cli
