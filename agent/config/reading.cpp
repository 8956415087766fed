#include "agent/config/reading.hpp"

#include "agent/config/policy_text.hpp"

#include <boost/json/array.hpp>

#include <chrono>

namespace evenkeel::agent {

namespace json = boost::json;

const std::vector<config::Diagnostic>& Reading::findings() const noexcept {
    return loaded ? loaded->warnings : loaded.error();
}

Result<Reading> read_configuration(const std::filesystem::path& folder, UtcTime now) {
    const auto files = read_config(folder);
    if (!files) {
        return std::unexpected{files.error()};
    }
    Reading reading{.files = files->size()};
    reading.text = join_policy(*files);
    reading.loaded = config::load(
        *files, std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now)});
    return reading;
}

json::object policy_check_json(const Reading& reading) {
    json::array list;
    for (const config::Diagnostic& finding : reading.findings()) {
        list.emplace_back(json::object{
            {"file", finding.file},
            {"line", finding.line},
            {"col", finding.col},
            {"end_col", finding.end_col},
            {"code", finding.code},
            {"severity", to_text(finding.severity)},
            {"message", finding.message},
            {"suggestion", finding.suggestion},
            {"path", finding.path}});
    }
    return {
        {"schema", "evenkeel.policy-check/1"},
        {"ok", reading.loaded.has_value()},
        {"files", reading.files},
        {"diagnostics", std::move(list)}};
}

}  // namespace evenkeel::agent
