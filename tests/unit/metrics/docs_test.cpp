#include "agent/metrics/table.hpp"
#include "tests/unit/metrics/full_view.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace evenkeel::agent::metrics::test {
namespace {

std::string table_markdown() {
    std::string text = "\n| metric | type | labels | means |\n|---|---|---|---|\n";
    for (const Metric* metric : all_metrics) {
        std::string labels;
        for (std::size_t i = 0; i < metric->label_count(); ++i) {
            labels += fmt::format("{}`{}`", i == 0 ? "" : ", ", metric->labels[i]);
        }
        text += fmt::format(
            "| `{}` | {} | {} | {} |\n", metric->name, to_text(metric->type), labels, metric->help);
    }
    return text + "\n";
}

/// The table in docs/metrics.md is that of the code. After a change run this with
/// EVENKEEL_UPDATE_DOCS=1.
TEST(MetricsDocs, TableIsUpToDate) {
    const auto path = std::filesystem::path{EVENKEEL_SOURCE_DIR} / "docs/metrics.md";
    constexpr std::string_view begin_mark = "<!-- begin of the generated table -->\n";
    constexpr std::string_view end_mark = "<!-- end of the generated table -->\n";
    std::string text = file_text("docs/metrics.md");
    const std::size_t begin = text.find(begin_mark);
    const std::size_t end = text.find(end_mark);
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t from = begin + begin_mark.size();
    const std::string wanted = table_markdown();
    if (std::getenv("EVENKEEL_UPDATE_DOCS") != nullptr) {
        std::ofstream{path} << text.substr(0, from) << wanted << text.substr(end);
        text = file_text("docs/metrics.md");
    }
    EXPECT_TRUE(text.substr(from, text.find(end_mark) - from) == wanted)
        << "run with EVENKEEL_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace evenkeel::agent::metrics::test
