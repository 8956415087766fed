#include "agent/config/reading.hpp"

#include <fmt/format.h>

namespace evenkeel::agent {

Result<Reading> read_configuration(const std::filesystem::path& folder, UtcTime now) {
    const auto files = read_config(folder);
    if (!files) {
        return std::unexpected{files.error()};
    }
    Reading reading{.files = files->size()};
    for (const config::SourceFile& file : *files) {
        reading.text += fmt::format(
            "# ---- {}\n{}\n", std::filesystem::path{file.path}.filename().string(), file.text);
    }
    reading.loaded = config::load(
        *files, std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now)});
    return reading;
}

}  // namespace evenkeel::agent
