#include "agent/config/policy_tests.hpp"

#include "agent/config/files.hpp"
#include "policies/config/cases.hpp"
#include "policies/trial/trial.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace evenkeel::agent {

namespace json = boost::json;

std::size_t PolicyTests::failed() const noexcept {
    return static_cast<std::size_t>(std::ranges::count(cases, false, &PlayedCase::passed));
}

Result<std::expected<PolicyTests, CaseFindings>> run_policy_tests(
    const std::filesystem::path& folder, const config::Config& config, UtcTime now) {
    const auto file = read_cases(folder);
    if (!file) {
        return std::unexpected{file.error()};
    }
    const auto cases = config::load_cases(*file, config.currency.report);
    if (!cases) {
        return std::expected<PolicyTests, CaseFindings>{std::unexpect, cases.error()};
    }
    PolicyTests tests{.file = file->path};
    const auto today = std::chrono::floor<std::chrono::days>(now);
    for (const config::PolicyCase& each : *cases) {
        trial::Verdict verdict = trial::play(config, each, today);
        tests.cases.push_back(
            {.name = each.name,
             .line = each.line,
             .passed = verdict.passed,
             .told = std::move(verdict.told)});
    }
    return tests;
}

json::object policy_tests_json(const PolicyTests& tests) {
    json::array list;
    for (const PlayedCase& each : tests.cases) {
        list.emplace_back(json::object{
            {"name", each.name},
            {"file", tests.file},
            {"line", each.line},
            {"passed", each.passed},
            {"told", each.told}});
    }
    return {
        {"schema", "evenkeel.policy-test/1"},
        {"passed", tests.cases.size() - tests.failed()},
        {"failed", tests.failed()},
        {"cases", std::move(list)}};
}

}  // namespace evenkeel::agent
