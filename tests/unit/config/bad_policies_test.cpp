#include "tests/unit/config/support.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

/// tests/data/policies/bad: files as owners get them wrong, each with what the loader says about
/// it. `policy.idle-longer-than-life.yaml` takes the place of policy.yaml in tests/data/policies/
/// base; beside it stands the expected text. After a change of messages, run this test with
/// EVENKEEL_UPDATE_EXPECTED=1 and read the difference.
namespace evenkeel::config::test {
namespace {

namespace fs = std::filesystem;

const fs::path policies = fs::path{EVENKEEL_SOURCE_DIR} / "tests/data/policies";

std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}

std::vector<SourceFile> good_files() {
    std::vector<SourceFile> files;
    for (const File file : all_files) {
        files.push_back(
            {.path = std::string{file_name(file)},
             .text = text_of(policies / "base" / file_name(file))});
    }
    return files;
}

std::vector<fs::path> bad_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator{policies / "bad"}) {
        if (entry.path().extension() == ".yaml") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

TEST(BadPolicies, TheirBaseIsClean) {
    const auto found = findings(good_files());
    EXPECT_TRUE(found.empty()) << render_all(found);
}

TEST(BadPolicies, EachIsRefusedWithItsMessage) {
    const bool update = std::getenv("EVENKEEL_UPDATE_EXPECTED") != nullptr;
    std::set<std::string> codes;
    const std::vector<fs::path> all = bad_files();
    EXPECT_GE(all.size(), 30u);
    for (const fs::path& path : all) {
        const std::string name = path.filename().string();
        std::vector<SourceFile> files = good_files();
        const auto file =
            std::ranges::find(files, name.substr(0, name.find('.')) + ".yaml", &SourceFile::path);
        ASSERT_NE(file, files.end()) << name;
        file->text = text_of(path);
        const auto loaded = load(files, today);
        ASSERT_FALSE(loaded.has_value()) << name << " loads";
        for (const Diagnostic& finding : loaded.error()) {
            codes.insert(finding.code);
        }
        fs::path beside = path;
        beside.replace_extension(".expected");
        if (update) {
            std::ofstream{beside} << render_all(loaded.error());
        }
        EXPECT_EQ(render_all(loaded.error()), text_of(beside)) << name;
    }
    EXPECT_GE(codes.size(), 25u) << "the files differ in what is wrong with them";
}

}  // namespace
}  // namespace evenkeel::config::test
