#include "agent/config/reading.hpp"

#include "agent/config/policy_text.hpp"

#include <chrono>

namespace evenkeel::agent {

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

}  // namespace evenkeel::agent
