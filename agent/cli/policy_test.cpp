// `evenkeel policy test`: the cases of policy.test.yaml against the files.
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/policy_actions.hpp"
#include "agent/config/policy_tests.hpp"
#include "agent/config/reading.hpp"
#include "agent/service/clock.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <iostream>

namespace evenkeel::cli {

namespace {

int refuse(const std::vector<config::Diagnostic>& findings, std::size_t files) {
    std::cerr << config::render_all(findings) << config::summary(files, findings)
              << ": nothing was tried\n";
    return Exit::configuration;
}

void print(const agent::PolicyTests& tests, bool quiet) {
    for (const agent::PlayedCase& each : tests.cases) {
        if (!each.passed) {
            std::cout << fmt::format(
                "FAIL  '{}' {}      {}:{}\n", each.name, each.told, tests.file, each.line);
        } else if (!quiet) {
            std::cout << fmt::format("ok    {}\n", each.name);
        }
    }
    const std::size_t failed = tests.failed();
    std::cout << fmt::format("{} passed, {} failed\n", tests.cases.size() - failed, failed);
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
    const auto run = agent::run_policy_tests(globals.config, reading->loaded->config, now);
    if (!run) {
        std::cerr << "evenkeel: " << run.error().message << '\n';
        return Exit::failed;
    }
    if (!*run) {
        return refuse(run->error(), 1);
    }
    const agent::PolicyTests& tests = **run;
    if (globals.json) {
        std::cout << boost::json::serialize(agent::policy_tests_json(tests)) << '\n';
    } else {
        print(tests, globals.quiet);
    }
    return tests.failed() == 0 ? Exit::done : Exit::failed;
}

}  // namespace evenkeel::cli
